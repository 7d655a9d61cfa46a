"""The journal's table: fenced appends, and the load that brings a session back."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import asyncpg
import msgspec

from runtime.core.errors import StoreRefusedError
from runtime.core.ids import hex_of
from runtime.ports.journal import Batch, Loaded
from runtime.store.pool import Pool, translate
from runtime.wire.loader import Loader

APPEND_TIMEOUT_S: Final = 5.0  # a silent connection must not hold up every session of the actor
LOADS_AT_ONCE: Final = 8  # sessions whose snapshots and events are in memory at the same time
_INVALID_VALUE: Final = "22023"  # SQLSTATE invalid_parameter_value

# One statement for a whole group of sessions: a row of `owned` is a session whose epoch and sequence are
# still what the writer believes; nothing of the others is written, and they are missing from the answer.
# The lock is taken in id order, so that two groups cannot wait for each other.
APPEND: Final = """
WITH heads AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[],
                         $7::json[], $8::text[], $9::text[], $10::text[])
        AS h (id, epoch, first, last, status, steps, usage, title, preview, output_preview)
), owned AS (
    SELECT s.id, s.org_id FROM sessions s JOIN heads h ON h.id = s.id
    WHERE s.epoch = h.epoch AND s.last_sequence = h.first - 1 AND s.deleted_at IS NULL
    ORDER BY s.id FOR UPDATE OF s
), written AS (
    INSERT INTO events (org_id, session_id, sequence, id, type, epoch, turn_id, body, private)
    SELECT o.org_id, e.session_id, e.sequence, e.id, e.type, e.epoch, e.turn_id, e.body, e.private
    FROM unnest($11::uuid[], $12::bigint[], $13::uuid[], $14::text[], $15::int[], $16::uuid[], $17::json[],
                $18::json[])
        AS e (session_id, sequence, id, type, epoch, turn_id, body, private)
    JOIN owned o ON o.id = e.session_id
)
UPDATE sessions s
SET last_sequence = h.last, status = h.status, steps = h.steps, usage = h.usage,
    title = coalesce(h.title, s.title), preview = h.preview, output_preview = h.output_preview,
    updated_at = now(), started_at = coalesce(s.started_at, now()),
    finished_at = CASE WHEN h.status = 'idle' THEN now() ELSE s.finished_at END
FROM heads h JOIN owned o ON o.id = h.id
WHERE s.id = h.id
RETURNING s.id
"""

# After a broken connection: what did commit?
LAST_EVENTS: Final = """
SELECT e.session_id, e.id FROM sessions s JOIN events e ON e.session_id = s.id AND e.sequence = s.last_sequence
WHERE s.id = ANY($1::uuid[])
"""

# Sessions, each with the newest snapshot of the version that its reader knows.
HEADS: Final = """
SELECT s.id, s.org_id, s.epoch, s.last_sequence, s.harness_id, s.agent_id, s.workspace_id, s.config, s.revision,
       s.title, s.created_at, s.quarantined, w.version, p.sequence AS snapshot_sequence, p.state AS snapshot
FROM unnest($1::uuid[], $2::text[]) AS w (id, version)
JOIN sessions s ON s.id = w.id
LEFT JOIN snapshots p ON p.session_id = s.id AND p.version = w.version AND p.sequence <= s.last_sequence
WHERE s.deleted_at IS NULL
"""

# The events of sessions, of each those after one sequence up to another. Its order keeps the inner query whole, so that
# it is answered from the index, session by session, whatever the planner thinks of how many there are.
TAILS: Final = """
SELECT w.id, e.body, e.private
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS w (id, first, last)
CROSS JOIN LATERAL (
    SELECT sequence, body, private FROM events
    WHERE session_id = w.id AND sequence > w.first AND sequence <= w.last
    ORDER BY sequence
) e
ORDER BY w.id, e.sequence
"""

SAVE_SNAPSHOT: Final = """
INSERT INTO snapshots (org_id, session_id, sequence, version, state)
SELECT org_id, id, $2, $3, $4 FROM sessions WHERE id = $1
ON CONFLICT (session_id) DO UPDATE
SET sequence = excluded.sequence, version = excluded.version, state = excluded.state, created_at = now()
WHERE snapshots.sequence < excluded.sequence OR snapshots.version <> excluded.version
"""


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn a statement that the server, or the driver before it, does not take into StoreRefusedError."""
    try:
        yield
    except asyncpg.PostgresError as err:
        raise StoreRefusedError(err.sqlstate or "") from err
    except ValueError as err:  # the driver's own check of an argument
        raise StoreRefusedError(_INVALID_VALUE) from err


