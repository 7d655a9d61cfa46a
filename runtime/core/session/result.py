"""What a tool answered, as a message of the conversation."""

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.core import event as ev
from runtime.core.message import Message, Role, TextPart, ToolResultPart
from runtime.core.storable import is_readable


def result_message(event: ev.Event) -> Message:
    """Return the `tool_result` message that a `tool.completed` event stands for."""
    data: ev.ToolCompleted = event.data
    result = None if data.error is not None else result_value(data.result or ())
    return Message(
        id="message_" + event.id.rpartition("_")[2],
        role=Role.TOOL_RESULT,
        content=(ToolResultPart(data.tool_call_id, result, data.error),),
        created_at=event.ts,
    )


def result_value(parts: Iterable[Any]) -> Any:
    """Return what a tool answered: the JSON that its text holds if it may be read as such, or the text itself."""
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    if text[:1] in ("{", "[") and is_readable(text):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text
