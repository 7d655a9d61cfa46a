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
from runtime.store.pool import translate
from runtime.store.rows import public_id, rfc3339, rfc3339_or_none, to_config
from runtime.store.tenant import Tenant

_COLUMNS: Final = """
id, org_id, harness_id, agent_id, workspace_id, parent_id, config, title, status, epoch, actor, last_sequence, usage,
preview, output_preview, recoveries, quarantined, owner_id, created_at, updated_at, started_at, finished_at
"""
_OURS: Final = "org_id = current_org() AND deleted_at IS NULL"
# Whether the user who asks has pinned it.
_PINNED: Final = "EXISTS (SELECT FROM pins p WHERE p.session_id = s.id AND p.user_id = {}) AS is_pinned"

CREATE: Final = f"""
INSERT INTO sessions (org_id, id, harness_id, agent_id, workspace_id, parent_id, config, title, owner_id)
VALUES (current_org(), $1, $2, $3, $4, $5, $6, $7, $8)
RETURNING {_COLUMNS}, false AS is_pinned
"""
# The workspace of a session that shares none; one statement, so that neither is there without the other.
CREATE_WITH_WORKSPACE: Final = f"""
WITH own AS (INSERT INTO workspaces (org_id, id) VALUES (current_org(), $4))
{CREATE}
"""
GET: Final = f"SELECT {_COLUMNS}, {_PINNED.format('$2')} FROM sessions s WHERE {_OURS} AND id = $1"
READ: Final = f"SELECT {_COLUMNS}, {_PINNED.format('$2')} FROM sessions s WHERE {_OURS} AND id = ANY($1::uuid[])"
EXISTS: Final = f"SELECT true FROM sessions WHERE {_OURS} AND id = $1"
START: Final = "SELECT created_at, id FROM sessions WHERE org_id = current_org() AND id = $1"
LOCK: Final = f"{GET} FOR NO KEY UPDATE OF s"
UPDATE: Final = f"""
UPDATE sessions s SET config = $3, revision = revision + 1, updated_at = now()
WHERE {_OURS} AND id = $1 RETURNING {_COLUMNS}, {_PINNED.format("$2")}
"""
# Its own workspace goes out of sight with it, unless another session uses it.
DELETE: Final = f"""
WITH gone AS (
    UPDATE sessions SET deleted_at = now(), updated_at = now() WHERE {_OURS} AND id = $1 RETURNING workspace_id
), emptied AS (
    UPDATE workspaces w SET status = 'deleted', deleted_at = now(), updated_at = now() FROM gone
    WHERE w.org_id = current_org() AND w.id = gone.workspace_id AND w.name IS NULL AND NOT EXISTS (
        SELECT FROM sessions s WHERE s.workspace_id = w.id AND s.deleted_at IS NULL AND s.id <> $1
    )
)
SELECT true FROM gone
"""
PIN: Final = f"""
INSERT INTO pins (org_id, user_id, session_id) SELECT org_id, $2, id FROM sessions WHERE {_OURS} AND id = $1
ON CONFLICT DO NOTHING
"""
UNPIN: Final = "DELETE FROM pins WHERE org_id = current_org() AND session_id = $1 AND user_id = $2"
ACQUIT: Final = f"UPDATE sessions SET quarantined = false, given_up = false, crashes = '[]' WHERE {_OURS} AND id = $1"
SNAPSHOT: Final = "SELECT sequence FROM snapshots WHERE org_id = current_org() AND session_id = $1"


class SessionStore:
    """The directory of an organisation's sessions, as one of its users sees it (`runtime.ports.sessions.Sessions`)."""

    def __init__(self, tenant: Tenant, user_id: str) -> None:
        self._tenant = tenant
        self._user = hex_of(user_id)

    async def create(self, new: NewSession) -> Session:
        """Store a new session."""
        statement = CREATE_WITH_WORKSPACE if new.owns_workspace else CREATE
        with translate():
            row = await self._tenant.fetchrow(
                statement,
                hex_of(new.id),
                hex_of(new.harness_id),
                new.agent_id and hex_of(new.agent_id),
                hex_of(new.workspace_id),
                new.parent_id and hex_of(new.parent_id),
                to_config(new.definition),
                new.title,
                self._user,
            )
        return _session(row)

    async def get(self, session_id: str) -> Session:
        """Return a session."""
        with translate():
            row = await self._tenant.fetchrow(GET, hex_of(session_id), self._user)
        return _session(_found(row, session_id))

    async def check(self, session_id: str) -> None:
        """Pass if there is such a session."""
        with translate():
            _found(await self._tenant.fetchval(EXISTS, hex_of(session_id)), session_id)

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
                start = tuple(_found(await self._tenant.fetchrow(START, hex_of(after_id)), after_id))
            choice = Choice(agent_id and hex_of(agent_id), start)
            found = await find(self._tenant, choice, search, offset, limit)
            rows = {row["id"]: row for row in await self._tenant.fetch(READ, found.items, self._user)}
        shown = [_session(rows[key]) for key in found.items if key in rows]
        return Listed(shown, offset, found.total, found.is_total_exact)

    async def patch(self, session_id: str, changes: Mapping[str, Any]) -> Session:
        """Replace some fields of what a session adds to its agent; its owner sees them when its next turn starts."""
        key = hex_of(session_id)
        with translate():
            async with self._tenant.transaction() as connection:
                before = _session(_found(await connection.fetchrow(LOCK, key, self._user), session_id))
                config = to_config(msgspec.structs.replace(before.definition, **changes))
                row = await connection.fetchrow(UPDATE, key, self._user, config)
        return _session(row)

    async def delete(self, session_id: str) -> None:
        """Take a session out of sight; its log stays."""
        with translate():
            _found(await self._tenant.fetchval(DELETE, hex_of(session_id)), session_id)

    async def pin(self, session_id: str, *, is_pinned: bool) -> None:
        """Pin a session for the user who asks, or no longer."""
        await self.check(session_id)
        with translate():
            await self._tenant.execute(PIN if is_pinned else UNPIN, hex_of(session_id), self._user)

    async def acquit(self, session_id: str) -> None:
        """Forget a session's crashes and lift its quarantine; if it was given up, it is tried again."""
        with translate():
            await self._tenant.execute(ACQUIT, hex_of(session_id))

    async def snapshot_sequence(self, session_id: str) -> int:
        """Return how far the newest snapshot reaches, 0 if there is none."""
        with translate():
            found = await self._tenant.fetchval(SNAPSHOT, hex_of(session_id))
        return found or 0


def _found(row: Any, session_id: str) -> Any:
    if row is None:
        raise NotFoundError(kind="session", key=session_id)
    return row


def _session(row: Any) -> Session:
    return Session(
        id=public_id("session", row["id"]),
        org_id=public_id("org", row["org_id"]),
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
        owner_id=public_id("user", row["owner_id"]),
        is_pinned=row["is_pinned"],
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
        started_at=rfc3339_or_none(row["started_at"]),
        finished_at=rfc3339_or_none(row["finished_at"]),
    )


_definitions: Final = msgspec.json.Decoder(SessionDefinition)
