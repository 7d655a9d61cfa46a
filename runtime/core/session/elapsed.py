"""Durations, from the times that events carry."""

from datetime import datetime


def elapsed_ms(start: str, end: str) -> int:
    """Return the milliseconds between two RFC 3339 times, never less than 0."""
    return max(0, round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000))
