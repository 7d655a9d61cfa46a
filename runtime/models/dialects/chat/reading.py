"""An answer in Chat Completions: chunks, each with a few more words, of the text, of the reasoning or of a call.

The protocol does not say where a part begins and ends, so that follows from what comes between.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from runtime.models.dialects.chat.events import CallDelta, Choice, ChunkDelta, Function, chunks, is_there, used, words
from runtime.models.dialects.chat.special_tokens import Restorer, restored_arguments
from runtime.models.dialects.chat.traits import Traits
from runtime.models.dialects.dialect import Called, CutOffError, Part, Thought, Whole
from runtime.models.dialects.draft import Draft
from runtime.models.dialects.openai_errors import refused_midway
from runtime.models.dialects.surrogates import decoded
from runtime.ports.model import ReasoningDelta, TextDelta

Delta = TextDelta | ReasoningDelta

FILTERED: Final = "content_filter"
NEVER_TOLD: Final = msgspec.Raw(b'""')  # of a thought: in no field
_DONE: Final = b"[DONE]"
_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",  # Mistral's
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    FILTERED: FILTERED,
}
_BROKEN_OFF: Final = frozenset({"error", "insufficient_system_resource"})  # the latter is DeepSeek's


class _Call:
    __slots__ = ("id", "is_named")

    def __init__(self) -> None:
        self.id = ""
        self.is_named = False


class ChatReading:
    """Text and reasoning begin anew whenever something else has begun in between."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._draft = Draft()
        self._is_done = False
        self._is_refused = False
        self._reason: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._usage = msgspec.Raw()
        self._parts = 0  # begun so far
        self._turn = 0  # counts what ends a reasoning: text and calls
        self._thoughts: set[Hashable] = set()
        self._text: int | None = None  # the part that text belongs to
        self._is_tagged = False  # that part is reasoning among the text
        self._blank = ""  # whitespace that may separate two texts
        self._is_after_thought = False
        self._calls: dict[Hashable, _Call] = {}
        self._latest_call: Hashable = None  # if nothing began after it
        self._restorer = Restorer() if traits.may_tokenize else None

    def hear(self, data: bytes) -> Iterable[Delta]:
        """Take the data of one event and return what it adds to the text or the reasoning."""
        if self._is_done or data.startswith(_DONE):
            self._is_done = True
            return ()
        chunk = decoded(chunks, data)
        if chunk.error:
            raise refused_midway(chunk.error)
        self._id = chunk.id or self._id
        self._model = chunk.model or self._model
        if is_there(chunk.usage):
            self._usage = chunk.usage
        return self._heard(chunk.choices[0]) if chunk.choices else ()

    def whole(self) -> Whole:
        """Return the answer, once the stream has ended. Raises CutOffError if that was not its proper end."""
        if self._reason is None or (self._reason in _BROKEN_OFF and not self._is_refused):
            message = f"the answer ended with {self._reason}"
            raise CutOffError(message)
        return Whole(
            parts=list(self._finished()),
            used=used(self._usage, adds_reasoning=self._traits.adds_reasoning),
            finish_reason=FILTERED if self._is_refused else _REASONS.get(self._reason, "stop"),
            response_id=self._id,
            model=self._model,
        )

    def _heard(self, choice: Choice) -> Iterator[Delta]:
        self._reason = choice.finish_reason or self._reason
        delta = choice.delta
        if delta is not None and delta.refusal:
            self._is_refused = True
        elif delta is not None:
            yield from self._reasoned(delta)
            if delta.content:
                yield from self._said(delta.content)
            for call in delta.tool_calls or ():
                yield from self._called(call)
        if choice.finish_reason:
            yield from self._released()

    # ------------------------------------------------------------ reasoning

    def _reasoned(self, delta: ChunkDelta) -> Iterator[Delta]:
        for field in self._traits.fields:
            thought = getattr(delta, field)
            if thought and isinstance(thought, str):
                yield from self._think(field, thought, _json(self._traits.replays_in or field))
                return

    def _think(self, field: str, thought: str, extra: msgspec.Raw) -> Iterator[Delta]:
        key = field, self._turn
        if key not in self._thoughts:
            self._thoughts.add(key)
            self._latest_call = None
            self._draft.add(key, Thought, extra)
            yield from self._released()
            if self._text is not None and not self._is_tagged:
                self._text, self._is_after_thought = None, True
        yield from self._draft.think(key, thought)

    # ------------------------------------------------------------ text

    def _said(self, content: Any) -> Iterator[Delta]:
        if isinstance(content, list):  # Mistral's, with reasoning beside text
            thought, content = words(content, "thinking"), words(content, "text")
            if thought:
                yield from self._think("thinking", thought, NEVER_TOLD)
        if content and isinstance(content, str):
            yield from self._speak(content)

    def _speak(self, text: str) -> Iterator[Delta]:
        if self._text is not None and self._is_tagged:
            yield from self._speak_tagged(text)
        elif text == self._traits.tags[0]:
            yield from self._begin(is_tagged=True)
            self._draft.add(self._text, Thought, _json(self._traits.replays_in))
        elif self._text is not None:
            yield from self._tell(text)
        elif not (self._traits.trims and text.isspace()):
            yield from self._begin(is_tagged=False)
            blank, self._blank = self._blank, ""
            yield from self._tell(blank + text)
        elif self._is_after_thought:
            self._blank += text

    def _speak_tagged(self, text: str) -> Iterator[Delta]:
        if text == self._traits.tags[1]:
            self._text = None
        else:
            yield from self._draft.think(self._text, text)

    def _begin(self, *, is_tagged: bool) -> Iterator[Delta]:
        yield from self._released()
        self._parts += 1
        self._text, self._is_tagged = self._parts, is_tagged
        self._turn += 1
        self._is_after_thought = False
        self._latest_call = None

    def _tell(self, text: str) -> Iterator[Delta]:
        return self._draft.say(self._text, self._restorer.feed(text) if self._restorer is not None else text)

    def _released(self) -> Iterator[Delta]:
        """Tell what was held back of a text that goes on no more."""
        if self._restorer is not None and self._text is not None and not self._is_tagged:
            yield from self._draft.say(self._text, self._restorer.rest())
            self._restorer = Restorer()

    # ------------------------------------------------------------ calls

    def _called(self, delta: CallDelta) -> Iterator[Delta]:
        function = delta.function or Function()
        key = self._key(delta.index, is_more=function.name is None)
        call = self._calls[key]
        call.id = delta.id or call.id
        arguments = function.arguments or ""
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        self._draft.call(key, name=function.name or "", arguments=arguments)
        if is_there(delta.extra_content):
            self._draft.add(key, Called, delta.extra_content.copy())
        if function.name is not None and not call.is_named:
            call.is_named = True
            yield from self._interrupted()

    def _key(self, index: int | None, *, is_more: bool) -> Hashable:
        """Return the call that is meant; without an index it is the latest, if that goes on."""
        key: Hashable = ("call", index)
        if index is None:
            is_more = is_more and self._latest_call is not None
            key = self._latest_call if is_more else ("call", "without index", len(self._calls))
        if key not in self._calls:
            self._calls[key] = _Call()
            self._latest_call = key
        return key

    def _interrupted(self) -> Iterator[Delta]:
        """A call has begun: text and reasoning after it are others."""
        yield from self._released()
        self._turn += 1
        self._is_after_thought = False
        if not self._is_tagged:
            self._text = None

    # ------------------------------------------------------------ the end

    def _finished(self) -> Iterator[Part]:
        calls = iter(self._calls.values())
        for part in self._draft.parts():
            if isinstance(part, Called):
                call = next(calls)
                if call.is_named:
                    yield Called(call.id or f"call_{uuid4().hex}", part.name, self._arguments(part), part.extra)
            elif isinstance(part, Thought) or part.text:
                yield part

    def _arguments(self, call: Called) -> str:
        return restored_arguments(call.arguments) if self._restorer is not None else call.arguments


def _json(field: str | None) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(field))
