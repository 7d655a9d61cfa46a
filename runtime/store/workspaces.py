"""Workspaces: shared ones have a name; a session's own has none and is not listed."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from runtime.core.authored.definition import Workspace
from runtime.core.authored.lifecycle import check_change, taken
from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.process.mint import new_id
from runtime.store.pool import Pool, translate
from runtime.store.rows import check_storable, public_id, rfc3339, rfc3339_or_none

COLUMNS: Final = "id, name, status, description, created_at, updated_at, archived_at"

CREATE: Final = f"INSERT INTO workspaces (id, name, description) VALUES ($1, $2, $3) RETURNING {COLUMNS}"

GET: Final = f"SELECT {COLUMNS} FROM workspaces WHERE id = $1 AND status <> 'deleted'"

LIST: Final = f"""
SELECT {COLUMNS} FROM workspaces
WHERE name IS NOT NULL AND (status = 'active' OR status = 'archived' AND $2::boolean)
  AND ($1 = '' OR strpos(lower(name), lower($1)) > 0 OR strpos(lower(description), lower($1)) > 0)
ORDER BY created_at DESC, id DESC
"""

LOCK: Final = f"{GET} FOR NO KEY UPDATE"

UPDATE: Final = f"""
UPDATE workspaces SET name = coalesce($2, name), description = coalesce($3, description), status = $4::text,
    updated_at = now(), archived_at = CASE WHEN $4 = 'active' THEN NULL ELSE coalesce(archived_at, now()) END
WHERE id = $1
RETURNING {COLUMNS}
"""

ARCHIVE: Final = """
UPDATE workspaces
SET status = CASE status WHEN 'active' THEN 'archived' ELSE 'deleted' END, updated_at = now(),
    archived_at = coalesce(archived_at, now()), deleted_at = CASE status WHEN 'active' THEN NULL ELSE now() END
WHERE id = $1 AND status <> 'deleted'
RETURNING id
"""


class WorkspaceStore:
    """The workspaces of this server, without their files (see `files.py`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, name: str, description: str | None = None) -> Workspace:
        """Store a new workspace. Raises ConflictError("workspace_exists") for a name that is used."""
        check_storable("name", name)
        check_storable("description", description)
        with translate():
            try:
                record = await self._pool.fetchrow(CREATE, hex_of(new_id("wsp")), name, description)
            except asyncpg.UniqueViolationError as err:
                raise taken("workspace", name) from err
        return _workspace(record)

    async def get(self, workspace_id: str) -> Workspace:
        """Return a workspace, archived ones too. Raises NotFoundError("workspace")."""
        with translate():
            record = await self._pool.fetchrow(GET, hex_of(workspace_id))
        if record is None:
            raise NotFoundError("workspace", workspace_id)
        return _workspace(record)

    async def list(self, *, search: str = "", include_archived: bool = False) -> Sequence[Workspace]:
        """Return the shared workspaces, newest first; `search` looks at name and description."""
        with translate():
            records = await self._pool.fetch(LIST, storable(search), include_archived)
        return [_workspace(record) for record in records]

    async def patch(
        self,
        workspace_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> Workspace:
        """Change what is given.

        Raises:
            NotFoundError: no such workspace.
            ConflictError: it is archived and stays so, or the name is used.
            InvalidInputError: a status that cannot be set.
        """
        check_storable("name", name)
        check_storable("description", description)
        key = hex_of(workspace_id)
        with translate():
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    record = await connection.fetchrow(LOCK, key)
                    if record is None:
                        raise NotFoundError("workspace", workspace_id)
                    status = status or record["status"]
                    check_change("workspace", record["status"], status)
                    record = await connection.fetchrow(UPDATE, key, name, description, status)
            except asyncpg.UniqueViolationError as err:
                raise taken("workspace", name or "") from err
        return _workspace(record)

    async def archive(self, workspace_id: str) -> None:
        """Archive a workspace: its files can be read and not written. An archived one is deleted.

        Raises:
            NotFoundError: no such workspace.
        """
        with translate():
            done = await self._pool.fetchval(ARCHIVE, hex_of(workspace_id))
        if done is None:
            raise NotFoundError("workspace", workspace_id)


def _workspace(record: Any) -> Workspace:
    public = public_id("wsp", record["id"])
    return Workspace(
        id=public,
        name=record["name"] or public,
        status=record["status"],
        description=record["description"],
        created_at=rfc3339(record["created_at"]),
        updated_at=rfc3339(record["updated_at"]),
        archived_at=rfc3339_or_none(record["archived_at"]),
    )
