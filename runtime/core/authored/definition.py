"""What people author: harnesses, agents and sessions, as data (docs/wire.md, "Layers").

A definition is the configuration alone; rows of the store add ids, status and times. All three are
layers of one shape, folded from the outermost harness inwards into what a turn runs with.
"""

from typing import Any

import msgspec

from runtime.core.message import ResponseFormat


class AssignedCapability(msgspec.Struct, frozen=True, omit_defaults=True):
    """A capability given to a layer, by id or alias, with its configuration."""

    ref: str
    config: dict[str, Any] | None = None


class ClientTool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool that the client runs. `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, Any]
    type: str = "client_side"
    display_name: str | None = None
    category: str | None = None
    deferrable: str | None = None
    hints: dict[str, Any] | None = None
    policy: str | None = None
    full_parameters: dict[str, Any] | None = None


class InitialFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that a session starts with; `encoding` is text or base64."""

    path: str
    content: str
    encoding: str = "text"
    is_readonly: bool = False


class NetworkAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hosts and URL prefixes that tools may or may not reach."""

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


class Layer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What harness, agent and session have in common."""

    system_prompt: str = ""
    model_id: str | None = None  # `default_model_id` of harnesses and agents on the wire
    model: str | None = None  # `provider:name`, which that meant when it was set, if it says something else
    fallback_models: tuple[str, ...] = ()  # `provider:name` of each that takes over when those before it fail
    capabilities: tuple[AssignedCapability, ...] = ()
    initial_files: tuple[InitialFile, ...] = ()
    tags: tuple[str, ...] = ()
    network_access: NetworkAccess | None = None
    mcp_servers: dict[str, Any] | None = None  # `mcpServers` on the wire
    response_format: ResponseFormat | None = None
    parallel_tool_calls: bool | None = None
    max_iterations: int | None = None
    tools: tuple[ClientTool, ...] = ()


class HarnessDefinition(Layer, frozen=True, omit_defaults=True, kw_only=True):
    """The base environment that many agents share."""

    display_name: str | None = None
    description: str | None = None
    embedder_metadata: dict[str, str] | None = None


class AgentDefinition(Layer, frozen=True, omit_defaults=True, kw_only=True):
    """A role."""

    display_name: str | None = None
    description: str | None = None


class SessionDefinition(Layer, frozen=True, omit_defaults=True, kw_only=True):
    """What one conversation adds."""

    locale: str | None = None
    hints: dict[str, Any] | None = None
    agent_identity_id: str | None = None


class Harness(msgspec.Struct, frozen=True, kw_only=True):
    """A stored harness. `revision` rises with every change; times are RFC 3339."""

    id: str
    name: str
    status: str
    is_built_in: bool
    parent_id: str | None
    revision: int
    definition: HarnessDefinition
    created_at: str
    updated_at: str
    archived_at: str | None = None


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A stored agent."""

    id: str
    name: str
    status: str
    harness_id: str
    revision: int
    definition: AgentDefinition
    created_at: str
    updated_at: str
    archived_at: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A stored session with its head: what its log says by now. `is_pinned` is the asking user's own doing."""

    id: str
    org_id: str
    owner_id: str
    harness_id: str
    agent_id: str | None
    workspace_id: str
    parent_id: str | None
    definition: SessionDefinition
    title: str | None
    status: str
    epoch: int
    actor: str | None
    last_sequence: int
    usage: dict[str, Any] | None
    preview: str | None
    output_preview: str | None
    recoveries: int
    quarantined: bool
    is_pinned: bool
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A stored workspace; a session's own has no name of its own and is shown by its id."""

    id: str
    name: str
    status: str
    revision: int
    description: str | None
    created_at: str
    updated_at: str
    archived_at: str | None = None
