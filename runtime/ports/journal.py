"""The journal: what is written to it and read from it, who writes it, and where it is kept."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from runtime.core.errors import PerdureError


class Line(msgspec.Struct, frozen=True):
    """One event as it is stored: `body` is what is sent, `private` what nobody may see."""

    sequence: int
    id: str
    type: str
    turn_id: str | None
    body: bytes
    private: msgspec.Raw | None = None


class Head(msgspec.Struct, frozen=True):
    """What a session's row says once the batch is in: the log's summary for lists and supervision."""

    status: str
    steps: int
    usage: str | None
    title: str | None
    preview: str | None
    output_preview: str | None


class Batch(msgspec.Struct):
    """Consecutive events of one session, to be committed together."""

    session_id: str
    epoch: int
    events: list[Line]
    head: Head

    @property
    def first_sequence(self) -> int:
        """Sequence of the first event."""
        return self.events[0].sequence

    @property
    def last_sequence(self) -> int:
        """Sequence of the last event."""
        return self.events[-1].sequence

    @property
    def size_bytes(self) -> int:
        """What the events weigh."""
        return sum(len(line.body) + (memoryview(line.private).nbytes if line.private else 0) for line in self.events)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A session as the store has it: its row, the newest snapshot, and the events after that."""

    session_id: str
    org_id: str
    epoch: int
    last_sequence: int
    harness_id: str
    agent_id: str | None
    workspace_id: str
    definition: bytes
    revision: int = 1
    title: str | None
    created_at: datetime
    is_quarantined: bool = False
    snapshot: bytes | None
    tail: Sequence[tuple[bytes, msgspec.Raw | None]]


class JournalStore(Protocol):
    """Where the journal is kept."""

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        """Commit each batch whose epoch and first sequence still fit; return the sessions that did."""
        ...

    async def last_events(self, session_ids: Sequence[str]) -> dict[str, str]:
        """Return the id of the last committed event of each session that has one."""
        ...

    async def load(self, session_id: str, version: str) -> Loaded | None:
        """Return what is needed to bring a session back."""
        ...

    async def save_snapshot(self, session_id: str, sequence: int, version: str, state: bytes) -> None:
        """Keep the newest snapshot."""
        ...


Done = Callable[[PerdureError | None], None]


class JournalWriter(Protocol):
    """Who commits what the sessions of a process append."""

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the disk that no new work should be taken on."""
        ...

    async def room(self) -> None:
        """Wait until it is no longer full: what a turn that goes on is to do before it makes more events."""
        ...

    def append(self, batch: Batch, done: Done) -> None:
        """Queue a batch; `done` hears None after the commit, or the error that makes it impossible."""
        ...

    async def flush(self) -> None:
        """Wait until all that is queued is on the disk."""
        ...
