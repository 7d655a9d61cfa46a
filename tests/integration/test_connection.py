"""Connections between front doors and session actors, on real sockets."""

import asyncio
import subprocess
import sys
from collections.abc import Iterable

import pytest
import uvloop

from actors.connection import Connection, dial
from actors.link import Link
from actors.session import SessionActor
from actors.site import Site
from runtime.core.access.principal import ANONYMOUS
from runtime.core.errors import NotUnderstoodError, SessionMovingError
from runtime.core.placement.directory import Address, Placement
from runtime.process.settings import Settings
from runtime.process.tasks import Tasks
from runtime.wire.codec import ANSWERS, COMMANDS, Item
from runtime.wire.protocol import Answer, Cancel, Command, Said
from tests.fakes import MemoryJournal
from tests.installed import REPOSITORY
from tests.stage import FixedAgents, Process, ScriptedModel, services_for
from tests.wire import HERE, parcel, reception

NAME = "front-door-1"
MEGABYTE = bytes(1 << 20)


async def echo(front_door: str, connection: Connection) -> None:
    await connection.send([Answer(0, front_door)])
    async for items in connection.batches(ANSWERS):
        await connection.send(items)


async def say_nothing(front_door: str, connection: Connection) -> None:
    async for _ in connection.batches(COMMANDS):
        pass


async def test_values_of_any_size_come_in_order_both_ways() -> None:
    values: list[Item] = [parcel(b""), Answer(1, "a"), parcel(MEGABYTE * 3), Answer(2, None)]
    async with reception(echo) as address, dial(address, NAME) as connection:
        for value in values:
            await connection.send([value])
        assert [await connection.receive(ANSWERS) for _ in range(5)] == [[Answer(0, NAME)], *([v] for v in values)]


async def test_the_end_of_one_side_is_the_end_of_the_other() -> None:
    async def greet(front_door: str, connection: Connection) -> None:
        await connection.send([Answer(0, "hello and goodbye")])

    async with reception(greet) as address, dial(address, NAME) as connection:
        assert [items async for items in connection.batches(ANSWERS)] == [[Answer(0, "hello and goodbye")]]


def test_sending_on_a_connection_that_is_gone_is_an_error_of_the_line() -> None:
    """Promised, on the servers' own event loop too: there a closed transport has other words for it."""

    async def send() -> None:
        async with reception(echo) as address, dial(address, NAME) as connection:
            connection.close()
            for _ in range(3):
                with pytest.raises(OSError, match="gone"):
                    await connection.send([Answer(1, "hello")])

    uvloop.run(send())


async def test_a_command_that_cannot_be_sent_fails_after_the_link_has_ended() -> None:
    """Who asks again finds a link that is new, and so does who listens: nobody stays with the old one."""
    heard: list[str] = []

    async def broken(items: Iterable[Item]) -> None:
        raise ConnectionResetError

    async with reception(say_nothing) as address:
        link = Link("actor", address, NAME, lambda _: None, Tasks())

        async def follow() -> None:
            await link.run()
            heard.append("whoever follows the link")

        following = asyncio.create_task(follow())
        (await link._connected).send = broken  # type: ignore[method-assign]
        with pytest.raises(SessionMovingError):
            await link.ask(ANONYMOUS, Placement("session", 1, "actor"), Cancel())
        heard.append("who asked")
        await following
    assert heard == ["whoever follows the link", "who asked"]


async def test_what_was_asked_of_a_former_owner_is_given_up_when_its_session_has_moved() -> None:
    """Promised: on a silent node, which hangs up on nobody, a client waits no longer than the move takes."""
    tasks = Tasks()
    async with reception(say_nothing) as address:
        link = Link("actor", address, NAME, lambda _: None, tasks)
        running = tasks.owed(link.run(), "link")
        old, new, other = (
            asyncio.create_task(link.ask(ANONYMOUS, Placement(session_id, epoch, "actor"), Cancel()))
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


async def test_who_sends_waits_for_who_does_not_read() -> None:
    sent = 0
    is_over = asyncio.Event()

    async def pour(front_door: str, connection: Connection) -> None:
        nonlocal sent
        while not is_over.is_set():
            await connection.send([parcel(MEGABYTE)])
            sent += 1

    async with reception(pour) as address, dial(address, NAME) as connection:
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 100  # what the system's buffers hold, and no more
        is_over.set()
        assert len([items async for items in connection.batches(ANSWERS)]) == sent


def test_an_address_does_not_show_its_key() -> None:
    assert repr(Address(HERE, 1234, b"secret key")) == f"Address({HERE}:1234)"


class Fork(Said, frozen=True):
    """A command of tomorrow."""

    of: str


async def test_a_command_of_newer_code_is_answered() -> None:
    """Promised: in an upgrade nobody waits for an answer that cannot come."""
    actor = SessionActor("actor", Site("deployment", Settings(), "", "cluster"))
    process = Process(services_for(MemoryJournal(), FixedAgents({}, []), ScriptedModel()))
    actor._host = process.host
    async with reception(actor._serve) as address, dial(address, NAME) as connection, asyncio.timeout(10):
        await connection.send([Command(7, "session_1", 1, Fork("session_2"), ANONYMOUS)])  # type: ignore[arg-type]  # not known yet
        [answer] = await connection.receive(ANSWERS)
    assert isinstance(answer, Answer)
    assert (answer.number, type(answer.error)) == (7, NotUnderstoodError)
    await actor._tasks.close()
    await process.kill()


CLOSED = """
import asyncio
from actors.session import SessionActor
from actors.site import Site
from runtime.process.settings import Settings
from tests.fakes import MemoryJournal
from tests.stage import FixedAgents, Process, ScriptedModel, services_for

async def main():
    actor = SessionActor("actor", Site("deployment", Settings(), "", "cluster"))
    actor._host = Process(services_for(MemoryJournal(), FixedAgents({}, []), ScriptedModel())).host
    await actor.close()
    print("closed", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_an_actor_that_was_closed_ends_although_whoever_asked_for_it_has_died() -> None:
    """Promised: no process that serves nobody is left behind. Ray is told of it too late to wait for."""
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", CLOSED], cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.returncode) == ("closed\n", 0), done.stderr
