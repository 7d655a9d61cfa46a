"""Events of one model call."""

from typing import Any, ClassVar

import msgspec

from runtime.core.event.envelope import Payload
from runtime.core.message import Message, ToolCallPart, Usage


class ModelMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which model answered."""

    model: str
    model_id: str | None = None
    provider_id: str | None = None


class ReasonStarted(Payload, frozen=True):
    """One model call begins."""

    type: ClassVar[str] = "reason.started"
    harness_id: str
    agent_id: str | None = None
    metadata: ModelMetadata | None = None


class ReasonCompleted(Payload, frozen=True):
    """One model call is over."""

    type: ClassVar[str] = "reason.completed"
    success: bool
    has_tool_calls: bool
    tool_call_count: int
    text_preview: str | None = None
    error: str | None = None
    duration_ms: int | None = None
    usage: Usage | None = None


class ReasonRecovered(Payload, frozen=True):
    """A call was cut off after it had begun to stream, and starts again: forget its deltas."""

    type: ClassVar[str] = "reason.recovered"
    turn_id: str
    mode: str
    accumulated_len: int


class ReasonRetrying(Payload, frozen=True):
    """An attempt at a call failed and there will be another one, in `wait_ms`; `attempt` counts the failed ones."""

    type: ClassVar[str] = "reason.retrying"
    is_ephemeral: ClassVar[bool] = True
    turn_id: str
    attempt: int
    max_attempts: int
    wait_ms: int
    error: str
    error_code: str
    error_fields: dict[str, Any] | None = None
    model: str | None = None


class ReasonWaiting(Payload, frozen=True):
    """A call waits for its turn, since its provider has limits."""

    type: ClassVar[str] = "reason.waiting"
    is_ephemeral: ClassVar[bool] = True
    turn_id: str
    provider: str
    model: str | None = None


class Tried(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model of the chain that did not answer, after how many attempts, and why."""

    model: str
    provider: str
    model_id: str
    error_code: str
    error: str
    attempts: int = 1


class ReasonRerouted(Payload, frozen=True):
    """Another model of the chain takes over the call: forget what was streamed of it."""

    type: ClassVar[str] = "reason.rerouted"
    turn_id: str
    tried: Tried
    model: str
    provider: str


class ThinkingStarted(Payload, frozen=True):
    """The model begins to think aloud."""

    type: ClassVar[str] = "reason.thinking.started"
    turn_id: str
    model: str | None = None


class ThinkingDelta(Payload, frozen=True):
    """More thinking."""

    type: ClassVar[str] = "reason.thinking.delta"
    is_ephemeral: ClassVar[bool] = True
    turn_id: str
    delta: str
    accumulated: str


class ThinkingCompleted(Payload, frozen=True):
    """All of the thinking."""

    type: ClassVar[str] = "reason.thinking.completed"
    turn_id: str
    thinking: str


class OutputStarted(Payload, frozen=True):
    """An agent message begins; `iteration` counts from 1."""

    type: ClassVar[str] = "output.message.started"
    turn_id: str
    message_id: str
    model: str | None = None
    iteration: int | None = None


class OutputDelta(Payload, frozen=True):
    """More of an agent message; `accumulated` is all of it so far."""

    type: ClassVar[str] = "output.message.delta"
    is_ephemeral: ClassVar[bool] = True
    turn_id: str
    message_id: str
    delta: str
    accumulated: str


class OutputCompleted(Payload, frozen=True):
    """The whole agent message, with its tool calls."""

    type: ClassVar[str] = "output.message.completed"
    message: Message
    metadata: ModelMetadata | None = None
    usage: Usage | None = None
    error_code: str | None = None
    error_fields: dict[str, Any] | None = None
    error_disclosure: str | None = None


class GenerationOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model said."""

    text: str | None = None
    tool_calls: tuple[ToolCallPart, ...] = ()


class Retries(msgspec.Struct, frozen=True):
    """How often a call was tried again, and the milliseconds spent waiting."""

    attempts: int
    total_wait_ms: int


class GenerationMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the call went. Durations are in milliseconds; `fallbacks` are the models that were tried before this one."""

    model: str
    success: bool
    provider: str | None = None
    usage: Usage | None = None
    duration_ms: int | None = None
    time_to_first_token_ms: int | None = None
    finish_reasons: tuple[str, ...] | None = None
    response_id: str | None = None
    error: str | None = None
    retry: Retries | None = None
    fallbacks: tuple[Tried, ...] | None = None


class GenerationTool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool that the model was offered."""

    name: str
    description: str


class LlmGeneration(Payload, frozen=True):
    """One call to a model, for traces and ledgers.

    `messages` are the system message and what this call added to the conversation since the last one:
    repeating all of it each time would make a log grow with the square of its length.
    """

    type: ClassVar[str] = "llm.generation"
    messages: tuple[Message, ...]
    output: GenerationOutput
    metadata: GenerationMetadata
    tools: tuple[GenerationTool, ...] | None = None
