"""The names by which this server may be called.

A page of another site can have its own name point here, and would then be of our origin (DNS rebinding). But that name
is what the browser says as Host, so a name that is not ours is refused. An address cannot be rebound.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from runtime.process.addresses import host_of, is_address, is_loopback

_REMEMBERED: Final = 256
_MOST_CHARS: Final = 100
_ANY_BELOW: Final = "*."


class Hosts:
    """The names of a server that listens on an address: loopback's always, and beyond that all addresses."""

    def __init__(self, listens_on: str, names: Sequence[str]) -> None:
        self._names = frozenset({listens_on.lower(), *names})
        self._below = tuple(name.removeprefix("*") for name in names if name.startswith(_ANY_BELOW))
        self._takes_addresses = not is_loopback(listens_on)
        self.include = lru_cache(_REMEMBERED)(self._include)

    def _include(self, host: str) -> bool:
        """Tell whether what a request says as Host is one of them; old clients say nothing."""
        name = host_of(host)
        return (
            not host
            or is_loopback(name)
            or name in self._names
            or name.endswith((".localhost", *self._below))
            or (self._takes_addresses and is_address(name))
        )

    def refusal(self, host: str) -> str:
        """Return why a name is refused, and what to do if it is ours after all."""
        name = host_of(host[:_MOST_CHARS]) or "without a name"
        return f"This server is not called {name}. If it should be, name it in PERDURE_HTTP__HOSTS."
