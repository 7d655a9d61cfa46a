"""A conversation in the one order that every vendor accepts, encoded once.

Vendors want each tool call answered in the very next turn. The journal does not promise that: a user may speak while
tools run, and a crash may leave a call without a result. So results move up to their call, what is missing is said, and
what answers nothing is dropped. Some want both sides to take turns, too, and two failures may follow one another: then
something is said in between.

What was said before the agent's last message does not change any more, so its JSON is kept: a call costs what is new.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from runtime.core import message as own
from runtime.core.errors import InvalidInputError
from runtime.core.files.pictures import inline_picture
from runtime.core.message import Role, Turned
from runtime.models.dialects.dialect import Called, Dialect, Picture, Speaker, Uttered
from runtime.models.dialects.recall import recalled

NO_RESULT: Final = "The call was interrupted; its outcome is unknown."
OPENING: Final = "(The conversation starts here.)"
PAUSE: Final = "(Nothing was said in between.)"
SILENCE: Final = "(The message is empty.)"
UNREADABLE: Final = "[Image not readable]"
NOT_GIVEN: Final = "[Image not given]"
KEPT_BYTES: Final = 64 << 20  # of conversations, in one process

Results = defaultdict[str, deque[own.ToolResultPart]]


class Exchange(NamedTuple):
    """A conversation as a vendor is told of it: the inside of the array of turns, ids of all calls, who spoke last."""

    conversation: bytes
    call_ids: frozenset[str]
    speaker: Speaker | None


class _Known(NamedTuple):
    """The beginning of a conversation that was encoded before: so many messages, the last of them, and the JSON.

    Of its `pictures` the oldest are left out when there are too many.
    """

    messages: int
    last: Turned
    exchange: Exchange
    pictures: int


_NOTHING: Final = Exchange(b"", frozenset(), None)


class Exchanges:
    """The conversations of a process, each under its first message and the vendor; the least used go first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._bytes = 0

    def tell(self, dialect: Dialect, provider: str, history: Sequence[Turned]) -> Exchange:
        """Return a conversation for a vendor."""
        if not history:
            return _NOTHING
        key = provider, history[0].message.id
        known = self._known.get(key)
        if known is None or not _goes_on(history, known):
            known = None
        start, begun, pictures = (known.messages, known.exchange, known.pictures) if known else (0, _NOTHING, 0)
        settled = _settled(history, start)
        writer = _Writer(dialect, provider, history[start:])
        begun = writer.add(begun, history[start:settled])
        if settled > start:
            pictures += _pictures(history[start:settled])
            self._keep(key, _Known(settled, history[settled - 1], begun, pictures))
        elif known is not None:
            self._known.move_to_end(key)
        return writer.add(begun, history[settled:])

    def _keep(self, key: tuple[str, str], known: _Known) -> None:
        before = self._known.pop(key, None)
        self._bytes += len(known.exchange.conversation) - (len(before.exchange.conversation) if before else 0)
        self._known[key] = known
        while self._bytes > self._kept_bytes and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            self._bytes -= len(dropped.exchange.conversation)


def _goes_on(history: Sequence[Turned], known: _Known) -> bool:
    """Tell whether a history begins as is known, and nothing in the rest of it belongs to that beginning."""
    if len(history) < known.messages or history[known.messages - 1] is not known.last:
        return False
    if known.pictures and _pictures(history[: known.messages]) < known.pictures:
        return False
    rest = history[known.messages :]
    called = _called(rest)
    return all(result.tool_call_id in called for result in _results(rest))


def _pictures(turns: Iterable[Turned]) -> int:
    return sum(isinstance(part, own.ImagePart) for turned in turns for part in turned.message.content)


def _settled(history: Sequence[Turned], start: int) -> int:
    """Return how many messages will be told the same from now on: those before the agent's last one.

    They are `start` as before while what came of a call among the others still stands behind that.
    """
    last = next((n for n in range(len(history) - 1, start - 1, -1) if _is_answer(history[n])), start)
    called = _called(history[start:last])
    return start if any(result.tool_call_id in called for result in _results(history[last:])) else last


def _called(turns: Iterable[Turned]) -> set[str]:
    return {call.id for turned in turns for call in turned.message.tool_calls}


def _is_answer(turned: Turned) -> bool:
    return turned.message.role is Role.AGENT and bool(turned.message.content)


def _results(turns: Iterable[Turned]) -> Iterator[own.ToolResultPart]:
    return (part for turned in turns for part in turned.message.content if isinstance(part, own.ToolResultPart))


class _Writer:
    """Writes turns one after the other; results of calls may stand anywhere in `turns`."""

    def __init__(self, dialect: Dialect, provider: str, turns: Sequence[Turned]) -> None:
        self._dialect = dialect
        self._provider = provider
        self._results: Results = defaultdict(deque)
        for result in _results(turns):
            self._results[result.tool_call_id].append(result)

    def add(self, before: Exchange, turns: Sequence[Turned]) -> Exchange:
        """Return a conversation with more turns at its end."""
        call_ids: set[str] = set()
        uttered: list[Uttered] = []
        for turned in turns:
            if turned.message.role is Role.USER:
                uttered.append(self._user(_content(turned.message.content)))
            elif _is_answer(turned):
                speaker = uttered[-1].speaker if uttered else before.speaker
                if speaker is None or speaker is Speaker.AGENT:
                    uttered.append(self._user([OPENING if speaker is None else PAUSE]))
                parts = recalled(turned, self._provider)
                calls = [part for part in parts if isinstance(part, Called)]
                call_ids.update(call.id for call in calls)
                uttered.append(Uttered(Speaker.AGENT, self._dialect.answered(parts)))
                if calls:
                    uttered.append(Uttered(Speaker.TOOLS, [self._returned(call) for call in calls]))
        if not uttered:
            return before
        pieces = [piece for piece in (before.conversation, self._dialect.joined(uttered)) if piece]
        return Exchange(b",".join(pieces), before.call_ids | call_ids, uttered[-1].speaker)

    def _user(self, content: Sequence[str | Picture]) -> Uttered:
        return Uttered(Speaker.USER, self._dialect.said(content))

    def _returned(self, call: Called) -> bytes:
        results = self._results[call.id]
        if not results:
            return self._dialect.returned(call, NO_RESULT, has_failed=True)
        result = results.popleft()
        if result.error is not None:
            return self._dialect.returned(call, result.error, has_failed=True)
        return self._dialect.returned(call, words(result.result), has_failed=False)


def words(result: object) -> str:
    """Return a result as text, the same bytes each time, so that a vendor's prompt cache keeps matching."""
    return result if isinstance(result, str) else msgspec.json.encode(result).decode()


def _content(parts: Iterable[own.Part]) -> list[str | Picture]:
    return [said for part in parts for said in _said(part)] or [SILENCE]


def _said(part: own.Part) -> Iterable[str | Picture]:
    match part:
        case own.TextPart(text=text):
            return [text] if text.strip() else []
        case own.ImagePart():
            return [_picture(part)]
        case own.ImageFilePart(image_id=image_id):
            return [f"[Image not found: {image_id}]"]
        case _:
            return []


def _picture(part: own.ImagePart) -> str | Picture:
    """Return a picture; one that cannot be read becomes words, for a vendor would refuse the whole request."""
    try:
        inline = inline_picture(part)
    except InvalidInputError:
        return UNREADABLE
    if inline is not None:
        return Picture(inline[0], None, inline[1])
    return Picture(None, part.url, part.media_type) if part.url else NOT_GIVEN
