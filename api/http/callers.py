"""Who asks, as the edges see it: a credential of an organisation, or an address, seen through trusted proxies.

uvicorn's own middleware for proxies is not used. It trusts loopback unasked, takes what is no address for one, does not
see that ::ffff:10.0.0.1 is 10.0.0.1, and knows nothing of X-Forwarded-Host.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

from starlette.types import Scope

from runtime.core.access.principal import Principal
from runtime.process.addresses import Network

_REMEMBERED: Final = 4096
_FORWARDED: Final = b"x-forwarded-"
_SCHEMES: Final = frozenset({b"http", b"https"})
_PREFIX: Final = 64  # bits of an IPv6 address: a customer is given that much at least


def caller_of(scope: Scope) -> Principal | None:
    """Return as whom a request acts, if that is known yet."""
    found: Principal | None = scope.get("state", {}).get("principal")
    return found


def address_of(scope: Scope) -> str:
    """Return whom the client's address belongs to: itself, and of IPv6 the /64 that it is in."""
    client = scope.get("client")
    return network_of(client[0]) if client else "unknown"


@lru_cache(_REMEMBERED)
def network_of(host: str) -> str:
    """Return the same for a peer of a connection."""
    address = _address(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _PREFIX), strict=False))
    return str(address or host)


@lru_cache(_REMEMBERED)
def is_local(host: str) -> bool:
    """Tell whether a peer is on this machine."""
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])  # without the interface of a link-local one
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


class Proxies:
    """The proxies that are trusted: what others say of where a request comes from is not even read."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self.include = lru_cache(_REMEMBERED)(self._include)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def _include(self, host: str) -> bool:
        """Tell whether a peer is one of them."""
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    def look_through(self, scope: Scope) -> None:
        """Put the client's address, scheme and host in the place of those of a trusted proxy.

        Of each the last one counts that a trusted proxy has added: those before it may be anybody's.
        """
        peer = scope.get("client")
        if not peer or not self.include(peer[0]):
            return
        told: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            if name.startswith(_FORWARDED):
                told.setdefault(name, []).extend(part.strip() for part in value.split(b","))
        if hops := told.get(b"x-forwarded-for"):
            scope["client"] = (self._client(peer[0], hops), 0)
        if (scheme := told.get(b"x-forwarded-proto", [b""])[-1].lower()) in _SCHEMES:
            scope["scheme"] = scheme.decode()
        if host := told.get(b"x-forwarded-host", [b""])[-1]:
            scope["headers"] = [*(h for h in scope["headers"] if h[0] != b"host"), (b"host", host)]

    def _client(self, peer: str, hops: Sequence[bytes]) -> str:
        """Return the nearest hop that is no trusted proxy; where one is no address, the proxy that named it."""
        client = peer
        for hop in reversed(hops):
            host = _without_port(hop.decode("latin-1"))
            if _address(host) is None:
                break
            client = host
            if not self.include(host):
                break
        return client


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
