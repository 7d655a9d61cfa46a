"""Harnesses: base environments that agents share. Two are built in and cannot be changed."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from runtime.core.authored.definition import AssignedCapability, Harness, HarnessDefinition
from runtime.core.authored.lifecycle import check_change, taken
from runtime.core.errors import ForbiddenError, InvalidInputError, NotFoundError
from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.process.mint import new_id
from runtime.store.pool import Pool, translate
from runtime.store.rows import key_or_name, public_id, rfc3339, rfc3339_or_none, to_config

DEFAULT_KEY: Final = "default"
DEFAULT_NAME: Final = "generic"
MAX_DEPTH: Final = 10
_NAMESPACE: Final = uuid.UUID("6d7f4d0e-3f0c-5a53-9a70-2a5a6f1b7c11")  # any constant of ours

COLUMNS: Final = """
h.id, h.name, h.status, h.is_built_in, h.parent_id, h.revision, h.config, h.created_at, h.updated_at, h.archived_at
"""

CREATE: Final = f"""
INSERT INTO harnesses AS h (id, name, parent_id, config) VALUES ($1, $2, $3, $4) RETURNING {COLUMNS}
"""

# An archived harness must not block its name: it steps aside.
FREE_NAME: Final = """
UPDATE harnesses SET name = left(name, 55) || '-' || right(id::text, 8), revision = revision + 1, updated_at = now()
WHERE name = $1 AND status = 'archived' AND id <> $2
"""

GET: Final = f"""
SELECT {COLUMNS} FROM harnesses h WHERE (h.id = $1::uuid OR h.name = $2::text) AND h.status <> 'deleted'
"""

LIST: Final = f"""
SELECT {COLUMNS} FROM harnesses h
WHERE (h.status = 'active' OR h.status = 'archived' AND $2::boolean)
  AND ($1 = '' OR strpos(lower(h.name), lower($1)) > 0 OR strpos(lower(h.config->>'display_name'), lower($1)) > 0
       OR strpos(lower(h.config->>'description'), lower($1)) > 0)
ORDER BY h.is_built_in DESC, h.created_at DESC, h.id DESC
"""

LOCK: Final = f"SELECT {COLUMNS} FROM harnesses h WHERE h.id = $1 AND h.status <> 'deleted' FOR NO KEY UPDATE"

# Two changes of parents at once could close a circle that neither sees, and two servers that start at once on an empty
# table may meet at either of two unique indexes. Readers and sessions do not wait for this.
LOCK_ALL: Final = "LOCK TABLE harnesses IN SHARE ROW EXCLUSIVE MODE"

ANCESTORS: Final = f"""
WITH RECURSIVE chain (id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM harnesses WHERE id = $1 AND status = 'active'
    UNION ALL
    SELECT h.id, h.parent_id, c.depth + 1
    FROM harnesses h JOIN chain c ON h.id = c.parent_id WHERE c.depth < {MAX_DEPTH}
)
SELECT id FROM chain
"""

UPDATE: Final = f"""
UPDATE harnesses h SET name = $2, parent_id = $3, config = $4, status = $5::text, revision = revision + 1,
    updated_at = now(), archived_at = CASE WHEN $5 = 'active' THEN NULL ELSE coalesce(archived_at, now()) END
WHERE h.id = $1
RETURNING {COLUMNS}
"""

ARCHIVE: Final = """
UPDATE harnesses
SET status = CASE status WHEN 'active' THEN 'archived' ELSE 'deleted' END, revision = revision + 1,
    updated_at = now(), archived_at = coalesce(archived_at, now()),
    deleted_at = CASE status WHEN 'active' THEN NULL ELSE now() END
