"""Names become addresses here, once for each connection: those that are judged are those that are connected to."""

import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from runtime.core.errors import ForbiddenError
from runtime.core.inside import Network, is_public
from runtime.fetch.lookups import PATIENCE_S, Asking, Lookups


def check_public(host: str, address: str, also_inside: Sequence[Network]) -> None:
    """Pass if an address is public. Raises ForbiddenError, which does not tell the address."""
    if not is_public(address, also_inside):
        message = f"{host} leads to an address that is not public, and may not be asked."
        raise ForbiddenError(message, "address_not_public")


class JudgingResolver(AbstractResolver):
    """Asks the system, and refuses a name of which any address is inside: that is no accident."""

    def __init__(
        self, also_inside: Sequence[Network], ask: Asking = socket.getaddrinfo, patience_s: float = PATIENCE_S
    ) -> None:
        self._also_inside = also_inside
        self._lookups = Lookups(ask, patience_s)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return where to connect to.

        Raises:
            ForbiddenError: it leads inside.
            OSError: there is no such name, or nobody who knows in time.
        """
        try:
            found = await self._lookups.find(host, family)
        except UnicodeError as err:  # a label is too long, say
            message = "no name of a host"
            raise OSError(message) from err
        for _family, _type, _proto, _name, where in found:
            check_public(host, str(where[0]), self._also_inside)
        return [
            ResolveResult(
                hostname=host, host=str(where[0]), port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for kind, _type, proto, _name, where in found
        ]

    async def close(self) -> None:
        """Wait for nobody who still asks."""
        self._lookups.close()
