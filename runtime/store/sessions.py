"""Sessions as people see them. Who owns a session, and its epoch, is in `placement.py`."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from runtime.core.authored.definition import Session, SessionDefinition
from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.listed import Listed
from runtime.ports.sessions import NewSession
from runtime.store.listing import Choice, find
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id, rfc3339, rfc3339_or_none, to_config

_COLUMNS: Final = """
id, harness_id, agent_id, workspace_id, parent_id, config, title, status, epoch, actor, last_sequence, usage,
preview, output_preview, recoveries, quarantined, is_pinned, created_at, updated_at, started_at, finished_at
"""
CREATE: Final = f"""
INSERT INTO sessions (id, harness_id, agent_id, workspace_id, parent_id, config, title)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING {_COLUMNS}
"""
# The workspace of a session that shares none; one statement, so that neither is there without the other.
CREATE_WITH_WORKSPACE: Final = f"""
WITH own AS (INSERT INTO workspaces (id) VALUES ($4))
{CREATE}
"""
GET: Final = f"SELECT {_COLUMNS} FROM sessions WHERE id = $1 AND deleted_at IS NULL"
READ: Final = f"SELECT {_COLUMNS} FROM sessions WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL"
START: Final = "SELECT created_at, id FROM sessions WHERE id = $1"
LOCK: Final = f"{GET} FOR NO KEY UPDATE"
UPDATE: Final = f"""
UPDATE sessions SET config = $2, revision = revision + 1, updated_at = now()
WHERE id = $1 AND deleted_at IS NULL RETURNING {_COLUMNS}
"""
DELETE: Final = "UPDATE sessions SET deleted_at = now(), updated_at = now() WHERE id = $1 AND deleted_at IS NULL"
PIN: Final = "UPDATE sessions SET is_pinned = $2 WHERE id = $1 AND deleted_at IS NULL"
ACQUIT: Final = """
UPDATE sessions SET quarantined = false, given_up = false, crashes = '[]' WHERE id = $1 AND deleted_at IS NULL
"""
SNAPSHOT: Final = "SELECT sequence FROM snapshots WHERE session_id = $1"


class SessionStore:
    """The directory of sessions (`runtime.ports.sessions.Sessions`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, new: NewSession) -> Session:
        """Store a new session."""
        statement = CREATE_WITH_WORKSPACE if new.owns_workspace else CREATE
        with translate():
            row = await self._pool.fetchrow(
                statement,
                hex_of(new.id),
                hex_of(new.harness_id),
                new.agent_id and hex_of(new.agent_id),
                hex_of(new.workspace_id),
                new.parent_id and hex_of(new.parent_id),
                to_config(new.definition),
                new.title,
            )
        return _session(row)

    async def get(self, session_id: str) -> Session:
        """Return a session."""
        with translate():
            row = await self._pool.fetchrow(GET, hex_of(session_id))
        return _session(_found(row, session_id))

    async def list(
        self,
        *,
        agent_id: str | None = None,
        search: str | None = None,
        after_id: str | None = None,
        offset: int = 0,
        limit: int = 20,
    ) -> Listed[Session]:
        """Return a page of sessions, newest first; `search` looks at titles, `after_id` begins behind a session."""
        with translate():
            start = None
            if after_id is not None:
                start = tuple(_found(await self._pool.fetchrow(START, hex_of(after_id)), after_id))
            choice = Choice(agent_id and hex_of(agent_id), start)
            found = await find(self._pool, choice, search, offset, limit)
            rows = {row["id"]: row for row in await self._pool.fetch(READ, found.items)}
        shown = [_session(rows[key]) for key in found.items if key in rows]
        return Listed(shown, offset, found.total, found.is_total_exact)

    async def patch(self, session_id: str, changes: Mapping[str, Any]) -> Session:
        """Replace some fields of what a session adds to its agent; its owner sees them when its next turn starts."""
        key = hex_of(session_id)
        with translate():
            async with self._pool.acquire() as connection, connection.transaction():
                before = _session(_found(await connection.fetchrow(LOCK, key), session_id))
                config = to_config(msgspec.structs.replace(before.definition, **changes))
                row = await connection.fetchrow(UPDATE, key, config)
        return _session(row)

    async def delete(self, session_id: str) -> None:
        """Take a session out of sight; its log stays."""
        with translate():
            _changed(await self._pool.execute(DELETE, hex_of(session_id)), session_id)

    async def pin(self, session_id: str, *, is_pinned: bool) -> None:
        """Pin a session, or no longer."""
        with translate():
            _changed(await self._pool.execute(PIN, hex_of(session_id), is_pinned), session_id)

    async def acquit(self, session_id: str) -> None:
        """Forget a session's crashes and lift its quarantine; if it was given up, it is tried again."""
        with translate():
            await self._pool.execute(ACQUIT, hex_of(session_id))

    async def snapshot_sequence(self, session_id: str) -> int:
        """Return how far the newest snapshot reaches, 0 if there is none."""
        with translate():
            found = await self._pool.fetchval(SNAPSHOT, hex_of(session_id))
        return found or 0


def _found(row: Any, session_id: str) -> Any:
    if row is None:
        raise NotFoundError(kind="session", key=session_id)
    return row


def _changed(tag: str, session_id: str) -> None:
    if tag.endswith(" 0"):
        raise NotFoundError(kind="session", key=session_id)


def _session(row: Any) -> Session:
    return Session(
        id=public_id("session", row["id"]),
        harness_id=public_id("harness", row["harness_id"]),
        agent_id=row["agent_id"] and public_id("agent", row["agent_id"]),
        workspace_id=public_id("wsp", row["workspace_id"]),
        parent_id=row["parent_id"] and public_id("session", row["parent_id"]),
        definition=_definitions.decode(row["config"]),
        title=row["title"],
        status=row["status"],
        epoch=row["epoch"],
        actor=row["actor"],
        last_sequence=row["last_sequence"],
        usage=row["usage"] and msgspec.json.decode(row["usage"]),
        preview=row["preview"],
        output_preview=row["output_preview"],
        recoveries=row["recoveries"],
        quarantined=row["quarantined"],
        is_pinned=row["is_pinned"],
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
        started_at=rfc3339_or_none(row["started_at"]),
        finished_at=rfc3339_or_none(row["finished_at"]),
    )


_definitions: Final = msgspec.json.Decoder(SessionDefinition)