WHERE id = $1 AND status <> 'deleted' AND NOT is_built_in
RETURNING id
"""

# Several servers may start at once, each with this statement.
RECONCILE: Final = """
INSERT INTO harnesses AS h (id, name, is_built_in, config) VALUES ($1, $2, true, $3)
ON CONFLICT (id) DO UPDATE SET config = excluded.config, revision = h.revision + 1, updated_at = now()
WHERE h.config::text <> excluded.config::text
"""

# Contract concepts §8. What this server does not have is stored all the same, and does nothing.
_GENERIC_CAPABILITIES: Final = (
    AssignedCapability("session_file_system"),
    AssignedCapability("bashkit_shell"),
    AssignedCapability("web_fetch", {"enable_file_download": True}),
    AssignedCapability("session_storage"),
    AssignedCapability("session"),
    AssignedCapability("session_schedule"),
    AssignedCapability("agent_instructions"),
    AssignedCapability("skills"),
    AssignedCapability("infinity_context"),
    AssignedCapability("auto_tool_search"),
    AssignedCapability("compaction"),
    AssignedCapability("budgeting"),
    AssignedCapability("self_budget"),
    AssignedCapability("ask_user"),
    AssignedCapability("soft_approval"),
    AssignedCapability("tool_output_persistence"),
    AssignedCapability("tool_output_distillation"),
    AssignedCapability("citation_retrieval"),
    AssignedCapability("citation_verification"),
    AssignedCapability("parallel_tool_calls"),
    AssignedCapability("message_metadata"),
    AssignedCapability("human_intent"),
    AssignedCapability("btw"),
    AssignedCapability("loop_detection"),
    AssignedCapability("error_disclosure", {"mode": "detailed"}),
)

BUILT_IN: Final = {
    "base": HarnessDefinition(
        display_name="Base",
        description="A plain conversation, without capabilities.",
        system_prompt="You are a helpful assistant.",
        tags=("base", "built-in"),
    ),
    "generic": HarnessDefinition(
        display_name="Generic",
        description="An all-purpose environment with files, storage and more.",
        system_prompt="You are a helpful assistant.",
        capabilities=_GENERIC_CAPABILITIES,
        tags=("generic", "built-in", "default"),
    ),
}


def built_in_id(name: str) -> str:
    """Return the id of a built-in harness, the same on every server."""
    return public_id("harness", uuid.uuid5(_NAMESPACE, name))


class HarnessStore:
    """The harnesses of this server. Keys are public ids (`harness_…`), names, or `default`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def reconcile(self) -> None:
        """Bring the built-in harnesses to what this version says of them. To be called at every start."""
        rows = [(hex_of(built_in_id(name)), name, to_config(definition)) for name, definition in BUILT_IN.items()]
        with translate():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(LOCK_ALL)
                await connection.executemany(RECONCILE, rows)

    async def create(
        self, name: str, definition: HarnessDefinition, *, parent_id: str | None = None, harness_id: str | None = None
    ) -> Harness:
        """Store a new harness.

        Raises:
            ConflictError: the name is another active harness's, or the id is used (`harness_exists`).
            NotFoundError: no such parent.
            InvalidInputError: the chain of parents is too long, or the name is `default`.
        """
        _check_name(name)
        key = hex_of(harness_id or new_id("harness"))
        with translate():
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    if parent_id is not None:
                        await _check_parent(connection, key, parent_id)
                    await connection.execute(FREE_NAME, name, key)
                    record = await connection.fetchrow(
                        CREATE, key, name, parent_id and hex_of(parent_id), to_config(definition)
                    )
            except asyncpg.UniqueViolationError as err:
                raise taken("harness", name) from err
        return harness_of(record)

    async def get(self, key: str) -> Harness:
        """Return a harness by id, name or as `default`, archived ones too. Raises NotFoundError("harness")."""
        harness_key, name = key_or_name("harness", key)
        with translate():
            record = await self._pool.fetchrow(GET, harness_key, DEFAULT_NAME if name == DEFAULT_KEY else name)
        if record is None:
            raise NotFoundError("harness", key)
        return harness_of(record)

    async def list(self, *, search: str = "", include_archived: bool = False) -> Sequence[Harness]:
        """Return the harnesses, built-in ones first, then the newest; `search` looks at name and description."""
        with translate():
            records = await self._pool.fetch(LIST, storable(search), include_archived)
        return [harness_of(record) for record in records]

    async def patch(
        self,
        harness_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        parent_id: str | None = None,
        status: str | None = None,
    ) -> Harness:
        """Replace some fields of a definition, name, parent or status.

        Raises:
            NotFoundError: no such harness, or no such parent.
            ForbiddenError: it is built in (`harness_built_in`).
            ConflictError: it is archived and stays so (`harness_archived`), or the name is taken (`harness_exists`).
            InvalidInputError: a status or name that cannot be set, or a chain of parents that is a circle or too long.
        """
        _check_name(name)
        with translate():
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    if parent_id is not None:
                        await _check_parent(connection, hex_of(harness_id), parent_id)
                    before = await _locked(connection, harness_id)
                    check_change("harness", before.status, status or before.status)
                    if name is not None:
                        await connection.execute(FREE_NAME, name, hex_of(harness_id))
                    parent = parent_id or before.parent_id
                    record = await connection.fetchrow(
                        UPDATE,
                        hex_of(harness_id),
                        name or before.name,
                        parent and hex_of(parent),
                        to_config(msgspec.structs.replace(before.definition, **changes)),
                        status or before.status,
                    )
            except asyncpg.UniqueViolationError as err:
                raise taken("harness", name or "") from err
        return harness_of(record)

    async def archive(self, harness_id: str) -> None:
        """Archive a harness; an archived one is deleted.

        Raises:
            NotFoundError: no such harness.
            ForbiddenError: it is built in.
        """
        with translate():
            done = await self._pool.fetchval(ARCHIVE, hex_of(harness_id))
        if done is None:
            await self.get(harness_id)
            raise _built_in()


