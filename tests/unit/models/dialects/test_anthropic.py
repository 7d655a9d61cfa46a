"""Anthropic's Messages API: what is sent, and what an answer becomes."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from runtime.core.message import ImagePart, Message, Part, Role, TextPart, ToolCallPart, ToolResultPart, Turned
from runtime.models.dialects.anthropic.anthropic import EMPTY, Anthropic
from runtime.models.dialects.anthropic.reading import AnthropicReading
from runtime.models.dialects.dialect import Called, CutOffError, RefusedError, Text, Thought, Used, Whole
from runtime.models.dialects.exchange import Exchanges
from runtime.models.dialects.reply import reply
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelRef, ModelRequest, ReasoningDelta, TextDelta, ToolSpec

Json = dict[str, Any]

VENDOR = BY_TYPE["anthropic"]
KEPT = {"type": "ephemeral", "ttl": "5m"}
ADD = ToolSpec("add", "Add two numbers.", {"type": "object", "title": "Add", "properties": {"a": {"type": "integer"}}})


def turned(role: Role, *content: Part, private: msgspec.Raw | None = None) -> Turned:
    message = Message(id=f"message_{role}", role=role, content=content, created_at="2026-01-01T00:00:00.000Z")
    return Turned(message, private if private is not None else msgspec.UNSET)


def sent(*history: Turned, model: str = VENDOR.default_model, system: str = "Be brief.", **more: Any) -> Json:
    dialect = Anthropic()
    ref = ModelRef("model_1", VENDOR.type, model, "provider_1")
    request = ModelRequest(model=ref, system=system, history=history, **more)
    conversation = Exchanges().tell(dialect, VENDOR.type, history).conversation
    body: Json = msgspec.json.decode(dialect.body(VENDOR, request, conversation))
    return body


def heard(*events: Json) -> tuple[Sequence[TextDelta | ReasoningDelta], Whole]:
    answer = AnthropicReading()
    deltas = [delta for event in events for delta in answer.hear(msgspec.json.encode(event))]
    return deltas, answer.whole()


def begun(index: int, **block: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def grown(index: int, **delta: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": delta}


USAGE = {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7, "output_tokens": 1}
START = {"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-5-5", "usage": USAGE}}
ANSWER = (
    START,
    {"type": "ping"},
    begun(0, type="thinking", thinking="", signature=""),
    grown(0, type="thinking_delta", thinking="I add."),
    grown(0, type="signature_delta", signature="c2lnbmVk"),
    begun(1, type="redacted_thinking", data="ZW5j"),
    begun(2, type="text", text=""),
    grown(2, type="text_delta", text="Add"),
    grown(2, type="text_delta", text="ing."),
    begun(3, type="tool_use", id="toolu_1", name="add", input={}),
    grown(3, type="input_json_delta", partial_json='{"a":'),
    grown(3, type="input_json_delta", partial_json="1}"),
    {"type": "content_block_stop", "index": 3},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)


def test_a_conversation_is_sent_with_what_the_vendor_wants_to_see_again() -> None:
    answer = reply(heard(*ANSWER)[1], VENDOR, VENDOR.default_model, frozenset(), VENDOR.type)
    body = sent(
        turned(Role.USER, TextPart("Add.")),
        turned(Role.AGENT, TextPart("Adding."), ToolCallPart("toolu_1", "add", {"a": 1}), private=answer.private),
        turned(Role.USER, TextPart("And?"), ImagePart(url="https://example.com/a.png")),
        turned(Role.TOOL_RESULT, ToolResultPart("toolu_1", {"sum": 3})),
        tools=(ADD,),
        reasoning_effort="high",
        speed="default",
        parallel_tool_calls=False,
    )
    assert body == {
        "model": "claude-sonnet-5-5",
        "stream": True,
        "max_tokens": 128_000,
        "cache_control": KEPT,
        "service_tier": "standard_only",
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": KEPT}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "tools": [
            {
                "name": "add",
                "description": "Add two numbers.",
                "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
                "cache_control": KEPT,
            }
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Add."}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "I add.", "signature": "c2lnbmVk"},
                    {"type": "redacted_thinking", "data": "ZW5j"},
                    {"type": "text", "text": "Adding."},
                    {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [{"type": "text", "text": '{"sum":3}'}],
                        "is_error": False,
                    },
                    {"type": "text", "text": "And?"},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                ],
            },
        ],
    }


def test_a_request_says_nothing_that_nobody_asked_for() -> None:
    body = sent(turned(Role.USER, TextPart("Hi.")), system="", model="claude-haiku-4-5")
    assert body == {
        "model": "claude-haiku-4-5",
        "stream": True,
        "max_tokens": 64_000,
        "cache_control": KEPT,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}],
    }


@pytest.mark.parametrize(
    ("model", "effort", "wanted"),
    [
        ("claude-sonnet-5-5", "none", {"max_tokens": 128_000, "thinking": {"type": "between_tools"}}),
        ("claude-haiku-5-5", "none", {"max_tokens": 128_000, "thinking": {"type": "disabled"}}),
        (
            "claude-opus-5-5",
            "none",
            {"max_tokens": 128_000, "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        (
            "claude-sonnet-4-6",
            "xhigh",
            {"max_tokens": 128_000, "thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        ),
        ("claude-haiku-4-5", "low", {"max_tokens": 64_000, "thinking": {"type": "enabled", "budget_tokens": 2_048}}),
        ("unheard-of", "xhigh", {"max_tokens": 36_864, "thinking": {"type": "enabled", "budget_tokens": 32_768}}),
    ],
)
def test_each_model_is_asked_to_think_in_its_own_way(model: str, effort: str, wanted: Json) -> None:
    body = sent(turned(Role.USER, TextPart("Hi.")), model=model, reasoning_effort=effort)
    assert {name: body[name] for name in ("max_tokens", "thinking", "output_config") if name in body} == wanted


def test_a_thought_without_a_signature_is_the_users_word_for_it() -> None:
    whole = Whole(parts=[Thought("So."), Text("Hi.")], finish_reason="stop")
    private = reply(whole, VENDOR, VENDOR.default_model, frozenset(), VENDOR.type).private
    body = sent(turned(Role.USER, TextPart("Hi?")), turned(Role.AGENT, TextPart("Hi."), private=private))
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hi?"}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "<assistant_thinking>\nSo.\n</assistant_thinking>"}],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
    ]


@pytest.mark.parametrize(("media_type", "base64"), [("image/png", "aGk="), ("application/pdf", "JVBERi0=")])
def test_what_the_vendor_cannot_read_becomes_words(media_type: str, base64: str) -> None:
    body = sent(turned(Role.USER, ImagePart(base64=base64, media_type=media_type)))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "[Image not readable]"}]


def test_a_schema_that_is_none_is_left_for_the_vendor_to_refuse() -> None:
    schema = {"type": "object", "properties": ["a"], "anyOf": 3}
    body = sent(turned(Role.USER, TextPart("Hi.")), tools=(ToolSpec("add", "", schema),))
    assert body["tools"][0]["input_schema"] == schema


def test_an_answer_is_read_block_by_block() -> None:
    deltas, whole = heard(*ANSWER)
    assert deltas == [ReasoningDelta("I add."), TextDelta("Add"), TextDelta("ing.")]
    assert whole == Whole(
        parts=[
            Thought("I add.", msgspec.Raw(b'{"signature":"c2lnbmVk"}')),
            Thought("", msgspec.Raw(b'{"redacted":"ZW5j"}')),
            Text("Adding."),
            Called("toolu_1", "add", '{"a":1}'),
        ],
        used=Used(input_tokens=15, output_tokens=9, cache_read_tokens=5, cache_write_tokens=7),
        finish_reason="tool_call",
        response_id="msg_1",
        model="claude-sonnet-5-5",
    )


@pytest.mark.parametrize(
    "events",
    [
        (),
        ANSWER[:-2],
        ANSWER[1:],
        (*ANSWER[:-2], {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}),
        (*ANSWER, grown(4, type="text_delta", text="More.")),
        (*ANSWER, grown(3, type="text_delta", text="More.")),
    ],
    ids=["nothing", "no_end", "no_start", "paused", "no_such_block", "another_kind_of_block"],
)
def test_half_an_answer_is_none(events: Sequence[Json]) -> None:
    with pytest.raises(CutOffError):
        heard(*events)


def test_what_is_not_known_is_passed_over() -> None:
    _, whole = heard(
        START,
        {"type": "news", "index": "x", "delta": 1},
        begun(0, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        grown(0, type="input_json_delta", partial_json="{}"),
        begun(1, type="hologram", text=3),
        grown(1, type="hologram_delta"),
        begun(2, type="text", text="Hi."),
        grown(2, type="citations_delta", citation={}),
        {"type": "message_delta", "delta": {"stop_reason": "boredom"}},
    )
    assert whole.parts == [Text("Hi.")]
    assert whole.finish_reason == "stop"


@pytest.mark.parametrize(
    ("kind", "status"), [("overloaded_error", 529), ("rate_limit_error", 429), ("an_error_to_come", None)]
)
def test_an_error_in_an_answer_has_the_status_that_it_would_have_had_before_it(kind: str, status: int | None) -> None:
    with pytest.raises(RefusedError) as caught:
        heard(START, {"type": "error", "error": {"type": kind, "message": "No."}})
    assert caught.value.status == status


def test_no_block_is_blank() -> None:
    dialect, call = Anthropic(), Called("toolu_1", "add", "{}")
    blocks = [msgspec.json.decode(block) for block in dialect.answered([Text("\n\n"), call])]
    assert blocks == [{"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}]
    returned = msgspec.json.decode(dialect.returned(call, " \n", has_failed=False))
    assert returned["content"] == [{"type": "text", "text": EMPTY}]
