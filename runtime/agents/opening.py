"""Opening a session: whose it is, which layers it stands on, and the files that it starts with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runtime.agents.capability import Registry
from runtime.agents.layers import LayerReader, settled
from runtime.agents.shelf import ModelKeys
from runtime.agents.withholding import withhold
from runtime.core.access.principal import Principal
from runtime.core.authored.definition import Agent, Layer, Session, SessionDefinition
from runtime.core.authored.layers import starter_files
from runtime.core.authored.lifecycle import check_assignable
from runtime.core.authored.names import DEFAULT
from runtime.ports.secrets import Kind
from runtime.ports.sessions import NewSession
from runtime.ports.stores import Stores
from runtime.process.mint import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a session is to be. `harness` and `agent` are ids or names; without a harness the agent's counts."""

    definition: SessionDefinition = field(default_factory=SessionDefinition)
    harness: str | None = None
    agent: str | None = None
    workspace_id: str | None = None
    title: str | None = None


class Opener:
    """The use case of `by`, who opens sessions."""

    def __init__(self, stores: Stores, registry: Registry, models: ModelKeys, by: Principal) -> None:
        self._stores = stores
        self._registry = registry
        self._models = models
        self._by = by

    async def open(self, wanted: Opening) -> tuple[Session, Sequence[Layer]]:
        """Store a new session with its starter files, and return it with all layers that it stands on.

        A shared workspace keeps the files that it has.

        Raises:
            NotFoundError: no such harness, agent, model or workspace.
            ConflictError: one of them is archived.
            InvalidInputError: the layers together break a rule.
        """
        session_id = new_id("session")
        secrets = self._stores.layer_secrets(Kind.LAYER, session_id)
        withheld = await withhold(wanted.definition, self._registry, secrets)
        await secrets.check_kept(withheld.kept)
        async with self._stores.together():
            definition = await settled(withheld.layer, self._registry, self._models, self._by)
            session, layers = await self._open(session_id, wanted, definition)
            if withheld.given:
                await secrets.replace(withheld.given, (), ())
        return session, layers

    async def _open(
        self, session_id: str, wanted: Opening, definition: SessionDefinition
    ) -> tuple[Session, Sequence[Layer]]:
        reader = LayerReader(self._stores)
        agent = None if wanted.agent is None else await reader.assignable_agent(wanted.agent)
        harness = await reader.assignable_harness(_harness_key(wanted, agent))
        around = await reader.around(harness.id, agent.id if agent else None)
        layers = [*around, definition]
        self._registry.resolve([capability for layer in layers for capability in layer.capabilities])
        files = starter_files(layers)
        workspace_id = None if wanted.workspace_id is None else await self._assignable_workspace(wanted.workspace_id)
        new = NewSession(
            id=session_id,
            harness_id=harness.id,
            agent_id=agent.id if agent else None,
            workspace_id=workspace_id or new_id("wsp"),
            owns_workspace=workspace_id is None,
            definition=definition,
            title=wanted.title,
        )
        session = await self._stores.sessions.create(new)
        await self._stores.files(session.workspace_id).seed(files)
        return session, layers

    async def _assignable_workspace(self, workspace_id: str) -> str:
        workspace = await self._stores.workspaces.get(workspace_id)
        check_assignable("workspace", workspace.name, workspace.status)
        return workspace.id


def _harness_key(wanted: Opening, agent: Agent | None) -> str:
    if wanted.harness is not None:
        return wanted.harness
    return agent.harness_id if agent else DEFAULT
