"""The journal's writer: group commit by natural batching.

All sessions of an actor share one writer. While one commit is under way, appends queue; when it lands,
the queue goes as the next one. No timer, so no latency is added, and the busier it is the more each
commit carries. A session's appends are committed in the order made, each whole or not at all.

What the store cannot hold fails the append that it is in. A database that is away is waited for. Anything
else that goes wrong here is a bug, which the process does not survive: its sessions go on elsewhere.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from runtime.core.errors import CallerError, PerdureError, PermanentError, StaleEpochError, StoreUnavailableError
from runtime.ports.journal import Batch, Done, JournalStore
from runtime.process.failpoint import FailPoint, Loop, reach, stumble
from runtime.process.tasks import Tasks

log = structlog.get_logger(__name__)

MAX_EVENTS_PER_COMMIT: Final = 2_000
MAX_BYTES_PER_COMMIT: Final = 4 << 20  # a statement that takes too long to send is never done
RETRY_FIRST_S: Final = 0.05
RETRY_MOST_S: Final = 2.0


Outcome = dict[tuple[str, int], PerdureError | None]  # (session, epoch) → None if committed; absent if stale


class Journal:
    """Appends of many sessions, committed in groups by one task."""

    def __init__(self, store: JournalStore, limit_bytes: int = 64 << 20) -> None:
        self._store = store
        self._limit_bytes = limit_bytes
        self._queued_bytes = 0
        self._queue: list[tuple[Batch, Done]] = []
        self._wakeup = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def start(self, tasks: Tasks) -> None:
        """Start the writer, which ends with `tasks` and takes the process along if it ends before."""
        tasks.essential(self._write_forever(), "journal")

    async def flush(self) -> None:
        """Wait until all that is queued is on the disk. Cancel this to give up on a database that stays away."""
        await self._idle.wait()

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the disk that no new work should be taken on."""
        return not self._has_room.is_set()

    async def room(self) -> None:
        """Wait until it is no longer full: what a turn that goes on is to do before it makes more events."""
        await self._has_room.wait()

    def append(self, batch: Batch, done: Done) -> None:
        """Queue a batch; `done` hears None after the commit, or the error that makes it impossible."""
        self._queue.append((batch, done))
        self._weigh(batch.size_bytes)
        self._idle.clear()
        self._wakeup.set()

    async def _write_forever(self) -> None:
        while True:
            await self._wakeup.wait()
            stumble(Loop.JOURNAL)
            group = self._take()
            batches = _merge([batch for batch, _ in group])
            reach(FailPoint.JOURNAL_COMMITTING)
            outcome = await self._commit(batches)
            reach(FailPoint.JOURNAL_COMMITTED)
            self._weigh(-sum(batch.size_bytes for batch, _ in group))
            for batch, done in group:
                done(outcome.get((batch.session_id, batch.epoch), StaleEpochError(batch.session_id, batch.epoch)))
            if not self._queue:
                self._wakeup.clear()
                self._idle.set()

    def _weigh(self, more_bytes: int) -> None:
        self._queued_bytes += more_bytes
        if self._queued_bytes >= self._limit_bytes:
            self._has_room.clear()
        else:
            self._has_room.set()

    def _take(self) -> list[tuple[Batch, Done]]:
        events = size_bytes = count = 0
        for batch, _ in self._queue:
            events += len(batch.events)
            size_bytes += batch.size_bytes
            if count and (events > MAX_EVENTS_PER_COMMIT or size_bytes > MAX_BYTES_PER_COMMIT):
                break
            count += 1
        group, self._queue = self._queue[:count], self._queue[count:]
        return group

    async def _commit(self, batches: list[Batch]) -> Outcome:
        """Commit, outlasting a database that is away; whatever did land before the line broke is not repeated."""
        try:
            return await self._append(batches)
        except StoreUnavailableError as err:
            log.warning("commit_interrupted", reason=err.reason, sessions=len(batches))
        delay = RETRY_FIRST_S
        while True:
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MOST_S)
            try:
                outcome = await self._landed(batches)
                outcome |= await self._append(_without(outcome, batches))
                # The broken line's commit may have landed only now, and so have made ours look stale.
                return outcome | await self._landed(_without(outcome, batches))
            except StoreUnavailableError as err:
                log.warning("commit_retrying", reason=err.reason, next_try_s=delay)

    async def _landed(self, batches: list[Batch]) -> Outcome:
        last = await self._store.last_events([b.session_id for b in batches]) if batches else {}
        return _committed([b for b in batches if last.get(b.session_id) == b.events[-1].id])

    async def _append(self, batches: list[Batch]) -> Outcome:
        """Append a group; if it holds what the store cannot, one by one, so that only the guilty batch fails."""
        if not batches:
            return {}
        try:
            written = await self._store.append(batches)
            return _committed([b for b in batches if b.session_id in written])
        except (PermanentError, CallerError) as err:
            if len(batches) == 1:
                log.exception("append_refused", session_id=batches[0].session_id)
                return {(batches[0].session_id, batches[0].epoch): err}
        outcome: Outcome = {}
        for batch in batches:
            outcome |= await self._append([batch])
        return outcome


def _without(outcome: Outcome, batches: Sequence[Batch]) -> list[Batch]:
    return [b for b in batches if (b.session_id, b.epoch) not in outcome]


def _committed(batches: Sequence[Batch]) -> Outcome:
    return {(b.session_id, b.epoch): None for b in batches}


def _merge(batches: Sequence[Batch]) -> list[Batch]:
    """Join the batches of each session, in order; of two epochs of one session only the newer can win."""
    by_session: dict[str, Batch] = {}
    for batch in batches:
        known = by_session.get(batch.session_id)
        if known is None or known.epoch < batch.epoch:
            by_session[batch.session_id] = Batch(batch.session_id, batch.epoch, list(batch.events), batch.head)
        elif known.epoch == batch.epoch:
            known.events.extend(batch.events)
            known.head = batch.head
    return list(by_session.values())
