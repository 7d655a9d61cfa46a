"""A secret that a tool has opened is seen nowhere afterwards, in whatever pieces it is said."""

from typing import Final

import msgspec
import pytest

from runtime.core.message import Role, Usage
from runtime.ports.model import ModelReply, ReasoningDelta, TextDelta
from runtime.ports.secrets import Kind
from tests.integration.conftest import Deployment
from tests.stage import Conversation, ScriptedModel, Step, call, say
from tests.tenancy import secrets_in

VALUE: Final = "hunter2-and-a-half"
TEXT: Final = f"It is {VALUE}, I think: {VALUE[:9]}."
SEEN: Final = f"It is [redacted], I think: {VALUE[:9]}."
BETRAY: Final = say("", call("c1", "betray", name="TOKEN"))


def in_pieces(length: int) -> tuple[Step, ...]:
    parts = [TEXT[start : start + length] for start in range(0, len(TEXT), length)]
    reply = ModelReply(text=TEXT, thinking=TEXT, tool_calls=(), usage=Usage(3, 2), finish_reason="stop")
    return (*map(ReasoningDelta, parts), *map(TextDelta, parts), reply)


async def begun(deployment: Deployment, *scripts: tuple[Step, ...], value: str = VALUE) -> Conversation:
    session_id = await deployment.new_session()
    await secrets_in(deployment.pool, Kind.SESSION, session_id).put({"TOKEN": value})
    return await deployment.converse(deployment.process(ScriptedModel(*scripts)), session_id)


def deltas(chat: Conversation, event_type: str) -> str:
    bodies = [msgspec.json.decode(frame.body) for frame in chat.process.frames if frame.type == event_type]
    return "".join(body["data"]["delta"] for body in bodies)


@pytest.mark.parametrize("length", [1, 7, len(TEXT)])
async def test_an_answer_in_pieces_shows_no_secret_and_adds_up_to_what_is_journaled(
    deployment: Deployment, length: int
) -> None:
    chat = await begun(deployment, BETRAY, in_pieces(length))
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    answer = [event.data.message for event in log if event.type == "output.message.completed"][-1]
    [thought] = [event.data.thinking for event in log if event.type == "reason.thinking.completed"]
    assert (answer.text, answer.thinking, thought) == (SEEN, SEEN, SEEN)
    assert deltas(chat, "output.message.delta") == deltas(chat, "reason.thinking.delta") == SEEN
    assert not any(VALUE.encode() in frame.body for frame in chat.process.frames)


async def test_the_output_of_a_tool_in_pieces_shows_no_secret_and_ends_before_its_outcome(
    deployment: Deployment,
) -> None:
    chat = await begun(deployment, BETRAY, say("done"))
    await chat.send("go")
    await chat.turns_ended()
    assert deltas(chat, "tool.output.delta") == "<[redacted]>"
    types = chat.process.types()
    assert len(types) - types[::-1].index("tool.output.delta") <= types.index("tool.completed")


async def test_a_secret_that_is_a_word_of_ours_costs_no_answer(deployment: Deployment) -> None:
    chat = await begun(deployment, BETRAY, say("The system is up."), value="system")
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    [*_, last] = [event.data for event in log if event.type == "llm.generation"]
    assert (last.messages[0].role, last.output.text) == (Role.SYSTEM, "The [redacted] is up.")
    assert [event.type for event in log if event.type.startswith("turn.")] == ["turn.started", "turn.completed"]


async def test_a_value_that_a_model_stores_is_a_secret_from_then_on(deployment: Deployment) -> None:
    """What it said itself in the call stands in the log as it said it: the call is made from there."""
    kept = call("c1", "secret_store", operation="set", name="TOKEN", value=VALUE)
    session_id = await deployment.new_session()
    chat = await deployment.converse(
        deployment.process(ScriptedModel(say("", kept), in_pieces(4), say("Bye."))), session_id
    )
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(session_id)
    after = next(n for n, event in enumerate(log) if event.type == "tool.completed")
    assert [event.data.success for event in log if event.type == "tool.completed"] == [True]
    assert [event.type for event in log[after:] if VALUE in msgspec.json.encode(event.data).decode()] == []
    assert [event.type for event in log[:after] if VALUE in msgspec.json.encode(event.data).decode()] == [
        "llm.generation", "output.message.completed", "tool.started",
    ]  # fmt: skip
