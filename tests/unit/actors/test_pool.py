"""How many processes are started, while starting one takes its time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from actors import pool
from actors.member import DEATHS, Member, MemberState
from actors.nodes import DOUBT_S, SHORT_DOUBT_S, Nodes
from actors.pool import STARTING_AT_ONCE, Pool
from actors.site import Site
from runtime.process.settings import Settings
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Vitals
from tests.stage import PATIENCE_S

STANDBYS = 3


class Starts:
    """Stands for Ray: each start waits, in whichever thread it is made, until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.threads: set[int] = set()
        self.go_on = threading.Semaphore(0)

    def spawn(self, _site: Site, _name: str, _node_id: str | None = None) -> object:
        self.begun += 1
        self.threads.add(threading.get_ident())
        assert self.go_on.acquire(timeout=PATIENCE_S)
        return object()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    starts = Starts()
    monkeypatch.setattr(pool, "spawn", starts.spawn)
    return starts


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.close()


@pytest.fixture
async def actors(starts: Starts, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> Pool:
    """A pool that nobody has started anything in."""

    async def tend(_: Member) -> None:
        await asyncio.Event().wait()

    async def no_news(_: Nodes) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(Nodes, "look", no_news)
    settings = Settings.load(actors={"max_actors": 8, "warm_standbys": STANDBYS})
    made = Pool(Site("test", settings, "no database", "no cluster"), lambda _: 0, tend, lambda _: None, tasks)
    await made.look()
    return made


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not met():  # noqa: ASYNC110  a thread makes it true
            await asyncio.sleep(0.001)


async def test_whoever_is_being_started_counts_and_holds_nobody_up(actors: Pool, starts: Starts) -> None:
    for _ in range(3):
        actors.top_up()
    await until(lambda: starts.begun == STARTING_AT_ONCE)
    actors.top_up()
    assert (len(actors.members), starts.begun) == (0, STARTING_AT_ONCE)
    assert threading.get_ident() not in starts.threads
    for _ in range(STARTING_AT_ONCE):
        starts.go_on.release()
    await actors.all_started()
    assert len(actors.members) == STARTING_AT_ONCE
    actors.top_up()
    assert starts.begun == STARTING_AT_ONCE, "they are not warm yet"


async def test_who_was_being_started_when_the_pool_closed_is_closed_too(
    actors: Pool, starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    async def close(member: Member) -> None:
        await asyncio.sleep(0)
        closed.append(member.name)

    monkeypatch.setattr(Member, "close", close)
    actors.top_up()
    await until(lambda: starts.begun == STARTING_AT_ONCE)
    closing = asyncio.create_task(actors.close())
    await asyncio.sleep(0)
    actors.top_up()
    for _ in range(STARTING_AT_ONCE):
        starts.go_on.release()
    await closing
    assert sorted(closed) == sorted(actors.members)
    assert starts.begun == len(closed) == STARTING_AT_ONCE


async def test_a_start_that_fails_ends_the_process_and_says_why(actors: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()
    monkeypatch.setattr(actors._tasks, "_die", ended.set)
    monkeypatch.setattr(pool, "spawn", lambda *_: 1 / 0)
    actors.top_up()
    async with asyncio.timeout(PATIENCE_S):
        await ended.wait()
    assert actors.members == {}


TOLD = [(reason, SHORT_DOUBT_S) for reason in sorted(DEATHS)]


@pytest.mark.parametrize(("reason", "doubt_s"), [*TOLD, ("lease expired", DOUBT_S)])
async def test_a_node_is_trusted_soon_after_a_death_unless_it_fell_silent(
    actors: Pool, reason: str, doubt_s: float
) -> None:
    actors.add("one", object(), "node")
    actors.gone(actors.members["one"], reason)
    left_s = actors.nodes._doubted()["node"] - asyncio.get_running_loop().time()
    assert doubt_s - 1 < left_s <= doubt_s


async def test_a_node_all_of_whose_actors_were_being_emptied_when_they_were_found_is_doubted(actors: Pool) -> None:
    """The supervisor that was asked to empty it is no more; of one that keeps an actor nobody asked that."""
    for node_id, is_leaving in (("a", True), ("b", True), ("b", False), ("a", True), ("c", False)):
        actors.nodes.heed(node_id, is_leaving=is_leaving)
    assert list(actors.nodes._doubted()) == ["a"]


async def test_whoever_says_that_it_is_being_emptied_takes_nobody_in(actors: Pool) -> None:
    """Also if this supervisor has asked nothing of the kind."""
    actors.add("one", object(), "node")
    one = actors.members["one"]
    one.enter(MemberState.READY)
    one._hear([Vitals(1)])
    assert actors.choose() == "one"
    one._hear([Vitals(1, is_draining=True)])
    assert actors.choose() is None
