"""The lean reading and writing of a dialect, without a network: the same questions as to `tests.truth`."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from runtime.core.errors import ModelUnavailableError
from runtime.models.dialects.dialect import RefusedError
from runtime.models.dialects.lean import LeanModel
from runtime.models.dialects.transport import Transport
from runtime.ports.model import ModelRequest, StreamItem
from runtime.process.settings import ModelSettings
from tests.truth import KEYS


class Sent(NamedTuple):
    """A request as a vendor would have got it."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Lean:
    """One process' lean model, which reaches nobody."""

    def __init__(self) -> None:
        self._line = _Line()
        self._model = LeanModel(self._line, KEYS)

    @property
    def sent(self) -> list[Sent]:
        """Requests so far."""
        return self._line.sent

    async def body(self, request: ModelRequest) -> Any:
        """Return what is sent for a request, as JSON is read."""
        with contextlib.suppress(ModelUnavailableError):  # for nothing is no answer
            await self.items(request, [])
        return json.loads(self.sent[-1].body)

    async def items(
        self,
        request: ModelRequest,
        pieces: Iterable[bytes],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> list[StreamItem]:
        """Return what comes of an answer whose body arrives in these pieces. Raises what the port raises."""
        self._line.answer = status, headers or {}, tuple(pieces)
        return [item async for item in self._model.stream(request)]


class _Line(Transport):
    def __init__(self) -> None:
        super().__init__(ModelSettings())
        self.sent: list[Sent] = []
        self.answer: tuple[int, Mapping[str, str], tuple[bytes, ...]] = (200, {}, ())

    @asynccontextmanager
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        self.sent.append(Sent(url, headers, body))
        status, head, pieces = self.answer
        if status >= 300:
            raise RefusedError(status, b"".join(pieces), float(head.get("retry-after", 0)))
        yield _iterated(pieces)


async def _iterated(pieces: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
