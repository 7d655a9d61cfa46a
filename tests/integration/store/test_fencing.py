"""One writer (ARCHITECTURE.md, promise 3), on real Postgres: whoever writes, places and dies in whatever order."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runtime.core.errors import PerdureError, StaleEpochError
from runtime.core.ids import hex_of
from runtime.core.session.snapshot import FORMAT
from runtime.host import journal
from runtime.host.journal import Journal
from runtime.ports.journal import Batch, Head, Line
from runtime.process.mint import Mint
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Departure
from tests.fakes import BrokenLine
from tests.integration.ground import PostgresGround, settle, standing
from tests.laws import share
from tests.play import Run

ROWS = "SELECT sequence, id, epoch FROM events WHERE session_id = $1 ORDER BY sequence"
ROW = "SELECT epoch, last_sequence, actor, status FROM sessions WHERE id = $1"
TAMPERING = (
    "UPDATE events SET epoch = 0 WHERE session_id = $1",
    "DELETE FROM events WHERE session_id = $1",
    "TRUNCATE events",
)


class Writer:
    """A process that believes to own a session: it knows an epoch and how far the log had come."""

    def __init__(self, session_id: str, epoch: int, last_sequence: int) -> None:
        self.session_id = session_id
        self.epoch = epoch
        self.next_sequence = last_sequence + 1
        self._mint = Mint()

    def batch(self, count: int, status: str) -> Batch:
        """Return the next events of this writer; whether it may write them, it learns from the store."""
        numbers = range(self.next_sequence, self.next_sequence + count)
        lines = [Line(n, self._mint.new_id("event"), "test.event", None, b'{"n":%d}' % n) for n in numbers]
        return Batch(self.session_id, self.epoch, lines, Head(status, 0, None, None, None, None))


def _has_writers(machine: "Fencing") -> bool:
    """Whether anything was placed: Hypothesis looks for that itself only where a rule takes a single writer."""
    return any(machine._epochs.values())


class Fencing(RuleBasedStateMachine):
    """What is known to be committed, beside what the database holds."""

    writers: Bundle[Writer] = Bundle("writers")

    def __init__(self, ground: PostgresGround, run: Run) -> None:
        super().__init__()
        self._ground = ground
        self._run = run
        self._sessions: list[str] = [run(ground.open()) for _ in range(2)]
        self._logs: dict[str, list[tuple[int, str, int]]] = {s: [] for s in self._sessions}
        self._epochs = dict.fromkeys(self._sessions, 0)
        self._owners: dict[str, str | None] = dict.fromkeys(self._sessions)
        self._statuses = dict.fromkeys(self._sessions, "started")

    # ------------------------------------------------------------ owners come

    @rule(target=writers, which=st.integers(0, 1), actor=st.sampled_from("ab"), twins=st.booleans())
    def a_session_is_placed(self, which: int, actor: str, *, twins: bool) -> Any:
        """Twins are one writer and its own ghost: a statement of it that is still under way."""
        session_id = self._sessions[which]
        epoch = self._run(settle(self._ground.placements, {session_id: actor}))[session_id]
        assert epoch == self._epochs[session_id] + 1
        self._epochs[session_id], self._owners[session_id] = epoch, actor
        loaded = self._run(self._ground.store.load(session_id, FORMAT))
        assert (loaded.epoch, loaded.last_sequence) == (epoch, len(self._logs[session_id]))
        made = [Writer(session_id, epoch, loaded.last_sequence) for _ in range(2 if twins else 1)]
        return multiple(*made)

    # ------------------------------------------------------------ owners write

    @rule(writer=writers, count=st.integers(1, 3), status=st.sampled_from(["active", "idle"]))
    def one_writes(self, writer: Writer, count: int, status: str) -> None:
        batch = writer.batch(count, status)
        written = self._run(self._ground.store.append([batch]))
        assert written == ({writer.session_id} if self._may_write(batch) else set())
        self._settle(writer, batch, is_written=bool(written))

    @precondition(_has_writers)
    @rule(chosen=st.lists(writers, min_size=2, max_size=4))
    def many_write_at_once(self, chosen: Sequence[Writer]) -> None:
        """Each from a process of its own."""
        chosen = list(dict.fromkeys(chosen))
        batches = [writer.batch(2, "active") for writer in chosen]
        possible = {b.session_id for b in batches if self._may_write(b)}
        results = self._run(_all(self._ground.store.append([b]) for b in batches))
        winners = [b.session_id for b, written in zip(batches, results, strict=True) if written]
        assert sorted(winners) == sorted(possible), "of those who may write one sequence, one does"
        for writer, batch, written in zip(chosen, batches, results, strict=True):
            self._settle(writer, batch, is_written=bool(written))

    @precondition(_has_writers)
    @rule(chosen=st.lists(writers, min_size=1, max_size=4))
    def a_group_is_written_in_one_statement(self, chosen: Sequence[Writer]) -> None:
        """What has moved on is left out, and spoils nothing for the others."""
        one_each = {writer.session_id: writer for writer in chosen}
        batches = {writer: writer.batch(1, "idle") for writer in one_each.values()}
        expected = {b.session_id for b in batches.values() if self._may_write(b)}
        written = self._run(self._ground.store.append(list(batches.values())))
        assert written == expected
        for writer, batch in batches.items():
            self._settle(writer, batch, is_written=batch.session_id in written)

    @rule(writer=writers, actor=st.sampled_from("ab"))
    def one_writes_while_its_session_is_placed_anew(self, writer: Writer, actor: str) -> None:
        batch, session_id = writer.batch(2, "active"), writer.session_id
        may_write = self._may_write(batch)
        placing = settle(self._ground.placements, {session_id: actor})
        written, epochs = self._run(_all([self._ground.store.append([batch]), placing]))
        assert may_write or not written
        self._settle(writer, batch, is_written=bool(written))
        self._epochs[session_id], self._owners[session_id] = epochs[session_id], actor

    @rule(
        writer=writers,
        outages=st.lists(st.sampled_from(["before", "after"]), min_size=1, max_size=3),
        is_placed_anew=st.booleans(),
    )
    def the_line_breaks_in_the_middle_of_a_commit(
        self, writer: Writer, outages: Sequence[str], *, is_placed_anew: bool
    ) -> None:
        """Who is told that it committed did, once; who is told that it is stale owns the session no more."""
        batch, session_id = writer.batch(2, "active"), writer.session_id
        may_write = self._may_write(batch)
        line = BrokenLine(self._ground.store)
        line.outages.extend(outages)
        placed = settle(self._ground.placements, {session_id: "a"}) if is_placed_anew else asyncio.sleep(0, {})
        error, epochs = self._run(_all([_commit(line, batch), placed]))
        is_written = self._run(self._holds(batch))
        assert error is not None or (is_written and may_write)
        assert error is None or isinstance(error, StaleEpochError)
        assert error is None or not may_write or is_placed_anew
        self._settle(writer, batch, is_written=is_written)
        if epochs:
            self._epochs[session_id], self._owners[session_id] = epochs[session_id], "a"

    def _may_write(self, batch: Batch) -> bool:
        session_id = batch.session_id
        return (batch.epoch, batch.first_sequence) == (self._epochs[session_id], len(self._logs[session_id]) + 1)

    def _settle(self, writer: Writer, batch: Batch, *, is_written: bool) -> None:
        if is_written:
            self._logs[batch.session_id] += [(e.sequence, hex_of(e.id), batch.epoch) for e in batch.events]
            self._statuses[batch.session_id] = batch.head.status
            writer.next_sequence = batch.last_sequence + 1

    async def _holds(self, batch: Batch) -> bool:
        rows = await self._ground.pool.fetch(ROWS, hex_of(batch.session_id))
        return {row["id"].hex for row in rows} >= {hex_of(e.id) for e in batch.events}

    # ------------------------------------------------------------ owners go

    @precondition(_has_writers)
    @rule(chosen=st.lists(writers, min_size=1, max_size=3), has_failed=st.booleans())
    def sessions_are_let_go(self, chosen: Sequence[Writer], *, has_failed: bool) -> None:
        chosen = list({w.session_id: w for w in chosen}.values())
        left = self._run(self._ground.placements.leave([Departure(w.session_id, w.epoch, has_failed) for w in chosen]))
        own = [w.session_id for w in chosen if w.epoch == self._epochs[w.session_id]]
        assert left == {s: not self._rests(s) for s in own}, "a newer owner is not dropped"
        for session_id in own:
            self._owners[session_id] = None if self._rests(session_id) or not has_failed else ""
            self._epochs[session_id] += 1  # what its owner still writes is void

    @precondition(_has_writers)
    @rule(chosen=st.lists(writers, min_size=1, max_size=3))
    def owners_stop_on_purpose(self, chosen: Sequence[Writer]) -> None:
        self._run(self._ground.placements.strike_out([(w.session_id, w.epoch) for w in chosen]))
        self._owners |= {w.session_id: None for w in chosen if w.epoch == self._epochs[w.session_id]}

    @rule(dead=st.lists(st.sampled_from("ab"), unique=True))
    def the_dead_are_forgotten(self, dead: Sequence[str]) -> None:
        """What one that was only thought dead still writes is void."""
        self._run(self._ground.placements.vacate(dead))
        for session_id, owner in self._owners.items():
            if owner in dead and self._rests(session_id):
                self._owners[session_id] = None
                self._epochs[session_id] += 1

    @rule(which=st.integers(0, 1), statement=st.sampled_from(TAMPERING))
    def somebody_tampers_with_the_log(self, which: int, statement: str) -> None:
        arguments = [hex_of(self._sessions[which])] if "$1" in statement else []
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            self._run(self._ground.pool.execute(statement, *arguments))

    def _rests(self, session_id: str) -> bool:
        return self._statuses[session_id] in ("started", "idle")

    # ------------------------------------------------------------ laws

    @invariant()
    def the_log_is_what_was_committed(self) -> None:
        for session_id, expected in self._logs.items():
            rows, row = self._run(self._read(session_id))
            log = [(r["sequence"], r["id"].hex, r["epoch"]) for r in rows]
            assert log == expected
            assert [sequence for sequence, _, _ in log] == list(range(1, len(log) + 1))
            epochs = [epoch for _, _, epoch in log]
            assert epochs == sorted(epochs), "nothing of an older epoch comes after a newer one"
            assert (row["epoch"], row["last_sequence"]) == (self._epochs[session_id], len(log))
            assert (row["actor"], row["status"]) == (self._owners[session_id], self._statuses[session_id])

    async def _read(self, session_id: str) -> tuple[Any, Any]:
        key = hex_of(session_id)
        return await self._ground.pool.fetch(ROWS, key), await self._ground.pool.fetchrow(ROW, key)


async def _all(work: Any) -> list[Any]:
    running: list[Coroutine[Any, Any, Any]] = list(work)
    return await asyncio.gather(*running)


async def _commit(line: BrokenLine, batch: Batch) -> PerdureError | None:
    """Commit as an actor does, and return what it is told."""
    heard: asyncio.Future[PerdureError | None] = asyncio.get_running_loop().create_future()
    writer, tasks = Journal(line), Tasks(lambda: heard.set_exception(RuntimeError("the writer has ended")))
    writer.start(tasks)
    writer.append(batch, heard.set_result)
    error = await heard
    await tasks.close()
    return error


def test_no_two_writers_ever_both_commit(shared_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense sequences, one writer for each, none of an older epoch after a newer one, and nothing is ever changed."""
    monkeypatch.setattr(journal, "RETRY_FIRST_S", 0.0)
    with standing(shared_database) as (ground, run):

        class Play(Fencing):
            def __init__(self) -> None:
                super().__init__(ground, run)

        run_state_machine_as_test(Play, settings=share(0.2, steps=25))
