"""What a front door believes of an answer that news have overtaken, and when it says that nobody listens any more."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from actors import locator as module
from actors.locator import Locator
from actors.stub import SupervisorStub
from runtime.core.placement.directory import Address, Directory, Placement
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Beliefs, Want
from tests.stage import PATIENCE_S

ADDRESS = Address("127.0.0.1", 1, b"key")


def lives(session_id: str, epoch: int) -> Placement:
    return Placement(session_id, epoch, f"actor-{epoch}", ADDRESS)


class Method:
    def __init__(self, call: object) -> None:
        self.remote = call


class Supervisor:
    """Answers when it is let, with what it is told to."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[list[Placement]] = asyncio.Queue()
        self.asked: asyncio.Queue[object] = asyncio.Queue()
        self.place, self.locate = Method(self._place), Method(self._locate)

    async def _place(self, wants: Mapping[str, Want], _front_door: str) -> dict[str, Placement]:
        self.asked.put_nowait(dict(wants))
        return {placement.session_id: placement for placement in await self.answers.get()}

    async def _locate(self, beliefs: Beliefs) -> list[Placement]:
        self.asked.put_nowait(beliefs)
        return await self.answers.get()


class Stage:
    def __init__(self, tasks: Tasks) -> None:
        self.supervisor = Supervisor()
        self.directory = Directory()
        self.locator = Locator(SupervisorStub(self.supervisor), self.directory, self.directory.note, "door", tasks)

    async def asked(self) -> object:
        async with asyncio.timeout(PATIENCE_S):
            return await self.supervisor.asked.get()

    def answer(self, *placements: Placement) -> None:
        self.supervisor.answers.put_nowait(list(placements))


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(module, "ROOM_PAUSE_S", 0.0)
    monkeypatch.setattr(module, "RELEASE_PAUSE_S", 0.0)
    tasks = Tasks()
    yield Stage(tasks)
    await tasks.close()


async def test_a_place_that_was_left_before_the_answer_came_is_asked_for_again(stage: Stage) -> None:
    home = asyncio.create_task(stage.locator.home("s", Want()))
    await stage.asked()
    stage.locator.leave(Placement("s", 1, None))
    stage.answer(lives("s", 1))
    await stage.asked()
    assert stage.directory.get("s") is None
    stage.answer(lives("s", 2))
    assert await home == lives("s", 2)


async def test_newer_news_win_over_an_answer(stage: Stage) -> None:
    home = asyncio.create_task(stage.locator.home("s", Want()))
    await stage.asked()
    stage.directory.note(lives("s", 2))
    stage.answer(lives("s", 1))
    assert await home == lives("s", 2)


async def test_what_was_asked_before_news_began_is_asked_again(stage: Stage) -> None:
    home = asyncio.create_task(stage.locator.home("s", Want()))
    await stage.asked()
    stage.locator.begin()
    stage.answer(lives("s", 1))
    await stage.asked()
    assert stage.directory.get("s") is None
    stage.answer(lives("s", 2))
    assert await home == lives("s", 2)


async def test_who_is_left_is_told_with_the_next_question_unless_it_is_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RELEASE_PAUSE_S", PATIENCE_S)
    for session_id in ("s", "t"):
        stage.locator.release(session_id)
    for number, left in ((1, ("s",)), (2, ())):
        home = asyncio.create_task(stage.locator.locate("t"))
        assert await stage.asked() == Beliefs("door", number, {"t": 0}, {}, left)
        stage.locator.release("t")
        stage.answer()
        assert await home is None


async def test_who_is_left_is_told_by_and_by(stage: Stage) -> None:
    stage.locator.release("s")
    assert await stage.asked() == Beliefs("door", 1, {}, {}, ("s",))
    stage.answer()
