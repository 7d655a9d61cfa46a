"""Which news the supervisor gives to whom."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest

from actors import doors as module
from actors.doors import Doors
from runtime.core.placement.directory import Directory, Placement
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Beliefs
from tests.fakes import ADDRESS, addressed, front_door
from tests.stage import PATIENCE_S


def lives(session_id: str, epoch: int, actor: str = "x") -> Placement:
    return Placement(session_id, epoch, actor)


def told(session_id: str, epoch: int, actor: str = "x") -> Placement:
    return Placement(session_id, epoch, actor, ADDRESS)


def nowhere(session_id: str, epoch: int) -> Placement:
    return Placement(session_id, epoch, None)


class Stage:
    """The supervisor's side, and streams that are read when a test says so."""

    def __init__(self, tasks: Tasks) -> None:
        self.directory = Directory()
        self.doors = Doors(self.directory, addressed, tasks)
        self.streams: dict[str, AsyncGenerator[list[Placement], None]] = {}
        self._numbers: dict[str, int] = {}

    async def open(self, *names: str) -> None:
        for name in names:
            self.streams[name] = self.doors.watch(front_door(name))
            assert await anext(self.streams[name]) == []

    def settle(self, *placements: Placement) -> None:
        self.doors.announce([placement for placement in placements if self.directory.note(placement)])

    async def locate(self, name: str, *watched: str, left: Sequence[str] = (), number: int = 1) -> list[Placement]:
        return await self.doors.locate(Beliefs(name, number, dict.fromkeys(watched, 0), {}, left))

    async def heard(self, name: str) -> list[Placement]:
        """Return what a door has been sent; something must have been."""
        async with asyncio.timeout(PATIENCE_S):
            return await anext(self.streams[name])

    def pending(self, name: str) -> list[list[Placement]]:
        return self.doors._doors[name].box._items

    async def until_swept(self, interests: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.doors._interests) != interests:  # noqa: ASYNC110  a task of its own makes it true
                await asyncio.sleep(0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    tasks = Tasks()
    yield Stage(tasks)
    await tasks.close()


async def test_news_go_to_whoever_watches_or_holds_and_to_nobody_else(stage: Stage) -> None:
    await stage.open("watches", "holds", "neither")
    assert await stage.locate("watches", "s") == []
    stage.settle(lives("s", 1), lives("t", 1))
    stage.doors.hold("holds", [stage.directory.get("s"), nowhere("u", 1), None])
    stage.settle(lives("s", 2, "y"), lives("t", 2), lives("u", 1))
    assert await stage.heard("watches") == [told("s", 1), told("s", 2, "y")]
    assert await stage.heard("holds") == [told("s", 2, "y")]
    assert stage.pending("neither") == []


async def test_who_holds_hears_that_it_lives_nowhere_and_then_no_more(stage: Stage) -> None:
    await stage.open("watches", "holds")
    stage.settle(lives("s", 1))
    assert await stage.locate("watches", "s") == [told("s", 1)]
    stage.doors.hold("holds", [lives("s", 1)])
    stage.settle(nowhere("s", 1))
    stage.settle(lives("s", 2))
    assert await stage.heard("holds") == [nowhere("s", 1)]
    assert await stage.heard("watches") == [nowhere("s", 1), told("s", 2)]


async def test_who_listens_no_more_hears_of_it_while_it_lives(stage: Stage) -> None:
    await stage.open("a")
    await stage.locate("a", "s", "t")
    stage.settle(lives("s", 1))
    await stage.locate("a", left=["s", "t", "unheard of"], number=2)
    stage.settle(lives("s", 2), nowhere("s", 2), lives("s", 3), lives("t", 1))
    assert await stage.heard("a") == [told("s", 1), told("s", 2), nowhere("s", 2)]
    assert len(stage.doors._interests) == 0


async def test_what_was_left_by_words_that_were_overtaken_is_listened_to(stage: Stage) -> None:
    await stage.open("a")
    await stage.locate("a", "s", number=2)
    await stage.locate("a", left=["s"], number=1)
    stage.settle(lives("s", 1))
    assert await stage.heard("a") == [told("s", 1)]


async def test_only_what_is_believed_wrongly_is_answered_and_all_is_heard_of_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP", 2)
    stage.settle(lives("same", 3), lives("moved", 5), lives("came", 1), lives("held", 2), lives("held and moved", 2))
    await stage.open("a")
    watched = {"same": 3, "moved": 4, "gone": 7, "came": 0, "nowhere": 0}
    held = {"held": 2, "held and moved": 1, "held and gone": 4}
    answer = await stage.doors.locate(Beliefs("a", 1, watched, held, ()))
    assert answer == [
        told("moved", 5),
        nowhere("gone", 7),
        told("came", 1),
        told("held and moved", 2),
        nowhere("held and gone", 4),
    ]
    stage.settle(*(lives(session_id, 9) for session_id in (*watched, *held)))
    assert await stage.heard("a") == [told(s, 9) for s in (*watched, *held) if s != "held and gone"]


async def test_a_door_without_a_stream_is_answered_and_nothing_is_kept(stage: Stage) -> None:
    stage.settle(lives("s", 1))
    stage.doors.hold("a", [lives("s", 1)])
    assert await stage.locate("a", "s", "t", left=["t"]) == [told("s", 1)]
    assert len(stage.doors._interests) == 0


async def test_nothing_is_kept_of_doors_that_died_came_again_or_hung_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP", 1)
    await stage.open("dies", "comes again", "hangs up")
    for name in stage.streams:
        await stage.locate(name, "s", "t", "u")
    assert stage.doors.forget(lambda name: name == "dies") == ["dies"]
    await stage.open("comes again")
    await stage.streams["hangs up"].aclose()
    stage.settle(lives("s", 1))
    await stage.until_swept(0)
    assert [info.name for info in stage.doors.infos()] == ["comes again"]
    assert stage.pending("comes again") == []
    assert len(stage.doors._boxes) == len(stage.doors._interests._doors) == 1
    await stage.locate("comes again", "s")
    stage.settle(lives("s", 2))
    assert await stage.heard("comes again") == [told("s", 2)]
