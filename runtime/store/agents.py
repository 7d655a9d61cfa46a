"""Agents: roles that people author. A name belongs to one agent at a time, until that agent is deleted."""

from collections.abc import Mapping
from typing import Any, Final

from runtime.core.authored.definition import Agent, AgentDefinition
from runtime.ports.listed import Listed
from runtime.store.authored import AuthoredStore
from runtime.store.kind import Kind
from runtime.store.tenant import Tenant

AGENTS: Final = Kind(
    name="agent",
    table="agents",
    thing=Agent,
    prefix="agent",
    definition=AgentDefinition,
    references={"harness_id": "harness"},
)


class AgentStore(AuthoredStore[Agent]):
    """The agents of an organisation (`runtime.ports.authored.Agents`)."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant, AGENTS)

    async def upsert(
        self, name: str, harness_id: str, definition: AgentDefinition, *, agent_id: str | None = None
    ) -> tuple[Agent, bool]:
        """Create or update an agent, by id if one is given, else by name; True if it was created."""
        return await self._upsert(name, {"harness_id": harness_id, "config": definition}, agent_id)

    async def list(
        self, *, search: str = "", include_archived: bool = False, offset: int = 0, limit: int = 20
    ) -> Listed[Agent]:
        """Return a page of agents, newest first; `search` looks at name and description."""
        return await self._page(search=search, include_archived=include_archived, offset=offset, limit=limit)

    async def patch(
        self,
        agent_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        harness_id: str | None = None,
        status: str | None = None,
    ) -> Agent:
        """Replace some fields of a definition, name, harness or status."""
        values = {} if harness_id is None else {"harness_id": harness_id}
        return await self._patch(agent_id, values, changes, name=name, status=status)
