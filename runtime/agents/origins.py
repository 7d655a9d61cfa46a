"""What layers come to together, and which of them each part came from: for people who ask before a turn runs.

What a turn runs with is composed in `composition.py`, and taken from there; here is only where things came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from runtime.agents.capability import Capability, Registry, Resolved
from runtime.agents.composition import RuntimeAgent, assigned, compose
from runtime.core.authored.definition import Agent, Harness, Layer, Session, SessionDefinition
from runtime.ports.model import ToolSpec


class LayerKind(StrEnum):
    """Whose layer it is."""

    HARNESS = "harness"
    AGENT = "agent"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Origin:
    """The layer that something came from. `id` is a public one, `name` what people call it."""

    kind: LayerKind
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A part of the system prompt: a layer's own, or what a capability adds."""

    text: str
    origin: Origin
    capability: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A capability that takes part; `needed_by` is one that depends on it, if no layer names it."""

    capability: Capability
    origin: Origin
    needed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as the model sees it: a capability's, or without one the client's."""

    spec: ToolSpec
    origin: Origin
    capability: str | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """What a turn would run with, and where it came from. `model` is the layer that names one."""

    agent: RuntimeAgent
    prompts: tuple[Prompt, ...]
    capabilities: tuple[Use, ...]
    tools: tuple[Offer, ...]
    model: Origin | None


@dataclass(frozen=True, slots=True)
class _Known:
    origin: Origin
    layer: Layer


def trace(chain: Sequence[Harness], agent: Agent | None, session: Session | None, registry: Registry) -> Traced:
    """Fold the layers, and say of each part where it came from; `chain` is outermost parent first.

    Raises:
        InvalidInputError: a turn would fail with these layers. The words are for the user.
    """
    definition = session.definition if session else SessionDefinition()
    composed = compose(chain, agent, definition, registry)
    harnesses = [_known(LayerKind.HARNESS, harness) for harness in chain]
    agents = [_known(LayerKind.AGENT, agent)] if agent else []
    sessions = [_Known(Origin(LayerKind.SESSION, session.id, session.title or ""), definition)] if session else []
    layers = [*harnesses, *agents, *sessions]
    resolved = registry.resolve(assigned([known.layer for known in layers]))
    uses = _uses(resolved, layers, registry)
    return Traced(
        agent=composed,
        prompts=_prompts(resolved, uses, [*harnesses, *sessions, *agents]),
        capabilities=uses,
        tools=_tools(composed, resolved, uses, [*agents, *sessions]),
        model=next((known.origin for known in reversed(layers) if known.layer.model or known.layer.model_id), None),
    )


def _known(kind: LayerKind, thing: Harness | Agent) -> _Known:
    return _Known(Origin(kind, thing.id, thing.definition.display_name or thing.name), thing.definition)


def _uses(resolved: Sequence[Resolved], layers: Sequence[_Known], registry: Registry) -> tuple[Use, ...]:
    """Return each capability with the outermost layer that names it, or with the one that needs it."""
    found: dict[str, Use] = {}
    for capability in (each.capability for each in reversed(resolved)):  # whoever needs one stands behind it
        origin = next((known.origin for known in layers if _names(known.layer, capability, registry)), None)
        if origin is not None:
            found[capability.id] = Use(capability, origin)
        else:
            needing = next(use for use in found.values() if _needs(use.capability, capability, registry))
            found[capability.id] = Use(capability, needing.origin, needing.capability.id)
    return tuple(found[each.capability.id] for each in resolved)


def _names(layer: Layer, capability: Capability, registry: Registry) -> bool:
    given = assigned([layer])  # starter files bring the capability to read them
    return any(registry.find(each.ref) is capability for each in given)


def _needs(one: Capability, other: Capability, registry: Registry) -> bool:
    return any(registry.find(ref) is other for ref in one.dependencies)


def _prompts(resolved: Sequence[Resolved], uses: Sequence[Use], layers: Sequence[_Known]) -> tuple[Prompt, ...]:
    """Return the parts of the system prompt, in its order."""
    added = [
        Prompt(text, use.origin, use.capability.id)
        for use, each in zip(uses, resolved, strict=True)
        if (text := each.capability.prompt(each.config))
    ]
    own = [Prompt(known.layer.system_prompt, known.origin) for known in layers if known.layer.system_prompt]
    return (*added, *own)


def _tools(
    composed: RuntimeAgent, resolved: Sequence[Resolved], uses: Sequence[Use], inner: Sequence[_Known]
) -> tuple[Offer, ...]:
    """Return the tools in the order in which the model sees them."""
    servers = {
        tool.name: use for use, each in zip(uses, resolved, strict=True) for tool in each.capability.tools(each.config)
    }
    clients = {tool.name: known.origin for known in inner for tool in known.layer.tools}
    return tuple(
        Offer(spec, clients[spec.name])
        if spec.name in clients
        else Offer(spec, servers[spec.name].origin, servers[spec.name].capability.id)
        for spec in composed.specs
    )
