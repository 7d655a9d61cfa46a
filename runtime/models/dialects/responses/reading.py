"""Reads an answer in the Responses protocol.

An answer is a list of items, each of which begins, is added to and ends. The model's thoughts come as a summary and
encrypted; a call's arguments may come whole or bit by bit.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

import msgspec

from runtime.models.dialects.dialect import CutOffError, Part, Thought, Whole
from runtime.models.dialects.draft import Draft
from runtime.models.dialects.openai_errors import refused_midway
from runtime.models.dialects.responses import events as ev
from runtime.models.dialects.surrogates import decoded
from runtime.ports.model import ReasoningDelta, TextDelta

Delta = TextDelta | ReasoningDelta
Decoder = msgspec.json.Decoder

_FINISHES: Final[Mapping[str | None, str]] = {
    "completed": "stop",
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}

_head: Final = Decoder(ev.Head)
_delta: Final = Decoder(ev.Delta)
_item: Final = Decoder(ev.ItemEvent)
_call: Final = Decoder(ev.FunctionCall)
_message: Final = Decoder(ev.Message)
_reasoning: Final = Decoder(ev.Reasoning)
_end: Final = Decoder(ev.End)


class Extra(msgspec.Struct, omit_defaults=True):
    """What a part is told again with: the id of its item and so on. The first part has the id of the answer too."""

    id: str = ""
    phase: str | None = None
    encrypted: str | None = None
    raw: list[str] = []
    response_id: str | None = None


class ResponsesReading:
    """One answer on its way."""

    def __init__(self) -> None:
        self._draft = Draft()
        self._extras: dict[Hashable, Extra] = {}  # of the draft's parts, in their order
        self._phases: dict[str, str] = {}  # by message
        self._called: set[str] = set()  # calls that are whole
        self._is_refused = False
        self._end: ev.Response | None = None

    def hear(self, data: bytes) -> Iterable[Delta]:
        """Take the data of one server-sent event and return what it adds to the text or the reasoning.

        Raises:
            RefusedError: it is an error of the vendor's.
            msgspec.MsgspecError: it is not what the protocol promises.
        """
        if data.startswith(b"[DONE]"):
            return ()
        head = decoded(_head, data)
        if head.error:
            raise refused_midway(head.error)
        known = self._EVENTS.get(head.type)
        if known is None:
            return ()
        decoder, take = known
        return tuple(take(self, decoded(decoder, data)) or ())

    def whole(self) -> Whole:
        """Return the answer, once the stream has ended. Raises CutOffError if that was not its proper end."""
        end = self._end
        if end is None or end.status in ("queued", "in_progress"):
            message = "the stream stopped before the end of the answer"
            raise CutOffError(message)
        reason = end.incomplete_details.reason if end.incomplete_details else end.status
        finish = "content_filter" if self._is_refused else _FINISHES.get(reason)
        if finish is None:
            message = f"the answer ended as {reason}"
            raise CutOffError(message)
        return Whole(
            parts=self._parts(end.id), used=ev.used(end), finish_reason=finish, response_id=end.id, model=end.model
        )

    def _parts(self, response_id: str | None) -> list[Part]:
        """Return the parts, with extras only where the public message is not as good."""
        parts, extras = self._draft.parts(), list(self._extras.values())
        if not any(isinstance(part, Thought) for part in parts) and not any(extra.phase for extra in extras):
            return parts
        extras[0].response_id = response_id
        return [_with(part, extra) for part, extra in zip(parts, extras, strict=True)]

    def _begin(self, key: Hashable, item_id: str, phase: str | None = None) -> Extra:
        extra = self._extras.get(key)
        if extra is None:
            extra = self._extras[key] = Extra(item_id, phase)
        return extra

    # ---------------------------------------------------------------- text

    def _hear_text(self, event: ev.Delta) -> Iterable[Delta]:
        return () if event.delta is None else self._say(event.item_id, event.content_index, event.delta)

    def _end_text(self, event: ev.TextDone) -> Iterable[Delta]:
        heard = self._draft.words((event.item_id, event.content_index))
        if not event.text or event.text == heard or not event.text.startswith(heard):
            return ()
        return self._say(event.item_id, event.content_index, event.text[len(heard) :])

    def _say(self, item_id: str, index: int, text: str) -> Iterable[Delta]:
        key = item_id, index
        self._begin(key, item_id, self._phases.get(item_id))
        return self._draft.say(key, text)

    def _hear_refusal(self, _: ev.Head) -> None:
        self._is_refused = True

    # ---------------------------------------------------------------- reasoning

    def _begin_summary(self, event: ev.SummaryPart) -> Iterable[Delta]:
        return self._think(event.item_id, event.summary_index, event.part.text)

    def _hear_summary(self, event: ev.Delta) -> Iterable[Delta]:
        return () if event.delta is None else self._think(event.item_id, event.summary_index, event.delta)

    def _think(self, item_id: str, index: int, thought: str) -> Iterable[Delta]:
        key = "thought", item_id, index
        self._begin(key, item_id)
        return self._draft.think(key, thought)

    def _hear_raw(self, event: ev.Delta) -> Iterator[Delta]:
        """Take a thought itself, as open models tell it: the model is told it again, nobody else."""
        yield from self._think(event.item_id, 0, "")
        raw = self._extras["thought", event.item_id, 0].raw
        raw.extend([""] * (event.content_index + 1 - len(raw)))
        raw[event.content_index] += event.delta or ""

    def _end_reasoning(self, item: ev.Reasoning) -> Iterator[Delta]:
        if item.encrypted_content:
            yield from self._think(item.id, 0, "")
            self._extras["thought", item.id, 0].encrypted = item.encrypted_content

    # ---------------------------------------------------------------- calls

    def _begin_call(self, item: ev.FunctionCall) -> None:
        if item.id not in self._extras:
            self._begin(item.id, item.id)
            self._draft.call(item.id, item.call_id, item.name, item.arguments)

    def _hear_arguments(self, event: ev.Delta) -> None:
        if event.item_id in self._extras and event.item_id not in self._called:
            self._draft.call(event.item_id, arguments=event.delta or "")

    def _end_arguments(self, event: ev.ArgumentsDone) -> None:
        self._end_call(event.item_id, event.arguments)

    def _end_call(self, item_id: str, arguments: str) -> None:
        """Add what of the arguments was not heard yet; where they differ, what was heard stays."""
        if item_id not in self._extras or item_id in self._called or not arguments:
            return
        heard = self._draft.words(item_id)
        if arguments.startswith(heard):
            self._draft.call(item_id, arguments=arguments[len(heard) :])
        self._called.add(item_id)

    # ---------------------------------------------------------------- items, and the end

    def _begin_item(self, event: ev.ItemEvent) -> None:
        match _head.decode(event.item).type:
            case "function_call":
                self._begin_call(decoded(_call, event.item))
            case "message":
                message = decoded(_message, event.item)
                if message.phase is not None:
                    self._phases[message.id] = message.phase

    def _end_item(self, event: ev.ItemEvent) -> Iterable[Delta]:
        match _head.decode(event.item).type:
            case "function_call":
                call = decoded(_call, event.item)
                self._begin_call(call)
                self._end_call(call.id, call.arguments)
            case "reasoning":
                return self._end_reasoning(decoded(_reasoning, event.item))
        return ()

    def _stop(self, event: ev.End) -> None:
        self._end = event.response

    def _fail(self, event: ev.End) -> None:
        raise refused_midway(event.response.error)

    def _break_off(self, event: dict[str, Any]) -> None:
        raise refused_midway(event)

    _EVENTS: ClassVar[
        Mapping[str, tuple[Decoder[Any], Callable[["ResponsesReading", Any], Iterable[Delta] | None]]]
    ] = {
        "response.output_text.delta": (_delta, _hear_text),
        "response.output_text.done": (Decoder(ev.TextDone), _end_text),
        "response.refusal.delta": (_head, _hear_refusal),
        "response.refusal.done": (_head, _hear_refusal),
        "response.reasoning_summary_part.added": (Decoder(ev.SummaryPart), _begin_summary),
        "response.reasoning_summary_text.delta": (_delta, _hear_summary),
        "response.reasoning_text.delta": (_delta, _hear_raw),
        "response.function_call_arguments.delta": (_delta, _hear_arguments),
        "response.function_call_arguments.done": (Decoder(ev.ArgumentsDone), _end_arguments),
        "response.output_item.added": (_item, _begin_item),
        "response.output_item.done": (_item, _end_item),
        "response.completed": (_end, _stop),
        "response.incomplete": (_end, _stop),
        "response.failed": (_end, _fail),
        "error": (Decoder(dict[str, Any]), _break_off),
    }


def _with(part: Part, extra: Extra) -> Part:
    return msgspec.structs.replace(part, extra=msgspec.Raw(msgspec.json.encode(extra)))
