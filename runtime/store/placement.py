"""Which actor owns which session. The supervisor's truth: raising the epoch is the placement."""

import struct
from collections.abc import Sequence
from typing import Final

import asyncpg
import msgspec

from runtime.core.ids import hex_of
from runtime.core.placement.directory import Placement
from runtime.core.placement.supervision import Crash, Record, Standing
from runtime.ports.listed import COUNTED_MOST
from runtime.store.pool import translate
from runtime.wire.protocol import Departure

_COLUMNS: Final = """
s.id, s.epoch, s.actor, s.steps, s.crashes, s.quarantined, s.given_up,
s.status IN ('active', 'waitingfortoolresults') AS is_unfinished
"""

# Whoever was placed at rest and wrote nothing there was being brought to life when its actor died.
_WROTE: Final = """
EXISTS (SELECT FROM events e WHERE e.session_id = s.id AND e.sequence = s.last_sequence AND e.epoch = s.epoch)
"""

CASES: Final = f"""
SELECT {_COLUMNS}, {_WROTE} AS has_written FROM sessions s WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL
"""

# With a turn that has not ended, in an actor that is not there. Those that have crashed before come first, for they may
# need an empty actor, then the newest.
ORPHANS: Final = """
SELECT id FROM sessions
WHERE actor = ANY($1::text[]) AND status IN ('active', 'waitingfortoolresults') AND deleted_at IS NULL AND NOT given_up
ORDER BY crashes::text = '[]', updated_at DESC
"""

# The same, of nobody: it was let go on purpose, and nobody has heard of it.
ABANDONED: Final = """
SELECT id FROM sessions
WHERE status IN ('active', 'waitingfortoolresults') AND actor IS NULL AND deleted_at IS NULL AND NOT given_up
ORDER BY updated_at DESC
"""

STILLBORN: Final = f"""
SELECT {_COLUMNS}, false AS has_written FROM sessions s
WHERE actor = ANY($1::text[]) AND status IN ('started', 'idle') AND deleted_at IS NULL AND NOT {_WROTE}
"""

# Everybody who owns anything: a step from one name to the next in the index, for each has thousands of sessions.
OWNERS: Final = """
WITH RECURSIVE owners AS (
    (SELECT actor FROM sessions WHERE actor IS NOT NULL ORDER BY actor LIMIT 1)
    UNION ALL
    SELECT (SELECT s.actor FROM sessions s WHERE s.actor > o.actor ORDER BY s.actor LIMIT 1)
    FROM owners o WHERE o.actor IS NOT NULL
)
SELECT actor FROM owners WHERE actor IS NOT NULL
"""

# A new placement ends every older one: whoever appends under the old epoch commits nothing.
MOVE: Final = """
UPDATE sessions s
SET epoch = s.epoch + 1, actor = m.actor, crashes = m.crashes, quarantined = m.standing <> 'free',
    given_up = m.standing = 'given_up', recoveries = s.recoveries + m.is_recovery::int
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::json[], $5::text[], $6::boolean[])
    AS m (id, epoch, actor, crashes, standing, is_recovery)
WHERE s.id = m.id AND s.epoch = m.epoch AND s.deleted_at IS NULL
RETURNING s.id, s.epoch
"""

# Who was let go is nobody's under a new epoch, or, if its owner failed it, an orphan like those of the dead: it gets
# an actor that nobody is. With something unfinished it must go on elsewhere, whatever its owner believed of it.
LEAVE: Final = """
UPDATE sessions s
SET epoch = s.epoch + 1,
    actor = CASE WHEN d.has_failed AND s.status IN ('active', 'waitingfortoolresults') THEN '' END
FROM unnest($1::uuid[], $2::int[], $3::boolean[]) AS d (id, epoch, has_failed)
WHERE s.id = d.id AND s.epoch = d.epoch
RETURNING s.id, s.status IN ('active', 'waitingfortoolresults') AND s.deleted_at IS NULL AS is_unfinished
"""

ORG: Final = "SELECT org_id FROM sessions WHERE id = $1 AND deleted_at IS NULL"
SPEAKS: Final = "SELECT speaks_in($1, $2)"

