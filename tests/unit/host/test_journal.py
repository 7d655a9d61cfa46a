"""The journal's writer: whose fault a failure is, what waits together, and when there is too much of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from runtime.core.errors import ConflictError, InvalidInputError, PerdureError, StoreRefusedError, StoreUnavailableError
from runtime.host import journal as writer
from runtime.host.journal import Journal
from runtime.ports.journal import Batch, Head, Line
from runtime.process.mint import new_id
from runtime.process.tasks import Tasks
from tests.fakes import HeldDisk, MemoryJournal, MemoryRow

PATIENCE_S = 10.0


class Picky(MemoryJournal):
    """A store that cannot take the events of some sessions, and says so of the whole group."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, Exception] = {}
        self.groups: list[list[str]] = []

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        self.groups.append([batch.session_id for batch in batches])
        for batch in batches:
            if batch.session_id in self.errors:
                raise self.errors[batch.session_id]
        return await super().append(batches)


class Writing:
    """A journal on such a store, in a process whose end is seen."""

    def __init__(self, limit_bytes: int = 1 << 20) -> None:
        self.store = Picky()
        self.disk = HeldDisk(self.store)
        self.journal = Journal(self.disk, limit_bytes)
        self.has_ended = asyncio.Event()
        self.tasks = Tasks(self.has_ended.set)
        self.journal.start(self.tasks)

    def new_session(self, error: Exception | None = None) -> str:
        session_id = new_id("session")
        self.store.rows[session_id] = MemoryRow(1)
        if error is not None:
            self.store.errors[session_id] = error
        return session_id

    def append(self, session_id: str, size_bytes: int = 2, private: bytes = b"") -> "asyncio.Future[str]":
        """Append an event; the future is the code of what came of it."""
        heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def done(error: PerdureError | None) -> None:
            heard.set_result(error.stable_code if error else "committed")

        self.journal.append(batch(session_id, size_bytes, private), done)
        return heard


def batch(session_id: str, size_bytes: int = 2, private: bytes = b"") -> Batch:
    line = Line(1, new_id("event"), "test.event", None, b"x" * size_bytes, msgspec.Raw(private) if private else None)
    return Batch(session_id, 1, [line], Head("active", 0, None, None, None, None))


@pytest.fixture
async def writing() -> AsyncIterator[Writing]:
    made = Writing()
    yield made
    await made.tasks.close()


@pytest.mark.parametrize(
    "error", [StoreRefusedError("22P05"), InvalidInputError("no NUL", "unstorable"), ConflictError("no", "unstorable")]
)
async def test_what_the_store_cannot_hold_fails_the_session_that_said_it_and_no_other(
    writing: Writing, error: PerdureError
) -> None:
    guilty, *innocent = [writing.new_session(error if n == 0 else None) for n in range(3)]
    heard = [writing.append(session_id) for session_id in (innocent[0], guilty, innocent[1])]
    assert await asyncio.gather(*heard) == ["committed", error.stable_code, "committed"]
    assert [len(writing.store.rows[s].lines) for s in (guilty, *innocent)] == [0, 1, 1]
    assert not writing.has_ended.is_set()


async def test_what_nobody_foresaw_ends_the_process(writing: Writing) -> None:
    session_id = writing.new_session(ZeroDivisionError())
    heard = writing.append(session_id)
    async with asyncio.timeout(PATIENCE_S):
        await writing.has_ended.wait()
    assert not heard.done()


async def test_bug_in_what_hears_of_a_commit_ends_the_process(writing: Writing) -> None:
    def done(_error: PerdureError | None) -> None:
        raise ZeroDivisionError

    writing.journal.append(batch(writing.new_session()), done)
    async with asyncio.timeout(PATIENCE_S):
        await writing.has_ended.wait()


async def test_database_that_is_away_is_waited_for(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_FIRST_S", 0.0)
    writing.disk.outages.extend(["before", "after"])
    assert await writing.append(writing.new_session()) == "committed"
    writing.store.errors[away := writing.new_session()] = StoreUnavailableError()
    heard = writing.append(away)
    while len(writing.store.groups) < 5:  # noqa: ASYNC110  the store tells nobody
        await asyncio.sleep(0)
    del writing.store.errors[away]
    assert await heard == "committed"
    assert not writing.has_ended.is_set()


async def test_statement_carries_no_more_bytes_than_can_be_sent_in_time(writing: Writing) -> None:
    sessions = [writing.new_session() for _ in range(6)]
    third = writer.MAX_BYTES_PER_COMMIT // 3
    heard = [writing.append(s, third) for s in sessions[:5]]
    heard.append(writing.append(sessions[5], 2 * writer.MAX_BYTES_PER_COMMIT))
    await asyncio.gather(*heard)
    assert [len(group) for group in writing.store.groups] == [3, 2, 1]


async def test_journal_is_full_until_what_waits_is_on_the_disk_and_secrets_count() -> None:
    writing = Writing(limit_bytes=100)
    writing.disk.stop()
    heard = [writing.append(writing.new_session(), 50)]
    assert not writing.journal.is_full
    heard.append(writing.append(writing.new_session(), 20, b'"' + b"s" * 28 + b'"'))
    assert writing.journal.is_full
    room = asyncio.ensure_future(writing.journal.room())
    await asyncio.sleep(0)
    assert not room.done()
    writing.disk.go_on()
    await asyncio.gather(*heard)
    await room
    assert not writing.journal.is_full
    await writing.journal.flush()
    await writing.tasks.close()
