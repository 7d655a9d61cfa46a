"""What was seen from outside: everything that the system told its clients, and when. Times are monotonic seconds."""

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """One durable event as it reached a client; `digest` is of its bytes."""

    sequence: int
    digest: int
    at: float


class Accepted(NamedTuple):
    """A message that was answered with 2xx. `replies` is what the agent must say, message by message.

    If it `is_mad` its model says garbage: the turn ends, and nobody knows how.
    """

    message_id: str
    nonce: str
    replies: tuple[str, ...]
    at: float
    is_mad: bool = False


class Head(NamedTuple):
    """The first time that a session's row was seen under an epoch: how long its log was by then."""

    epoch: int
    last_sequence: int


class DiaryLine(NamedTuple):
    """What a tool wrote outside the system: `what` is began or ended."""

    what: str
    tool: str
    call_id: str
    at: float


@dataclass
class Evidence:
    """All that is known from outside about one session.

    `attempted` are the messages that were sent at all, by nonce; `results` the client-side results that were
    accepted, by tool call; `excused` says why its turns may fail, if they may; `blows` is when its owner was struck.
    """

    session_id: str
    watchers: dict[str, list[Seen]] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    attempted: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    results: dict[str, str] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    stalled: list[str] = field(default_factory=list)
    is_usable: bool = True
    last_refusal: str = ""
    excused: str | None = None
    blows: list[float] = field(default_factory=list)

    def first_seen(self) -> dict[int, float]:
        """Return when each sequence first reached anybody."""
        first: dict[int, float] = {}
        for seen in self.watchers.values():
            for sequence, _, at in seen:
                first[sequence] = min(at, first.get(sequence, at))
        return first


class Witness:
    """Collects evidence while the system runs, and tells when something of a kind happens."""

    def __init__(self) -> None:
        self.sessions: dict[str, Evidence] = {}
        self._awaited: defaultdict[str, list[asyncio.Future[str]]] = defaultdict(list)

    def about(self, session_id: str) -> Evidence:
        """Return what is known of a session."""
        return self.sessions.setdefault(session_id, Evidence(session_id))

    def happened(self, moment: str, session_id: str) -> None:
        """Tell those who wait for such a moment; called the instant it is seen."""
        for future in self._awaited.pop(moment, ()):
            if not future.done():
                future.set_result(session_id)

    @contextmanager
    def _waiting(self, moment: str) -> Iterator["asyncio.Future[str]"]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._awaited[moment].append(future)
        try:
            yield future
        finally:
            future.cancel()

    async def next(self, moment: str, timeout_s: float) -> str | None:
        """Wait until the moment comes in any session, and return which; None if it does not come in time."""
        with self._waiting(moment) as future:
            try:
                return await asyncio.wait_for(future, timeout_s)
            except TimeoutError:
                return None


def digest(body: bytes) -> int:
    """Return 64 bits that tell one event from another."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big")


def now() -> float:
    """Return the machine's monotonic time, the same for all of its processes."""
    return time.monotonic()


def read_diary(path: Path) -> dict[str, list[DiaryLine]]:
    """Return the tools' diary by call."""
    diary: defaultdict[str, list[DiaryLine]] = defaultdict(list)
    for line in path.read_text().splitlines() if path.exists() else ():
        what, tool, call_id, at = line.split(" ")
        diary[call_id].append(DiaryLine(what, tool, call_id, float(at)))
    return dict(diary)
