"""What the engine says to a language model and hears back, in words that no vendor owns.

A `Model` is the seam: `models/` holds the real ones. Opaque state that a vendor wants to see again
(thinking signatures, encrypted reasoning) travels in `private`, which is journaled beside the public
events and never shown.
"""

from collections.abc import AsyncGenerator
from typing import Any, Protocol

import msgspec

from runtime.core.message import NO_USAGE, ToolCallPart, Turned, Usage


class ModelRef(msgspec.Struct, frozen=True):
    """One model of one provider. `id` is public (`model_…`), `name` the vendor's own name for it."""

    id: str
    provider: str
    name: str
    provider_id: str
    is_default: bool = False

    @property
    def key(self) -> str:
        """`provider:name`, which says all there is to say."""
        return f"{self.provider}:{self.name}"


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool as the model sees it: `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `call_index` counts the model calls already finished in this turn, from the journal.

    `attempt` counts the failed attempts at this call; `input_message_id` names the user message that
    started the turn.
    """

    model: ModelRef
    system: str
    history: tuple[Turned, ...]
    tools: tuple[ToolSpec, ...] = ()
    call_index: int = 0
    attempt: int = 0
    input_message_id: str | None = None
    reasoning_effort: str | None = None
    speed: str | None = None
    verbosity: str | None = None
    parallel_tool_calls: bool | None = None


class TextDelta(msgspec.Struct, frozen=True):
    """More of the answer."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """More of the reasoning that the vendor lets us show."""

    text: str


class ModelReply(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer; always the last item of a stream that did not fail."""

    text: str = ""
    thinking: str | None = None
    tool_calls: tuple[ToolCallPart, ...] = ()
    usage: Usage = NO_USAGE
    finish_reason: str | None = None
    response_id: str | None = None
    private: msgspec.Raw | None = None


StreamItem = TextDelta | ReasoningDelta | ModelReply


class Model(Protocol):
    """A source of answers."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream one answer; closing the generator cancels the call.

        Raises:
            ModelUnavailableError: throttled, down, timed out or broken off; a later attempt may work.
            ModelRejectedError: refused for good, with a code of `runtime.core.failure` in `failure`.
        """
        ...


class Models(Protocol):
    """Knows every model by id and name."""

    def find(self, key: str) -> ModelRef:
        """Return a model by public id, `provider:name` or name. Raises NotFoundError("model")."""
        ...

    def default(self) -> ModelRef:
        """Return the model for sessions that name none."""
        ...
