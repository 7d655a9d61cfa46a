"""The events of an answer in the Responses protocol, as far as they carry something."""

from typing import Annotated, Any, Final

import msgspec

from runtime.models.dialects.dialect import Used
from runtime.models.dialects.prices import cost_usd

Index = Annotated[int, msgspec.Meta(ge=0, le=1_000)]  # in a list that is as long here

_USUAL_TIERS: Final = (None, "auto", "default")


class Head(msgspec.Struct):
    """What kind of event, or of item, it is. `error` is there if a server gives up in the middle."""

    type: str = ""
    error: Any = None


class Delta(msgspec.Struct):
    """More of a text, a refusal, a thought or arguments."""

    item_id: str
    delta: str | None = None
    content_index: Index = 0
    summary_index: Index = 0


class Words(msgspec.Struct):
    """A part of a summary of thoughts."""

    text: str = ""


class SummaryPart(msgspec.Struct):
    """A part of a summary that begins."""

    item_id: str
    part: Words
    summary_index: Index = 0


class TextDone(msgspec.Struct):
    """A whole text."""

    item_id: str
    text: str | None = None
    content_index: Index = 0


class ArgumentsDone(msgspec.Struct):
    """All arguments of a call."""

    item_id: str
    arguments: str


class ItemEvent(msgspec.Struct):
    """An item that begins or ends: its `type` says which of the following it is, or one that we never ask for."""

    item: msgspec.Raw


class FunctionCall(msgspec.Struct):
    """A call of a tool."""

    id: str
    call_id: Annotated[str, msgspec.Meta(min_length=1)]
    name: str
    arguments: str = ""


class Reasoning(msgspec.Struct):
    """Thoughts: their summary was in events of its own, the rest is encrypted."""

    id: str
    encrypted_content: str | None = None


class Message(msgspec.Struct):
    """Texts, which are in events of their own."""

    id: str = ""
    phase: str | None = None


class InputDetails(msgspec.Struct):
    """Tokens that came from a cache, and that went into one."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class TokenUsage(msgspec.Struct):
    """Tokens, those of caches included."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: InputDetails | None = None


class Incomplete(msgspec.Struct):
    """Why an answer has no proper end."""

    reason: str | None = None


class Response(msgspec.Struct):
    """What is said of an answer at its end. `service_tier` is the speed that was given, which may not be that asked."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    incomplete_details: Incomplete | None = None
    error: dict[str, Any] | None = None
    usage: TokenUsage | None = None
    service_tier: str | None = None


class End(msgspec.Struct):
    """The last event."""

    response: Response


def used(end: Response) -> Used:
    """Return what an answer took."""
    usage = end.usage or TokenUsage()
    details = usage.input_tokens_details or InputDetails()
    tokens = Used(usage.input_tokens, usage.output_tokens, details.cached_tokens or 0, details.cache_write_tokens or 0)
    return msgspec.structs.replace(tokens, cost_usd=_cost_usd(tokens, end))


def _cost_usd(tokens: Used, end: Response) -> float | None:
    """Return US dollars for an answer at another speed than usual, which has a price of its own."""
    if end.service_tier in _USUAL_TIERS or end.model is None or end.usage is None:
        return None
    return cost_usd(tokens, "openai", end.model, end.service_tier)
