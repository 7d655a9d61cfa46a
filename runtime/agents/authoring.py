"""Writing agents and harnesses: nothing is stored that could not be run."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from runtime.agents.capability import Registry
from runtime.agents.layers import LayerReader, settled
from runtime.agents.shelf import ModelKeys
from runtime.agents.withholding import CONFIG, MCP, Withheld, check_addresses, withhold
from runtime.core.access.principal import Principal
from runtime.core.authored.definition import Agent, AgentDefinition, Harness, HarnessDefinition, Layer
from runtime.core.authored.names import DEFAULT
from runtime.core.errors import ConflictError, NotFoundError
from runtime.ports.secrets import Kind
from runtime.ports.stores import Stores

L = TypeVar("L", bound=Layer)

NOBODY: Final = f"_{0:032x}"  # whose secrets those are that are not there yet


class Authoring:
    """The use cases of `by`, who writes agents and harnesses. `harness` is an id or a name.

    Every method raises InvalidInputError, NotFoundError or ConflictError when the layer or what it refers to cannot be
    used (`settled`, `LayerReader.assignable_harness`), and what the store raises.
    """

    def __init__(self, stores: Stores, registry: Registry, models: ModelKeys, by: Principal) -> None:
        self._stores = stores
        self._registry = registry
        self._models = models
        self._by = by

    async def save_agent(
        self, name: str, definition: AgentDefinition, *, harness: str | None = None, agent_id: str | None = None
    ) -> tuple[Agent, bool]:
        """Create or replace the agent with that id or, without an id, with that name; True if it was created."""
        withheld = await withhold(definition, self._registry, self._stores.layer_secrets(Kind.AGENT, NOBODY))
        definition = await self._checked(withheld.layer)
        harness_id = await self._harness_id(DEFAULT if harness is None else harness)
        async with self._stores.together():
            if withheld.kept:
                before = await self._stores.agents.get(agent_id or name)
                await self._check_kept(Kind.AGENT, before, withheld)
            saved, is_new = await self._stores.agents.upsert(name, harness_id, definition, agent_id=agent_id)
            secrets = self._stores.layer_secrets(Kind.AGENT, saved.id)
            await secrets.replace(withheld.given, withheld.kept, (MCP, CONFIG))
        return saved, is_new

    async def put_agent(
        self, key: str, name: str, definition: AgentDefinition, *, harness: str | None = None
    ) -> tuple[Agent, bool]:
        """Create or replace the agent with that id or name; True if it was created.

        Raises:
            ConflictError: no agent has the name that is its key, and it is not to be called so.
        """
        try:
            agent_id: str | None = (await self._stores.agents.get(key)).id
        except NotFoundError:
            agent_id = key if key.startswith("agent_") else None
            if agent_id is None and key != name:
                message = "The name in the address is not the one in the body, and no agent has it."
                raise ConflictError(message, "agent_name_mismatch") from None
        return await self.save_agent(name, definition, harness=harness, agent_id=agent_id)

    async def change_agent(
        self,
        agent_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        harness: str | None = None,
        status: str | None = None,
    ) -> Agent:
        """Replace some fields of an agent's definition, its name, harness or status."""
        withheld = await withhold(
            AgentDefinition(**changes), self._registry, self._stores.layer_secrets(Kind.AGENT, agent_id)
        )
        changes = await self._changes(changes, withheld.layer)
        harness_id = None if harness is None else await self._harness_id(harness)
        async with self._stores.together():
            if withheld.kept:
                await self._check_kept(Kind.AGENT, await self._stores.agents.get(agent_id), withheld)
            agent = await self._stores.agents.patch(agent_id, changes, name=name, harness_id=harness_id, status=status)
            await self._keep(Kind.AGENT, agent_id, changes, withheld)
        return agent

    async def create_harness(
        self, name: str, definition: HarnessDefinition, *, parent_id: str | None = None
    ) -> Harness:
        """Store a new harness."""
        withheld = await withhold(definition, self._registry, self._stores.layer_secrets(Kind.HARNESS, NOBODY))
        await self._stores.layer_secrets(Kind.HARNESS, NOBODY).check_kept(withheld.kept)
        definition = await self._checked(withheld.layer)
        async with self._stores.together():
            harness = await self._stores.harnesses.create(name, definition, parent_id=parent_id)
            if withheld.given:
                await self._stores.layer_secrets(Kind.HARNESS, harness.id).replace(withheld.given, (), ())
        return harness

    async def change_harness(
        self,
        harness_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        parent_id: str | None = None,
        status: str | None = None,
    ) -> Harness:
        """Replace some fields of a harness's definition, its name, parent or status."""
        withheld = await withhold(
            HarnessDefinition(**changes), self._registry, self._stores.layer_secrets(Kind.HARNESS, harness_id)
        )
        changes = await self._changes(changes, withheld.layer)
        harnesses = self._stores.harnesses
        async with self._stores.together():
            if withheld.kept:
                await self._check_kept(Kind.HARNESS, await harnesses.get(harness_id), withheld)
            harness = await harnesses.patch(harness_id, changes, name=name, parent_id=parent_id, status=status)
            await self._keep(Kind.HARNESS, harness_id, changes, withheld)
        return harness

    async def _check_kept(self, kind: Kind, before: Agent | Harness, withheld: Withheld[L]) -> None:
        check_addresses(withheld.kept, before.definition, withheld.layer)
        await self._stores.layer_secrets(kind, before.id).check_kept(withheld.kept)

    async def _keep(self, kind: Kind, owner_id: str, changes: Mapping[str, Any], withheld: Withheld[L]) -> None:
        """Store what a change gives; of the fields that it does not name nothing is forgotten."""
        scopes = [scope for name, scope in (("mcp_servers", MCP), ("capabilities", CONFIG)) if name in changes]
        if scopes:
            await self._stores.layer_secrets(kind, owner_id).replace(withheld.given, withheld.kept, scopes)

    async def _checked(self, layer: L) -> L:
        return await settled(layer, self._registry, self._models, self._by)

    async def _changes(self, changes: Mapping[str, Any], changed: Layer) -> Mapping[str, Any]:
        checked = await self._checked(changed)
        changes = {name: getattr(checked, name) for name in changes}
        return {**changes, "model": checked.model} if "model_id" in changes else changes

    async def _harness_id(self, key: str) -> str:
        return (await LayerReader(self._stores).assignable_harness(key)).id
