"""Who has no business on the connections between processes, and what comes of it: nothing, and somebody hears of it."""

import asyncio
import contextlib
import pickle
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from actors import connection as connections
from actors.connection import STRANGERS_MOST, Connection, dial
from runtime.core.access.principal import ANONYMOUS
from runtime.core.placement.directory import Address
from runtime.wire.codec import ANSWERS, COMMANDS, encode
from runtime.wire.handshake import GREETING_BYTES
from runtime.wire.protocol import Answer, Cancel, Command, Rename, Watch
from runtime.wire.records import HEADER_BYTES, KEY_BYTES, PIECE_BYTES, STRANGER_BYTES
from tests.wire import Change, parcel, reception, record_from, tapped

NAME = "front-door-1"
MEGABYTE = bytes(1 << 20)
WORDS = b"what nobody else shall read"
A_KEY = b"\x09" + bytes(GREETING_BYTES - 1)  # anybody's
COMMAND = Command(1, "session_1", 1, Watch(), ANONYMOUS)

pytestmark = pytest.mark.timeout(30)


async def serve_nobody(front_door: str, connection: Connection) -> None:
    pytest.fail(f"{front_door} was let in")


async def greet(front_door: str, connection: Connection) -> None:
    await connection.send([Answer(0, front_door)])


def header_of(length: int) -> bytes:
    return (length << 1).to_bytes(HEADER_BYTES)


async def is_hung_up_on(reader: asyncio.StreamReader) -> bool:
    """Wait until the other side has hung up, gracefully or not."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1 << 16):
            pass
    return True


# ---------------------------------------------------------------- who does not know the key


async def test_whoever_does_not_know_the_key_is_not_let_in() -> None:
    async with reception(serve_nobody) as address:
        with pytest.raises(ConnectionError):
            async with dial(Address(address.host, address.port, bytes(KEY_BYTES)), NAME):
                pytest.fail("connected")


async def test_a_front_door_talks_to_nobody_who_does_not_know_the_key() -> None:
    async with reception(serve_nobody) as address, reception(serve_nobody) as impostor:
        with pytest.raises(ConnectionError):
            async with dial(Address(impostor.host, impostor.port, address.key), NAME):
                pytest.fail("connected")


async def test_a_stranger_cannot_get_in_by_saying_what_he_is_told() -> None:
    async with reception(serve_nobody) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(await reader.readexactly(GREETING_BYTES))
        writer.write(await record_from(reader))
        assert await is_hung_up_on(reader)
        writer.close()


async def test_a_stranger_cannot_get_in_by_saying_what_another_has_said() -> None:
    names: list[str] = []

    async def note(front_door: str, connection: Connection) -> None:
        names.append(front_door)

    async with reception(note) as address, tapped(address) as tap:
        async with dial(tap.address, NAME) as connection:
            assert [items async for items in connection.batches(ANSWERS)] == []
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(bytes(tap.said))
        assert await is_hung_up_on(reader)
        writer.close()
    assert names == [NAME]


@pytest.mark.parametrize(
    "said",
    [
        bytes(GREETING_BYTES),
        A_KEY + header_of(STRANGER_BYTES + 1),
        A_KEY + b"\xff" * HEADER_BYTES,
        A_KEY + header_of(STRANGER_BYTES) + 8 * MEGABYTE,
        A_KEY + header_of(100) + pickle.dumps(COMMAND).ljust(100, b"."),
    ],
    ids=["no key", "a long record", "the longest record", "megabytes", "a pickle"],
)
async def test_a_stranger_who_says_too_much_or_nonsense_is_hung_up_on_at_once(said: bytes) -> None:
    with capture_logs() as entries:
        async with reception(serve_nobody) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(said)
            assert await is_hung_up_on(reader)
            writer.close()
    assert [entry["event"] for entry in entries] == ["connection_refused"]


async def test_a_stranger_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_TIMEOUT_S", 0.05)
    async with reception(serve_nobody) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        assert len(await reader.read()) == GREETING_BYTES
        writer.close()


async def test_however_many_strangers_stand_at_the_door_who_knows_the_key_is_let_in() -> None:
    """Promised: so many at a time and no more; who has stood there longest must go."""
    async with reception(greet) as address:
        strangers = []
        for _ in range(3 * STRANGERS_MOST):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            await reader.readexactly(GREETING_BYTES)
            strangers.append((reader, writer))
        assert all([await is_hung_up_on(reader) for reader, _ in strangers[:-STRANGERS_MOST]])
        async with dial(address, NAME) as connection:
            assert await connection.receive(ANSWERS) == [Answer(0, NAME)]
        assert await is_hung_up_on(strangers[-STRANGERS_MOST][0])
        assert not any(reader.at_eof() for reader, _ in strangers[1 - STRANGERS_MOST :])
        for _, writer in strangers:
            writer.close()


# ---------------------------------------------------------------- who sits on the wire


class Host:
    """Takes commands from whoever is let in, and notes them."""

    def __init__(self) -> None:
        self.taken: list[Command] = []
        self.has_ended = asyncio.Event()

    async def serve(self, front_door: str, connection: Connection) -> None:
        async for commands in connection.batches(COMMANDS):
            self.taken += commands
        self.has_ended.set()


async def test_who_listens_on_the_wire_reads_nothing() -> None:
    async def tell(front_door: str, connection: Connection) -> None:
        await connection.send([parcel(WORDS)])

    async with reception(tell) as address, tapped(address) as tap, dial(tap.address, NAME) as connection:
        await connection.send([Command(1, "session_1", 1, Rename(WORDS.decode()), ANONYMOUS)])
        assert await connection.receive(ANSWERS) == [parcel(WORDS)]
    for words in (WORDS, NAME.encode(), b"session_1", b"Rename", address.key):
        assert words not in tap.said
        assert words not in tap.heard


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (lambda records: bytes([*records[-1][:-1], records[-1][-1] ^ 1]), 0),
        (lambda records: b"" if len(records) == 1 else records[-1], 0),
        (lambda records: records[-1][:-1], 0),
        (lambda records: records[0], 1),
        (lambda records: records[-1] * 2, 1),
        (lambda records: b"".join(reversed(records)) if len(records) == 2 else b"", 0),
        (lambda records: header_of(PIECE_BYTES * 2) + records[-1], 0),
        (lambda records: pickle.dumps(COMMAND), 0),
    ],
    ids=["changed", "dropped", "cut", "replaced by an old one", "repeated", "swapped", "too long", "injected"],
)
async def test_who_changes_what_is_said_ends_the_connection(change: Change, count: int) -> None:
    """Promised: what is taken is the beginning of what was said, and somebody hears of the rest."""
    host = Host()
    said = [Command(number, "session_1", 1, Cancel(), ANONYMOUS) for number in range(3)]
    async with reception(host.serve) as address, tapped(address, change) as tap:
        with capture_logs() as entries:
            async with dial(tap.address, NAME) as connection:
                with contextlib.suppress(OSError):
                    for command in said:
                        await connection.send([command])
                assert [items async for items in connection.batches(ANSWERS)] == []
            await host.has_ended.wait()
    assert host.taken == said[:count]
    assert [entry["event"] for entry in entries] == ["connection_broken_off"]


async def test_a_record_that_was_begun_and_not_ended_is_not_taken() -> None:
    """As when its sender is killed."""
    host = Host()
    async with reception(host.serve) as address, dial(address, NAME) as connection:
        [record] = connection._sealer.seal(b"".join(encode([COMMAND])))
        connection._writer.write(record[:-1])
        connection.close()
        await host.has_ended.wait()
    assert host.taken == []


# ---------------------------------------------------------------- who knows the key and says what he may not


class Trap:
    """A pickle that does something."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._file,)


