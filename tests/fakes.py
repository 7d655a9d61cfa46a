"""The fakes that do not ship."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from runtime.core.access.principal import DEFAULT_ORG, Principal
from runtime.core.errors import ConflictError, NotFoundError, PerdureError, StoreUnavailableError
from runtime.core.message import Message
from runtime.core.metrics.counts import Counts
from runtime.core.metrics.ring import Point
from runtime.core.placement.directory import Address, Placement
from runtime.core.session.decision import Decision
from runtime.ports.events import PAGE_LIMIT, Part, Range, StoredEvent
from runtime.ports.gateway import ActorInfo, ClientResult, Frame, Input
from runtime.ports.journal import Batch, JournalStore, Line, Loaded
from runtime.ports.listed import Listed
from runtime.ports.operations import Overview, Worker

SESSION_ID = "session_" + "5" * 32  # the one whose log a ListLog keeps
OVERVIEW = Overview(  # of a cluster in which all is well
    started_at="2026-01-01T00:00:00.000Z",
    nodes=1,
    front_doors=1,
    ready=2,
    starting=0,
    draining=0,
    standby=1,
    max_actors=4,
    capacity=200,
    sessions=10,
    waiting=0,
    quarantined=0,
)
ADDRESS = Address("127.0.0.1", 1, b"key")  # of every session actor


def addressed(placement: Placement) -> Placement:
    """Return a placement as a front door is told it."""
    return placement if placement.actor is None else msgspec.structs.replace(placement, address=ADDRESS)


def front_door(name: str) -> ActorInfo:
    """Return what a front door says of itself."""
    return ActorInfo(
        name=name,
        role="front_door",
        actor_id=None,
        node_id=None,
        pid=None,
        state="live",
        sessions=0,
        rss_bytes=0,
        started_at="",
    )


class ManualSubscription:
    """A subscription that a test feeds."""

    def __init__(self, start_sequence: int = 0, partial: Frame | None = None) -> None:
        self.start_sequence = start_sequence
        self.partial = partial
        self.is_closed = False
        self.reader_at: int | None = None  # what it was last told by its reader
        self._lagged = False
        self._frames: deque[Frame] = deque()
        self._wake = asyncio.Event()

    @property
    def lagged(self) -> bool:
        return self._lagged

    def feed(self, *frames: Frame) -> None:
        self._frames.extend(frames)
        self._wake.set()

    def drop(self) -> None:
        """Lose the queue, as a slow reader does."""
        self._lagged = True
        self._frames.clear()
        self._wake.set()

    def reached(self, sequence: int) -> None:
        self.reader_at = sequence

    async def next(self) -> Sequence[Frame]:
        await self._wake.wait()
        self._wake.clear()
        frames = tuple(self._frames)
        self._frames.clear()
        return frames

    def close(self) -> None:
        self.is_closed = True
        self._wake.set()


class FakeGateway:
    """Sessions without actors: keeps what it is sent, and hands out subscriptions that a test feeds."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Input]] = []
        self.results: list[tuple[str, Sequence[ClientResult]]] = []
        self.decisions: list[tuple[str, Decision]] = []
        self.titles: dict[str, str] = {}
        self.closed: list[str] = []
        self.subscriptions: dict[str, list[ManualSubscription]] = {}
        self.running: set[str] = set()
        self.waiting: set[str] = set()
        self.unknown: set[str] = set()
        self.actor_list: list[ActorInfo] = []
        self.asked_for: list[str] = []  # actors, by name
        self.asked_by: list[Principal] = []
        self.error: Exception | None = None
        self.start_sequence = 0
        self.partial: Frame | None = None
        self.subscribed = asyncio.Event()

    async def send(self, by: Principal, session_id: str, message: Input) -> Message:
        self._check(session_id)
        self.asked_by.append(by)
        self.sent.append((session_id, message))
        return message.message

    async def cancel(self, by: Principal, session_id: str) -> bool:
        self._check(session_id)
        self.asked_by.append(by)
        was_running = session_id in self.running
        self.running.discard(session_id)
        return was_running

    async def submit_results(self, by: Principal, session_id: str, results: Sequence[ClientResult]) -> str:
        self._check(session_id)
        self.asked_by.append(by)
        if session_id not in self.waiting:
            raise ConflictError.not_waiting()
        self.results.append((session_id, results))
        return "active"

    async def submit_decision(self, by: Principal, session_id: str, decision: Decision) -> bool:
        self._check(session_id)
        self.asked_by.append(by)
        self.decisions.append((session_id, decision))
        return session_id in self.waiting

    async def rename(self, by: Principal, session_id: str, title: str) -> None:
        self._check(session_id)
        self.asked_by.append(by)
        self.titles[session_id] = title

    async def close_session(self, by: Principal, session_id: str) -> None:
        self._check(session_id)
        self.asked_by.append(by)
        self.closed.append(session_id)

    async def subscribe(self, by: Principal, session_id: str) -> ManualSubscription:
        self._check(session_id)
        self.asked_by.append(by)
        subscription = ManualSubscription(self.start_sequence, self.partial)
        self.subscriptions.setdefault(session_id, []).append(subscription)
        self.subscribed.set()
        return subscription

    async def actors(self, *, offset: int = 0, limit: int) -> Listed[ActorInfo]:
        return Listed(self.actor_list[offset : offset + limit], offset, len(self.actor_list))

    async def actor(self, name: str) -> ActorInfo | None:
        self.asked_for.append(name)
        return next((info for info in self.actor_list if info.name == name), None)

    async def check(self) -> None:
        self._check("")

    async def drain(self, *, actor: str | None = None, node_id: str | None = None) -> Sequence[ActorInfo]:
        return [info for info in self.actor_list if info.name == actor or (node_id and info.node_id == node_id)]

    def _check(self, session_id: str) -> None:
        if self.error is not None:
            raise self.error
        if session_id in self.unknown:
            raise NotFoundError("session", session_id)


