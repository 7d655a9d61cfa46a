"""An answer of Anthropic's Messages API: blocks one after the other, each begun, added to and ended."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from runtime.models.dialects.anthropic.binding import Change, is_drop
from runtime.models.dialects.dialect import CutOffError, RefusedError, Thought, Used, Whole
from runtime.models.dialects.draft import Draft
from runtime.models.dialects.surrogates import decoded
from runtime.ports.model import ReasoningDelta, TextDelta

Deltas = Iterable[TextDelta | ReasoningDelta]

_NOTHING: Final[Deltas] = ()
_DROPPED: Final = "dropped"  # its place in the draft
_PAUSED: Final = "pause_turn"  # the vendor wants to go on in another answer
_FINISHES: Final[Mapping[str, str]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "tool_use": "tool_call",
}
_STATUSES: Final[Mapping[str, int]] = {  # that the vendor would have answered with, had it not begun already
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_BLOCKS: Final = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_ADDS_TO: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


class Seal(msgspec.Struct, frozen=True, omit_defaults=True):
    """What proves to the vendor that a thought is its own: its signature, or all of it where we may not read it."""

    signature: str = ""
    redacted: str = ""
    dropped: bool = False  # no thought: the vendor has left out one that was bound to other words


class _Event(msgspec.Struct, frozen=True):
    type: str = ""


class _Usage(msgspec.Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Message(msgspec.Struct, frozen=True):
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    input_transformations: list[Change] | None = None


class _Started(msgspec.Struct, frozen=True):
    message: _Message


class _Block(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str | None = None
    data: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, Any] | None = None


class _BlockStarted(msgspec.Struct, frozen=True):
    index: int
    content_block: msgspec.Raw


class _Delta(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""


class _BlockGrew(msgspec.Struct, frozen=True):
    index: int
    delta: _Delta


class _End(msgspec.Struct, frozen=True):
    stop_reason: str | None = None


class _Ended(msgspec.Struct, frozen=True):
    delta: _End
    usage: _Usage | None = None


class _Named(msgspec.Struct, frozen=True):
    type: str = ""


class _Failed(msgspec.Struct, frozen=True):
    error: _Named = _Named()


_event: Final = msgspec.json.Decoder(_Event)
_started: Final = msgspec.json.Decoder(_Started)
_block_started: Final = msgspec.json.Decoder(_BlockStarted)
_kind: Final = msgspec.json.Decoder(_Named)
_block: Final = msgspec.json.Decoder(_Block)
_block_grew: Final = msgspec.json.Decoder(_BlockGrew)
_ended: Final = msgspec.json.Decoder(_Ended)
_failed: Final = msgspec.json.Decoder(_Failed)


class AnthropicReading:
    """One answer on its way."""

    def __init__(self) -> None:
        self._draft = Draft()
        self._kinds: dict[int, str] = {}
        self._tokens: dict[str, int] = {}
        self._message: _Message | None = None
        self._stop: str | None = None

    def hear(self, data: bytes) -> Deltas:
        """Take one event; those of a type that carries nothing for us are passed over."""
        match decoded(_event, data).type:
            case "content_block_delta":
                return self._grow(data)
            case "content_block_start":
                return self._begin(data)
            case "message_start":
                return self._start(data)
            case "message_delta":
                return self._end(data)
            case "error":
                return self._fail(data)
            case _:
                return _NOTHING

    def whole(self) -> Whole:
        """Return the answer."""
        if self._message is None or self._stop in (None, _PAUSED):
            message = f"the answer stopped because of {self._stop}"
            raise CutOffError(message)
        return Whole(
            parts=self._draft.parts(),
            used=self._used(),
            finish_reason=_FINISHES.get(self._stop or "", "stop"),
            response_id=self._message.id,
            model=self._message.model,
        )

    def _start(self, data: bytes) -> Deltas:
        self._message = decoded(_started, data).message
        self._count(self._message.usage)
        if is_drop(self._message.input_transformations or ()):
            self._draft.add(_DROPPED, Thought, _raw(Seal(dropped=True)))
        return _NOTHING

    def _begin(self, data: bytes) -> Deltas:
        event = decoded(_block_started, data)
        kind = decoded(_kind, event.content_block).type
        self._kinds[event.index] = kind
        if kind not in _BLOCKS:
            return _NOTHING  # of a tool of the vendor's own, which nobody asked for
        return self._open(event.index, decoded(_block, event.content_block))

    def _open(self, index: int, block: _Block) -> Deltas:
        match block.type:
            case "text" if block.text:
                return self._draft.say(index, block.text)
            case "thinking":
                self._sign(index, block.signature or "")
                return self._draft.think(index, block.thinking)
            case "redacted_thinking":
                self._draft.add(index, Thought, _raw(Seal(redacted=block.data)))
            case "tool_use":
                given = msgspec.json.encode(block.input).decode() if block.input else ""
                self._draft.call(index, block.id, block.name, given)
        return _NOTHING

    def _grow(self, data: bytes) -> Deltas:
        event = decoded(_block_grew, data)
        index, delta = event.index, event.delta
        if not self._takes(index, delta.type):
            return _NOTHING
        match delta.type:
            case "text_delta":
                return self._draft.say(index, delta.text)
            case "thinking_delta":
                return self._draft.think(index, delta.thinking)
            case "signature_delta":
                self._sign(index, delta.signature)
            case _:
                self._draft.call(index, arguments=delta.partial_json)
        return _NOTHING

    def _takes(self, index: int, delta: str) -> bool:
        """Tell whether what is added to a block matters. Raises CutOffError if it cannot be added to this one."""
        kind, wanted = self._kinds.get(index, ""), _ADDS_TO.get(delta)
        if wanted is None or kind == wanted:
            return wanted is not None
        if kind in _BLOCKS or not kind:
            message = f"a {delta} for a block of type {kind!r}"
            raise CutOffError(message)
        return False

    def _sign(self, index: int, signature: str) -> None:
        if signature:
            self._draft.add(index, Thought, _raw(Seal(signature=signature)))

    def _end(self, data: bytes) -> Deltas:
        event = decoded(_ended, data)
        self._count(event.usage)
        self._stop = event.delta.stop_reason or self._stop
        return _NOTHING

    def _fail(self, data: bytes) -> Deltas:
        raise RefusedError(_STATUSES.get(decoded(_failed, data).error.type), data, is_midway=True)

    def _count(self, usage: _Usage | None) -> None:
        """Note tokens; each number that comes later holds for the whole answer."""
        if usage is not None:
            told = msgspec.structs.asdict(usage)
            self._tokens |= {name: tokens for name, tokens in told.items() if tokens is not None}

    def _used(self) -> Used:
        read = self._tokens.get("cache_read_input_tokens", 0)
        written = self._tokens.get("cache_creation_input_tokens", 0)
        return Used(
            input_tokens=self._tokens.get("input_tokens", 0) + read + written,
            output_tokens=self._tokens.get("output_tokens", 0),
            cache_read_tokens=read,
            cache_write_tokens=written,
        )


def _raw(seal: Seal) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(seal))
