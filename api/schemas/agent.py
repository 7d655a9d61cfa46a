"""Agents and harnesses on the wire."""

from typing import Any, Literal

from pydantic import Field, model_validator

from api.schemas.fields import Description, DisplayName, ModelKey, Name, Reply, refuse
from api.schemas.layer import CapabilityReply, LayerBody, LayerReply, layer_fields
from runtime.core.authored.definition import Agent, Harness
from runtime.core.ids import parse_id

Status = Literal["active", "archived", "deleted"]


class NamedLayerBody(LayerBody):
    """What agents and harnesses have in common."""

    display_name: DisplayName | None = None
    description: Description | None = None
    default_model_id: ModelKey | None = None
    status: Literal["active", "archived"] | None = None

    def definition_fields(self) -> dict[str, Any]:
        """Return what was given, by the names of `runtime.core.authored.definition`."""
        given = super().definition_fields()
        own = {"display_name": self.display_name, "description": self.description, "model_id": self.model_key}
        return {**given, **{name: value for name, value in own.items() if value is not None}}

    @property
    def model_key(self) -> str | None:
        """The model that was asked for."""
        return self.default_model_id


class AgentPatch(NamedLayerBody):
    """Any part of an agent."""

    name: Name | None = None
    harness_id: str | None = None
    harness_name: str | None = Field(None, max_length=64)
    model: ModelKey | None = None  # what the TypeScript SDK calls default_model_id

    @model_validator(mode="after")
    def _one_harness(self) -> "AgentPatch":
        if self.harness_id is not None and self.harness_name is not None:
            refuse("give harness_id or harness_name, not both")
        return self

    @property
    def model_key(self) -> str | None:
        """The model that was asked for, under either name."""
        return self.default_model_id or self.model

    @property
    def harness(self) -> str | None:
        """The harness that was asked for, by id or name. Raises InvalidInputError for an id that is none."""
        return self.harness_name if self.harness_id is None else parse_id("harness", self.harness_id)


class AgentBody(AgentPatch):
    """A whole agent."""

    id: str | None = None
    name: Name
    system_prompt: str = Field(max_length=1_048_576)


class HarnessPatch(NamedLayerBody):
    """Any part of a harness."""

    name: Name | None = None
    parent_harness_id: str | None = None
    embedder_metadata: dict[str, str] | None = None

    def definition_fields(self) -> dict[str, Any]:
        """Return what was given, by the names of `runtime.core.authored.definition`."""
        given = super().definition_fields()
        return given if self.embedder_metadata is None else {**given, "embedder_metadata": self.embedder_metadata}


class HarnessBody(HarnessPatch):
    """A whole harness."""

    name: Name


class NamedLayerReply(LayerReply):
    """What agents and harnesses have in common."""

    id: str
    name: str
    status: Status
    created_at: str
    updated_at: str
    display_name: str | None = None
    description: str | None = None
    default_model_id: str | None = Field(None, validation_alias="model_id")
    archived_at: str | None = None


class AgentReply(NamedLayerReply):
    """An agent."""

    harness_id: str

    @classmethod
    def of(cls, agent: Agent) -> "AgentReply":
        """Return an agent as the wire shows it."""
        fields = {**layer_fields(agent.definition), **_row(agent), "harness_id": agent.harness_id}
        return cls(**fields, self_url=f"/api/v1/agents/{agent.id}")


class HarnessReply(NamedLayerReply):
    """A harness."""

    parent_harness_id: str | None = None
    embedder_metadata: dict[str, str] | None = None
    is_built_in: bool

    @classmethod
    def of(cls, harness: Harness) -> "HarnessReply":
        """Return a harness as the wire shows it."""
        fields = {**layer_fields(harness.definition), **_row(harness), "is_built_in": harness.is_built_in}
        return cls(**fields, parent_harness_id=harness.parent_id, self_url=f"/api/v1/harnesses/{harness.id}")


class HarnessExample(Reply):
    """A harness to start from."""

    name: str
    display_name: str
    description: str
    capabilities: list[CapabilityReply]
    tags: list[str]
    dev_only: bool
    parent_name: str | None = None


def _row(row: Agent | Harness) -> dict[str, Any]:
    names = ("id", "name", "status", "created_at", "updated_at", "archived_at")
    return {name: getattr(row, name) for name in names}
