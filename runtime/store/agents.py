"""Agents: roles that people author. A name belongs to one agent at a time, until that agent is deleted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from runtime.core.authored.definition import Agent, AgentDefinition
from runtime.core.authored.lifecycle import check_change, taken
from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.process.mint import new_id
from runtime.store.pool import Pool, translate
from runtime.store.rows import key_or_name, public_id, rfc3339, rfc3339_or_none, to_config

COLUMNS: Final = "id, name, status, harness_id, revision, config, created_at, updated_at, archived_at"

# Without an id the name decides: its holder is updated, and comes back if it was archived.
UPSERT_BY_NAME: Final = f"""
INSERT INTO agents (id, name, harness_id, config) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) WHERE status <> 'deleted' DO UPDATE
SET harness_id = excluded.harness_id, config = excluded.config, status = 'active', archived_at = NULL,
    revision = agents.revision + 1, updated_at = now()
RETURNING {COLUMNS}
"""

UPSERT_BY_ID: Final = f"""
INSERT INTO agents (id, name, harness_id, config) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, harness_id = excluded.harness_id, config = excluded.config, status = 'active',
    archived_at = NULL, revision = agents.revision + 1, updated_at = now()
WHERE agents.status <> 'deleted'
RETURNING {COLUMNS}
"""

# An archived agent must not block its name (contract http §5): it steps aside.
FREE_NAME: Final = """
UPDATE agents SET name = left(name, 55) || '-' || right(id::text, 8), revision = revision + 1, updated_at = now()
WHERE name = $1 AND status = 'archived' AND id <> $2
"""

GET: Final = f"""
SELECT {COLUMNS} FROM agents WHERE (id = $1::uuid OR name = $2::text) AND status <> 'deleted'
"""

_MATCHING: Final = """
FROM agents
WHERE (status = 'active' OR status = 'archived' AND $2::boolean)
  AND ($1 = '' OR strpos(lower(name), lower($1)) > 0 OR strpos(lower(config->>'display_name'), lower($1)) > 0
       OR strpos(lower(config->>'description'), lower($1)) > 0)
"""
LIST: Final = f"SELECT {COLUMNS} {_MATCHING} ORDER BY created_at DESC, id DESC OFFSET $3 LIMIT $4"
COUNT: Final = f"SELECT count(*) {_MATCHING}"

LOCK: Final = f"SELECT {COLUMNS} FROM agents WHERE id = $1 AND status <> 'deleted' FOR NO KEY UPDATE"

UPDATE: Final = f"""
UPDATE agents SET name = $2, harness_id = $3, config = $4, status = $5::text, revision = revision + 1,
    updated_at = now(), archived_at = CASE WHEN $5 = 'active' THEN NULL ELSE coalesce(archived_at, now()) END
WHERE id = $1
RETURNING {COLUMNS}
"""

ARCHIVE: Final = """
UPDATE agents
SET status = CASE status WHEN 'active' THEN 'archived' ELSE 'deleted' END, revision = revision + 1,
    updated_at = now(), archived_at = coalesce(archived_at, now()),
    deleted_at = CASE status WHEN 'active' THEN NULL ELSE now() END
WHERE id = $1 AND status <> 'deleted'
RETURNING id
"""


class AgentStore:
    """The agents of this server. Keys are public ids (`agent_…`) or names."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def upsert(
        self, name: str, harness_id: str, definition: AgentDefinition, *, agent_id: str | None = None
    ) -> tuple[Agent, bool]:
        """Create or update an agent, by id if one is given, else by name; True if it was created.

        Raises:
            ConflictError: the name is another active agent's (`agent_exists`), or the id is a deleted one's.
            NotFoundError: there is no such harness.
        """
        key = hex_of(agent_id or new_id("agent"))
        row = [key, name, hex_of(harness_id), to_config(definition)]
        with translate():
            try:
                if agent_id is None:
                    record = await self._pool.fetchrow(UPSERT_BY_NAME, *row)
                else:
                    record = await self._upsert_by_id(row)
            except asyncpg.UniqueViolationError as err:
                raise taken("agent", name) from err
            except asyncpg.ForeignKeyViolationError as err:
                raise NotFoundError("harness", harness_id) from err
        if record is None:
            message = f"Agent {agent_id} was deleted; its id cannot be used again."
            raise ConflictError(message, "agent_deleted")
        agent = agent_of(record)
        return agent, agent.revision == 1

    async def get(self, key: str) -> Agent:
        """Return an agent by id or name, archived ones too. Raises NotFoundError("agent")."""
        agent_key, name = key_or_name("agent", key)
        with translate():
            record = await self._pool.fetchrow(GET, agent_key, name)
        if record is None:
            raise NotFoundError("agent", key)
        return agent_of(record)

    async def list(
        self, *, search: str = "", include_archived: bool = False, offset: int = 0, limit: int = 20
    ) -> tuple[Sequence[Agent], int]:
        """Return a page of agents, newest first, and how many there are; `search` looks at name and description."""
        with translate():
            records = await self._pool.fetch(LIST, storable(search), include_archived, offset, limit)
            total = await self._pool.fetchval(COUNT, storable(search), include_archived)
        return [agent_of(record) for record in records], total

    async def patch(
        self,
        agent_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        harness_id: str | None = None,
        status: str | None = None,
    ) -> Agent:
        """Replace some fields of a definition, name, harness or status.

        Raises:
            NotFoundError: no such agent, or no such harness.
            ConflictError: it is archived and stays so (`agent_archived`), or the name is taken (`agent_exists`).
            InvalidInputError: a status that cannot be set.
        """
        with translate():
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    record = await connection.fetchrow(LOCK, hex_of(agent_id))
                    if record is None:
                        raise NotFoundError("agent", agent_id)
                    before = agent_of(record)
                    check_change("agent", before.status, status or before.status)
                    if name is not None:
                        await connection.execute(FREE_NAME, name, hex_of(agent_id))
                    record = await connection.fetchrow(
                        UPDATE,
                        hex_of(agent_id),
                        name or before.name,
                        hex_of(harness_id or before.harness_id),
                        to_config(msgspec.structs.replace(before.definition, **changes)),
                        status or before.status,
                    )
            except asyncpg.UniqueViolationError as err:
                raise taken("agent", name or "") from err
            except asyncpg.ForeignKeyViolationError as err:
                raise NotFoundError("harness", harness_id or "") from err
        return agent_of(record)

    async def archive(self, agent_id: str) -> None:
        """Archive an agent; an archived one is deleted. Raises NotFoundError("agent")."""
        with translate():
            done = await self._pool.fetchval(ARCHIVE, hex_of(agent_id))
        if done is None:
            raise NotFoundError("agent", agent_id)

    async def _upsert_by_id(self, row: Sequence[str]) -> "asyncpg.Record | None":
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(FREE_NAME, row[1], row[0])
            return await connection.fetchrow(UPSERT_BY_ID, *row)


def agent_of(record: Any) -> Agent:
    """Return the agent of a row."""
    return Agent(
        id=public_id("agent", record["id"]),
        name=record["name"],
        status=record["status"],
        harness_id=public_id("harness", record["harness_id"]),
        revision=record["revision"],
        definition=_definitions.decode(record["config"]),
        created_at=rfc3339(record["created_at"]),
        updated_at=rfc3339(record["updated_at"]),
        archived_at=rfc3339_or_none(record["archived_at"]),
    )


_definitions: Final = msgspec.json.Decoder(AgentDefinition)
