"""pydantic-ai as the measure of truth: what it sends for a request, and what it makes of an answer, without a network.

truth = Truth()
body = await truth.body(request)                    # what would be sent, parsed
items = await truth.items(request, stream)          # what our port yields for these bytes, or raises
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

import httpx2

from runtime.core.errors import ModelUnavailableError
from runtime.models.clients import Clients
from runtime.models.vendor import VendorModel
from runtime.models.vendors import VENDORS
from runtime.ports.model import ModelRequest, StreamItem
from runtime.process.settings import ModelSettings

KEYS: Final = {vendor.keys[0]: f"sk-{vendor.type}" for vendor in VENDORS}


class Truth:
    """One process' clients of all vendors, which reach nobody."""

    def __init__(self) -> None:
        self.sent: list[httpx2.Request] = []
        self._answer: tuple[int, Mapping[str, str], tuple[bytes, ...]] = (200, {}, ())
        self._model = VendorModel(ModelSettings(), KEYS)
        self._model._clients = _Offline(self._handle)

    async def body(self, request: ModelRequest) -> Any:
        """Return what is sent for a request, as JSON is read."""
        with contextlib.suppress(ModelUnavailableError):  # for nothing is no answer
            await self.items(request, [])
        return json.loads(self.sent[-1].content)

    async def items(
        self,
        request: ModelRequest,
        pieces: Iterable[bytes],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> list[StreamItem]:
        """Return what comes of an answer whose body arrives in these pieces. Raises what the port raises."""
        self._answer = status, {"content-type": "text/event-stream", **(headers or {})}, tuple(pieces)
        return [item async for item in self._model.stream(request)]

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.sent.append(request)
        status, headers, pieces = self._answer
        return httpx2.Response(status, headers=headers, content=_Pieces(pieces))


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
