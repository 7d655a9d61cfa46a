"""Which actor owns which session. The supervisor's truth: raising the epoch is the placement."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import msgspec

from runtime.core.ids import hex_of
from runtime.core.supervision import Crash
from runtime.protocol import Placement
from runtime.store.pool import translate

# A new placement ends every older one: whoever appends under the old epoch commits nothing.
PLACE: Final = """
UPDATE sessions s SET epoch = s.epoch + 1, actor = p.actor, quarantined = false, crashes = '[]'
FROM unnest($1::uuid[], $2::text[]) AS p (id, actor)
WHERE s.id = p.id AND s.deleted_at IS NULL
RETURNING s.id, s.epoch
"""

# Of sessions that must go on by themselves the crash history is kept.
REVIVE: Final = """
UPDATE sessions s
SET epoch = s.epoch + 1, actor = p.actor, crashes = p.crashes, quarantined = p.quarantined,
    recoveries = s.recoveries + 1
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::json[], $5::boolean[])
    AS p (id, epoch, actor, crashes, quarantined)
WHERE s.id = p.id AND s.epoch = p.epoch AND s.deleted_at IS NULL
RETURNING s.id, s.epoch
"""

# Who rests is let go under a new epoch: had it been woken meanwhile under the old one, it would be two places at once.
RELEASE: Final = """
UPDATE sessions s SET actor = NULL, epoch = s.epoch + 1 FROM unnest($1::uuid[], $2::int[]) AS p (id, epoch)
WHERE s.id = p.id AND s.epoch = p.epoch AND (s.status IN ('started', 'idle') OR s.deleted_at IS NOT NULL)
RETURNING s.id
"""

STRIKE_OUT: Final = """
UPDATE sessions s SET actor = NULL FROM unnest($1::uuid[], $2::int[]) AS p (id, epoch)
WHERE s.id = p.id AND s.epoch = p.epoch
"""

# Owned by an actor that is not there, or by nobody, with a turn that has not ended.
ORPHANS: Final = """
SELECT id, epoch, steps, crashes, actor IS NOT NULL AS crashed FROM sessions
WHERE status IN ('active', 'waitingfortoolresults') AND deleted_at IS NULL
  AND (actor IS NULL OR actor <> ALL($1::text[]))
ORDER BY updated_at DESC
"""

VACATE: Final = """
UPDATE sessions SET actor = NULL
WHERE actor IS NOT NULL AND actor <> ALL($1::text[]) AND status IN ('started', 'idle')
"""

# Its actor lives on without it, so it gets one that nobody is: an orphan like those of the dead.
DISOWN: Final = "UPDATE sessions SET actor = '' WHERE id = $1 AND epoch = $2 AND deleted_at IS NULL RETURNING id"

# Actors all of whose sessions rest, or have finished a step since their last crash.
CALM: Final = """
SELECT actor FROM sessions WHERE actor = ANY($1::text[]) AND deleted_at IS NULL GROUP BY actor
HAVING bool_and(status IN ('started', 'idle') OR steps > coalesce((crashes->-1->>'steps')::bigint, -1))
"""

RESIDENTS: Final = """
SELECT id, epoch, actor, crashes, quarantined, status NOT IN ('started', 'idle') AS unfinished FROM sessions
WHERE actor = ANY($1::text[]) AND deleted_at IS NULL
"""


class Orphan(msgspec.Struct, frozen=True):
    """A session that lost its owner with something unfinished.

    `has_crashed` is false where its owner was asked to stop, and struck out.
    """

    session_id: str
    epoch: int
    steps: int
    crashes: tuple[Crash, ...]
    has_crashed: bool = True


class Revival(msgspec.Struct, frozen=True):
    """Where an orphan goes on, and what is remembered of its crashes."""

    orphan: Orphan
    actor: str
    crashes: tuple[Crash, ...]
    is_quarantined: bool


class Resident(msgspec.Struct, frozen=True):
    """A session where it lives, whether it has something unfinished there, and what is remembered of its crashes."""

    placement: Placement
    crashes: tuple[Crash, ...]
    is_unfinished: bool
    is_quarantined: bool


class PlacementStore:
    """The directory of sessions. Raises StoreUnavailableError when the database is away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def place(self, assignments: Sequence[tuple[str, str]]) -> dict[str, int]:
        """Give sessions to actors; return the new epoch of each that exists. Lifts a quarantine."""
        ids, actors = [hex_of(s) for s, _ in assignments], [a for _, a in assignments]
        return await self._epochs(PLACE, ids, actors)

    async def revive(self, revivals: Sequence[Revival]) -> dict[str, int]:
        """Give orphans to actors; return the new epoch of each that nobody else has taken meanwhile."""
        return await self._epochs(
            REVIVE,
            [hex_of(r.orphan.session_id) for r in revivals],
            [r.orphan.epoch for r in revivals],
            [r.actor for r in revivals],
            [msgspec.json.encode(r.crashes).decode() for r in revivals],
            [r.is_quarantined for r in revivals],
        )

    async def release(self, residents: Sequence[tuple[str, int]]) -> set[str]:
        """Note that sessions rest and live nowhere; return those that did not go on, here or elsewhere, meanwhile."""
        with translate():
            rows = await self._pool.fetch(RELEASE, [hex_of(s) for s, _ in residents], [e for _, e in residents])
        return {_session_id(row) for row in rows}

    async def strike_out(self, residents: Sequence[tuple[str, int]]) -> None:
        """Note that the owner of sessions has stopped on purpose, wherever they stand."""
        with translate():
            await self._pool.execute(STRIKE_OUT, [hex_of(s) for s, _ in residents], [e for _, e in residents])

    async def orphans(self, living: Sequence[str]) -> list[Orphan]:
        """Return the sessions with an unfinished turn whose actor is not among the living, newest first."""
        with translate():
            rows = await self._pool.fetch(ORPHANS, list(living))
        return [_orphan(row) for row in rows]

    async def vacate(self, living: Sequence[str]) -> None:
        """Forget the owners of idle sessions that are not among the living."""
        with translate():
            await self._pool.execute(VACATE, list(living))

    async def disown(self, session_id: str, epoch: int) -> bool:
        """Take a session from its actor, which let it go; False if it was placed anew meanwhile."""
        with translate():
            return await self._pool.fetchval(DISOWN, hex_of(session_id), epoch) is not None

    async def residents(self, actors: Sequence[str]) -> list[Resident]:
        """Return everything that lives in these actors."""
        with translate():
            rows = await self._pool.fetch(RESIDENTS, list(actors))
        return [_resident(row) for row in rows]

    async def calm(self, actors: Sequence[str]) -> list[str]:
        """Return those of the actors whose sessions are suspects no more."""
        with translate():
            return [row["actor"] for row in await self._pool.fetch(CALM, list(actors))]

    async def _epochs(self, statement: str, *columns: Sequence[object]) -> dict[str, int]:
        with translate():
            rows = await self._pool.fetch(statement, *columns)
        return {_session_id(row): row["epoch"] for row in rows}


def _session_id(row: asyncpg.Record) -> str:
    return f"session_{row['id'].hex}"


def _orphan(row: asyncpg.Record) -> Orphan:
    return Orphan(_session_id(row), row["epoch"], row["steps"], _crashes(row), row["crashed"])


def _resident(row: asyncpg.Record) -> Resident:
    placement = Placement(_session_id(row), row["epoch"], row["actor"])
    return Resident(placement, _crashes(row), row["unfinished"], row["quarantined"])


def _crashes(row: asyncpg.Record) -> tuple[Crash, ...]:
    return msgspec.json.decode(row["crashes"], type=tuple[Crash, ...])
