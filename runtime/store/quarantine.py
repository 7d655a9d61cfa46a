"""Sessions in quarantine, with what their rows and logs tell of why."""

from typing import Any, Final

import msgspec

from runtime.core.ids import hex_of
from runtime.core.placement.supervision import Crash
from runtime.ports.listed import COUNTED_MOST, Listed
from runtime.ports.quarantine import Stopped
from runtime.store.pool import translate
from runtime.store.rows import public_id
from runtime.store.tenant import Tenant

LOOKED_BACK: Final = 200  # events: what failing a turn writes behind the step that it died in is not more

_OURS: Final = "org_id = current_org() AND quarantined AND deleted_at IS NULL"
_NEWEST: Final = "coalesce((s.crashes->-1->>'at')::float8, 0) DESC, s.id DESC"

_STOPPED: Final = f"""
SELECT s.id, s.title, s.agent_id, s.crashes, s.given_up, e.type, e.turn_id, e.tool_name
FROM (
    SELECT id, title, agent_id, crashes, given_up, last_sequence FROM sessions s WHERE {_OURS} {{}}
) s
LEFT JOIN LATERAL (
    SELECT type, turn_id, body #>> '{{{{data,tool_call,name}}}}' AS tool_name FROM events
    WHERE org_id = current_org() AND session_id = s.id AND sequence > s.last_sequence - {LOOKED_BACK}
      AND type IN ('reason.started', 'tool.started')
    ORDER BY sequence DESC LIMIT 1
) e ON true
"""

LIST: Final = f"{_STOPPED.format(f'ORDER BY {_NEWEST} OFFSET $1 LIMIT $2')} ORDER BY {_NEWEST}"
FIND: Final = _STOPPED.format("AND id = $1")
COUNT: Final = f"SELECT count(*) FROM (SELECT FROM sessions WHERE {_OURS} LIMIT {COUNTED_MOST + 1}) AS counted"


class QuarantineStore:
    """An organisation's (`runtime.ports.quarantine.Quarantine`). Raises StoreUnavailableError."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def list(self, offset: int = 0, limit: int = 20) -> Listed[Stopped]:
        """Return a part of them, those first that were stopped last."""
        with translate():
            async with self._tenant.transaction() as connection:
                rows = await connection.fetch(LIST, offset, limit)
                counted = await connection.fetchval(COUNT)
        reached = offset + len(rows) if rows else 0
        return Listed.counted([_stopped(row) for row in rows], offset, counted, reached)

    async def find(self, session_id: str) -> Stopped | None:
        """Return one of them; None if that session is not there, or not in quarantine."""
        with translate():
            row = await self._tenant.fetchrow(FIND, hex_of(session_id))
        return None if row is None else _stopped(row)


def _stopped(row: Any) -> Stopped:
    return Stopped(
        session_id=public_id("session", row["id"]),
        title=row["title"],
        agent_id=row["agent_id"] and public_id("agent", row["agent_id"]),
        turn_id=row["turn_id"] and public_id("turn", row["turn_id"]),
        begun=row["type"],
        tool_name=row["tool_name"],
        is_given_up=row["given_up"],
        crashes=_crashes.decode(row["crashes"]),
    )


_crashes: Final = msgspec.json.Decoder(tuple[Crash, ...])
