"""OpenAI's Responses protocol: what is sent, and what an answer becomes."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from runtime.core.message import ImagePart, Message, Part, Role, TextPart, ToolCallPart, ToolResultPart, Turned
from runtime.models.dialects.dialect import Called, CutOffError, RefusedError, Text, Used, Whole
from runtime.models.dialects.exchange import Exchanges
from runtime.models.dialects.reply import reply
from runtime.models.dialects.responses.responses import Responses
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelRef, ModelRequest, ReasoningDelta, TextDelta, ToolSpec

Json = dict[str, Any]

VENDOR = BY_TYPE["openai"]
WHEN = "2026-01-01T00:00:00.000Z"
ADD = ToolSpec("add", "Add two numbers.", {"type": "object", "title": "Add", "properties": {"a": {"type": "integer"}}})


def turned(role: Role, *content: Part, private: msgspec.Raw | None = None) -> Turned:
    message = Message(id=f"message_{role}", role=role, content=content, created_at=WHEN)
    return Turned(message, private if private is not None else msgspec.UNSET)


def sent(*history: Turned, model: str = VENDOR.default_model, **more: Any) -> Json:
    dialect = Responses()
    ref = ModelRef("model_1", VENDOR.type, model, "provider_1")
    request = ModelRequest(model=ref, system="Be brief.", history=history, **more)
    conversation = Exchanges().tell(dialect, VENDOR.type, history).conversation
    body: Json = msgspec.json.decode(dialect.body(VENDOR, request, conversation))
    return body


def heard(*events: Json) -> tuple[Sequence[TextDelta | ReasoningDelta], Whole]:
    answer = Responses().reading(VENDOR, VENDOR.default_model)
    deltas = [delta for event in events for delta in answer.hear(msgspec.json.encode(event))]
    return deltas, answer.whole()


def begun(**item: Any) -> Json:
    return {"type": "response.output_item.added", "item": item}


def ended(**item: Any) -> Json:
    return {"type": "response.output_item.done", "item": item}


def event(kind: str, item_id: str, **more: Any) -> Json:
    return {"type": f"response.{kind}", "item_id": item_id, **more}


def end(kind: str = "completed", **more: Any) -> Json:
    details = {"cached_tokens": 5, "cache_write_tokens": 7}
    usage = {"input_tokens": 15, "input_tokens_details": details, "output_tokens": 9}
    whole = {"id": "resp_1", "model": VENDOR.default_model, "status": kind, "usage": usage, "service_tier": "default"}
    return {"type": f"response.{kind}", "response": {**whole, **more}}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "add"}
SAYING = (
    begun(type="message", id="msg_1", phase="commentary"),
    event("output_text.delta", "msg_1", content_index=0, delta="Add"),
    event("output_text.delta", "msg_1", content_index=0, delta="ing."),
    event("output_text.done", "msg_1", content_index=0, text="Adding."),
)
ANSWER = (
    {"type": "response.created", "response": {"id": "resp_1"}},
    begun(type="reasoning", id="rs_1", summary=[]),
    event("reasoning_summary_part.added", "rs_1", summary_index=0, part={"type": "summary_text", "text": ""}),
    event("reasoning_summary_text.delta", "rs_1", summary_index=0, delta="I add."),
    event("reasoning_summary_part.added", "rs_1", summary_index=1, part={"type": "summary_text", "text": "Now."}),
    ended(type="reasoning", id="rs_1", summary=[], encrypted_content="c2lnbmVk"),
    *SAYING,
    begun(**CALL, arguments=""),
    event("function_call_arguments.delta", "fc_1", delta='{"a":'),
    event("function_call_arguments.done", "fc_1", arguments='{"a": 1}'),
    ended(**CALL, arguments='{"a": 1}'),
    end(),
)


def answered() -> Turned:
    private = reply(heard(*ANSWER)[1], VENDOR, VENDOR.default_model, frozenset(), VENDOR.type).private
    return turned(Role.AGENT, TextPart("Adding."), ToolCallPart("call_1", "add", {"a": 1}), private=private)


def test_a_conversation_is_sent_with_what_the_vendor_wants_to_see_again() -> None:
    body = sent(
        turned(Role.USER, TextPart("Add.")),
        answered(),
        turned(Role.USER, TextPart("And?"), ImagePart(url="https://example.com/a.png")),
        turned(Role.TOOL_RESULT, ToolResultPart("call_1", {"sum": 3})),
        tools=(ADD,),
        reasoning_effort="high",
        speed="priority",
        verbosity="low",
        parallel_tool_calls=False,
    )

    said = {"type": "output_text", "text": "Adding.", "annotations": []}
    summary = [{"type": "summary_text", "text": text} for text in ("I add.", "Now.")]
    assert body == {
        "model": VENDOR.default_model,
        "stream": True,
        "service_tier": "priority",
        "include": ["reasoning.encrypted_content"],
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Add."},
            {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "c2lnbmVk"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "phase": "commentary",
                "content": [said],
            },
            {**CALL, "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "call_1", "output": '{"sum":3}'},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "And?"},
                    {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
                ],
            },
        ],
        "parallel_tool_calls": False,
        "prompt_cache_options": {"comparison_response_id": "resp_1"},
        "reasoning": {"effort": "high", "context": "all_turns", "summary": "auto"},
        "text": {"verbosity": "low"},
        "tool_choice": "auto",
        "tools": [
            {
                "type": "function",
                "name": "add",
                "description": "Add two numbers.",
                "parameters": {
                    "type": "object",
                    "properties": {"a": {"type": "integer"}},
                    "additionalProperties": False,
                },
                "strict": False,  # for `a` may be left out
            }
        ],
    }


def test_a_model_that_does_not_reason_is_told_of_reasoning_in_words() -> None:
    body = sent(turned(Role.USER, TextPart("Add.")), answered(), model="gpt-4.1")

    assert body == {
        "model": "gpt-4.1",
        "stream": True,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Add."},
            {"role": "assistant", "content": "<think>\nI add.\n</think>"},
            {"role": "assistant", "content": "<think>\nNow.\n</think>"},
            {"role": "assistant", "content": "Adding."},
            {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": '{"a":1}'},
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": '{"error":"The call was interrupted; its outcome is unknown."}',
            },
        ],
    }


def test_an_older_model_is_not_told_of_phases() -> None:
    body = sent(turned(Role.USER, TextPart("Add.")), answered(), model="gpt-5-mini")

    assert [item.get("id") for item in body["input"]] == [None, "rs_1", "msg_1", "fc_1", None]
    assert not any("phase" in item for item in body["input"])
    assert "prompt_cache_options" not in body


def test_words_of_a_user_change_nothing_of_how_a_conversation_is_told() -> None:
    history = turned(Role.USER, TextPart('"id":"x","phase":"commentary"'))

    assert sent(history, model="gpt-4.1")["input"] == [{"role": "user", "content": history.message.text}]


def test_an_empty_conversation_is_an_empty_message() -> None:
    assert sent()["input"] == [{"role": "user", "content": ""}]


def test_an_answer_becomes_its_parts() -> None:
    deltas, whole = heard(*ANSWER)

    assert list(deltas) == [
        ReasoningDelta("I add."),
        ReasoningDelta("\n\nNow."),
        TextDelta("Add"),
        TextDelta("ing."),
    ]
    assert [(type(part).__name__, getattr(part, "text", None)) for part in whole.parts] == [
        ("Thought", "I add."),
        ("Thought", "Now."),
        ("Text", "Adding."),
        ("Called", None),
    ]
    assert whole.used == Used(15, 9, 5, 7)
    assert (whole.finish_reason, whole.response_id, whole.model) == ("stop", "resp_1", VENDOR.default_model)


def test_an_answer_without_anything_private_leaves_nothing_to_keep() -> None:
    _, whole = heard(*SAYING[1:], begun(**CALL, arguments="{}"), end())

    assert whole.parts == [Text("Adding."), Called("call_1", "add", "{}")]


def test_what_only_the_end_of_an_item_says_is_not_lost() -> None:
    deltas, whole = heard(
        event("output_text.delta", "msg_1", delta="Add"),
        event("output_text.done", "msg_1", text="Adding."),
        ended(**CALL, arguments='{"a": 1}'),
        end(),
    )

    assert list(deltas) == [TextDelta("Add"), TextDelta("ing.")]
    assert whole.parts == [Text("Adding."), Called("call_1", "add", '{"a": 1}')]


def test_half_a_character_is_marked() -> None:
    reading = Responses().reading(VENDOR, VENDOR.default_model)

    said = reading.hear(rb'{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi \ud83d"}')
    assert list(said) == [TextDelta("Hi \ufffd")]


def test_an_answer_at_another_speed_has_another_price() -> None:
    def cost(tier: str) -> float | None:
        return reply(
            heard(end(service_tier=tier))[1], VENDOR, VENDOR.default_model, frozenset(), VENDOR.type
        ).usage.estimated_cost_usd

    assert (cost("priority") or 0.0) > (cost("default") or 0.0) > (cost("flex") or 0.0) > 0.0


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (end("incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (end("incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
    ],
    ids=["length", "filter"],
)
def test_an_answer_says_why_it_is_not_complete(last: Json, reason: str) -> None:
    assert heard(*SAYING, last)[1].finish_reason == reason


def test_a_refusal_is_no_text() -> None:
    deltas, whole = heard(event("refusal.delta", "msg_1", delta="I can't."), end())

    assert (list(deltas), whole.parts, whole.finish_reason) == ([], [], "content_filter")


@pytest.mark.parametrize(
    "events",
    [
        SAYING,
        (*SAYING, end("incomplete")),
        (*SAYING, end("incomplete", incomplete_details={"reason": "some_day"})),
        (*SAYING, {**end(), "response": {"status": "in_progress"}}),
    ],
    ids=["no end", "no reason", "new reason", "no end yet"],
)
def test_an_answer_without_its_proper_end_is_none(events: Sequence[Json]) -> None:
    with pytest.raises(CutOffError):
        heard(*events)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (end("failed", error={"code": "server_error", "message": "Oh."}), 500),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Slowly."}, 429),
        ({"type": "error", "error": {"type": "insufficient_quota", "message": "Pay."}}, 402),
        ({"type": "error", "code": "503", "message": "Later."}, 503),
        ({"type": "error", "code": None, "message": "What nobody knows."}, None),
        (end("failed"), None),
    ],
    ids=["failed", "flat", "nested", "status", "unknown", "silent"],
)
def test_an_error_in_the_middle_has_the_status_it_would_have_had_before(error: Json, status: int | None) -> None:
    with pytest.raises(RefusedError) as caught:
        heard(*SAYING, error)

    assert caught.value.status == status


@pytest.mark.parametrize("index", [-1, 1_000_000])
def test_a_thought_stands_at_no_place_that_cannot_be(index: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        heard(event("reasoning_text.delta", "rs_1", content_index=index, delta="I add."), end())


def test_an_error_in_the_middle_that_never_ends_is_not_read() -> None:
    with pytest.raises(RefusedError) as caught:
        heard({"type": "error", "code": "rate_limit_exceeded", "message": "tool.1" * 20_000})

    assert (caught.value.status, caught.value.body) == (429, b"")
