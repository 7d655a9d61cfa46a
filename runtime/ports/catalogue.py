"""What there is to say about each model, for lists."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

import msgspec

from runtime.ports.model import ModelRef

LISTED_AT: Final = "2026-01-01T00:00:00.000Z"  # predefined models have no history of their own


class CostTier(msgspec.Struct, frozen=True):
    """Prices from so many input tokens on, in US dollars per million tokens."""

    above_tokens: int
    input: float
    output: float
    cache_read: float | None = None


class Cost(msgspec.Struct, frozen=True):
    """Prices in US dollars per million tokens."""

    input: float
    output: float
    cache_read: float | None = None
    cost_tiers: tuple[CostTier, ...] = ()


class Limits(msgspec.Struct, frozen=True):
    """Sizes in tokens."""

    context: int
    output: int


class Modalities(msgspec.Struct, frozen=True):
    """What goes in and comes out: text, image, audio, video, pdf."""

    input: tuple[str, ...]
    output: tuple[str, ...]


class Effort(msgspec.Struct, frozen=True):
    """One level of reasoning."""

    name: str
    value: str


class Efforts(msgspec.Struct, frozen=True):
    """The levels of reasoning that a model takes."""

    default: str
    values: tuple[Effort, ...]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can do."""

    name: str
    family: str
    attachment: bool
    reasoning: bool
    tool_call: bool
    structured_output: bool
    temperature: bool
    open_weights: bool
    description: str | None = None
    cost: Cost | None = None
    limits: Limits | None = None
    modalities: Modalities | None = None
    reasoning_effort: Efforts | None = None


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One model of one provider, as `ModelWithProvider` shows it."""

    id: str
    model_id: str
    display_name: str
    provider_id: str
    provider_name: str
    provider_type: str
    source: str = "predefined"
    capabilities: tuple[str, ...] = ()
    enabled: bool = True
    healthy: bool = True
    is_favorite: bool = False
    is_stale: bool = False
    created_at: str = LISTED_AT
    updated_at: str = LISTED_AT
    model_vendor: str | None = None
    profile: Profile | None = None


class BuiltInModels(Protocol):
    """Knows the server's own models, and what there is to say about each."""

    def models(self) -> Sequence[ModelInfo]:
        """Return every listed model."""
        ...

    def find(self, key: str) -> ModelRef:
        """Return a model by public id, `provider:name` or name. Raises NotFoundError("model")."""
        ...

    def default(self, disabled: Collection[str] = ()) -> ModelRef:
        """Return the model for sessions that name none; `disabled` are ids of providers and models to do without.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def info(self, key: str) -> ModelInfo:
        """Return what is known of a model, by the keys that `find` takes. Raises NotFoundError("model")."""
        ...
