"""From request bodies to definitions, and what must hold for a layer before it is stored."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from api.http.deps import Deps
from api.http.notices import MOST, suggestion, warn
from api.schemas.layer import LayerBody
from runtime.core.authored.definition import Agent, Harness, HarnessDefinition, Layer
from runtime.core.errors import ConflictError, InvalidInputError, NotFoundError

D = TypeVar("D", bound=Layer)


def definition(body: LayerBody, kind: type[D]) -> D:
    """Return the layer that a request describes; what it leaves out is empty."""
    for at in body.dropped_tools:
        words = "a builtin tool is the server's own and comes with a capability, ignored"
        warn("builtin_tool_dropped", f"tools[{at}]", words)
    fields = body.definition_fields()
    if not any(fields.get("network_access", {}).values()):
        fields.pop("network_access", None)  # an empty list restricts nothing
    return msgspec.convert(fields, kind)


def changes(body: LayerBody, made: Layer) -> dict[str, Any]:
    """Return the fields of `made` that the request gave; lists and objects replace the old ones whole."""
    return {name: getattr(made, name) for name in body.definition_fields()}


def check_layer(deps: Deps, layer: Layer) -> None:
    """Pass if a layer can be run; what this server does not have is warned of, for another may have it.

    Raises:
        InvalidInputError: its capabilities depend on each other in a circle, or one's config is wrong.
        NotFoundError: there is no such model.
    """
    deps.registry.check(layer.capabilities)
    unknown = [(at, a.ref) for at, a in enumerate(layer.capabilities) if deps.registry.find(a.ref) is None]
    for at, ref in unknown[:MOST]:
        meant = suggestion(ref, (capability.id for capability in deps.registry))
        warn("unknown_capability", f"capabilities[{at}]", f"there is no {ref[:100]!r} here, ignored{meant}")
    if layer.model_id is not None:
        deps.models.find(layer.model_id)


class LayerReader:
    """Reads the layers around sessions, each once. For one request: a later one sees later definitions."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._harnesses: dict[str, Harness | None] = {}
        self._agents: dict[str, Agent | None] = {}

    async def assignable_harness(self, key: str) -> str:
        """Return the id of a harness, by id or name, that may get agents and sessions.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is archived.
        """
        harness = await self._deps.harnesses.get(key)
        if harness.status != "active":
            message = f"Harness {harness.name} is archived and takes no new agents or sessions."
            raise ConflictError(message, "harness_archived")
        self._harnesses[harness.id] = harness
        return harness.id

    async def chain(self, harness_id: str) -> list[HarnessDefinition]:
        """Return a harness with those above it, the outermost first; what was deleted is missing."""
        found: list[HarnessDefinition] = []
        key: str | None = harness_id
        while key is not None and (harness := await self._harness(key)) is not None:
            found.insert(0, harness.definition)
            key = harness.parent_id
        return found

    async def around(self, harness_id: str, agent_id: str | None) -> list[Layer]:
        """Return the layers that a session with this harness and agent stands on, the outermost first."""
        layers: list[Layer] = [*await self.chain(harness_id)]
        agent = None if agent_id is None else await self._agent(agent_id)
        return layers if agent is None else [*layers, agent.definition]

    async def _harness(self, harness_id: str) -> Harness | None:
        if harness_id not in self._harnesses:
            try:
                self._harnesses[harness_id] = await self._deps.harnesses.get(harness_id)
            except NotFoundError:
                self._harnesses[harness_id] = None
        return self._harnesses[harness_id]

    async def _agent(self, agent_id: str) -> Agent | None:
        if agent_id not in self._agents:
            try:
                self._agents[agent_id] = await self._deps.agents.get(agent_id)
            except NotFoundError:
                self._agents[agent_id] = None
        return self._agents[agent_id]


def features_of(deps: Deps, layers: Sequence[Layer]) -> list[str]:
    """Return what the capabilities of all layers offer together, sorted; nothing if they cannot be combined."""
    assigned = [capability for layer in layers for capability in layer.capabilities]
    try:
        resolved = deps.registry.resolve(assigned)
    except InvalidInputError:  # this server has changed since they were assigned; the turn will say so
        return []
    return sorted({feature for found in resolved for feature in found.capability.features})
