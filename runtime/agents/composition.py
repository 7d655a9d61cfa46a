"""What a turn runs with: harness chain, agent and session folded into one (docs/wire.md, "Layers").

Nothing here is stored. It is composed anew for each turn, so that a session follows its agent as it is now.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runtime.agents.capability import Registry, Resolved
from runtime.agents.tool import Tool
from runtime.core.authored.definition import Agent, AssignedCapability, ClientTool, Harness, Layer, SessionDefinition
from runtime.core.authored.layers import client_tools, fallback_models, innermost, mcp_servers, prompts
from runtime.core.authored.lifecycle import Life
from runtime.core.authored.network import Reach, narrow
from runtime.core.errors import InvalidInputError
from runtime.core.failure import Disclosure
from runtime.core.message import ResponseFormat
from runtime.ports.model import ToolSpec

DEFAULT_MAX_ITERATIONS: Final = 500
FILES: Final = "session_file_system"
_LANGUAGE_TAG: Final = re.compile(r"[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeAgent:
    """The composed agent. `specs` are the tools as the model sees them, in order: the server's, then the client's.

    A client tool takes the place of a server tool of the same name: whoever declares one means it.
    """

    harness_id: str
    agent_id: str | None
    agent_name: str | None
    agent_description: str | None
    system_prompt: str
    tools: Mapping[str, Tool]
    client_tools: Mapping[str, ClientTool]
    specs: tuple[ToolSpec, ...]
    model_id: str | None
    fallback_models: tuple[str, ...]
    response_format: ResponseFormat | None
    max_iterations: int
    parallel_tool_calls: bool | None
    capabilities: tuple[str, ...]
    features: tuple[str, ...]
    network_access: Reach
    mcp_servers: Mapping[str, Any]
    hints: Mapping[str, Any]
    locale: str | None
    error_disclosure: Disclosure


def compose(
    harnesses: Sequence[Harness], agent: Agent | None, session: SessionDefinition, registry: Registry
) -> RuntimeAgent:
    """Fold the layers; `harnesses` is the chain, outermost parent first, the session's own last.

    Raises:
        InvalidInputError: harness or agent is archived or deleted, or their capabilities do not go together. The
            words are for the user.
    """
    _check_active("harness", harnesses)
    _check_active("agent", [agent] if agent else [])
    chain = [harness.definition for harness in harnesses]
    inner = [agent.definition, session] if agent else [session]
    layers: list[Layer] = [*chain, *inner]
    resolved = registry.resolve(assigned(layers))
    own_tools = client_tools(inner)
    offered = {tool.name: tool for r in resolved for tool in r.capability.tools(r.config)}
    tools = {name: tool for name, tool in offered.items() if name not in own_tools}
    return RuntimeAgent(
        harness_id=harnesses[-1].id,
        agent_id=agent.id if agent else None,
        agent_name=(agent.definition.display_name or agent.name) if agent else None,
        agent_description=agent.definition.description if agent else None,
        system_prompt=_system_prompt([*chain, session, *inner[:-1]], resolved),
        tools=tools,
        client_tools=own_tools,
        specs=(
            *(tool.spec for tool in tools.values()),
            *(ToolSpec(tool.name, tool.description, tool.parameters) for tool in own_tools.values()),
        ),
        model_id=innermost(layer.model or layer.model_id for layer in layers),
        fallback_models=fallback_models(layers),
        response_format=innermost(layer.response_format for layer in layers),
        max_iterations=innermost(layer.max_iterations for layer in inner) or DEFAULT_MAX_ITERATIONS,
        parallel_tool_calls=innermost(layer.parallel_tool_calls for layer in layers),
        capabilities=tuple(r.capability.id for r in resolved),
        features=_features(resolved),
        network_access=narrow(layer.network_access for layer in layers),
        mcp_servers=mcp_servers(layers),
        hints=session.hints or {},
        locale=session.locale,
        error_disclosure=_disclosure(resolved),
    )


def in_language(system_prompt: str, locale: str | None) -> str:
    """Return a system prompt that names the user's locale; one that is no language tag is not named."""
    if locale is None or not _LANGUAGE_TAG.fullmatch(locale):
        return system_prompt
    return f"{system_prompt}\n\nThe user's locale is {locale}.".strip()


def assigned(layers: Sequence[Layer]) -> list[AssignedCapability]:
    """Return what capabilities layers are given, outermost layer first."""
    given = [capability for layer in layers for capability in layer.capabilities]
    if any(layer.initial_files for layer in layers):
        given.append(AssignedCapability(FILES))  # no use in files that the agent cannot read
    return given


def _system_prompt(layers: Sequence[Layer], resolved: Sequence[Resolved]) -> str:
    base = prompts(layers)
    additions = [
        f'<capability id="{r.capability.id}">\n{text}\n</capability>'
        for r in resolved
        if (text := r.capability.prompt(r.config))
    ]
    if additions and base:
        base = f"<system-prompt>\n{base}\n</system-prompt>"
    return "\n\n".join(part for part in (*additions, base) if part)


def _features(resolved: Sequence[Resolved]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(feature for r in resolved for feature in r.capability.features))


def _disclosure(resolved: Sequence[Resolved]) -> Disclosure:
    wanted = [r.capability.error_disclosure(r.config) for r in resolved]
    return next((disclosure for disclosure in reversed(wanted) if disclosure is not None), Disclosure.STANDARD)


def _check_active(kind: str, things: Sequence[Harness | Agent]) -> None:
    for thing in things:
        if thing.status != Life.ACTIVE:
            message = f"The {kind} {thing.name!r} of this session is {thing.status}, so no turn can start."
            raise InvalidInputError(message, f"{kind}_{thing.status}")
