"""What harness, agent and session have in common, on the wire (docs/wire.md, "Layers")."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from pydantic import Field, field_validator, model_validator

from api.schemas.fields import (
    MAX_CAPABILITIES,
    MAX_FALLBACKS,
    MAX_SCHEMA_BYTES,
    MAX_TAGS,
    MAX_TOOLS,
    Body,
    Iterations,
    ModelKey,
    Prompt,
    Reply,
    Tag,
    refuse,
    refuse_size,
)
from runtime.core.files.content import decode_content
from runtime.core.files.paths import writable
from runtime.core.files.quotas import MAX_STARTER_BYTES, MAX_STARTER_FILES

Deferrable = Literal["never", "automatic", "always"]
Policy = Literal["auto", "requires_approval", "client_side"]


class CapabilityConfig(Body):
    """A capability given to a layer."""

    ref: str = Field(min_length=1, max_length=256)
    config: dict[str, Any] | None = None


class Tool(Body):
    """A tool of the client. Entries of type `builtin` are dropped: the server's tools come from capabilities."""

    type: Literal["client_side", "client", "builtin"] = "client_side"
    name: str = Field(min_length=1, max_length=64)
    description: str = Field(max_length=1024)
    parameters: dict[str, Any]
    display_name: str | None = Field(None, max_length=2048)
    category: str | None = Field(None, max_length=256)
    deferrable: Deferrable | None = None
    hints: dict[str, Any] | None = None
    policy: Policy | None = None
    full_parameters: dict[str, Any] | None = None

    @field_validator("parameters", "full_parameters")
    @classmethod
    def _small(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
            refuse_size(f"a schema may have at most {MAX_SCHEMA_BYTES} bytes")
        return schema


class AnswerFormat(Body):
    """What final answers are to be: text, or JSON that fits a schema."""

    type: Literal["text", "json_schema"]
    name: str = Field("answer", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    json_schema: dict[str, Any] = Field(default_factory=dict, alias="schema")

    @field_validator("json_schema")
    @classmethod
    def _small(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
            refuse_size(f"a schema may have at most {MAX_SCHEMA_BYTES} bytes")
        return schema


class StarterFile(Body):
    """A file that sessions start with."""

    path: str = Field(min_length=1, max_length=4096)
    content: str
    encoding: Literal["text", "base64"] | None = None
    is_readonly: bool | None = None

    @model_validator(mode="after")
    def _is_writable(self) -> "StarterFile":
        writable(self.path)
        self.data()
        return self

    def data(self) -> bytes:
        """Return the content as bytes."""
        return decode_content(self.content, self.encoding or "text")


class Network(Body):
    """Hosts that tools may and may not reach."""

    allowed: list[str] | None = Field(None, max_length=1000)
    blocked: list[str] | None = Field(None, max_length=1000)


class LayerBody(Body):
    """The common part of requests."""

    system_prompt: Prompt | None = None
    fallback_models: list[ModelKey] | None = Field(None, max_length=MAX_FALLBACKS)
    capabilities: list[CapabilityConfig | str] | None = Field(None, max_length=MAX_CAPABILITIES)
    initial_files: list[StarterFile] | None = Field(None, max_length=MAX_STARTER_FILES)
    tags: list[Tag] | None = Field(None, max_length=MAX_TAGS)
    network_access: Network | None = None
    mcp_servers: dict[str, Any] | None = Field(None, alias="mcpServers")
    response_format: AnswerFormat | None = None
    parallel_tool_calls: bool | None = None
    max_iterations: Iterations | None = None
    tools: list[Tool] | None = Field(None, max_length=MAX_TOOLS)

    @field_validator("initial_files")
    @classmethod
    def _fit(cls, files: list[StarterFile] | None) -> list[StarterFile] | None:
        if sum(len(file.data()) for file in files or ()) > MAX_STARTER_BYTES:
            refuse_size(f"the files may have at most {MAX_STARTER_BYTES} bytes in all")
        return files

    @field_validator("tools")
    @classmethod
    def _distinct(cls, tools: list[Tool] | None) -> list[Tool] | None:
        names = [tool.name for tool in tools or () if tool.type != "builtin"]
        if len(set(names)) != len(names):
            refuse("two tools have the same name")
        return tools

    def definition_fields(self) -> dict[str, Any]:
        """Return what was given, by the names of `runtime.core.authored.definition`; null counts as not given."""
        given: dict[str, Any] = self.model_dump(exclude_none=True, include=_LAYER_FIELDS)
        if "capabilities" in given:
            given["capabilities"] = [{"ref": c} if isinstance(c, str) else c for c in given["capabilities"]]
        if self.response_format is not None:
            given["response_format"] = self.response_format.model_dump(by_alias=True)
        if "tools" in given:
            given["tools"] = [{**t, "type": "client_side"} for t in given["tools"] if t["type"] != "builtin"]
        return given

    @property
    def dropped_tools(self) -> list[int]:
        """Where the tools stand that do not count."""
        return [at for at, tool in enumerate(self.tools or ()) if tool.type == "builtin"]


_LAYER_FIELDS: Final = set(LayerBody.model_fields)


class CapabilityReply(Reply):
    """An assigned capability."""

    ref: str
    config: dict[str, Any] | None = None


class ToolReply(Reply):
    """A tool of the client."""

    type: str = "client_side"
    name: str
    description: str
    parameters: dict[str, Any]
    display_name: str | None = None
    category: str | None = None
    deferrable: str | None = None
    hints: dict[str, Any] | None = None
    policy: str | None = None
    full_parameters: dict[str, Any] | None = None


class FileReply(Reply):
    """A starter file."""

    path: str
    content: str
    encoding: str = "text"
    is_readonly: bool = False


class NetworkReply(Reply):
    """Hosts that tools may and may not reach."""

    allowed: list[str] = Field(default_factory=list)
    blocked: list[str] = Field(default_factory=list)


class Action(Reply):
    """What a client can do next."""

    rel: str
    href: str
    method: str


class LayerReply(Reply):
    """The common part of replies."""

    system_prompt: str = ""
    fallback_models: list[str] = Field(default_factory=list)
    capabilities: list[CapabilityReply] = Field(default_factory=list)
    initial_files: list[FileReply] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    network_access: NetworkReply | None = None
    mcp_servers: dict[str, Any] | None = Field(None, alias="mcpServers")
    response_format: dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_iterations: int | None = None
    tools: list[ToolReply] = Field(default_factory=list)
    self_url: str | None = None
    allowed_actions: list[Action] = Field(default_factory=list)


def layer_fields(definition: msgspec.Struct) -> Mapping[str, Any]:
    """Return a definition as the fields of a reply."""
    fields: Mapping[str, Any] = msgspec.to_builtins(definition)
    return fields