STRIKE_OUT: Final = """
UPDATE sessions s SET actor = NULL FROM unnest($1::uuid[], $2::int[]) AS p (id, epoch)
WHERE s.id = p.id AND s.epoch = p.epoch
"""

# Under a new epoch, lest an owner that was only thought dead begins something of which nobody would know. Not all at
# once: they may be more than can be done in time, and whoever is woken meanwhile waits for its row.
VACATED_AT_ONCE: Final = 1_000
VACATE: Final = f"""
WITH resting AS (
    SELECT id FROM sessions
    WHERE actor = ANY($1::text[]) AND (status IN ('started', 'idle') OR deleted_at IS NOT NULL)
    LIMIT {VACATED_AT_ONCE} FOR NO KEY UPDATE
), vacated AS (
    UPDATE sessions s SET actor = NULL, epoch = s.epoch + 1 FROM resting WHERE s.id = resting.id RETURNING s.id
)
SELECT count(*) FROM vacated
"""

# Actors all of whose sessions rest, or have finished a step since their last crash.
CALM: Final = """
SELECT actor FROM sessions WHERE actor = ANY($1::text[]) AND deleted_at IS NULL GROUP BY actor
HAVING bool_and(status IN ('started', 'idle') OR steps > coalesce((crashes->-1->>'steps')::bigint, -1))
"""

# Counted up to a limit, from an index that holds them only.
QUARANTINED: Final = f"""
SELECT org_id, count(*) FROM (
    SELECT org_id FROM sessions WHERE quarantined AND deleted_at IS NULL LIMIT {COUNTED_MOST + 1}
) AS counted
GROUP BY org_id ORDER BY 2 DESC
"""

# One row for each actor, not for each of its sessions: of those there are a million after a supervisor's restart.
RESIDENTS: Final = """
SELECT actor, string_agg(uuid_send(id) || int4send(epoch), '') AS sessions
FROM sessions WHERE actor = ANY($1::text[]) AND deleted_at IS NULL GROUP BY actor
"""
_RESIDENT: Final = struct.Struct(">16si")  # a session in that: its id and its epoch

# Those of them with a turn that has not ended, or with something on record.
TENDED: Final = f"""
SELECT {_COLUMNS}, true AS has_written FROM sessions s
WHERE actor = ANY($1::text[]) AND deleted_at IS NULL
  AND (status IN ('active', 'waitingfortoolresults') OR crashes::text <> '[]')
"""


class Case(msgspec.Struct, frozen=True, gc=False):
    """A session as supervision sees it. `actor` None: it lives nowhere, and its last owner let it go."""

    session_id: str
    epoch: int
    actor: str | None
    steps: int
    record: Record
    is_unfinished: bool
    has_written: bool  # under this epoch, or it matters not

    @property
    def is_at_work(self) -> bool:
        """Whether its owner's death is a crash of its own: it had a turn, or was being brought to life."""
        return self.actor is not None and (self.is_unfinished or not self.has_written)


