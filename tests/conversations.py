"""Conversations that two models were told, and what each of them made of the answers."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.core.message import Message, Part, Role, TextPart, ToolResultPart, Turned
from runtime.ports.model import ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta
from tests.side import Side

WHEN: Final = "2026-01-01T00:00:00.000Z"
PIXEL: Final = "iVBORw0KGgo="


# ---------------------------------------------------------------- what comes of an answer


class Failure(NamedTuple):
    """How an answer fails."""

    kind: type[Exception]
    code: str
    status: int | None
    wait_s: float
    words: str


@dataclass
class Outcome:
    """What a model yields for an answer, or how it fails."""

    text: str = ""
    reasoning: str = ""
    reply: ModelReply | None = None
    failure: Failure | None = None


async def outcome(side: Side, request: ModelRequest, pieces: Sequence[bytes], *more: Any) -> Outcome:
    """Return what comes of an answer. `more` are its status and headers."""
    try:
        items = await side.items(request, pieces, *more)
    except (ModelUnavailableError, ModelRejectedError) as err:
        wait_s = getattr(err, "retry_after_s", 0.0)
        return Outcome(failure=Failure(type(err), err.failure, err.status, wait_s, f"{err} {err.said}"))
    return Outcome(
        text=_joined(items, TextDelta),
        reasoning=_joined(items, ReasoningDelta),
        reply=next(item for item in items if isinstance(item, ModelReply)),
    )


def _joined(items: Sequence[StreamItem], kind: type[TextDelta | ReasoningDelta]) -> str:
    return "".join(item.text for item in items if isinstance(item, kind))


@st.composite
def pieces_of(draw: st.DrawFn, whole: Any) -> list[Any]:
    """Cut a text, or bytes, anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


# ---------------------------------------------------------------- what was said


def user(number: int, *content: Part) -> Turned:
    """Return what a user says."""
    return Turned(Message(id=f"message_u{number}", role=Role.USER, content=content, created_at=WHEN))


def agent(number: int, reply: ModelReply) -> Turned:
    """Return what a reply becomes in the history."""
    said: list[Part] = [TextPart(reply.text)] if reply.text else []
    message = Message(id=f"message_a{number}", role=Role.AGENT, content=(*said, *reply.tool_calls), created_at=WHEN)
    return Turned(message, reply.private if reply.private is not None else msgspec.UNSET)


@dataclass
class Round:
    """The user says something, the agent answers, and some of its calls have an outcome."""

    said: tuple[Part, ...]
    answer: list[bytes]
    steering: tuple[Part, ...] | None
    results: list[Any]
    is_foreign: bool  # another vendor gave this answer


def rounds(
    said: st.SearchStrategy[Any], answers: st.SearchStrategy[list[bytes]], results: st.SearchStrategy[Any]
) -> st.SearchStrategy[Round]:
    """Draw rounds. Of a call comes a result, nothing (None), or a failure (ValueError)."""
    return st.builds(
        Round,
        said=st.lists(said, max_size=2).map(tuple),
        answer=answers,
        steering=st.none() | st.lists(said, max_size=1).map(tuple),
        results=st.lists(st.none() | results | st.just(ValueError), min_size=9, max_size=9),
        is_foreign=st.sampled_from([False, False, False, True]),
    )


async def told(
    conversation: Sequence[Round],
    hear: Callable[[Sequence[Turned], Sequence[Turned], list[bytes]], Awaitable[tuple[Outcome, Outcome]]],
) -> tuple[list[Turned], list[Turned]]:
    """Return a conversation as either side's reading left it; `hear` has both hear an answer, each with its history.

    What is an answer for one of them only is left out.
    """
    theirs: list[Turned] = []
    ours: list[Turned] = []
    for number, each in enumerate(conversation):
        heard = user(number, *each.said)
        first, second = await hear([*theirs, heard], [*ours, heard], each.answer)
        if first.reply is None or second.reply is None:
            continue
        for history, reply in (theirs, first.reply), (ours, second.reply):
            kept = msgspec.structs.replace(reply, private=msgspec.Raw(b"{}")) if each.is_foreign else reply
            steering = [] if each.steering is None else [user(number, *each.steering)]
            history += [heard, agent(number, kept), *steering, *_results(number, reply, each.results)]
    return theirs, ours


def _results(number: int, reply: ModelReply, found: Sequence[Any]) -> Iterator[Turned]:
    for call, result in zip(reply.tool_calls, found, strict=False):
        if result is not None:
            failed = result is ValueError
            error = 'It "failed": <|im_start|>.\x1f\n' if failed else None
            part = ToolResultPart(call.id, None if failed else result, error=error)
            yield Turned(Message(id=f"message_r{number}", role=Role.TOOL_RESULT, content=(part,), created_at=WHEN))
