"""The way out of a process, and of each session: it costs nothing until somebody goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.core.authored.network import Reach
from runtime.ports.outbound import OutboundReply, OutboundRequest, OutboundStream
from runtime.process.outbound_settings import OutboundSettings

if TYPE_CHECKING:
    from runtime.fetch.client import Client


class WayOut:
    """Belongs to one event loop."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def of(self, reach: Reach) -> "BoundOutbound":
        """Return the way out for whoever may reach so far."""
        return BoundOutbound(self, reach)

    async def client(self) -> "Client":
        """Return what sends requests, which is loaded for the first of them."""
        if self._client is None:
            load = await asyncio.to_thread(_load)
            self._client = self._client or load(self._settings)
        return self._client

    async def aclose(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


@dataclass(frozen=True, slots=True)
class BoundOutbound:
    """The `Outbound` of one session."""

    way: WayOut
    reach: Reach

    async def fetch(self, request: OutboundRequest) -> OutboundReply:
        """Ask, and return the whole answer. Raises as the port says."""
        return await (await self.way.client()).fetch(self.reach, request)

    @asynccontextmanager
    async def stream(self, request: OutboundRequest) -> AsyncIterator[OutboundStream]:
        """Ask, and read the answer as it comes. Raises as the port says."""
        async with (await self.way.client()).stream(self.reach, request) as answer:
            yield answer


def _load() -> "type[Client]":
    from runtime.fetch.client import Client  # noqa: PLC0415 - not before somebody goes out

    return Client
