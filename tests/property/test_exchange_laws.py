"""A conversation is told to a vendor in the order that all accept, and the same however often it was told before."""

from collections.abc import Iterable, Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai import messages as ai

from runtime.core.message import Message, Role, TextPart, ToolCallPart, ToolResultPart, Turned
from runtime.models.dialects.chat.chat import Chat
from runtime.models.dialects.converse.converse import Converse
from runtime.models.dialects.dialect import Called, Part, Picture, Speaker, Uttered
from runtime.models.dialects.exchange import Exchanges
from runtime.models.messages import transcript

WHEN = "2026-01-01T00:00:00.000Z"
PROVIDER = "anybody"


class Plain(Chat):
    """A dialect that writes what it is told, word for word: our side's neighbours go together."""

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        return [msgspec.json.encode(f"said {words}") for words in content]

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        return [
            msgspec.json.encode(f"called {part.id}" if isinstance(part, Called) else f"answered {part.text}")
            for part in parts
        ]

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        return msgspec.json.encode(f"returned {call.id} {result} {has_failed}")

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        turns: list[tuple[bool, list[bytes]]] = []
        for speaker, pieces in utterances:
            is_agent = speaker is Speaker.AGENT
            if turns and not is_agent and not turns[-1][0]:
                turns[-1][1].extend(pieces)
            else:
                turns.append((is_agent, list(pieces)))
        return b",".join(b"[" + b",".join(pieces) + b"]" for _, pieces in turns)


text = st.sampled_from(["", " ", "one", "two"])


@st.composite
def histories(draw: st.DrawFn) -> list[Turned]:
    """Draw a history in which calls have ids of their own, and results, if they come, come after their call."""
    made: list[Turned] = []
    called: list[str] = []
    for number in range(draw(st.integers(0, 12))):
        role = draw(st.sampled_from([Role.USER, Role.AGENT, *([Role.TOOL_RESULT] * bool(called))]))
        said = TextPart(draw(text))
        content: tuple[TextPart | ToolCallPart | ToolResultPart, ...] = (said,)
        if role is Role.AGENT:
            ids = [f"{number}{letter}" for letter in "ab"[: draw(st.integers(0, 2))]]
            content = (*((said,) if said.text else ()), *(ToolCallPart(i, "tool", {}) for i in ids))
            called += ids
        elif role is Role.TOOL_RESULT:
            ends = [("ok", None), (None, "no")]
            content = (ToolResultPart(draw(st.sampled_from(called)), *draw(st.sampled_from(ends))),)
        made.append(Turned(Message(id=f"message_{number}", role=role, content=content, created_at=WHEN)))
    return made


def told(exchanges: Exchanges, history: Sequence[Turned]) -> object:
    return msgspec.json.decode(b"[" + exchanges.tell(Plain(), PROVIDER, history).conversation + b"]")


def spoken(message: ai.ModelMessage) -> list[str]:
    return [words for part in message.parts for words in _spoken(part)]


def _spoken(part: object) -> Iterable[str]:
    match part:
        case ai.UserPromptPart(content=content):
            return [f"said {content}"] if isinstance(content, str) else [f"said {words}" for words in content]
        case ai.ToolReturnPart():
            return [f"returned {part.tool_call_id} {part.content} {part.outcome == 'failed'}"]
        case ai.ToolCallPart():
            return [f"called {part.tool_call_id}"]
        case ai.TextPart(content=content):
            return [f"answered {content}"]
        case _:
            raise AssertionError(part)


@given(histories())
def test_the_order_is_the_one_that_every_vendor_accepts(history: list[Turned]) -> None:
    messages = transcript(history, lambda _: None)
    assert told(Exchanges(), history) == [spoken(message) for message in messages]
    sides = [type(message) for message in messages]
    assert sides == [ai.ModelRequest, ai.ModelResponse] * (len(sides) // 2) + [ai.ModelRequest] * (len(sides) % 2)


@given(histories(), st.lists(st.integers(0, 12)))
def test_sides_take_turns_where_they_must_though_an_answer_says_nothing(
    history: list[Turned], lengths: list[int]
) -> None:
    exchanges = Exchanges()
    for length in [*lengths, len(history)]:
        conversation = exchanges.tell(Converse(), PROVIDER, history[:length]).conversation
        roles = [turn["role"] for turn in msgspec.json.decode(b"[" + conversation + b"]")]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)


@given(histories(), st.lists(st.integers(0, 12)), st.sampled_from([0, 100, 1 << 20]))
def test_what_was_told_before_changes_nothing(history: list[Turned], lengths: list[int], kept_bytes: int) -> None:
    exchanges = Exchanges(kept_bytes)
    for length in [*lengths, len(history)]:
        beginning = history[:length]
        assert told(exchanges, beginning) == told(Exchanges(), beginning)
        known = exchanges.tell(Plain(), PROVIDER, beginning)
        assert known.call_ids == {call.id for turned in beginning for call in turned.message.tool_calls}
