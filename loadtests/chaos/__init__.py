"""Faults at random moments under load, and a checker that counts what they broke (`make chaos`)."""
