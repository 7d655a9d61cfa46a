"""A connection to a session actor, of a front door or the supervisor: values in batches, on one TCP socket.

Ray places and starts actors. What a turn says while it runs goes past Ray, for which a batch costs some thirty times as
much however small it is (docs/profile.md), and so does an actor's heartbeat. Before anything else each side shows that
it knows the actor's key (`runtime.wire.handshake`), and all that follows is sealed (`runtime.wire.records`).

TLS was measured beside it (docs/profile.md): a batch costs as much, connecting three times as much, and who calls would
still have to be shown, and strangers to be counted, by code of ours.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import structlog

from runtime.core.placement.directory import Address
from runtime.wire.codec import HELLOS, Decoder, Item, UnreadableError, encode
from runtime.wire.handshake import GREETING_BYTES, Handshake
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import Hello
from runtime.wire.records import HEADER_BYTES, KEY_BYTES, ForgedError, Opener, Sealer

log = structlog.get_logger(__name__)

HANDSHAKE_TIMEOUT_S: Final = 10.0
STRANGERS_MOST: Final = 64  # connections at once on which nobody has shown yet that it knows the key
BUFFER_BYTES: Final = 1 << 16  # that may come ahead of being read, also from strangers
SILENCE_MOST_S: Final = 15  # of a peer that has something to acknowledge; its machine is gone or cut off then

NOBODY_THERE: Final = "nobody takes connections there any more"

_ACTOR: Final = "actor"  # as whom a reception greets

T = TypeVar("T")


class Connection:
    """Sends and receives batches of values, in order."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sealer: Sealer, opener: Opener
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sealer = sealer
        self._opener = opener

    async def send(self, items: Iterable[Item]) -> None:
        """Send values; returns when there is room for the next. Raises OSError if the connection is gone."""
        for batch in encode(items):
            if self._writer.is_closing():
                message = "the connection is gone"  # uvloop would raise RuntimeError, which is no word of a broken line
                raise ConnectionResetError(message)
            self._writer.writelines(self._sealer.seal(batch))
            await self._writer.drain()

    async def tell(self, box: Outbox[Any]) -> None:
        """Send what is put into a box, in batches; hang up once that is closed, as when too much was unread."""
        try:
            with contextlib.suppress(OSError):
                while items := await box.take():
                    await self.send(items)
        finally:
            self.close()  # whatever went wrong, the other side must not wait for more

    async def receive(self, decoder: Decoder[T]) -> list[T]:
        """Return the next batch.

        Raises:
            EOFError: it was the last.
            ForgedError: what came is not of the other side, or not what it sent next.
            UnreadableError: the other side may not say that.
            OSError: the connection is gone; the two above are such errors.
        """
        value = None
        while value is None:
            header = await self._reader.readexactly(HEADER_BYTES)
            sealed = await self._reader.readexactly(self._opener.length(header))
            value = self._opener.open(header, sealed)
        return decoder.decode(value)

    async def batches(self, decoder: Decoder[T]) -> AsyncIterator[list[T]]:
        """Yield what comes, until the other side closes, is no more, or something comes that it may not say."""
        while True:
            try:
                items = await self.receive(decoder)
            except (ForgedError, UnreadableError) as err:
                log.warning("connection_broken_off", peer=_peer(self._writer), reason=str(err))
                return
            except (EOFError, OSError):
                return
            yield items

    def close(self) -> None:
        """Send what was written, and hang up."""
        self._writer.close()


class Reception:
    """Takes connections; `serve` is called with each caller's name and connection, which ends with it.

    Where too many strangers are at the door, the one that has stood there longest must go: whoever knows the key is in
    within a moment.
    """

    def __init__(self, serve: Callable[[str, Connection], Awaitable[None]]) -> None:
        self._serve = serve
        self.key = secrets.token_bytes(KEY_BYTES)
        self._server: asyncio.Server | None = None
        self._strangers: dict[asyncio.StreamWriter, None] = {}  # in the order in which they came

    async def open(self, host: str) -> Address:
        """Listen on a port that the system chooses."""
        self._server = await asyncio.start_server(self._take, host, 0, limit=BUFFER_BYTES)
        return Address(host, self._server.sockets[0].getsockname()[1], self.key)

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connection, caller = await self._admit(reader, writer)
            await self._serve(caller, connection)
        except (EOFError, OSError, TimeoutError) as err:
            log.warning("connection_refused", peer=_peer(writer), reason=repr(err))
        finally:
            writer.close()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Connection, str]:
        if len(self._strangers) >= STRANGERS_MOST:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.transport.abort()
        self._strangers[writer] = None
        try:
            return await _meet(reader, writer, Handshake(self.key, is_caller=False), _ACTOR)
        finally:
            self._strangers.pop(writer, None)


@contextlib.asynccontextmanager
async def dial(address: Address, caller: str) -> AsyncIterator[Connection]:
    """Connect to an actor. Raises OSError, EOFError or TimeoutError if that cannot be done.

    ConnectionRefusedError, one of them, says that no such process is there.
    """
    async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(address.host, address.port, limit=BUFFER_BYTES)
    try:
        connection, _ = await _meet(reader, writer, Handshake(address.key, is_caller=True), caller)
        yield connection
    finally:
        writer.close()


async def _meet(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handshake: Handshake, name: str
) -> tuple[Connection, str]:
    """Greet the other side, and return the connection and its name.

    Raises:
        ConnectionRefusedError: it does not know the key.
    """
    async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
        writer.write(handshake.greeting)
        greeting = await reader.readexactly(GREETING_BYTES)
        try:
            connection = Connection(reader, writer, *handshake.agree(greeting))
            await connection.send([Hello(name)])
            hello = (await connection.receive(HELLOS))[0]
        except ForgedError as err:
            message = "the other side does not know the key"
            raise ConnectionRefusedError(message) from err
    _notice_silence(writer)
    return connection, hello.name


def _peer(writer: asyncio.StreamWriter) -> str:
    return str(writer.get_extra_info("peername"))


def _notice_silence(writer: asyncio.StreamWriter) -> None:
    """Have the system give up on a peer whose machine does not answer any more."""
    wire = writer.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", SILENCE_MOST_S // 3),
        ("TCP_KEEPINTVL", SILENCE_MOST_S // 3),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", SILENCE_MOST_S * 1000),
    ):
        if hasattr(socket, option):  # macOS has not all of them
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
