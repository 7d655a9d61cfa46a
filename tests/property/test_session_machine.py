"""One session, whatever is said to it and whatever dies: the store is memory, so that there is time for many plays."""

import asyncio
from itertools import count

import pytest
from hypothesis.stateful import run_state_machine_as_test

from runtime.core.ids import format_id
from runtime.host import journal
from tests.fakes import MemoryJournal, MemoryRow
from tests.laws import Stored, share
from tests.play import SessionMachine


class MemoryGround:
    """A store that forgets."""

    def __init__(self) -> None:
        self.store = MemoryJournal()
        self._numbers = count(1)

    async def open(self) -> str:
        session_id = format_id("session", next(self._numbers))
        self.store.rows[session_id] = MemoryRow()
        return session_id

    async def place(self, session_id: str, *, is_quarantined: bool = False) -> int:
        self.store.rows[session_id].epoch += 1
        self.store.rows[session_id].is_quarantined = is_quarantined
        return self.store.rows[session_id].epoch

    async def log(self, session_id: str) -> list[Stored]:
        return [Stored(line.body, line.private, epoch) for line, epoch in self.store.rows[session_id].lines]


def test_a_session_keeps_its_promises_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted is durable, seen is durable, one writer, a turn always ends, and replay gives the live state."""
    monkeypatch.setattr(journal, "RETRY_FIRST_S", 0.0)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        class Play(SessionMachine):
            def __init__(self) -> None:
                super().__init__(MemoryGround(), runner.run)

        run_state_machine_as_test(Play, settings=share(0.2, steps=30))
