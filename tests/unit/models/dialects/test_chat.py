"""Chat Completions: what is sent to the vendors that speak it, and what their answers become."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import msgspec
import pytest

from runtime.core.message import ImagePart, Message, Part, Role, TextPart, ToolCallPart, ToolResultPart, Turned
from runtime.models.dialects.chat.chat import Chat
from runtime.models.dialects.chat.openrouter import OpenRouter
from runtime.models.dialects.dialect import Called, CutOffError, RefusedError, Text, Thought, Used, Whole
from runtime.models.dialects.exchange import Exchanges
from runtime.models.dialects.reply import reply
from runtime.models.dialects.sse import Events
from runtime.models.vendors import BY_TYPE, Api
from runtime.ports.model import ModelRef, ModelRequest, ReasoningDelta, TextDelta, ToolSpec

Json = dict[str, Any]

ADD = ToolSpec(
    "add", "Add two numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
)
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}


def dialect(vendor: str) -> Chat:
    return OpenRouter() if BY_TYPE[vendor].api is Api.OPENROUTER else Chat()


def turned(role: Role, *content: Part, private: msgspec.Raw | None = None) -> Turned:
    message = Message(id=f"message_{role}", role=role, content=content, created_at="2026-01-01T00:00:00.000Z")
    return Turned(message, private if private is not None else msgspec.UNSET)


def sent(vendor: str, *history: Turned, model: str | None = None, system: str = "", **more: Any) -> Json:
    """Return the body of a request."""
    ref = ModelRef("model_1", vendor, model or BY_TYPE[vendor].default_model, "provider_1")
    request = ModelRequest(model=ref, system=system, history=history, **more)
    conversation = Exchanges().tell(dialect(vendor), vendor, history).conversation
    body: Json = msgspec.json.decode(dialect(vendor).body(BY_TYPE[vendor], request, conversation))
    return body


def chunk(reason: str | None = None, /, **delta: Any) -> Json:
    return {"id": "chatcmpl-1", "model": "gpt", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def usage(**tokens: Any) -> Json:
    return {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5, **tokens}}


def heard(vendor: str, *events: Json, model: str | None = None) -> tuple[Sequence[TextDelta | ReasoningDelta], Whole]:
    """Return what an answer is while it comes, and in the end."""
    reading = dialect(vendor).reading(BY_TYPE[vendor], model or BY_TYPE[vendor].default_model)
    deltas = [delta for event in events for delta in reading.hear(json.dumps(event).encode())]
    list(reading.hear(b"[DONE]"))
    return deltas, reading.whole()


def kept(vendor: str, whole: Whole) -> msgspec.Raw | None:
    return reply(whole, BY_TYPE[vendor], BY_TYPE[vendor].default_model, frozenset(), vendor).private


def test_a_request_says_what_was_said_and_what_is_wished() -> None:
    body = sent(
        "openai_completions",
        turned(Role.USER, TextPart("Add.")),
        turned(Role.AGENT, TextPart("Adding."), ToolCallPart("call_1", "add", {"a": 1})),
        turned(Role.TOOL_RESULT, ToolResultPart("call_1", error="It failed.")),
        turned(Role.USER, TextPart("And?"), ImagePart(base64="iVBORw0KGgo=")),
        system="Be brief.",
        tools=(ADD,),
        reasoning_effort="minimal",
        speed="flex",
        parallel_tool_calls=False,
    )
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    parameters = {**ADD.parameters, "additionalProperties": False}
    function = {"name": "add", "description": "Add two numbers.", "parameters": parameters, "strict": True}
    assert body == {
        "model": "gpt-6.1-terra",
        "stream": True,
        "stream_options": {"include_usage": True},
        "service_tier": "flex",
        "reasoning_effort": "low",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Add."},
            {"role": "assistant", "content": "Adding.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"error":"It failed."}'},
            {"role": "user", "content": [{"type": "text", "text": "And?"}, picture]},
        ],
        "tool_choice": "auto",
        "tools": [{"type": "function", "function": function}],
        "parallel_tool_calls": False,
    }


def test_an_answer_is_read_in_parts() -> None:
    deltas, whole = heard(
        "openai_completions",
        chunk(role="assistant", content=""),
        chunk(reasoning_content="I "),
        chunk(reasoning_content="add."),
        chunk(content="Add"),
        chunk(content="ing."),
        chunk(tool_calls=[{"index": 0, "id": "call_1", "function": {"name": "add", "arguments": ""}}]),
        chunk(tool_calls=[{"index": 1, "id": "call_2", "function": {"name": "add", "arguments": '{"a":'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":1}'}}]),
        chunk(tool_calls=[{"index": 1, "function": {"arguments": "2}"}}]),
        chunk("tool_calls"),
        usage(prompt_tokens_details={"cached_tokens": 4, "cache_write_tokens": 2}),
    )
    assert deltas == [ReasoningDelta("I "), ReasoningDelta("add."), TextDelta("Add"), TextDelta("ing.")]
    assert whole == Whole(
        parts=[
            Thought("I add.", msgspec.Raw(b'"reasoning_content"')),
            Text("Adding."),
            Called("call_1", "add", '{"a":1}'),
            Called("call_2", "add", '{"a":2}'),
        ],
        used=Used(9, 5, cache_read_tokens=4, cache_write_tokens=2),
        finish_reason="tool_call",
        response_id="chatcmpl-1",
        model="gpt",
    )


CALLING = ({"tool_calls": [{"index": 0, **CALL}]}, "tool_calls")


def conversation(vendor: str, *thoughts: str, field: str) -> list[Turned]:
    """Return a turn in which the agent has called a tool each time, after some of these thoughts."""
    history = [turned(Role.USER, TextPart("Add."))]
    for number, thought in enumerate(thoughts):
        events = [chunk(**{field: thought})] if thought else []
        _, whole = heard(vendor, *events, chunk(CALLING[1], **CALLING[0]))
        call = ToolCallPart(f"call_{number}", "add", {})
        history.append(turned(Role.AGENT, call, private=kept(vendor, whole)))
        history.append(turned(Role.TOOL_RESULT, ToolResultPart(call.id, "3")))
    return history


def fields(body: Mapping[str, Any], field: str) -> list[str | None]:
    """Return what stands in a field of each answer; None if it does not."""
    return [message.get(field) for message in body["messages"] if message["role"] == "assistant"]


def test_reasoning_goes_back_in_the_field_it_came_in() -> None:
    history = conversation("groq", "", "Two.", "", field="reasoning")
    assert fields(sent("groq", *history), "reasoning") == ["", "Two.", ""], "no server takes some of a turn only"
    later = turned(Role.USER, TextPart("Thanks."))
    assert fields(sent("groq", *history, later), "reasoning") == [None, "Two.", None]


def test_deepseek_wants_reasoning_with_each_call() -> None:
    history = conversation("deepseek", "", "Two.", "", field="reasoning_content")
    thinks, thinks_not = sent("deepseek", *history), sent("deepseek", *history, reasoning_effort="none")
    assert fields(thinks, "reasoning_content") == ["", "Two.", ""]
    assert fields(thinks_not, "reasoning_content") == [None, "Two.", ""], "as it was sent before"


def test_openrouter_wants_reasoning_as_it_gave_it() -> None:
    text = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    deltas, whole = heard(
        "openrouter",
        chunk(reasoning="I ", reasoning_details=[{**text, "text": "I "}]),
        chunk(reasoning="add.", reasoning_details=[{**text, "text": "add.", "signature": "c2lnbmVk"}]),
        chunk(reasoning_details=[{"type": "reasoning.encrypted", "data": "ZW5j", "id": "rs_1", "index": 1}]),
        chunk(CALLING[1], **CALLING[0]),
        usage(cost=0.25, is_byok=True, cost_details={"upstream_inference_cost": 0.5}),
    )
    assert "".join(delta.text for delta in deltas) == "I add."
    assert whole.used.cost_usd == 0.75, "what OpenRouter bills, and the maker of the model"
    called = turned(Role.AGENT, ToolCallPart("call_1", "add", {"a": 1}), private=kept("openrouter", whole))
    body = sent("openrouter", turned(Role.USER, TextPart("Add.")), called, reasoning_effort="high")
    assert body["reasoning"] == {"effort": "high", "enabled": True}
    assert body["messages"][1] == {
        "role": "assistant",
        "reasoning": "",
        "reasoning_details": [
            {**text, "id": None, "text": "I add.", "signature": "c2lnbmVk"},
            {"type": "reasoning.encrypted", "id": "rs_1", "format": None, "index": 1, "data": "ZW5j"},
        ],
        "content": None,
        "tool_calls": [CALL],
    }


def test_reasoning_among_the_text_goes_back_as_text() -> None:
    deltas, whole = heard(
        "mistral",
        chunk(content="<think>"),
        chunk(content="Hm."),
        chunk(content="</think>"),
        chunk("stop", content="Hi."),
    )
    assert deltas == [ReasoningDelta("Hm."), TextDelta("Hi.")]
    answered = turned(Role.AGENT, TextPart("Hi."), private=kept("mistral", whole))
    told = sent("mistral", turned(Role.USER, TextPart("Hi.")), answered)["messages"][1]
    assert told == {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nHi."}


def test_mistrals_reasoning_beside_the_text_is_shown() -> None:
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]
    deltas, whole = heard("mistral", chunk(content=thinking), chunk("stop", content=[{"type": "text", "text": "Hi."}]))
    assert deltas == [ReasoningDelta("Hm."), TextDelta("Hi.")]
    answered = turned(Role.AGENT, TextPart("Hi."), private=kept("mistral", whole))
    told = sent("mistral", turned(Role.USER, TextPart("Hi.")), answered)["messages"][1]
    assert told == {"role": "assistant", "content": "Hi."}


def test_a_call_may_lack_what_others_have() -> None:
    _, whole = heard(
        "mistral",
        chunk(tool_calls=[{"function": {"name": "add", "arguments": {"a": 1}}}]),
        chunk(tool_calls=[{"function": {"name": "add", "arguments": '{"a":'}}]),
        chunk("tool_calls", tool_calls=[{"function": {"arguments": "2}"}}]),
    )
    first, second = whole.parts
    assert isinstance(first, Called)
    assert isinstance(second, Called)
    assert (first.arguments, second.arguments) == ('{"a":1}', '{"a":2}')
    assert first.id != second.id


def test_a_call_keeps_what_gemini_wants_to_see_again() -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    _, whole = heard("fireworks", chunk("tool_calls", tool_calls=[{"index": 0, **CALL, "extra_content": extra}]))
    called = turned(Role.AGENT, ToolCallPart("call_1", "add", {"a": 1}), private=kept("fireworks", whole))
    body = sent("fireworks", turned(Role.USER, TextPart("Add.")), called)
    assert body["messages"][1]["tool_calls"] == [{**CALL, "extra_content": extra}]


def test_the_last_usage_counts_for_all() -> None:
    _, whole = heard(
        "xai",
        {**chunk(content="Hi."), **usage(completion_tokens=1), "choices": chunk(content="Hi.")["choices"]},
        chunk("stop"),
        usage(completion_tokens=2, completion_tokens_details={"reasoning_tokens": 7}),
    )
    assert whole.used == Used(9, 9), "xAI counts reasoning apart"


@pytest.mark.parametrize(
    ("reason", "ours"),
    [("length", "length"), ("model_length", "length"), ("function_call", "tool_call"), ("tired", "stop")],
)
def test_an_answer_ends_for_a_reason(reason: str, ours: str) -> None:
    assert heard("mistral", chunk(reason, content="Hi."))[1].finish_reason == ours


@pytest.mark.parametrize("reason", [None, "error", "insufficient_system_resource"])
def test_an_answer_without_its_end_is_none(reason: str | None) -> None:
    with pytest.raises(CutOffError):
        heard("deepseek", chunk(content="Hi."), chunk(reason))


def test_a_refusal_is_no_text() -> None:
    deltas, whole = heard("openai_completions", chunk(refusal="No."), chunk("stop"))
    assert (deltas, whole.parts, whole.finish_reason) == ([], [], "content_filter")


def test_an_error_may_come_in_the_middle() -> None:
    with pytest.raises(RefusedError) as caught:
        heard("groq", chunk(content="Hi."), {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}})
    assert caught.value.status == 429


def test_half_a_character_is_marked() -> None:
    deltas, _ = heard(
        "groq", chunk(content="\ud83d"), chunk(content="\\ud83d \U0001f600"), chunk("stop", content="\ude00")
    )
    assert [delta.text for delta in deltas] == ["\ufffd", "\\ud83d \U0001f600", "\ufffd"]


def test_what_comes_after_the_end_is_nothing() -> None:
    reading = Chat().reading(BY_TYPE["groq"], "any")
    list(reading.hear(json.dumps(chunk("stop", content="Hi.")).encode()))
    assert not list(reading.hear(b"[DONE]"))
    assert not list(reading.hear(b'{"error":"none"}'))
    assert reading.whole().parts == [Text("Hi.")]


def test_hosts_of_open_models_are_told_no_tokens() -> None:
    said = turned(Role.USER, TextPart("Say <|im_start|>."))
    assert sent("groq", said)["messages"][0]["content"] == "Say <\u200d|im_start|>."
    assert sent("openai_completions", said)["messages"][0]["content"] == "Say <|im_start|>."
    deltas, whole = heard("groq", chunk(content="It is <\u200d|im_"), chunk("stop", content="start|>."))
    assert "".join(delta.text for delta in deltas) == "It is <|im_start|>."
    assert whole.parts == [Text("It is <|im_start|>.")]


def test_whitespace_before_a_text_is_noise_of_some_models() -> None:
    events = chunk(content="\n\n"), chunk("stop", content="Hi.")
    assert heard("groq", *events)[1].parts == [Text("Hi.")]
    assert heard("xai", *events)[1].parts == [Text("\n\nHi.")]


def test_an_answer_has_no_more_parts_than_any_may_have() -> None:
    calls = [{"index": index} for index in range(20_001)]
    with pytest.raises(CutOffError, match="20000 parts"):
        heard("openai_completions", chunk(tool_calls=calls))


def test_an_event_of_lines_without_end_is_none() -> None:
    events, line = Events(), b"data: " + b"x" * 1_000_000 + b"\n"
    with pytest.raises(ValueError, match="an event has more than"):
        list(chain.from_iterable(map(events.feed, repeat(line, 40))))