def _check_name(name: str | None) -> None:
    if name == DEFAULT_KEY:
        message = f"{DEFAULT_KEY!r} stands for the default harness and cannot be a name."
        raise InvalidInputError(message, "reserved_name")


async def _locked(connection: Any, harness_id: str) -> Harness:
    record = await connection.fetchrow(LOCK, hex_of(harness_id))
    if record is None:
        raise NotFoundError("harness", harness_id)
    harness = harness_of(record)
    if harness.is_built_in:
        raise _built_in()
    return harness


async def _check_parent(connection: Any, key: str, parent_id: str) -> None:
    await connection.execute(LOCK_ALL)
    ancestors = [row["id"].hex for row in await connection.fetch(ANCESTORS, hex_of(parent_id))]
    if not ancestors:
        raise NotFoundError("harness", parent_id)
    if key in ancestors:
        message = "A harness cannot be its own ancestor."
        raise InvalidInputError(message, "harness_cycle")
    if len(ancestors) >= MAX_DEPTH:
        message = f"A harness has at most {MAX_DEPTH - 1} ancestors."
        raise InvalidInputError(message, "harness_chain_too_long")


def _built_in() -> ForbiddenError:
    return ForbiddenError("A built-in harness cannot be changed; copy it and edit the copy.", "harness_built_in")


def harness_of(record: Any) -> Harness:
    """Return the harness of a row."""
    return Harness(
        id=public_id("harness", record["id"]),
        name=record["name"],
        status=record["status"],
        is_built_in=record["is_built_in"],
        parent_id=record["parent_id"] and public_id("harness", record["parent_id"]),
        revision=record["revision"],
        definition=_definitions.decode(record["config"]),
        created_at=rfc3339(record["created_at"]),
        updated_at=rfc3339(record["updated_at"]),
        archived_at=rfc3339_or_none(record["archived_at"]),
    )


_definitions: Final = msgspec.json.Decoder(HarnessDefinition)
