"""What layers resolve to, on the wire: what a turn would run with, and where each part came from."""

from typing import Any, Literal, Self

from api.schemas.fields import Reply
from runtime.agents.origins import Offer, Origin, Prompt, Traced, Use


class OriginReply(Reply):
    """A layer; `organization` and `server` are those whose default counts where no layer says anything."""

    kind: Literal["harness", "agent", "session", "organization", "server"]
    id: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, origin: Origin) -> Self:
        """Return a layer as the wire shows it."""
        return cls(kind=origin.kind.value, id=origin.id, name=origin.name or None)


class PromptReply(Reply):
    """A part of the system prompt, a layer's own or a capability's."""

    text: str
    source: OriginReply
    capability: str | None = None

    @classmethod
    def of(cls, prompt: Prompt) -> Self:
        """Return it as the wire shows it."""
        return cls(text=prompt.text, source=OriginReply.of(prompt.origin), capability=prompt.capability)


class UseReply(Reply):
    """A capability that takes part; `needed_by` is another one that depends on it, if no layer names it."""

    id: str
    name: str
    source: OriginReply
    needed_by: str | None = None

    @classmethod
    def of(cls, use: Use) -> Self:
        """Return it as the wire shows it."""
        source = OriginReply.of(use.origin)
        return cls(id=use.capability.id, name=use.capability.name, source=source, needed_by=use.needed_by)


class OfferReply(Reply):
    """A tool as the model sees it, a capability's or, without one, the client's."""

    name: str
    description: str
    parameters: dict[str, Any]
    source: OriginReply
    capability: str | None = None

    @classmethod
    def of(cls, offer: Offer) -> Self:
        """Return it as the wire shows it."""
        spec, source = offer.spec, OriginReply.of(offer.origin)
        fields = {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
        return cls(**fields, source=source, capability=offer.capability)


class ModelChoice(Reply):
    """The model that answers where a message names none."""

    id: str
    source: OriginReply


class ResolvedReply(Reply):
    """What a turn would run with now. `model` is null where there is none to be had."""

    system_prompt: str
    prompts: list[PromptReply]
    capabilities: list[UseReply]
    tools: list[OfferReply]
    model: ModelChoice | None
    fallback_models: list[str]
    max_iterations: int

    @classmethod
    def of(cls, traced: Traced, model: ModelChoice | None) -> Self:
        """Return it as the wire shows it."""
        return cls(
            system_prompt=traced.agent.system_prompt,
            prompts=[PromptReply.of(prompt) for prompt in traced.prompts],
            capabilities=[UseReply.of(use) for use in traced.capabilities],
            tools=[OfferReply.of(offer) for offer in traced.tools],
            model=model,
            fallback_models=list(traced.agent.fallback_models),
            max_iterations=traced.agent.max_iterations,
        )
