"""What a model says, as far as it can be stored and keeps within its limits."""

from typing import NoReturn

import msgspec

from runtime.core.errors import InvalidInputError, ModelRejectedError, ModelUnavailableError
from runtime.core.failure import ANSWER_TOO_LARGE, ANSWER_UNUSABLE, TOO_MANY_CALLS
from runtime.core.message import ToolCallPart
from runtime.core.storable import as_stored, storable
from runtime.ports.model import ModelReply, ReasoningDelta, StreamItem, TextDelta, Waiting


class Answer:
    """One answer, item by item. Made anew for each attempt."""

    def __init__(self, provider: str, limit_bytes: int, most_calls: int, *, is_json: bool = False) -> None:
        self._provider = provider
        self._is_json = is_json
        self._limit_bytes = limit_bytes
        self._most_calls = most_calls
        self._heard_bytes = 0

    def take(self, item: StreamItem) -> StreamItem:
        """Return an item as it can be stored.

        Raises:
            ModelRejectedError: the answer is too large, or asks for too many calls; again would only cost.
            ModelUnavailableError: it cannot be used, and another attempt may do better.
        """
        match item:
            case TextDelta(text):
                return TextDelta(self._text(text))
            case ReasoningDelta(text):
                return ReasoningDelta(self._text(text))
            case ModelReply():
                return self._whole(item)
            case Waiting():
                return item

    def _text(self, text: str) -> str:
        text = storable(text)
        self._count(len(text.encode()))
        return text

    def _count(self, size_bytes: int) -> None:
        self._heard_bytes += size_bytes
        if self._heard_bytes > self._limit_bytes:
            self._reject(
                f"It may have {self._limit_bytes} bytes (PERDURE_MODEL__ANSWER_LIMIT_BYTES).", ANSWER_TOO_LARGE
            )

    def _whole(self, reply: ModelReply) -> ModelReply:
        self._heard_bytes = 0  # the deltas come again
        whole = msgspec.structs.replace(
            reply,
            text=self._text(reply.text),
            thinking=None if reply.thinking is None else self._text(reply.thinking),
            tool_calls=self._calls(reply.tool_calls),
            finish_reason=reply.finish_reason and storable(reply.finish_reason),
            response_id=reply.response_id and storable(reply.response_id),
        )
        self._count(len(reply.private) if reply.private is not None else 0)
        if self._is_json and not whole.tool_calls:
            self._check_json(whole.text)
        return whole

    def _check_json(self, text: str) -> None:
        try:
            msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            self._retry("It is not the JSON that was asked for (response_format).")

    def _calls(self, calls: tuple[ToolCallPart, ...]) -> tuple[ToolCallPart, ...]:
        if len(calls) > self._most_calls:
            limit = f"It asked for {len(calls)}; {self._most_calls} are allowed (PERDURE_TOOL__CALLS_PER_ANSWER)."
            self._reject(limit, TOO_MANY_CALLS)
        try:
            taken = tuple(as_stored("A tool call", call) for call in calls)
        except InvalidInputError as err:
            self._retry(str(err))
        if len({call.id for call in taken}) < len(taken):
            self._retry("Two tool calls have one id.")
        self._count(len(msgspec.json.encode(taken)) if taken else 0)
        return taken

    def _reject(self, message: str, code: str) -> NoReturn:
        raise ModelRejectedError(message, code, self._provider)

    def _retry(self, message: str) -> NoReturn:
        raise ModelUnavailableError(message=message, failure=ANSWER_UNUSABLE, provider=self._provider)
