"""A TCP proxy that can misbehave: cut connections in mid-frame, delay them, or fall silent without closing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Self, TypeAlias

_CHUNK_BYTES: Final = 65_536

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Target = Callable[[], Awaitable[tuple[Reader, Writer]]]


def to_port(port: int) -> Target:
    """Return the way to a port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: Path) -> Target:
    """Return the way to a Unix socket."""
    return lambda: asyncio.open_unix_connection(path)


class Wire:
    """Listens on a port of its own and passes everything on, until told otherwise."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.delay_s = 0.0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> int:
        """Break every connection where it is; return how many."""
        cut = len(self._connections)
        for connection in list(self._connections):
            connection.close()
        return cut

    def cut_in_mid_frame(self) -> int:
        """Break every connection after half of the next piece that goes to the client."""
        for connection in self._connections:
            connection.cuts_next = True
        return len(self._connections)

    def silence(self) -> int:
        """Carry nothing more on the connections that are open, without closing them; new ones work."""
        for connection in self._connections:
            connection.is_silent = True
        return len(self._connections)

    async def _accept(self, reader: Reader, writer: Writer) -> None:
        try:
            far_reader, far_writer = await self._target()
        except OSError:
            writer.close()
            return
        connection = _Connection(self, writer, far_writer)
        self._connections.add(connection)
        for copy in (connection.forth(reader), connection.back(far_reader)):
            task = asyncio.create_task(copy)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def forget(self, connection: "_Connection") -> None:
        """Leave out a connection that is closed."""
        self._connections.discard(connection)


class _Connection:
    def __init__(self, wire: Wire, near: Writer, far: Writer) -> None:
        self._wire = wire
        self._near = near
        self._far = far
        self.cuts_next = False
        self.is_silent = False

    async def forth(self, reader: Reader) -> None:
        await self._copy(reader, self._far, is_back=False)

    async def back(self, reader: Reader) -> None:
        await self._copy(reader, self._near, is_back=True)

    async def _copy(self, reader: Reader, writer: Writer, *, is_back: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self._wire.delay_s:
                    await asyncio.sleep(self._wire.delay_s)
                if self.is_silent:
                    continue
                if is_back and self.cuts_next:
                    writer.write(data[: len(data) // 2])
                    break
                writer.write(data)
                await writer.drain()
        self.close()

    def close(self) -> None:
        self._wire.forget(self)
        for writer in (self._near, self._far):
            writer.close()
