"""Bringing sessions back from the tables: many at once, each whole."""

import asyncio

from runtime.core.authored.definition import HarnessDefinition
from runtime.core.session.snapshot import FORMAT
from runtime.ports.journal import Batch, Head, Line
from runtime.process.mint import new_id
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from tests.integration.ground import PostgresGround
from tests.tenancy import ours

HEAD = Head("active", 0, None, None, None, None)


async def _sessions(db: Pool, counts: list[int]) -> tuple[PostgresGround, list[str]]:
    """Open sessions with so many events each."""
    ground = PostgresGround(db, (await HarnessStore(ours(db)).create("load", HarnessDefinition())).id)
    opened = []
    for count in counts:
        session_id = await ground.open()
        epoch = await ground.place(session_id)
        lines = [Line(n, new_id("event"), "test.event", None, b'{"n":%d}' % n) for n in range(1, count + 1)]
        if lines:
            assert await ground.store.append([Batch(session_id, epoch, lines, HEAD)])
        opened.append(session_id)
    return ground, opened


async def test_sessions_that_are_loaded_together_keep_their_own_events_in_order(db: Pool) -> None:
    counts = [3, 0, 12, 1, 2, 5, 4, 7, 6, 9]
    ground, opened = await _sessions(db, counts)
    stranger = new_id("session")
    *found, none = await asyncio.gather(*(ground.store.load(s, FORMAT) for s in [*opened, stranger]))
    assert none is None
    for session_id, count, loaded in zip(opened, counts, found, strict=True):
        assert loaded is not None
        assert (loaded.session_id, loaded.last_sequence) == (session_id, count)
        assert [body for body, _ in loaded.tail] == [b'{"n":%d}' % n for n in range(1, count + 1)]


async def test_a_session_that_is_wanted_twice_has_each_event_once(db: Pool) -> None:
    """As when it is placed anew in an actor that is still loading it."""
    ground, (session_id,) = await _sessions(db, [3])
    first, second = await asyncio.gather(*(ground.store.load(session_id, FORMAT) for _ in range(2)))
    assert first is not None
    assert first == second
    assert len(first.tail) == 3


async def test_only_what_follows_the_newest_usable_snapshot_is_read(db: Pool) -> None:
    ground, (one, other) = await _sessions(db, [5, 5])
    await ground.store.save_snapshot(one, 3, FORMAT, b"state")
    await ground.store.save_snapshot(other, 3, "an older version", b"state")
    first, second = await asyncio.gather(*(ground.store.load(s, FORMAT) for s in (one, other)))
    assert first is not None
    assert second is not None
    assert (first.snapshot, len(first.tail)) == (b"state", 2)
    assert (second.snapshot, len(second.tail)) == (None, 5)
