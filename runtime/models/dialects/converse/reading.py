"""An answer of Amazon Bedrock's ConverseStream: blocks by their numbers, then why it stopped, then what it took.

What a thought was signed with, or all of it where it may not be read, is the `extra` of its part, as Anthropic's is.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from runtime.models.dialects.anthropic.reading import Seal
from runtime.models.dialects.dialect import CutOffError, Thought, UnusableError, Used, Whole
from runtime.models.dialects.draft import Draft
from runtime.models.dialects.surrogates import decoded
from runtime.ports.model import ReasoningDelta, TextDelta

Deltas = Iterable[TextDelta | ReasoningDelta]

_NOTHING: Final[Deltas] = ()
_LONGEST: Final = 100  # characters of a reason that nobody knows
_FINISHES: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "tool_use": "tool_call",
}


class _Tool(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str
    name: str


class _Start(msgspec.Struct, frozen=True, rename="camel"):
    tool_use: _Tool | None = None


class _Begun(msgspec.Struct, frozen=True, rename="camel"):
    content_block_index: int
    start: _Start = _Start()


class _Input(msgspec.Struct, frozen=True):
    input: str = ""


class _Reasoning(msgspec.Struct, frozen=True, rename="camel"):
    text: str = ""
    signature: str = ""
    redacted_content: str = ""


class _Delta(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: _Input | None = None
    reasoning_content: _Reasoning | None = None


class _Grew(msgspec.Struct, frozen=True, rename="camel"):
    content_block_index: int
    delta: _Delta


class _Stop(msgspec.Struct, frozen=True, rename="camel"):
    stop_reason: str


class _Tokens(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_input_tokens: int = 0


class _Told(msgspec.Struct, frozen=True):
    usage: _Tokens = _Tokens()


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    content_block_start: _Begun | None = None
    content_block_delta: _Grew | None = None
    message_stop: _Stop | None = None
    metadata: _Told | None = None


_event: Final = msgspec.json.Decoder(_Event)


class ConverseReading:
    """One answer on its way."""

    def __init__(self) -> None:
        self._draft = Draft()
        self._stop: str | None = None
        self._used = Used()

    def hear(self, data: bytes) -> Deltas:
        """Take one event; those that carry nothing for us are passed over."""
        match decoded(_event, data):
            case _Event(content_block_delta=_Grew() as grew):
                return self._grow(grew.content_block_index, grew.delta)
            case _Event(content_block_start=_Begun() as begun) if begun.start.tool_use is not None:
                tool = begun.start.tool_use
                self._draft.call(begun.content_block_index, tool.tool_use_id, tool.name)
            case _Event(message_stop=_Stop(reason)):
                self._stop = reason
            case _Event(metadata=_Told(tokens)):
                self._used = _used(tokens)
        return _NOTHING

    def whole(self) -> Whole:
        """Return the answer. Raises CutOffError if it did not end, UnusableError if in a way that makes it none."""
        if self._stop is None:
            message = "the stream stopped before the end of the answer"
            raise CutOffError(message)
        finish = _FINISHES.get(self._stop)
        if finish is None:
            message = f"It ended as {self._stop[:_LONGEST]}."
            raise UnusableError(message)
        return Whole(parts=self._draft.parts(), used=self._used, finish_reason=finish)

    def _grow(self, index: int, delta: _Delta) -> Deltas:
        if delta.text is not None:
            return self._draft.say(index, delta.text)
        if delta.tool_use is not None:
            self._draft.call(index, arguments=delta.tool_use.input)
        elif (thought := delta.reasoning_content) is not None:
            self._sign(index, thought)
            return self._draft.think(index, thought.text)
        return _NOTHING

    def _sign(self, index: int, thought: _Reasoning) -> None:
        if thought.signature or thought.redacted_content:
            seal = Seal(signature=thought.signature, redacted=thought.redacted_content)
            self._draft.add(index, Thought, msgspec.Raw(msgspec.json.encode(seal)))


def _used(tokens: _Tokens) -> Used:
    read, written = tokens.cache_read_input_tokens, tokens.cache_write_input_tokens
    return Used(tokens.input_tokens + read + written, tokens.output_tokens, read, written)
