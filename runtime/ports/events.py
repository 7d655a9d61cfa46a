"""The journal as people read it: pages, messages, the ledger of effects. Who writes it is in `journal.py`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from runtime.core import event as ev
from runtime.core.message import Message
from runtime.core.session.effect import Effect

T = TypeVar("T")

PAGE_LIMIT: Final = 1000
PART_BYTES: Final = 4 << 20  # of what is read of a log at once; an event that is larger comes alone
DEBUG_LIMIT: Final = 10_000
FOREVER: Final = 2**63 - 1  # after the last sequence


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events. `tags` matches any of them; `text` is a substring of the payload, in any case."""

    types: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()
    turn_id: str | None = None
    exec_id: str | None = None
    trace_id: str | None = None
    from_ts: datetime | None = None
    to_ts: datetime | None = None
    tags: Sequence[str] | None = None
    tool_name: str | None = None
    text: str | None = None

    @property
    def is_debugging(self) -> bool:
        """Whether it looks into events, and so is bounded."""
        asked = (self.turn_id, self.exec_id, self.trace_id, self.from_ts, self.to_ts, self.tool_name, self.text)
        return any(value is not None for value in asked) or bool(self.tags)

    def allows(self, event_type: str) -> bool:
        """Whether events of a type pass."""
        return event_type in (ev.KNOWN_TYPES if self.types is None else self.types) and event_type not in self.exclude


class Range(msgspec.Struct, frozen=True):
    """An open interval of sequences, and how many events of it: the oldest, or the `newest`.

    Without a limit it is read a page of `PAGE_LIMIT` at a time. `found` are those that are known to be next: nothing is
    looked for again.
    """

    after: int = 0
    before: int = FOREVER
    limit: int | None = None
    newest: bool = False
    is_descending: bool = False
    found: tuple[int, ...] = ()


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it is sent."""

    sequence: int
    type: str
    body: bytes

    @property
    def id(self) -> str:
        """Its public id, from the body: encoders of this project write `id` first."""
        return self.body[7:45].decode()


class Part(msgspec.Struct, Generic[T], frozen=True):
    """As much of a range as was read at once, in the range's order, and what is left of that; None at its end."""

    items: list[T]
    rest: Range | None


class Events(Protocol):
    """The journal, read only. Sessions that were deleted have none."""

    async def head(self, session_id: str) -> int | None:
        """Return the last sequence of a session, 0 before its first event; None if there is no such session."""
        ...

    async def beginning(self, session_id: str) -> int | None:
        """Return the sequence after which a client begins that names none; None if there is no such session.

        Its newest message comes next: who sends first and listens then must see it and all that came of it.
        """
        ...

    async def after(self, session_id: str, sequence: int, limit: int) -> Part[StoredEvent]:
        """Return up to `limit` events after a sequence, in order, of every type."""
        ...

    async def sequence_of(self, session_id: str, event_id: str) -> int:
        """Return the sequence of the newest event that is not after an id, 0 if none is."""
        ...

    async def last_of_type(self, session_id: str, event_type: str, until: int) -> int:
        """Return the sequence of the newest event of a type up to a sequence, 0 if there is none."""
        ...

    async def read(self, session_id: str, chosen: Filter, span: Range) -> Part[StoredEvent]:
        """Return the matching events of a range, oldest first unless it is descending."""
        ...

    async def count(self, session_id: str, chosen: Filter) -> int:
        """Return how many stored events match, wherever they are."""
        ...

    async def messages(self, session_id: str, span: Range) -> Part[tuple[int, Message]]:
        """Return the messages of an interval, oldest first, each with its sequence."""
        ...

    async def effects(self, session_id: str, limit: int, offset: int) -> tuple[list[Effect], int]:
        """Return a part of the effect ledger, newest first, and how many entries there are."""
        ...

    async def effect(self, session_id: str, tool_call_id: str) -> Effect | None:
        """Return the ledger's newest entry of a call."""
        ...

    async def pending_decisions(self, session_id: str | None = None) -> list[ev.Event]:
        """Return the `tool.decision_requested` events that wait for a person, of one session or all, oldest first."""
        ...

    async def summary(self, session_id: str) -> list[tuple[str, int, str, str]]:
        """Return for each type: its name, how many events, and the times of the first and the last."""
        ...