class PostgresJournal:
    """The journal in Postgres. Raises StoreUnavailableError when the database is away.

    `appends` is used by nothing else, so that no commit waits behind what somebody reads.
    """

    def __init__(self, appends: Pool, loads: Pool) -> None:
        self._appends = appends
        self._loads = loads
        self._loader = Loader(self._load, LOADS_AT_ONCE)

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        """Commit the batches of several sessions, each whole or not at all; return the ids that did.

        Raises:
            StoreUnavailableError: the database is away; whether the batches are in it is not known.
            StoreRefusedError, InvalidInputError: one of them holds what the tables cannot; none was written.
        """
        rows = [(b, e) for b in batches for e in b.events]
        with _refusals(), translate():
            written = await self._appends.fetch(
                APPEND,
                [hex_of(b.session_id) for b in batches],
                [b.epoch for b in batches],
                [b.first_sequence for b in batches],
                [b.last_sequence for b in batches],
                [b.head.status for b in batches],
                [b.head.steps for b in batches],
                [b.head.usage for b in batches],
                [b.head.title for b in batches],
                [b.head.preview for b in batches],
                [b.head.output_preview for b in batches],
                [hex_of(b.session_id) for b, _ in rows],
                [e.sequence for _, e in rows],
                [hex_of(e.id) for _, e in rows],
                [e.type for _, e in rows],
                [b.epoch for b, _ in rows],
                [e.turn_id and hex_of(e.turn_id) for _, e in rows],
                [e.body.decode() for _, e in rows],
                [e.private and bytes(e.private).decode() for _, e in rows],
                timeout=APPEND_TIMEOUT_S,
            )
        return {f"session_{row['id'].hex}" for row in written}

    async def last_events(self, session_ids: Sequence[str]) -> dict[str, str]:
        """Return the id of the last committed event of each session that has one."""
        with translate():
            rows = await self._appends.fetch(LAST_EVENTS, [hex_of(s) for s in session_ids], timeout=APPEND_TIMEOUT_S)
        return {f"session_{r['session_id'].hex}": f"event_{r['id'].hex}" for r in rows}

    async def load(self, session_id: str, version: str) -> Loaded | None:
        """Return a session with its newest usable snapshot and the events after it; None if there is none."""
        return await self._loader.load((session_id, version))

    async def _load(self, wanted: Sequence[tuple[str, str]]) -> list[Loaded | None]:
        once = dict.fromkeys(wanted)  # a session may be wanted twice, when it is placed anew while it is being loaded
        with translate():
            heads = await self._loads.fetch(HEADS, [hex_of(s) for s, _ in once], [version for _, version in once])
            longer = [head for head in heads if head["last_sequence"] > (head["snapshot_sequence"] or 0)]
            tails = defaultdict(list)
            if longer:
                ids, last = [head["id"] for head in longer], [head["last_sequence"] for head in longer]
                for row in await self._loads.fetch(
                    TAILS, ids, [head["snapshot_sequence"] or 0 for head in longer], last
                ):
                    tails[row["id"]].append(row)
        found = {(f"session_{head['id'].hex}", head["version"]): _loaded(head, tails[head["id"]]) for head in heads}
        return [found.get(key) for key in wanted]

    async def save_snapshot(self, session_id: str, sequence: int, version: str, state: bytes) -> None:
        """Keep the newest snapshot of a session."""
        with translate():
            await self._loads.execute(SAVE_SNAPSHOT, hex_of(session_id), sequence, version, state)


def _loaded(head: asyncpg.Record, tail: Sequence[asyncpg.Record]) -> Loaded:
    return Loaded(
        session_id=f"session_{head['id'].hex}",
        org_id=f"org_{head['org_id'].hex}",
        epoch=head["epoch"],
        last_sequence=head["last_sequence"],
        harness_id=f"harness_{head['harness_id'].hex}",
        agent_id=head["agent_id"] and f"agent_{head['agent_id'].hex}",
        workspace_id=f"wsp_{head['workspace_id'].hex}",
        definition=head["config"].encode(),
        revision=head["revision"],
        title=head["title"],
        created_at=head["created_at"],
        is_quarantined=head["quarantined"],
        snapshot=head["snapshot"],
        tail=[(row["body"].encode(), row["private"] and msgspec.Raw(row["private"].encode())) for row in tail],
    )