async def refused(words: bytes) -> None:
    """Say something to a host that knows who says it; it takes nothing of it, and goes on taking what others say."""
    host = Host()
    async with reception(host.serve) as address:
        with capture_logs() as entries:
            async with dial(address, NAME) as connection:
                connection._writer.writelines(connection._sealer.seal(words))
                assert [items async for items in connection.batches(ANSWERS)] == []
            await host.has_ended.wait()
        assert host.taken == []
        assert [entry["event"] for entry in entries] == ["connection_broken_off"]
        host.has_ended.clear()
        async with dial(address, NAME) as connection:
            await connection.send([COMMAND])
            connection.close()
            await host.has_ended.wait()
    assert host.taken == [COMMAND]


async def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """Promised, also of who knows the key."""
    file = tmp_path / "sprung"
    trap: Any = pickle.loads(pickle.dumps(Trap(file)))  # noqa: S301  our own, to see that it works
    assert trap is None
    file.unlink()
    await refused(pickle.dumps(Trap(file)))
    await refused(msgspec.msgpack.encode([["Command", 1, "session_1", 1, pickle.dumps(Trap(file))], ["Trap"]]))
    assert not file.exists()


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"\x90",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 10_000,
        MEGABYTE * 3,
        msgspec.msgpack.encode([["Fork", 1, "session_1", 1, b'["Watch"]']]),
        b"".join(encode([Answer(1, None)])),
        b"".join(encode([COMMAND]))[:-1],
    ],
    ids=["nothing", "no command", "four billion", "too deep", "zeros", "an unknown kind", "an answer", "a part"],
)
async def test_what_may_not_be_said_ends_the_connection_and_nothing_else(words: bytes) -> None:
    await refused(words)
