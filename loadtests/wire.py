"""What a batch costs between a front door and a session actor, beside other ways to send it (docs/profile.md).

    python -m loadtests.wire [--rounds 7] [--batches 500]

Deltas of typical size go to an echo and back, without a pause, on a TCP connection of this process to itself. A figure
is the CPU of one way, at both ends together: the median of rounds that take all ways in turn.
"""

import argparse
import asyncio
import os
import ssl
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.connection import BUFFER_BYTES, Connection, Reception, dial
from loadtests.cluster.pipe import Pipe
from runtime.ports.gateway import Frame
from runtime.wire.codec import ANSWERS, encode
from runtime.wire.protocol import Answer, Delivery

HERE: Final = "127.0.0.1"
LENGTH_BYTES: Final = 4
DELTA_BYTES: Final = 300
DELTAS: Final = (1, 20)  # in a batch
CONNECTIONS: Final = 30  # a round
CONNECTING: Final = "connecting, and a first echo"
VALID_FROM: Final = datetime(2026, 1, 1, tzinfo=UTC)

Exchange = Callable[[Sequence[Delivery]], Awaitable[None]]  # send a batch, and wait for its echo
Dial = Callable[[], AbstractAsyncContextManager[Exchange]]


@asynccontextmanager
async def pickled() -> AsyncIterator[Dial]:
    """As it was before: pickles in the clear. Connecting is that of TCP."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = Pipe(reader, writer)
        async for items in pipe:
            await pipe.send(items)
        pipe.close()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Exchange]:
        pipe = Pipe(*await asyncio.open_connection(HERE, port))
        incoming = aiter(pipe)

        async def exchange(items: Sequence[Delivery]) -> None:
            await pipe.send(items)
            await anext(incoming)

        yield exchange
        pipe.close()

    async with await asyncio.start_server(echo, HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield connect


@asynccontextmanager
async def sealed() -> AsyncIterator[Dial]:
    """As it is."""

    async def echo(_: str, connection: Connection) -> None:
        async for items in connection.batches(ANSWERS):
            await connection.send(items)

    @asynccontextmanager
    async def connect() -> AsyncIterator[Exchange]:
        async with dial(address, "front-door") as connection:

            async def exchange(items: Sequence[Delivery]) -> None:
                await connection.send(items)
                await connection.receive(ANSWERS)

            yield exchange

    reception = Reception(echo)
    address = await reception.open(HERE)
    yield connect
    reception.close()


@asynccontextmanager
async def in_the_clear() -> AsyncIterator[Dial]:
    """As it is, but for the seal: what that costs is the difference."""
    async with _framed(None, None) as connect:
        yield connect


@asynccontextmanager
async def by_tls() -> AsyncIterator[Dial]:
    """As it is, but TLS seals: the actor shows a certificate of its own. That the caller knows a key is not shown."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "actor.pem"
        file.write_bytes(_certificate())
        taker = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        taker.load_cert_chain(file)
        caller = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        caller.check_hostname = False
        caller.load_verify_locations(file)
    async with _framed(taker, caller) as connect:
        yield connect


def _certificate() -> bytes:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "actor")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_FROM + timedelta(days=36_500))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@asynccontextmanager
async def _framed(taker: ssl.SSLContext | None, caller: ssl.SSLContext | None) -> AsyncIterator[Dial]:
    """Send batches as they are encoded, each after its length."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await _send(writer, ANSWERS.decode(await _receive(reader)))
        except (EOFError, OSError):
            writer.close()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Exchange]:
        reader, writer = await asyncio.open_connection(HERE, port, ssl=caller, limit=BUFFER_BYTES)

        async def exchange(items: Sequence[Delivery]) -> None:
            await _send(writer, items)
            ANSWERS.decode(await _receive(reader))

        yield exchange
        writer.close()

    async with await asyncio.start_server(echo, HERE, 0, ssl=taker, limit=BUFFER_BYTES) as server:
        port = server.sockets[0].getsockname()[1]
        yield connect


async def _send(writer: asyncio.StreamWriter, items: Sequence[Answer | Delivery]) -> None:
    for batch in encode(items):
        writer.write(len(batch).to_bytes(LENGTH_BYTES) + batch)
        await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(LENGTH_BYTES)))


WAYS: Final[Mapping[str, Callable[[], AbstractAsyncContextManager[Dial]]]] = {
    "pickles in the clear": pickled,
    "msgpack in the clear": in_the_clear,
    "msgpack, sealed": sealed,
    "msgpack by TLS": by_tls,
}


async def measure(rounds: int, batches: int) -> dict[str, dict[str, float]]:
    """Return microseconds of CPU, by what is done and by the way in which it is done."""
    taken: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        dials = {name: await stack.enter_async_context(way()) for name, way in WAYS.items()}
        for _ in range(rounds):
            for name, connect in dials.items():
                async with connect() as exchange:
                    for deltas in DELTAS:
                        spent = await _cpu_us(partial(exchange, _deltas(deltas)), batches)
                        taken[f"a batch of {deltas}"][name].append(spent / 2)
                taken[CONNECTING][name].append(await _cpu_us(partial(_touch, connect), CONNECTIONS))
    return {what: {name: median(spent) for name, spent in ways.items()} for what, ways in taken.items()}


def _deltas(count: int) -> list[Delivery]:
    session_id, event_id = f"session_{'0' * 32}", f"event_{'1' * 32}"
    frames = [Frame(0, "output.message.delta", event_id, os.urandom(DELTA_BYTES)) for _ in range(count)]
    return [Delivery(session_id, 1, (frame,)) for frame in frames]


async def _touch(connect: Dial) -> None:
    """Connect, and hear one echo."""
    async with connect() as exchange:
        await exchange(_deltas(1))


async def _cpu_us(work: Callable[[], Awaitable[None]], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times * 1e6


def table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures as Markdown."""
    lines = [f"| µs of CPU, both ends | {' | '.join(WAYS)} |", "| --- |" + " --- |" * len(WAYS)]
    lines += [f"| {what} | {' | '.join(f'{ways[name]:.0f}' for name in WAYS)} |" for what, ways in figures.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=500, help="of each size, in each round")
    given = parser.parse_args()
    sys.stdout.write(table(uvloop.run(measure(given.rounds, given.batches))) + "\n")
