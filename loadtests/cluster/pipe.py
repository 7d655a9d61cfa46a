"""A stream of pickles, each after its length: how the processes of the benchmark talk, and the product's once did."""

import asyncio
import pickle
from collections.abc import AsyncIterator
from typing import Any, Final

LENGTH_BYTES: Final = 8
BUFFER_BYTES: Final = 1 << 20


class Pipe:
    """Sends and receives values, in order. Iterating ends when the other side closes, or is no more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, value: object) -> None:
        """Send a value; returns when there is room for the next. Raises OSError if the other side is gone."""
        if self._writer.is_closing():
            raise ConnectionResetError
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        self._writer.write(len(body).to_bytes(LENGTH_BYTES) + body)
        await self._writer.drain()

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield what comes."""
        while True:
            try:
                size = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                body = await self._reader.readexactly(size)
            except (EOFError, OSError):
                return
            yield pickle.loads(body)  # noqa: S301  our own, on this machine

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
