"""Connections to play with: a reception, and a wire on which somebody sits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from actors.connection import Connection, Reception
from runtime.core.placement.directory import Address
from runtime.ports.gateway import Frame
from runtime.wire.handshake import GREETING_BYTES
from runtime.wire.protocol import Delivery
from runtime.wire.records import HEADER_BYTES

HERE: Final = "127.0.0.1"
Change = Callable[[Sequence[bytes]], bytes]  # of a caller's records so far, after its hello: what becomes of the last


def parcel(body: bytes) -> Delivery:
    """Return a value with so much in it."""
    return Delivery("session_1", 1, [Frame(0, "output.message.delta", "event_1", body)])


@asynccontextmanager
async def reception(serve: Callable[[str, Connection], Awaitable[None]]) -> AsyncIterator[Address]:
    """Take connections, and tell where."""
    taking = Reception(serve)
    try:
        yield await taking.open(HERE)
    finally:
        taking.close()


async def record_from(reader: asyncio.StreamReader) -> bytes:
    """Return the next record as it is on the wire."""
    header = await reader.readexactly(HEADER_BYTES)
    return header + await reader.readexactly(int.from_bytes(header) >> 1)


class Tap:
    """A way to an actor. Who sits on it hears both sides, and may change what a caller says once it is let in."""

    def __init__(self, actor: Address, change: Change) -> None:
        self._actor = actor
        self._change = change
        self.address = actor
        self.said = bytearray()  # by callers
        self.heard = bytearray()

    async def open(self) -> asyncio.Server:
        """Listen; the server must be kept."""
        server = await asyncio.start_server(self._take, HERE, 0)
        self.address = Address(HERE, server.sockets[0].getsockname()[1], self._actor.key)
        return server

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._actor.host, self._actor.port)
        await asyncio.gather(self._forth(reader, far_writer), self._back(far_reader, writer))

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):
            said = await reader.readexactly(GREETING_BYTES) + await record_from(reader)
            records: list[bytes] = []
            while True:
                self.said += said
                writer.write(said)
                records.append(await record_from(reader))
                said = self._change(records)
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while said := await reader.read(1 << 16):
                self.heard += said
                writer.write(said)
        writer.close()


@asynccontextmanager
async def tapped(actor: Address, change: Change = lambda records: records[-1]) -> AsyncIterator[Tap]:
    """Sit on the way to an actor."""
    tap = Tap(actor, change)
    server = await tap.open()
    try:
        yield tap
    finally:
        server.close()
