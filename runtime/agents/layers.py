"""The layers around sessions: reading them, and what must hold for one before it is stored."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from runtime.agents.capability import Registry, Risk
from runtime.agents.shelf import ModelKeys, chain
from runtime.core.access.principal import Principal
from runtime.core.access.roles import Scope
from runtime.core.authored.definition import Agent, Harness, Layer
from runtime.core.authored.lifecycle import check_assignable
from runtime.core.errors import ForbiddenError, InvalidInputError, NotFoundError
from runtime.ports.authored import Authored
from runtime.ports.stores import Stores
from runtime.process.log import get_logger

T = TypeVar("T")
L = TypeVar("L", bound=Layer)
log = get_logger(__name__)


async def settled(layer: L, registry: Registry, models: ModelKeys, by: Principal) -> L:
    """Return a layer that can be run, if whoever writes it may. Capabilities that are not known here are fine.

    What its models mean is settled here: whoever runs it knows no list of models.

    Raises:
        InvalidInputError: its capabilities depend on each other in a circle, or one's config is wrong.
        NotFoundError: there is no such model.
        ForbiddenError: `capability_needs_admin`: a capability of high risk is assigned by nobody who administers.
    """
    registry.check(layer.capabilities)
    _check_risk(layer, registry, by)
    means = None if layer.model_id is None else await models.settled(layer.model_id)
    return msgspec.structs.replace(
        layer,
        model=None if means == layer.model_id else means,
        fallback_models=await chain(layer.fallback_models, models),
    )


def _check_risk(layer: Layer, registry: Registry, by: Principal) -> None:
    for resolved in registry.resolve(layer.capabilities):
        capability = resolved.capability
        if capability.risk is Risk.HIGH and not by.may(Scope.ORG_ADMIN):
            message = (
                f"The capability {capability.id} is of high risk: who assigns it needs the scope {Scope.ORG_ADMIN}."
            )
            raise ForbiddenError(message, "capability_needs_admin")
        if capability.risk is Risk.MEDIUM:
            log.info("risky_capability_assigned", capability=capability.id, user_id=by.user_id, org_id=by.org_id)


def unknown_capabilities(layer: Layer, registry: Registry) -> Iterator[tuple[int, str]]:
    """Yield the assignments that do nothing on this server: where they stand, and what they refer to."""
    for at, assigned in enumerate(layer.capabilities):
        if registry.find(assigned.ref) is None:
            yield at, assigned.ref


def features_of(layers: Sequence[Layer], registry: Registry) -> list[str]:
    """Return what the capabilities of all layers offer together, sorted; nothing if they cannot be combined."""
    assigned = [capability for layer in layers for capability in layer.capabilities]
    try:
        resolved = registry.resolve(assigned)
    except InvalidInputError:  # this server has changed since they were assigned; the turn will say so
        return []
    return sorted({feature for found in resolved for feature in found.capability.features})


class LayerReader:
    """Reads the layers around sessions, each once. For one request: a later one sees later definitions."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._harnesses: dict[str, Harness | None] = {}
        self._agents: dict[str, Agent | None] = {}

    async def assignable_harness(self, key: str) -> Harness:
        """Return a harness, by id or name, that may get agents and sessions.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is archived.
        """
        harness = await self._stores.harnesses.get(key)
        check_assignable("harness", harness.name, harness.status, takes="agents or sessions")
        self._harnesses[harness.id] = harness
        return harness

    async def assignable_agent(self, key: str) -> Agent:
        """Return an agent, by id or name, that may get sessions. Raises as `assignable_harness` does."""
        agent = await self._stores.agents.get(key)
        check_assignable("agent", agent.name, agent.status)
        self._agents[agent.id] = agent
        return agent

    async def read_ahead(self, harness_ids: set[str], agent_ids: set[str]) -> None:
        """Read all that many sessions name, at once instead of one after the other."""
        self._harnesses |= dict.fromkeys(harness_ids)
        self._harnesses |= {harness.id: harness for harness in await self._stores.harnesses.several(harness_ids)}
        self._agents |= dict.fromkeys(agent_ids)
        self._agents |= {agent.id: agent for agent in await self._stores.agents.several(agent_ids)}

    async def line(self, harness_id: str) -> list[Harness]:
        """Return a harness with its ancestors, the outermost first. What was deleted is missing."""
        found: list[Harness] = []
        key: str | None = harness_id
        while key is not None and (harness := await _once(key, self._stores.harnesses, self._harnesses)) is not None:
            found.insert(0, harness)
            key = harness.parent_id
        return found

    async def around(self, harness_id: str, agent_id: str | None) -> list[Layer]:
        """Return the layers that a session with this harness and agent stands on, the outermost first.

        What was deleted is missing.
        """
        layers: list[Layer] = [harness.definition for harness in await self.line(harness_id)]
        if agent_id is not None and (agent := await _once(agent_id, self._stores.agents, self._agents)) is not None:
            layers.append(agent.definition)
        return layers


async def _once(key: str, store: Authored[T], read: dict[str, T | None]) -> T | None:
    if key not in read:
        try:
            read[key] = await store.get(key)
        except NotFoundError:
            read[key] = None
    return read[key]
