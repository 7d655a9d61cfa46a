"""pydantic-ai as the measure of truth: what it sends for a request, and what it makes of an answer, without a network.

truth = Truth()
body = await truth.body(request)                    # what would be sent, parsed
items = await truth.items(request, stream)          # what our port yields for these bytes, or raises
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import httpx2

from runtime.models.clients import Clients
from runtime.models.vendor import VendorModel
from runtime.models.vendors import VENDORS
from runtime.process.settings import ModelSettings
from tests.side import Side

KEYS: Final = {vendor.keys[0]: f"sk-{vendor.type}" for vendor in VENDORS}


class Truth(Side):
    """One process' clients of all vendors."""

    def __init__(self) -> None:
        model = VendorModel(ModelSettings(), KEYS)
        model._clients = _Offline(self._handle)
        super().__init__(model)
        self.sent: list[httpx2.Request] = []

    def _last_body(self) -> bytes:
        return self.sent[-1].content

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.sent.append(request)
        status, headers, pieces = self._answer
        return httpx2.Response(
            status, headers={"content-type": "text/event-stream", **headers}, content=_Pieces(pieces)
        )


class _Offline(Clients):
    def __init__(self, handle: Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]) -> None:
        super().__init__(ModelSettings(), KEYS)
        self._transport = httpx2.MockTransport(handle)

    def _http(self, **options: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=self._transport, **options)


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
