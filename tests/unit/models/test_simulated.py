"""The simulated model: what it says, and that the journal alone decides it."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.core.message import ToolCallPart, Turned, Usage
from runtime.models.script import Line
from runtime.models.simulated import SCRIPT_IS_OVER, SimulatedModel
from runtime.ports.model import ModelRef, ModelReply, ReasoningDelta, StreamItem, TextDelta
from tests.model_servers.requests import agent, asked, ref, result, user

ECHO = ref("llmsim", "sim-echo")
LOREM = ref("llmsim", "sim-lorem")
DEEP = "[" * 2_000 + "]" * 2_000


def script(*lines: str) -> str:
    body = "\n".join(lines)
    return f"Do as told.\n```sim\n{body}\n```\n"


async def items(model: ModelRef, *history: Turned, **more: Any) -> list[StreamItem]:
    return [item async for item in SimulatedModel().stream(asked(model, *history, **more))]


async def reply(model: ModelRef, *history: Turned, **more: Any) -> ModelReply:
    last = (await items(model, *history, **more))[-1]
    assert isinstance(last, ModelReply)
    return last


def spoken(stream: Sequence[StreamItem]) -> list[str]:
    return [item.text for item in stream if isinstance(item, TextDelta)]


async def test_echo_streams_the_newest_user_text_word_by_word() -> None:
    stream = await items(ECHO, user("old", "m1"), agent(ModelReply(text="old")), user(" Good  day,\nworld \n", "m2"))

    assert spoken(stream) == [" Good", "  day,", "\nworld \n"]
    assert isinstance(stream[-1], ModelReply)
    assert stream[-1].text == " Good  day,\nworld \n"
    assert stream[-1].finish_reason == "stop"


async def test_a_simple_text_with_the_letters_sim_is_echoed_as_it_is() -> None:
    assert (await reply(ECHO, user(" simple \n"))).text == " simple \n"


async def test_lorem_streams_twenty_words() -> None:
    assert len(spoken(await items(LOREM, user("Talk.")))) == 20


async def test_what_is_said_is_counted_in_words_and_what_is_heard_by_its_length() -> None:
    answer = await reply(ECHO, user("one two three"))

    assert answer.usage == Usage(input_tokens=(len(asked(ECHO).system) + 13) // 4, output_tokens=3)


async def test_a_conversation_that_grows_is_counted_as_if_it_were_read_whole() -> None:
    model = SimulatedModel()
    history: list[Turned] = []
    for number in range(5):
        history.append(user("word " * (number + 1), f"m{number}"))
        request = asked(ECHO, *history)
        whole = await reply(ECHO, *history)
        for _ in range(2):  # the second time is a retry
            last = [item async for item in model.stream(request)][-1]
            assert isinstance(last, ModelReply)
            assert last.usage == whole.usage
        history.append(agent(whole))


async def test_the_standing_default_says_that_no_provider_is_configured() -> None:
    answer = await reply(ref("llmsim", "sim-echo", is_default=True), user("Hello."))

    assert "no provider is configured" in answer.text
    assert "console" in answer.text
    assert "POST /api/v1/providers" in answer.text
    assert "ANTHROPIC_API_KEY" in answer.text
    assert answer.text.endswith("\n\nHello.")


async def test_a_line_is_played_for_each_call_of_the_turn() -> None:
    ask = user(script('{"call": [{"name": "add", "arguments": {"a": 1, "b": 2}}]}', '{"say": "Three."}'), "m1")

    first = await reply(ECHO, ask, input_message_id="m1")
    second = await reply(
        ECHO, ask, agent(first), result(first.tool_calls[0].id, 3), call_index=1, input_message_id="m1"
    )

    assert [(call.name, call.arguments) for call in first.tool_calls] == [("add", {"a": 1, "b": 2})]
    assert (first.text, first.finish_reason) == ("", "tool_call")
    assert (second.text, second.tool_calls) == ("Three.", ())


async def test_keys_combine_in_one_line() -> None:
    line = '{"think": "Hm hm.", "say": "I add.", "call": [{"name": "add"}, {"name": "add"}]}'

    stream = await items(ECHO, user(script(line)))

    assert [type(item) for item in stream] == [ReasoningDelta, ReasoningDelta, TextDelta, TextDelta, ModelReply]
    assert isinstance(stream[-1], ModelReply)
    assert (stream[-1].thinking, stream[-1].text, len(stream[-1].tool_calls)) == ("Hm hm.", "I add.", 2)
    assert stream[-1].usage.output_tokens == 4


async def test_a_call_that_runs_again_has_the_same_tool_call_ids() -> None:
    line = '{"call": [{"name": "add"}, {"name": "add"}]}'

    once = await reply(ECHO, user(script(line), "m1"))
    again = await reply(ECHO, user(script(line), "m1"), attempt=3)
    elsewhere = await reply(ECHO, user(script(line), "m2"))

    assert once.tool_calls == again.tool_calls
    assert len({call.id for call in (*once.tool_calls, *elsewhere.tool_calls)}) == 4
    assert all(call.id.startswith("call_") for call in once.tool_calls)


async def test_an_interrupted_earlier_turn_s_script_is_not_played_again() -> None:
    stale = user(script('{"fail": {"status": 401, "times": 9}}'), "m1")

    assert (await reply(ECHO, stale, user("Hello.", "m2"), input_message_id="m2")).text == "Hello."


async def test_a_finished_turn_s_script_is_not_played_again() -> None:
    history = (user(script('{"say": "One."}'), "m1"), agent(ModelReply(text="One.")), user("Hello.", "m2"))

    assert (await reply(ECHO, *history)).text == "Hello."


async def test_a_steering_script_counts_from_its_arrival() -> None:
    call = ToolCallPart("call_1", "add", {})
    history = (
        user(script('{"call": [{"name": "add"}]}', '{"say": "old"}', '{"say": "old"}'), "m1"),
        agent(ModelReply(tool_calls=(call,))),
        user(script('{"say": "new 1"}', '{"say": "new 2"}'), "m2"),
        result("call_1", 3),
    )

    steered = await reply(ECHO, *history, call_index=1, input_message_id="m1")
    later = await reply(ECHO, *history, agent(steered), call_index=2, input_message_id="m1")

    assert (steered.text, later.text) == ("new 1", "new 2")


async def test_a_script_that_is_used_up_ends_the_turn() -> None:
    history = (user(script('{"call": [{"name": "add"}]}'), "m1"), agent(ModelReply(tool_calls=())))

    assert (await reply(ECHO, *history, call_index=1)).text == SCRIPT_IS_OVER


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{oops", "Line 2 of the sim script is wrong"),
        ('{"shout": "hey"}', "unknown field `shout`"),
        ('{"tokens_per_second": 0}', r"\$.tokens_per_second"),
        ('{"call": [{"arguments": {}}]}', "missing required field `name`"),
        ('{"fail": {"status": 200}}', r"\$.fail.status"),
        ('"say"', "Expected `object`"),
        (f'{{"call": [{{"name": "add", "arguments": {{"a": {DEEP}}}}}]}}', "recursion depth"),
    ],
)
async def test_a_wrong_line_is_answered_with_what_is_wrong(line: str, words: str) -> None:
    answer = await reply(ECHO, user(script('{"say": "Fine."}', line)))

    assert "Line 2 of the sim script is wrong" in answer.text
    assert words.replace("\\", "") in answer.text


async def test_a_script_may_ask_for_failures_that_pass() -> None:
    ask = user(script('{"fail": {"status": 429, "times": 2}, "say": "At last."}'))

    for attempt in (0, 1):
        with pytest.raises(ModelUnavailableError) as caught:
            await items(ECHO, ask, attempt=attempt)
        assert (caught.value.failure, caught.value.status) == ("provider_rate_limited", 429)
    assert (await reply(ECHO, ask, attempt=2)).text == "At last."


@pytest.mark.parametrize(
    ("status", "failure", "kind"),
    [
        (401, "provider_misconfigured", ModelRejectedError),
        (402, "provider_quota_exhausted", ModelRejectedError),
        (404, "model_unavailable", ModelRejectedError),
        (413, "request_too_large", ModelRejectedError),
        (400, "processing_error", ModelRejectedError),
        (408, "provider_unavailable", ModelUnavailableError),
        (500, "provider_unavailable", ModelUnavailableError),
        (529, "provider_unavailable", ModelUnavailableError),
    ],
)
async def test_a_scripted_status_fails_as_a_vendor_s_would(status: int, failure: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        await items(ECHO, user(script(f'{{"fail": {{"status": {status}}}}}')))

    assert getattr(caught.value, "failure", None) == failure


async def test_a_line_without_words_or_calls_echoes_the_rest_of_the_message() -> None:
    assert (await reply(ECHO, user(script('{"delay_ms": 0}')))).text == "Do as told."


async def test_tokens_keep_the_pace_that_was_asked_for() -> None:
    loop = asyncio.get_running_loop()
    started_at = loop.time()

    await items(ECHO, user(script('{"say": "a b c d e f", "delay_ms": 10, "tokens_per_second": 500}')))

    assert loop.time() - started_at >= 0.010 + 5 / 500


async def test_a_long_answer_lets_others_run_and_can_be_cancelled() -> None:
    model = SimulatedModel()
    heard: list[StreamItem] = []

    async def listen() -> None:
        async with aclosing(model.stream(asked(ECHO, user("word " * 100_000)))) as stream:
            async for item in stream:
                heard.append(item)  # noqa: PERF401 - what was heard before the end counts

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert 0 < len(heard) < 100_000


async def test_there_is_no_third_simulated_model() -> None:
    with pytest.raises(ModelRejectedError) as caught:
        await items(ref("llmsim", "sim-genius"), user("Hi."))

    assert caught.value.failure == "model_unavailable"


@pytest.mark.parametrize("fence", ["~~~", "````"])
async def test_any_fence_of_markdown_will_do(fence: str) -> None:
    text = f'{fence}sim\r\n{{"say": "Fenced."}}\r\n\r\n{fence}\r\n'

    assert (await reply(ECHO, user(text))).text == "Fenced."


async def test_a_block_of_another_language_is_no_script() -> None:
    text = '```simple\n{"say": "no"}\n```'

    assert (await reply(ECHO, user(text))).text == text


DOCUMENT = (Path(__file__).parents[3] / "docs" / "simulated-model.md").read_text()


async def test_script_in_the_document_does_what_it_shows() -> None:
    shown = re.search(r"^````\n(.*?)^````", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert shown is not None
    first = await reply(ECHO, user(shown[1], "m1"))
    assert first.thinking == "A die, then."
    assert [(call.name, call.arguments) for call in first.tool_calls] == [("roll", {"sides": 20})]


def test_document_lists_every_key_of_a_script() -> None:
    assert re.findall(r"^\| `(\w+)`", DOCUMENT, re.MULTILINE) == ["say", "think", "call", *Line.__struct_fields__[3:]]
    assert set(Line.__struct_fields__[:3]) == {"say", "think", "call"}