class FakeOperations:
    """A cluster that stands still: what a test puts here is what the supervisor knows."""

    def __init__(self) -> None:
        self.seen = OVERVIEW
        self.worker_list: list[Worker] = []
        self.points: list[Point] = []
        self.reports: list[tuple[str, Counts | None, int]] = []
        self.error: PerdureError | None = None
        self.looks = 0

    async def overview(self) -> Overview:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.seen

    async def series(self, *, after: int = 0) -> Sequence[Point]:
        return [point for point in self.points if point.at > after]

    async def report(self, front_door: str, counts: Counts | None, streams: int) -> None:
        self.reports.append((front_door, counts, streams))

    async def workers(self, *, is_draining: bool | None = None, offset: int = 0, limit: int) -> Listed[Worker]:
        chosen = [worker for worker in self.worker_list if is_draining in (None, worker.is_draining)]
        return Listed(chosen[offset : offset + limit], offset, len(chosen))


class ListLog:
    """The log of one session, in memory."""

    def __init__(self, *events: StoredEvent) -> None:
        self.events = list(events)
        self.reads = 0
        self.fitting = PAGE_LIMIT  # how many are read at once

    async def head(self, session_id: str) -> int | None:
        if session_id != SESSION_ID:
            return None
        return self.events[-1].sequence if self.events else 0

    async def after(self, session_id: str, sequence: int, limit: int) -> Part[StoredEvent]:
        assert session_id == SESSION_ID
        self.reads += 1
        there = [event for event in self.events if event.sequence > sequence]
        read = there[: min(limit, self.fitting)]
        return Part(read, Range(read[-1].sequence) if len(read) == limit or len(read) < len(there) else None)

    async def sequence_of(self, session_id: str, event_id: str) -> int:
        assert session_id == SESSION_ID
        return max((event.sequence for event in self.events if event.id <= event_id), default=0)

    async def beginning(self, session_id: str) -> int | None:
        inputs = [event.sequence for event in self.events if event.type == "input.message"]
        return inputs[-1] - 1 if inputs and session_id == SESSION_ID else await self.head(session_id)


class MemoryRow:
    """What the store knows of one session."""

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self.is_quarantined = False
        self.lines: list[tuple[Line, int]] = []  # with the epoch of the writer
        self.snapshot: tuple[int, str, bytes] | None = None


class MemoryJournal:
    """A JournalStore in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, MemoryRow] = {}

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        await asyncio.sleep(0)
        return {b.session_id for b in batches if self._write(b)}

    def _write(self, batch: Batch) -> bool:
        row = self.rows[batch.session_id]
        if (row.epoch, len(row.lines)) != (batch.epoch, batch.first_sequence - 1):
            return False
        row.lines += [(line, batch.epoch) for line in batch.events]
        return True

    async def last_events(self, session_ids: Sequence[str]) -> dict[str, str]:
        await asyncio.sleep(0)
        return {s: self.rows[s].lines[-1][0].id for s in session_ids if self.rows[s].lines}

    async def load(self, session_id: str, version: str) -> Loaded | None:
        await asyncio.sleep(0)
        row = self.rows[session_id]
        start, written_by, state = row.snapshot or (0, version, b"")
        usable = state if state and written_by == version else None
        return Loaded(
            session_id=session_id,
            org_id=DEFAULT_ORG,
            epoch=row.epoch,
            is_quarantined=row.is_quarantined,
            last_sequence=len(row.lines),
            harness_id="harness_" + "1" * 32,
            agent_id=None,
            workspace_id="wsp_" + "2" * 32,
            definition=b"{}",
            title=None,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            snapshot=usable,
            tail=[(line.body, line.private) for line, _ in row.lines[start if usable else 0 :]],
        )

    async def save_snapshot(self, session_id: str, sequence: int, version: str, state: bytes) -> None:
        await asyncio.sleep(0)
        row = self.rows[session_id]
        if row.snapshot is None or row.snapshot[1] != version or row.snapshot[0] < sequence:
            row.snapshot = (sequence, version, state)


class BrokenLine:
    """A JournalStore whose line breaks at the next appends, before the commit or after it, as `outages` say."""

    def __init__(self, store: JournalStore) -> None:
        self._store = store
        self.outages: deque[str] = deque()

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        outage = self.outages.popleft() if self.outages else None
        if outage == "before":
            raise StoreUnavailableError
        written = await self._store.append(batches)
        if outage == "after":
            raise StoreUnavailableError
        return written

    async def last_events(self, session_ids: Sequence[str]) -> dict[str, str]:
        return await self._store.last_events(session_ids)

    async def load(self, session_id: str, version: str) -> Loaded | None:
        return await self._store.load(session_id, version)

    async def save_snapshot(self, session_id: str, sequence: int, version: str, state: bytes) -> None:
        await self._store.save_snapshot(session_id, sequence, version, state)


class HeldDisk(BrokenLine):
    """A JournalStore whose appends wait while the disk stands still."""

    def __init__(self, store: JournalStore) -> None:
        super().__init__(store)
        self._moves = asyncio.Event()
        self._moves.set()

    def stop(self) -> None:
        self._moves.clear()

    def go_on(self) -> None:
        self._moves.set()

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        await self._moves.wait()
        return await super().append(batches)
