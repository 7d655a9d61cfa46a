"""A connection to a session actor, of a front door or the supervisor: values, framed, on one TCP socket.

Ray places and starts actors. What a turn says while it runs goes past Ray, for which a batch costs some thirty times as
much however small it is (docs/profile.md), and so does an actor's heartbeat. Values are pickles, as Ray's are, so
before the first one each side proves that it knows the actor's key, which only calls through Ray tell. Like Ray's own
connections it is not encrypted.
"""

import asyncio
import contextlib
import hashlib
import hmac
import pickle
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import structlog

from runtime.core.placement.directory import Address
from runtime.wire.outbox import Outbox

log = structlog.get_logger(__name__)

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 32
PROOF_BYTES: Final = hashlib.sha256().digest_size
LENGTH_BYTES: Final = 8
HANDSHAKE_TIMEOUT_S: Final = 10.0
BUFFER_BYTES: Final = 1 << 20
SILENCE_MOST_S: Final = 15  # of a peer that has something to acknowledge; its machine is gone or cut off then

NOBODY_THERE: Final = "nobody takes connections there any more"

_TAKER: Final = b"actor"
_CALLER: Final = b"caller"


class Connection:
    """Sends and receives values, in order. Iterating ends when the other side closes, or is no more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, value: object) -> None:
        """Send a value; returns when there is room for the next. Raises OSError if the connection is gone."""
        if self._writer.is_closing():
            message = "the connection is gone"
            raise ConnectionResetError(message)  # uvloop would raise RuntimeError, which is no word of a broken line
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        self._writer.write(len(body).to_bytes(LENGTH_BYTES) + body)
        await self._writer.drain()

    async def tell(self, box: Outbox[Any]) -> None:
        """Send what is put into a box, in batches; hang up once that is closed, as when too much was unread."""
        try:
            with contextlib.suppress(OSError):
                while items := await box.take():
                    await self.send(items)
        finally:
            self.close()  # whatever went wrong, the other side must not wait for more

    async def receive(self) -> Any:
        """Return the next value. Raises EOFError at the end, OSError if the connection is gone."""
        size = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
        return pickle.loads(await self._reader.readexactly(size))  # noqa: S301  the sender has proved who it is

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield what comes."""
        while True:
            try:
                value = await self.receive()
            except (EOFError, OSError):
                return
            yield value

    async def prove(self, key: bytes, own: bytes, other: bytes) -> None:
        """Show that this side knows the key, and see that the other does. Raises ConnectionError if it does not.

        Each answers the other's nonce by an HMAC, over its own role too, lest it be shown what it has sent itself.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._writer.write(nonce)
        others = await self._reader.readexactly(NONCE_BYTES)
        self._writer.write(_proof(key, own, nonce, others))
        proof = await self._reader.readexactly(PROOF_BYTES)
        if not hmac.compare_digest(proof, _proof(key, other, others, nonce)):
            message = "the other side does not know the key"
            raise ConnectionRefusedError(message)

    def close(self) -> None:
        """Send what was written, and hang up."""
        self._writer.close()


def _proof(key: bytes, role: bytes, nonce: bytes, others: bytes) -> bytes:
    return hmac.digest(key, role + nonce + others, "sha256")


class Reception:
    """Takes connections; `serve` is called with each caller's name and connection, which ends with it."""

    def __init__(self, serve: Callable[[str, Connection], Awaitable[None]]) -> None:
        self._serve = serve
        self._key = secrets.token_bytes(KEY_BYTES)
        self._server: asyncio.Server | None = None

    async def open(self, host: str) -> Address:
        """Listen on a port that the system chooses."""
        self._server = await asyncio.start_server(self._take, host, 0, limit=BUFFER_BYTES)
        return Address(host, self._server.sockets[0].getsockname()[1], self._key)

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                await connection.prove(self._key, _TAKER, _CALLER)
                caller = await connection.receive()
            _notice_silence(writer)
            await self._serve(caller, connection)
        except (EOFError, OSError, TimeoutError) as err:
            log.warning("connection_refused", peer=str(writer.get_extra_info("peername")), reason=repr(err))
        finally:
            connection.close()


@contextlib.asynccontextmanager
async def dial(address: Address, caller: str) -> AsyncIterator[Connection]:
    """Connect to an actor. Raises OSError, EOFError or TimeoutError if that cannot be done.

    ConnectionRefusedError, one of them, says that no such process is there.
    """
    async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(address.host, address.port, limit=BUFFER_BYTES)
    connection = Connection(reader, writer)
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            await connection.prove(address.key, _CALLER, _TAKER)
            await connection.send(caller)
        _notice_silence(writer)
        yield connection
    finally:
        connection.close()


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