class Move(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a session: where it lives next, if anywhere, and what is remembered of it."""

    case: Case
    actor: str | None
    record: Record


class PlacementStore:
    """The directory of sessions. Raises StoreUnavailableError when the database is away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def org_of(self, session_id: str) -> str | None:
        """Return whose a session is, as bare hex digits; None if there is no such session."""
        with translate():
            found = await self._pool.fetchval(ORG, hex_of(session_id))
        return None if found is None else str(found.hex)

    async def speaks(self, session_id: str, user: str) -> bool:
        """Tell whether a user, given as bare hex digits, is a member there and has said something in a session."""
        with translate():
            found: bool = await self._pool.fetchval(SPEAKS, hex_of(session_id), user)
        return found

    async def cases(self, session_ids: Sequence[str]) -> list[Case]:
        """Return how sessions stand, in this order; those that do not exist are left out."""
        found = {case.session_id: case for case in await self._cases(CASES, [hex_of(s) for s in session_ids])}
        return [found[s] for s in session_ids if s in found]

    async def orphans(self, dead: Sequence[str]) -> list[str]:
        """Return the sessions of dead actors that have an unfinished turn: first those that have crashed before."""
        with translate():
            return [_session_id(row) for row in await self._pool.fetch(ORPHANS, dead)]

    async def abandoned(self) -> list[str]:
        """Return the sessions with an unfinished turn that nobody owns."""
        with translate():
            return [_session_id(row) for row in await self._pool.fetch(ABANDONED)]

    async def stillborn(self, dead: Sequence[str]) -> list[Case]:
        """Return those at rest that were being brought to life in dead actors."""
        return await self._cases(STILLBORN, dead)

    async def owners(self) -> list[str]:
        """Return the name of everybody who owns a session, dead or alive."""
        with translate():
            return [row["actor"] for row in await self._pool.fetch(OWNERS)]

    async def residents(self, actors: Sequence[str]) -> list[Placement]:
        """Return everything that lives in these actors."""
        with translate():
            rows = await self._pool.fetch(RESIDENTS, actors)
        return [
            Placement(f"session_{raw.hex()}", epoch, actor)
            for actor, sessions in rows
            for raw, epoch in _RESIDENT.iter_unpack(sessions)
        ]

    async def tended(self, actors: Sequence[str]) -> list[Case]:
        """Return what lives in these actors and has an unfinished turn, or crashes on record."""
        return await self._cases(TENDED, actors)

    async def move(self, moves: Sequence[Move]) -> dict[str, int]:
        """Carry out decisions; return the new epoch of each session that nobody else has moved meanwhile."""
        with translate():
            rows = await self._pool.fetch(
                MOVE,
                [hex_of(m.case.session_id) for m in moves],
                [m.case.epoch for m in moves],
                [m.actor for m in moves],
                [msgspec.json.encode(m.record.crashes).decode() for m in moves],
                [m.record.standing for m in moves],
                [m.case.is_unfinished and m.actor is not None for m in moves],
            )
        return {_session_id(row): row["epoch"] for row in rows}

    async def leave(self, departures: Sequence[Departure]) -> dict[str, bool]:
        """Note that actors let sessions go; return those not moved meanwhile, with whether they must go on."""
        with translate():
            rows = await self._pool.fetch(
                LEAVE,
                [hex_of(d.session_id) for d in departures],
                [d.epoch for d in departures],
                [d.has_failed for d in departures],
            )
        return {_session_id(row): row["is_unfinished"] for row in rows}

    async def strike_out(self, residents: Sequence[tuple[str, int]]) -> None:
        """Note that the owner of sessions has stopped on purpose, wherever they stand."""
        with translate():
            await self._pool.execute(STRIKE_OUT, [hex_of(s) for s, _ in residents], [e for _, e in residents])

    async def vacate(self, dead: Sequence[str]) -> bool:
        """End the ownership of dead actors over some of their sessions at rest; False once there are none."""
        with translate():
            return bool(await self._pool.fetchval(VACATE, dead))

    async def calm(self, actors: Sequence[str]) -> list[str]:
        """Return those of the actors whose sessions are suspects no more."""
        with translate():
            return [row["actor"] for row in await self._pool.fetch(CALM, list(actors))]

    async def quarantined(self) -> dict[str, int]:
        """Return how many sessions are in quarantine by organisation, the most first.

        They are counted up to one more than `COUNTED_MOST`, which stands for more.
        """
        with translate():
            return {f"org_{org_id.hex}": count for org_id, count in await self._pool.fetch(QUARANTINED)}

    async def _cases(self, statement: str, keys: Sequence[str]) -> list[Case]:
        with translate():
            rows = await self._pool.fetch(statement, keys)
        return [_case(row) for row in rows]


def _session_id(row: asyncpg.Record) -> str:
    return f"session_{row['id'].hex}"


def _case(row: asyncpg.Record) -> Case:
    standing = Standing.QUARANTINED if row["quarantined"] else Standing.FREE
    return Case(
        session_id=_session_id(row),
        epoch=row["epoch"],
        actor=row["actor"],
        steps=row["steps"],
        record=Record(
            _crashes.decode(row["crashes"]),
            Standing.GIVEN_UP if row["given_up"] else standing,
        ),
        is_unfinished=row["is_unfinished"],
        has_written=row["has_written"],
    )


_crashes: Final = msgspec.json.Decoder(tuple[Crash, ...])
