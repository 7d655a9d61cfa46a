"""What a listener gets of a session that streams, whatever the disk does meanwhile: in order, and it adds up."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.core import event as ev
from runtime.core.errors import PerdureError
from runtime.core.session.draft import Draft
from runtime.core.session.snapshot import FORMAT
from runtime.core.session.state import SessionState
from runtime.engine.session import LiveSession
from runtime.engine.stream import DeltaStream
from runtime.host.journal import Journal
from runtime.ports.gateway import Frame
from runtime.ports.journal import Batch, Done
from tests.fakes import SESSION_ID, MemoryJournal, MemoryRow
from tests.laws import check_stream
from tests.stage import FixedAgents, ScriptedModel, services_for

CONTEXT = ev.Context()


class HandJournal(Journal):
    """A journal whose appends land one by one, when the test says so."""

    def __init__(self) -> None:
        super().__init__(MemoryJournal())
        self.waiting: deque[Done] = deque()

    def append(self, batch: Batch, done: Done) -> None:
        self.waiting.append(done)

    def land(self) -> None:
        if self.waiting:
            self.waiting.popleft()(None)


class Streaming:
    """A session that says one message after the other, as a model does, and whoever listens to it."""

    def __init__(self, session: LiveSession, journal: HandJournal) -> None:
        self.session = session
        self.journal = journal
        self.said: dict[str, str] = {}
        self._stream: DeltaStream | None = None

    async def say(self) -> None:
        if self._stream is None:
            self.said[str(len(self.said))] = ""
            self._mark("begins")
            self._stream = DeltaStream(self._emit, 0.0, self.session.when_settled)
        key = self._key
        word = f"w{len(self.said[key])} "
        self.said[key] += word
        self._stream.feed(word)

    async def end(self) -> None:
        if self._stream is not None:
            assert self._stream.close() == self.said[self._key]
            self._stream = None
            self._mark("ends")

    async def interrupt(self) -> None:
        self._mark("somebody else speaks during")

    async def land(self) -> None:
        self.journal.land()

    async def wait(self) -> None:
        for _ in range(3):  # until the timers of no seconds have come
            await asyncio.sleep(0)

    async def come_to_rest(self) -> None:
        while self.journal.waiting:
            self.journal.land()
        await self.wait()

    @property
    def _key(self) -> str:
        return str(len(self.said) - 1)

    def _mark(self, what: str) -> None:
        self.session.append(Draft(ev.SessionTitleUpdated(title=f"{what} {len(self.said) - 1}"), CONTEXT))

    def _emit(self, delta: str, accumulated: str) -> None:
        data = ev.OutputDelta(turn_id="t", message_id=self._key, delta=delta, accumulated=accumulated)
        self.session.send_delta(data, CONTEXT)


class Ear:
    """Hears what clients may see; a listener that comes too late or hears too much would show in the frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def published(self, session: LiveSession, frames: Sequence[Frame]) -> None:
        self.frames += frames

    def lost(self, session: LiveSession, error: PerdureError) -> None:
        raise error


async def streaming() -> tuple[Streaming, Ear]:
    journal, ear, store = HandJournal(), Ear(), MemoryJournal()
    store.rows[SESSION_ID] = MemoryRow()
    services = services_for(store, FixedAgents({}, []), ScriptedModel(), journal=journal)
    loaded = await store.load(SESSION_ID, FORMAT)
    assert loaded is not None
    return Streaming(LiveSession(loaded, SessionState(SESSION_ID), services, ear), journal), ear


Action = Callable[[Streaming], Coroutine[Any, Any, None]]
ACTIONS = (Streaming.say, Streaming.end, Streaming.interrupt, Streaming.land, Streaming.wait)


@given(st.lists(st.sampled_from(ACTIONS), max_size=60))
def test_deltas_add_up_to_each_message_between_its_first_and_its_last_event(
    actions: list[Action],
) -> None:
    async def check() -> None:
        talk, ear = await streaming()
        for action in [*actions, Streaming.end, Streaming.come_to_rest]:
            await action(talk)
            check_stream(ear.frames)
        assert check_stream(ear.frames) == talk.said
        _check_places(ear.frames)

    asyncio.run(check())


@given(st.lists(st.sampled_from([Streaming.say, Streaming.wait]), min_size=1, max_size=60))
def test_while_the_disk_stands_still_nothing_waits_but_the_text_and_it_comes_as_one_delta(
    actions: list[Action],
) -> None:
    async def check() -> None:
        talk, ear = await streaming()
        for action in [Streaming.say, *actions]:
            await action(talk)
        assert ear.frames == []
        await talk.land()
        assert [frame.type for frame in ear.frames] == ["session.title.updated", "output.message.delta"]
        assert check_stream(ear.frames) == talk.said
        await talk.come_to_rest()

    asyncio.run(check())


def _check_places(frames: Sequence[Frame]) -> None:
    """Assert that no delta comes before its message begins, or after it has ended."""
    speaking = None
    for frame in frames:
        event = ev.decode(frame.body)
        assert event is not None
        if isinstance(event.data, ev.OutputDelta):
            assert event.data.message_id == speaking
        elif event.data.title.startswith("begins"):
            speaking = event.data.title.removeprefix("begins ")
        elif event.data.title.startswith("ends"):
            speaking = None
