"""Connections between front doors and session actors, on real sockets."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from actors import connection as connections
from actors.connection import KEY_BYTES, NONCE_BYTES, PROOF_BYTES, Connection, Reception, dial
from actors.link import Link
from runtime.core.errors import SessionMovingError
from runtime.core.placement.directory import Address
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Cancel

HERE = "127.0.0.1"
NAME = "front-door-1"
MEGABYTE = bytes(1 << 20)


@asynccontextmanager
async def reception(serve: Callable[[str, Connection], Awaitable[None]]) -> AsyncIterator[Address]:
    taking = Reception(serve)
    try:
        yield await taking.open(HERE)
    finally:
        taking.close()


async def echo(front_door: str, connection: Connection) -> None:
    await connection.send(front_door)
    async for value in connection:
        await connection.send(value)


async def serve_nobody(front_door: str, connection: Connection) -> None:
    pytest.fail(f"{front_door} was let in")


async def test_values_of_any_size_come_in_order_both_ways() -> None:
    values = [b"", {"a": (1, None)}, MEGABYTE * 3, "the end"]
    async with reception(echo) as address, dial(address, NAME) as connection:
        for value in values:
            await connection.send(value)
        assert [await connection.receive() for _ in range(5)] == [NAME, *values]


async def test_the_end_of_one_side_is_the_end_of_the_other() -> None:
    async def greet(front_door: str, connection: Connection) -> None:
        await connection.send("hello and goodbye")

    async with reception(greet) as address, dial(address, NAME) as connection:
        assert [value async for value in connection] == ["hello and goodbye"]


def test_sending_on_a_connection_that_is_gone_is_an_error_of_the_line() -> None:
    """Promised, on the servers' own event loop too: there a closed transport has other words for it."""

    async def send() -> None:
        async with reception(echo) as address, dial(address, NAME) as connection:
            connection.close()
            for _ in range(3):
                with pytest.raises(OSError, match="gone"):
                    await connection.send("hello")

    uvloop.run(send())


async def test_a_command_that_cannot_be_sent_fails_after_the_link_has_ended() -> None:
    """Who asks again finds a link that is new, and so does who listens: nobody stays with the old one."""
    heard: list[str] = []

    async def broken(value: object) -> None:
        raise ConnectionResetError

    async def say_nothing(front_door: str, connection: Connection) -> None:
        async for _ in connection:
            pass

    async with reception(say_nothing) as address:
        link = Link("actor", address, NAME, lambda _: None, Tasks())

        async def follow() -> None:
            await link.run()
            heard.append("whoever follows the link")

        following = asyncio.create_task(follow())
        (await link._connected).send = broken  # type: ignore[method-assign]
        with pytest.raises(SessionMovingError):
            await link.ask("session", 1, Cancel())
        heard.append("who asked")
        await following
    assert heard == ["whoever follows the link", "who asked"]


async def test_what_was_asked_of_a_former_owner_is_given_up_when_its_session_has_moved() -> None:
    """Promised: on a silent node, which hangs up on nobody, a client waits no longer than the move takes."""

    async def say_nothing(front_door: str, connection: Connection) -> None:
        async for _ in connection:
            pass

    tasks = Tasks()
    async with reception(say_nothing) as address:
        link = Link("actor", address, NAME, lambda _: None, tasks)
        running = tasks.owed(link.run(), "link")
        old, new, other = (
            asyncio.create_task(link.ask(session_id, epoch, Cancel()))
            for session_id, epoch in (("session", 1), ("session", 2), ("other", 1))
        )
        await asyncio.sleep(0)
        link.moved("session", 1)
        with pytest.raises(SessionMovingError):
            await old
        assert not new.done()
        assert not other.done()
        link.break_off()
        assert [type(e) for e in await asyncio.gather(new, other, return_exceptions=True)] == [SessionMovingError] * 2
        running.cancel()
    await tasks.close()


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
        for size in (NONCE_BYTES, PROOF_BYTES):
            writer.write(await reader.readexactly(size))
        assert await reader.read() == b""
        writer.close()


async def test_nothing_that_a_stranger_sends_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    body = pickle.dumps(Trap())
    async with reception(serve_nobody) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(bytes(NONCE_BYTES + PROOF_BYTES) + len(body).to_bytes(8) + body)
        await reader.read()
        writer.close()
    assert not (tmp_path / "sprung").exists()


async def test_a_stranger_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_TIMEOUT_S", 0.05)
    async with reception(serve_nobody) as address, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        assert len(await reader.read()) == NONCE_BYTES
        writer.close()


async def test_who_sends_waits_for_who_does_not_read() -> None:
    sent = 0
    is_over = asyncio.Event()

    async def pour(front_door: str, connection: Connection) -> None:
        nonlocal sent
        while not is_over.is_set():
            await connection.send(MEGABYTE)
            sent += 1

    async with reception(pour) as address, dial(address, NAME) as connection:
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 100  # what the system's buffers hold, and no more
        is_over.set()
        assert len([value async for value in connection]) == sent


def test_an_address_does_not_show_its_key() -> None:
    assert repr(Address(HERE, 1234, b"secret key")) == f"Address({HERE}:1234)"
