"""A vendor's whole answer in our words."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from runtime.core import message as own
from runtime.models.call_ids import CallIds
from runtime.models.dialects.dialect import Called, Text, Thought, UnusableError, Used, Whole
from runtime.models.dialects.draft import PARAGRAPH
from runtime.models.dialects.prices import cost_usd
from runtime.models.dialects.recall import private
from runtime.models.dialects.surrogates import decoded
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelReply

_arguments: Final = msgspec.json.Decoder(dict[str, Any])


def reply(whole: Whole, vendor: Vendor, model: str, taken: AbstractSet[str], recalled_as: str) -> ModelReply:
    """Return the reply. `taken` are the ids of tool calls that the conversation has used already.

    What the model wants to see again is kept under `recalled_as`.

    Raises UnusableError: the arguments of a call are no JSON object.
    """
    ids = CallIds(taken)
    parts = [
        msgspec.structs.replace(part, id=ids.fresh(part.id)) if isinstance(part, Called) else part
        for part in whole.parts
    ]
    thoughts = [part.text for part in parts if isinstance(part, Thought) and part.text]
    calls = [part for part in parts if isinstance(part, Called)]
    return ModelReply(
        text="".join(part.text for part in parts if isinstance(part, Text)),
        thinking=PARAGRAPH.join(thoughts) or None,
        tool_calls=tuple(own.ToolCallPart(c.id, c.name, _arguments_of(c, whole)) for c in calls),
        usage=_usage(whole.used, vendor, whole.model or model),
        finish_reason=whole.finish_reason,
        response_id=whole.response_id,
        private=private(parts, recalled_as),
    )


def _arguments_of(call: Called, whole: Whole) -> dict[str, Any]:
    is_full = whole.finish_reason == "length"
    try:
        return decoded(_arguments, (call.arguments or "{}").encode())
    except (msgspec.MsgspecError, RecursionError) as err:
        message = "It broke off within a tool call." if is_full else "The arguments of a tool call are no JSON object."
        raise UnusableError(message, is_full=is_full) from err


def _usage(used: Used, vendor: Vendor, model: str) -> own.Usage:
    used = Used(
        own.credible_tokens(used.input_tokens),
        own.credible_tokens(used.output_tokens),
        own.credible_tokens(used.cache_read_tokens),
        own.credible_tokens(used.cache_write_tokens),
        used.cost_usd,
    )
    return own.Usage(
        input_tokens=max(0, used.input_tokens - used.cache_read_tokens - used.cache_write_tokens),
        output_tokens=used.output_tokens,
        cache_read_tokens=used.cache_read_tokens or None,
        cache_creation_tokens=used.cache_write_tokens or None,
        estimated_cost_usd=used.cost_usd if used.cost_usd is not None else cost_usd(used, vendor.prices, model),
    ).credible
