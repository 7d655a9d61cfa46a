"""The events of Chat Completions: chunks of an answer, of which only what matters is read, and what it took."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from runtime.models.dialects.dialect import Used

_NULL: Final = b"null"


class Function(msgspec.Struct):
    """A part of a call's name and of its arguments, which may be an object instead."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class CallDelta(msgspec.Struct):
    """More of a call."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: msgspec.Raw = msgspec.Raw()


class ChunkDelta(msgspec.Struct):
    """More of an answer."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None


class Choice(msgspec.Struct):
    """More of the only answer that we ask for."""

    delta: ChunkDelta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct):
    """One event."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: Any = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _CostDetails(msgspec.Struct):
    upstream_inference_cost: float | None = None


class Usage(msgspec.Struct):
    """Tokens, as vendors count them; what they cost is OpenRouter's."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    cost: float | None = None
    is_byok: bool | None = None
    cost_details: _CostDetails | None = None


chunks: Final = msgspec.json.Decoder(Chunk)
_usage_decoder: Final = msgspec.json.Decoder(Usage)


def is_there(value: msgspec.Raw) -> bool:
    """Tell whether a member of an object is there, and not null."""
    return bool(value) and bytes(value) != _NULL


def words(content: Sequence[Any], kind: str) -> str:
    """Return what the parts of a kind say."""
    return "".join(_words_of(part, kind) for part in content)


def _words_of(part: Any, kind: str) -> str:
    if isinstance(part, str):
        return part if kind == "text" else ""
    said = part.get(kind) if isinstance(part, dict) and part.get("type") == kind else None
    if isinstance(said, list):
        return words(said, "text")
    return said if isinstance(said, str) else ""


def used(usage: msgspec.Raw, *, adds_reasoning: bool) -> Used:
    """Return what an answer took; nothing if the vendor does not say, or in words of its own."""
    try:
        told = _usage_decoder.decode(usage)
    except msgspec.MsgspecError:
        return Used()
    prompt = told.prompt_tokens_details or _PromptDetails()
    reasoning = (told.completion_tokens_details or _OutputDetails()).reasoning_tokens or 0
    return Used(
        input_tokens=told.prompt_tokens,
        output_tokens=told.completion_tokens + (reasoning if adds_reasoning else 0),
        cache_read_tokens=prompt.cached_tokens or 0,
        cache_write_tokens=prompt.cache_write_tokens or 0,
        cost_usd=_cost_usd(told),
    )


def _cost_usd(usage: Usage) -> float | None:
    """Return what was billed; with a key of one's own, the model's maker bills besides."""
    upstream = (usage.cost_details or _CostDetails()).upstream_inference_cost if usage.is_byok else None
    return None if usage.cost is None else usage.cost + (upstream or 0.0)
