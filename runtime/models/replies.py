"""A vendor's reply in our words, and the opaque state that it wants to see again.

Thinking signatures, encrypted reasoning and item ids go into `private` as pydantic-ai's own JSON of the
reply, but only where there are some: plain text and calls are rebuilt from the public message.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

import msgspec
from pydantic import ValidationError
from pydantic_ai.messages import (
    ModelMessagesTypeAdapter,
    ModelResponse,
    ModelResponsePart,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
)

from runtime.core import message as own
from runtime.core.errors import InvalidInputError
from runtime.core.message import Turned
from runtime.core.storable import encode, storable
from runtime.models.call_ids import CallIds
from runtime.ports.model import ModelReply, ReasoningDelta, StreamItem, TextDelta

_PARAGRAPH: Final = "\n\n"
_NOT_REPLAYED: Final = ("usage", "timestamp", "metadata", "run_id", "conversation_id", "workspace_ref")


class _Private(msgspec.Struct, frozen=True):
    """What is journaled: `response` is pydantic-ai's JSON of the reply."""

    provider: str
    response: dict[str, Any]


class Deltas:
    """Turns a vendor's stream events into ours, so that the deltas add up to the reply."""

    def __init__(self) -> None:
        self._has_thought = False
        self._break_is_due = False

    def items(self, event: ModelResponseStreamEvent) -> Iterator[StreamItem]:
        """Yield what an event adds to the text or the thinking."""
        match event:
            case PartStartEvent(part=TextPart(content=text)) if text:
                yield TextDelta(text)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                yield TextDelta(text)
            case PartStartEvent(part=ThinkingPart(content=thought)):
                # A part may start empty, so the paragraph break waits for the first words.
                self._break_is_due = self._has_thought
                yield from self._think(thought)
            case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=thought)):
                yield from self._think(thought or "")
            case _:
                return

    def _think(self, thought: str) -> Iterator[StreamItem]:
        if not thought:
            return
        yield ReasoningDelta(_PARAGRAPH + thought if self._break_is_due else thought)
        self._break_is_due, self._has_thought = False, True


def reply(response: ModelResponse, provider: str, taken: AbstractSet[str]) -> ModelReply:
    """Return the whole reply. `taken` are the tool call ids that the conversation has used already."""
    ids = CallIds(taken)
    parts = [
        replace(part, tool_call_id=ids.fresh(part.tool_call_id)) if isinstance(part, ToolCallPart) else part
        for part in response.parts
    ]
    thoughts = [part.content for part in parts if isinstance(part, ThinkingPart) and part.content]
    calls = [part for part in parts if isinstance(part, ToolCallPart)]
    return ModelReply(
        text="".join(part.content for part in parts if isinstance(part, TextPart)),
        thinking=_PARAGRAPH.join(thoughts) or None,
        tool_calls=tuple(own.ToolCallPart(call.tool_call_id, call.tool_name, call.args_as_dict()) for call in calls),
        usage=_usage(response),
        finish_reason=response.finish_reason,
        response_id=response.provider_response_id,
        private=_private(replace(response, parts=parts), provider),
    )


def recalled(turned: Turned, provider: str) -> ModelResponse | None:
    """Return an agent message as this provider sent it; None if it is another's, or says something else."""
    if turned.private is msgspec.UNSET:
        return None
    try:
        stored = msgspec.json.decode(turned.private, type=_Private)
        if stored.provider != provider:
            return None
        [response] = ModelMessagesTypeAdapter.validate_python([stored.response])
    except (msgspec.DecodeError, ValidationError, ValueError):
        return None  # written by another version: the public message still has all that was said
    if isinstance(response, ModelResponse) and _says_the_same(response, turned.message):
        return response
    return None


def call_ids(history: Sequence[Turned]) -> frozenset[str]:
    """Return the tool call ids of a conversation."""
    return frozenset(call.id for turned in history for call in turned.message.tool_calls)


def _usage(response: ModelResponse) -> own.Usage:
    """Return what was used; vendors' input tokens include cached ones in pydantic-ai, ours do not."""
    used = response.usage
    cached = used.cache_read_tokens + used.cache_write_tokens
    return own.Usage(
        input_tokens=max(0, used.input_tokens - cached),
        output_tokens=used.output_tokens,
        cache_read_tokens=used.cache_read_tokens or None,
        cache_creation_tokens=used.cache_write_tokens or None,
        estimated_cost_usd=_cost_usd(response),
    ).credible


def _cost_usd(response: ModelResponse) -> float | None:
    if response.usage.cost is not None:
        return float(response.usage.cost)
    try:
        return float(response.cost().total_price)
    except (LookupError, ValueError, AssertionError):
        return None  # no price is known for this model


def _private(response: ModelResponse, provider: str) -> msgspec.Raw | None:
    if not any(map(_is_opaque, response.parts)):
        return None
    dumped: list[dict[str, Any]] = ModelMessagesTypeAdapter.dump_python([response], mode="json", exclude_none=True)
    kept = {key: value for key, value in dumped[0].items() if key not in _NOT_REPLAYED}
    try:
        return msgspec.Raw(encode("The reply", _Private(provider, kept)))
    except InvalidInputError:
        return None  # the public message still has all that was said


def _is_opaque(part: ModelResponsePart) -> bool:
    match part:
        case TextPart() | ToolCallPart():
            return bool(part.provider_details)
        case _:
            return True


def _says_the_same(response: ModelResponse, message: own.Message) -> bool:
    texts = storable("".join(part.content for part in response.parts if isinstance(part, TextPart)))
    ids = [part.tool_call_id for part in response.parts if isinstance(part, ToolCallPart)]
    return texts == message.text and ids == [call.id for call in message.tool_calls]
