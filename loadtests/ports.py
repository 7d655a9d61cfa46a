"""Ports for servers that are started more than once."""

import secrets
import socket
from contextlib import suppress
from typing import Final

FIRST: Final = 20_000  # Ray's workers end below it, and Linux takes ports for connections from 32,768 on
COUNT: Final = 10_000


def free_port() -> int:
    """Return a port that nobody listens on, and that stays free while its server is down.

    One of those that the system gives to whoever connects would not: for a minute after such a connection has ended,
    nobody may listen on its port.
    """
    while True:
        port = FIRST + secrets.randbelow(COUNT)
        with suppress(OSError), socket.create_server(("", port)):
            return port
