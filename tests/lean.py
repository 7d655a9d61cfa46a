"""The lean reading and writing of a dialect, without a network: the same questions as to `tests.truth`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from runtime.models.dialects.dialect import RefusedError
from runtime.models.dialects.lean import LeanModel
from runtime.models.dialects.transport import Transport
from runtime.process.settings import ModelSettings
from tests.side import Answer, Side
from tests.truth import KEYS


class Sent(NamedTuple):
    """A request as a vendor would have got it."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Lean(Side):
    """One process' lean model."""

    def __init__(self, limit_bytes: int = ModelSettings().answer_limit_bytes) -> None:
        self.sent: list[Sent] = []
        super().__init__(LeanModel(_Line(self.sent, lambda: self._answer), KEYS, limit_bytes))

    def _last_body(self) -> bytes:
        return self.sent[-1].body


class _Line(Transport):
    def __init__(self, sent: list[Sent], answer: Callable[[], Answer]) -> None:
        super().__init__(ModelSettings())
        self._sent = sent
        self._answer = answer

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, is_trusted: bool = True
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self._sent.append(Sent(url, headers, body))
        status, head, pieces = self._answer()
        if status >= 300:
            raise RefusedError(status, b"".join(pieces), float(head.get("retry-after", 0)))
        yield _iterated(pieces)


async def _iterated(pieces: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
