"""Models and capabilities on the wire."""

from typing import Any, Final, Literal

import msgspec
from pydantic import Field

from api.schemas.fields import Reply
from runtime.ports.catalogue import ModelInfo

VENDORS: Final = frozenset({
    "openai", "anthropic", "google", "nvidia", "qwen", "microsoft", "minimax", "moonshot", "xai", "llmsim",
})  # fmt: skip


class ModelReply(Reply):
    """A model with its provider."""

    id: str
    model_id: str
    display_name: str
    provider_id: str
    provider_name: str
    provider_type: str
    model_vendor: str | None = None
    source: Literal["manual", "discovered", "predefined"]
    capabilities: list[str] = Field(default_factory=list)
    enabled: bool
    healthy: bool
    is_favorite: bool
    profile: dict[str, Any] | None = None
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, info: ModelInfo) -> "ModelReply":
        """Return a model as the wire shows it."""
        fields: dict[str, Any] = msgspec.to_builtins(info)
        if fields.get("model_vendor") not in VENDORS:
            fields["model_vendor"] = None  # the SDK refuses the whole list for one that it does not know
        return cls(**fields)

    def said(self) -> dict[str, Any]:
        """Return what people say of it."""
        names = {"model_id", "display_name", "provider_id", "enabled", "is_favorite", "capabilities"}
        return self.model_dump(include=names)


class CapabilityInfo(Reply):
    """A capability that can be assigned."""

    id: str
    name: str
    description: str
    status: str = "available"
    category: str | None = None
    icon: str | None = None
    dependencies: list[str] = Field(default_factory=list)
    features: list[str] = Field(default_factory=list)
    tool_definitions: list[dict[str, Any]] = Field(default_factory=list)
    system_prompt: str | None = None
    config_schema: dict[str, Any] | None = None
    risk_level: Literal["low", "medium", "high"]
    is_mcp: bool = False
    is_skill: bool = False
    is_guardrail: bool = False
