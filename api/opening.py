"""Opening a session: whose it is, which layers it stands on, and the files that it starts with."""

from collections.abc import Iterable, Sequence
from typing import Final

from api.http.deps import Deps
from api.layers import LayerReader, check_layer, definition
from api.schemas.fields import MAX_FILES, MAX_FILES_BYTES
from api.schemas.session import SessionBody
from runtime.core.authored.definition import Agent, InitialFile, Layer, Session, SessionDefinition
from runtime.core.errors import ConflictError, InvalidInputError, PerdureError
from runtime.core.files.content import decode_content
from runtime.core.files.paths import canonical
from runtime.core.ids import parse_id
from runtime.process.mint import new_id
from runtime.store.sessions import NewSession

_DEFAULT_HARNESS: Final = "default"


async def open_session(deps: Deps, reader: LayerReader, body: SessionBody) -> Session:
    """Store a new session with its starter files. A shared workspace keeps the files that it has.

    Raises:
        NotFoundError: no such harness, agent, model or workspace.
        ConflictError: one of them is archived.
        InvalidInputError: the layers together break a rule.
    """
    made = definition(body, SessionDefinition)
    check_layer(deps, made)
    agent = await _agent(deps, body)
    harness_id = await reader.assignable_harness(_harness_key(body, agent))
    layers: list[Layer] = [*await reader.chain(harness_id), *([agent.definition] if agent else []), made]
    deps.registry.resolve([capability for layer in layers for capability in layer.capabilities])
    files = starter_files(layers)
    workspace_id = await _workspace_id(deps, body)
    new = NewSession(
        id=new_id("session"),
        harness_id=harness_id,
        agent_id=agent.id if agent else None,
        workspace_id=workspace_id or new_id("wsp"),
        owns_workspace=workspace_id is None,
        definition=made,
        title=body.title,
    )
    session = await deps.sessions.create(new)
    try:
        await deps.files(session.workspace_id).seed(files)
    except PerdureError:
        await deps.sessions.delete(session.id)
        raise
    return session


def starter_files(layers: Iterable[Layer]) -> Sequence[InitialFile]:
    """Return the files of all layers, an inner one's in place of an outer one's, by path.

    Raises:
        InvalidInputError: together they are too many or too large.
    """
    by_path = {canonical(file.path): file for layer in layers for file in layer.initial_files}
    size = sum(len(decode_content(file.content, file.encoding)) for file in by_path.values())
    if len(by_path) > MAX_FILES or size > MAX_FILES_BYTES:
        message = f"Input exceeds allowed limits: {MAX_FILES} starter files with {MAX_FILES_BYTES} bytes in all."
        raise InvalidInputError(message)
    return [by_path[path] for path in sorted(by_path)]


async def _agent(deps: Deps, body: SessionBody) -> Agent | None:
    key = body.agent_name if body.agent_id is None else parse_id("agent", body.agent_id)
    if key is None:
        return None
    agent = await deps.agents.get(key)
    if agent.status != "active":
        message = f"Agent {agent.name} is archived and takes no new sessions."
        raise ConflictError(message, "agent_archived")
    return agent


def _harness_key(body: SessionBody, agent: Agent | None) -> str:
    if body.harness_id is not None:
        return parse_id("harness", body.harness_id)
    if body.harness_name is not None:
        return body.harness_name
    return agent.harness_id if agent else _DEFAULT_HARNESS


async def _workspace_id(deps: Deps, body: SessionBody) -> str | None:
    if body.workspace_id is None:
        return None
    workspace = await deps.workspaces.get(parse_id("wsp", body.workspace_id))
    if workspace.status != "active":
        message = f"Workspace {workspace.name} is archived and takes no new sessions."
        raise ConflictError(message, "workspace_archived")
    return workspace.id
