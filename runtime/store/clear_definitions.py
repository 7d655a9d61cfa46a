"""Definitions that an older version stored with their secrets in them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from runtime.ports.secrets import Kind
from runtime.store.pool import Pool, translate

TABLES: Final[Mapping[Kind, str]] = MappingProxyType(
    {Kind.HARNESS: "harnesses", Kind.AGENT: "agents", Kind.LAYER: "sessions"}
)
PATIENCE_S: Final = 600.0  # with looking through all sessions, once

IS_DONE: Final = "SELECT definitions_withheld FROM deployment"
DONE: Final = "UPDATE deployment SET definitions_withheld = true"
FIND: Final = "SELECT org_id, id, revision, config FROM {} WHERE config->'mcp_servers' IS NOT NULL"
REPLACE: Final = "UPDATE {} SET config = $4, revision = revision + 1 WHERE org_id = $1 AND id = $2 AND revision = $3"


class ClearDefinition(msgspec.Struct, frozen=True):
    """A stored definition that names MCP servers; ids are bare hex digits, `config` is its JSON."""

    kind: Kind
    org_id: str
    owner_id: str
    revision: int
    config: dict[str, Any]


class ClearDefinitions:
    """Finds and replaces them, over all organisations; acts as the owner of the tables."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def are_done(self) -> bool:
        """Whether all have been replaced, once and for all."""
        with translate():
            return bool(await self._pool.fetchval(IS_DONE))

    async def note_done(self) -> None:
        """Note that all have been replaced."""
        with translate():
            await self._pool.execute(DONE)

    async def find(self) -> Sequence[ClearDefinition]:
        """Return all that name MCP servers."""
        found: list[ClearDefinition] = []
        for kind, table in TABLES.items():
            with translate():
                rows = await self._pool.fetch(FIND.format(table), timeout=PATIENCE_S)
            found += [
                ClearDefinition(
                    kind, row["org_id"].hex, row["id"].hex, row["revision"], msgspec.json.decode(row["config"])
                )
                for row in rows
            ]
        return found

    async def replace(self, clear: ClearDefinition, config: Mapping[str, Any]) -> bool:
        """Store another definition in place of one; False if somebody has changed it meanwhile."""
        statement = REPLACE.format(TABLES[clear.kind])
        text = msgspec.json.encode(config).decode()
        with translate():
            done = await self._pool.execute(statement, clear.org_id, clear.owner_id, clear.revision, text)
        return not done.endswith(" 0")
