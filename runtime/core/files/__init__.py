"""Workspace files: paths, content, search and exact edits, and how much there may be (contract concepts §7.4, §13)."""
