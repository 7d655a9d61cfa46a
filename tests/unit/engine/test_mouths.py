"""Models and tools say anything: the session stores what can be stored, and a clear word where it cannot."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from runtime.agents.tool import ToolContext
from runtime.core import event as ev
from runtime.core.errors import ModelRejectedError, ToolError
from runtime.core.message import ToolCallPart
from runtime.ports.model import ModelReply, ReasoningDelta, TextDelta
from tests.scene import Run, scene
from tests.stage import FAST, Gate, ScriptedModel, Step, call, say


def deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def answering(result: Any, runs: list[str] | None = None) -> Run:
    async def run(context: ToolContext) -> Any:
        if runs is not None:
            runs.append(context.tool_call_id)
        return result

    return run


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("result", "read"),
    [
        ("half \ud800", "half \ufffd"),
        ("nothing \0", "nothing \ufffd"),
        ({"\udfff": ["\0"]}, '{"\ufffd":["\ufffd"]}'),
        ("[" * 1000 + "]" * 1000, "[" * 1000 + "]" * 1000),
    ],
    ids=["surrogate", "nul", "inside", "brackets"],
)
async def test_what_a_tool_answers_is_stored_with_a_mark_for_what_cannot_be(result: Any, read: str) -> None:
    runs: list[str] = []
    async with scene(say("", call("c1", "look")), look=answering(result, runs)) as played:
        await played.turn()
        [outcome] = played.of("tool.completed")
        assert (outcome.success, outcome.result[0].text) == (True, read)
        assert played.of("turn.completed")
        assert runs == ["c1"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (deep(1000), "The tool ran, but its result cannot be shown. The result is nested more than 100 levels deep."),
        (["x"] * 100_001, "The tool ran, but its result cannot be shown. The result holds more than 100000 values."),
        (object(), "The tool ran, but its result cannot be shown. The result cannot be written as JSON:"),
        ("ä" * 600, "The tool ran, but its result is too large: 1200 bytes, of 1000 that are allowed."),
    ],
    ids=["deep", "crowded", "object", "large"],
)
async def test_the_model_reads_what_was_wrong_with_a_result(result: Any, words: str) -> None:
    limits = replace(FAST, tool_result_bytes=1000)
    async with scene(say("", call("c1", "look")), tunables=limits, look=answering(result)) as played:
        await played.turn()
        [outcome] = played.of("tool.completed")
        assert (outcome.success, outcome.error.startswith(words)) == (False, True), outcome.error
        assert played.of("turn.completed")


async def test_a_tools_error_can_be_stored_however_long_it_is() -> None:
    async def look(context: ToolContext) -> str:
        message = "\ud800" * 50_000
        raise ToolError(message)

    async with scene(say("", call("c1", "look")), look=look) as played:
        await played.turn()
        [outcome] = played.of("tool.completed")
        assert outcome.error == "\ufffd" * 10_000 + " … (50000 characters)"


async def test_the_model_is_not_told_what_broke_inside_a_tool() -> None:
    async def look(context: ToolContext) -> str:
        message = "cannot reach db.internal as ada"
        raise RuntimeError(message)

    async with scene(say("", call("c1", "look")), look=look) as played:
        await played.turn()
        [outcome] = played.of("tool.completed")
        assert outcome.error == "The tool failed."


async def test_what_a_tool_emits_can_be_stored_and_is_its_own_affair() -> None:
    refused: list[str] = []

    async def look(context: ToolContext) -> str:
        context.emit(ev.ToolProgress(tool_call_id="c1", tool_name="look", message="at \ud800"))
        context.emit(ev.ToolOutputDelta(tool_call_id="c1", tool_name="look", delta="\ud800", stream="stdout"))
        wrong: Any = 5
        for payload in (ev.SessionTitleUpdated(title=wrong), ev.SessionIdled(turn_id="t")):
            try:
                context.emit(payload)
            except Exception as err:  # noqa: BLE001  as a tool may
                refused.append(str(err))
        return "seen"

    async with scene(say("", call("c1", "look")), look=look) as played:
        await played.turn()
        [progress] = played.of("tool.progress")
        assert progress.message == "at \ufffd"
        assert [outcome.success for outcome in played.of("tool.completed")] == [True]
        assert "title" in refused[0]
        assert refused[1].startswith("A tool may not emit session.idled, only file.written,")


async def test_no_more_tools_run_at_once_than_may() -> None:
    gate, running, most = Gate(), 0, 0

    async def look(context: ToolContext) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            gate.open()
        await gate.pass_through()
        await asyncio.sleep(0)
        running -= 1
        return "seen"

    calls = [call(f"c{number}", "look") for number in range(7)]
    async with scene(say("", *calls), tunables=replace(FAST, tools_at_once=2), look=look) as played:
        await played.turn()
        assert [outcome.success for outcome in played.of("tool.completed")] == [True] * 7
        assert most == 2


# ---------------------------------------------------------------- models


async def test_what_a_model_says_is_stored_with_a_mark_for_what_cannot_be() -> None:
    asked = ToolCallPart("c\ud800", "look\0", {"\ud800": ["\0", float("nan")]})
    reply = ModelReply(text="half \ud83d\ude00 \0", thinking="so \udc00", tool_calls=(asked,), response_id="\ud800")
    script = (ReasoningDelta("so \udc00"), TextDelta("half \ud83d"), TextDelta("\ude00 \0"), reply)
    async with scene(script) as played:
        await played.turn()
        message = played.of("output.message.completed")[0].message
        assert message.text == "half \ufffd\ufffd \ufffd"
        assert message.tool_calls == (ToolCallPart("c\ufffd", "look\ufffd", {"\ufffd": ["\ufffd", None]}),)
        assert played.of("reason.thinking.completed")[0].thinking == message.thinking == "so \ufffd"
        assert "no tool 'look\ufffd'" in played.of("tool.completed")[0].error
        deltas = [f.body for f in played.chat.process.frames if f.type == "output.message.delta"]
        assert message.text.startswith(msgspec.json.decode(deltas[0])["data"]["delta"])


async def test_words_of_a_failed_model_can_be_stored() -> None:
    async with scene((ModelRejectedError("It says: \ud800\0", "model_unavailable"),)) as played:
        await played.turn()
        assert played.of("reason.completed")[0].error == "It says: \ufffd\ufffd"


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ((ToolCallPart("c1", "look", {"a": deep(1000)}),), "A tool call is nested more than 100 levels deep."),
        ((call("c\ud800", "look"), call("c\udfff", "look")), "Two tool calls have one id."),
    ],
    ids=["deep", "twins"],
)
async def test_an_answer_that_cannot_be_used_is_asked_for_again_and_then_fails(
    calls: tuple[ToolCallPart, ...], words: str
) -> None:
    model = ScriptedModel((ModelReply(tool_calls=calls),))
    async with scene(model=model, look=answering("seen")) as played:
        await played.turn()
        [failed] = played.of("turn.failed")
        assert failed.error_code == "answer_unusable"
        assert failed.error.startswith(f"The model's answer could not be used. {words} It was tried")
        assert len(model.requests) == FAST.model_attempts


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([TextDelta("x" * 600)] * 2, "answer_too_large"),
        ([ReasoningDelta("x" * 600), TextDelta("x" * 600)], "answer_too_large"),
        ([ModelReply(text="ä" * 501)], "answer_too_large"),
        ([ModelReply(tool_calls=(call("c1", "look", a="x" * 1000),))], "answer_too_large"),
        ([ModelReply(tool_calls=tuple(call(f"c{n}", "look") for n in range(4)))], "too_many_tool_calls"),
    ],
    ids=["deltas", "thinking", "text", "arguments", "calls"],
)
async def test_an_answer_beyond_a_limit_fails_its_turn_at_once(script: Sequence[Step], code: str) -> None:
    limits = replace(FAST, answer_limit_bytes=1000, calls_per_answer=3)
    model = ScriptedModel(script)
    async with scene(tunables=limits, model=model, look=answering("seen")) as played:
        await played.turn()
        [failed] = played.of("turn.failed")
        assert failed.error_code == code
        assert "(PERDURE_" in failed.error
        assert len(model.requests) == 1


async def test_an_answer_is_not_counted_twice_for_having_been_streamed() -> None:
    async with scene(say("x" * 900), tunables=replace(FAST, answer_limit_bytes=1000)) as played:
        await played.turn()
        assert played.of("turn.completed")


async def test_a_model_call_ends_when_its_time_is_over() -> None:
    async with scene((TextDelta("one "), Gate()), tunables=replace(FAST, model_call_s=0.01)) as played:
        await played.turn()
        [failed] = played.of("turn.failed")
        assert failed.error_code == "answer_too_slow"
        assert "0.01 s" in failed.error
