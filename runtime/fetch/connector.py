"""Connections to public addresses: the names are judged as they are looked up, the sockets as they are made."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from runtime.core.inside import Network
from runtime.fetch.resolver import JudgingResolver, check_public


def public_connector(also_inside: Sequence[Network], tls: ssl.SSLContext, keep_alive_s: float) -> aiohttp.TCPConnector:
    """Return a connector that reaches nobody inside; what it refuses is a ForbiddenError."""
    return aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=keep_alive_s,
        ssl=tls,
        resolver=JudgingResolver(also_inside),
        use_dns_cache=False,
        socket_factory=_Wall(also_inside),
    )


@dataclass(frozen=True, slots=True)
class _Wall:
    """Makes the sockets, and none to an address that is inside, whoever said it should be asked."""

    also_inside: Sequence[Network]

    def __call__(self, where: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, proto, _name, address = where
        check_public(str(address[0]), str(address[0]), self.also_inside)
        return socket.socket(family, kind, proto)
