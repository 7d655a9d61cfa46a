"""Secrets: encrypted where they are stored."""
