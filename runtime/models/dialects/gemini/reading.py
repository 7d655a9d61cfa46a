"""How an answer of Gemini's is read. Each event is a piece of it, in the form of a whole one.

What the model thought is signed, and the signature belongs to the part that it came with, of whatever kind. So the
`extra` of a part is its signature, or the whole part where we have no word for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from runtime.models.dialects.dialect import (
    Called,
    CutOffError,
    RefusedError,
    Text,
    Thought,
    UnusableError,
    Used,
    Whole,
)
from runtime.models.dialects.draft import Draft
from runtime.models.dialects.surrogates import decoded
from runtime.ports.model import ReasoningDelta, TextDelta
from runtime.process.mint import random_id

Kind = type[Text | Thought | Called]

_REASONS: Final[Mapping[str, str]] = {
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
_FAILED: Final = frozenset({"LANGUAGE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "NO_IMAGE"})
_URL_SAFE: Final = str.maketrans("+/", "-_")  # the base64 in which Google's client sends what it was sent


class _Call(msgspec.Struct):
    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Blob(msgspec.Struct, rename="camel"):
    mime_type: str
    data: str


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None
    inline_data: _Blob | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Tokens(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Event(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Tokens | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: dict[str, Any] | None = None


_events: Final = msgspec.json.Decoder(_Event)


class GeminiReading:
    """One answer on its way. Texts that touch are one part, and so are thoughts; each call is one of its own."""

    def __init__(self) -> None:
        self._draft = Draft()
        self._number = 0
        self._last: Kind | None = None
        self._used = Used()
        self._ended: str | None = None
        self._is_blocked = False
        self._response_id: str | None = None
        self._model: str | None = None
        self._is_first = True

    def hear(self, data: bytes) -> Iterator[TextDelta | ReasoningDelta]:
        """Take the data of one event, and yield what it adds. Raises RefusedError, CutOffError, MsgspecError."""
        event = decoded(_events, data)
        if event.error is not None:
            raise RefusedError(_status(event.error), data, is_midway=True)
        self._note(event)
        is_blocked = event.prompt_feedback is not None and bool(event.prompt_feedback.block_reason)
        if event.candidates or is_blocked:
            self._response_id = event.response_id or self._response_id
        if event.candidates:
            candidate = event.candidates[0]
            self._ended = candidate.finish_reason or self._ended
            for part in (candidate.content.parts if candidate.content else None) or ():
                yield from self._hear(part)
        elif is_blocked:
            self._is_blocked = True

    def whole(self) -> Whole:
        """Return the answer, once the stream has ended. Raises CutOffError or UnusableError if it is none."""
        return Whole(
            parts=self._draft.parts(),
            used=self._used,
            finish_reason=self._reason(),
            response_id=self._response_id,
            model=self._model,
        )

    def _note(self, event: _Event) -> None:
        if self._is_first:
            self._is_first, self._model = False, event.model_version
        if event.usage_metadata is not None:
            self._used = _used(event.usage_metadata, self._used)

    def _reason(self) -> str:
        if self._is_blocked:
            return "content_filter"
        if self._ended is None:
            raise CutOffError(self._ended)
        if self._ended in _FAILED:
            message = f"It ended as {self._ended}."
            raise UnusableError(message)
        return _REASONS.get(self._ended, "stop")

    def _hear(self, part: _Part) -> Iterator[TextDelta | ReasoningDelta]:
        signature = _signature(part.thought_signature)
        if part.text is not None:
            if part.text or signature is not None:
                yield from self._hear_words(part.text, signature, Thought if part.thought else Text)
        elif part.function_call is not None:
            self._hear_call(part.function_call, signature)
        elif part.inline_data is not None and not part.thought:
            self._begin(Text, is_apart=True)
            self._draft.add(self._number, Text, _picture(part.inline_data, signature))
            self._last = None

    def _hear_words(
        self, words: str, signature: msgspec.Raw | None, kind: type[Text | Thought]
    ) -> Iterator[TextDelta | ReasoningDelta]:
        self._begin(kind)
        yield from self._draft.think(self._number, words) if kind is Thought else self._draft.say(self._number, words)
        if signature is not None:
            self._draft.add(self._number, kind, signature)

    def _hear_call(self, call: _Call, signature: msgspec.Raw | None) -> None:
        if call.name is None:
            message = "a call has no name"
            raise CutOffError(message)
        self._begin(Called, is_apart=True)
        arguments = bytes(call.args).decode()
        arguments = "{}" if arguments == "null" else arguments
        self._draft.call(self._number, call.id or random_id("call"), call.name, arguments)
        if signature is not None:
            self._draft.add(self._number, Called, signature)

    def _begin(self, kind: Kind, *, is_apart: bool = False) -> None:
        if is_apart or kind is not self._last:
            self._number += 1
            self._last = kind


def _signature(given: str | None) -> msgspec.Raw | None:
    return msgspec.Raw(msgspec.json.encode(given.translate(_URL_SAFE))) if given else None


def _picture(blob: _Blob, signature: msgspec.Raw | None) -> msgspec.Raw:
    """Return the part as it is said again: a picture that the model made has no place in a reply."""
    part: dict[str, Any] = {"inlineData": {"data": blob.data.translate(_URL_SAFE), "mime_type": blob.mime_type}}
    if signature is not None:
        part["thoughtSignature"] = signature
    return msgspec.Raw(msgspec.json.encode(part))


def _used(tokens: _Tokens, before: Used) -> Used:
    """Return what was used so far: counts run on, and one that is left out stands as it was."""
    given = (tokens.prompt_token_count or 0) + (tokens.tool_use_prompt_token_count or 0)
    made = (tokens.candidates_token_count or 0) + (tokens.thoughts_token_count or 0)
    return Used(
        input_tokens=given or before.input_tokens,
        output_tokens=made or before.output_tokens,
        cache_read_tokens=tokens.cached_content_token_count or before.cache_read_tokens,
    )


def _status(error: Mapping[str, Any]) -> int | None:
    code = error.get("code")
    return code if isinstance(code, int) and code >= 400 else None  # noqa: PLR2004  the first that is an error
