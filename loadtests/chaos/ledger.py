"""What the database holds, read with plain SQL past the system under test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from loadtests.chaos.witness import digest

_SESSIONS: Final = "SELECT id, epoch, last_sequence, status FROM sessions WHERE id = ANY($1::uuid[])"
_EVENTS: Final = "SELECT sequence, epoch, type, body::text AS body FROM events WHERE session_id = $1 ORDER BY sequence"


class Event(NamedTuple):
    """One row of the journal; `digest` is of the bytes of its body."""

    sequence: int
    epoch: int
    type: str
    digest: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """The event's payload."""
        data: dict[str, Any] = self.body["data"]
        return data


@dataclass(frozen=True)
class Log:
    """A session's row and its events, in order."""

    session_id: str
    epoch: int
    last_sequence: int
    status: str
    events: list[Event]


async def logs(dsn: str, session_ids: list[str]) -> AsyncIterator[Log]:
    """Yield the log of each session that the database knows, one at a time: together they may be large."""
    connection = await asyncpg.connect(dsn)
    try:
        for row in await connection.fetch(_SESSIONS, [s.removeprefix("session_") for s in session_ids]):
            events = [_event(e) for e in await connection.fetch(_EVENTS, row["id"])]
            session_id = f"session_{row['id'].hex}"
            yield Log(session_id, row["epoch"], row["last_sequence"], row["status"], events)
    finally:
        await connection.close()


def _event(row: asyncpg.Record) -> Event:
    body = row["body"].encode()
    return Event(row["sequence"], row["epoch"], row["type"], digest(body), msgspec.json.decode(body))
