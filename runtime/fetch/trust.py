"""Whose certificates we take."""

import ssl
from functools import cache

import certifi


@cache
def trusting() -> ssl.SSLContext:
    """Trust what the machine trusts, and what browsers do, for some machines have no list of their own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
