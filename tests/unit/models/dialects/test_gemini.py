"""What Gemini is sent, and what its answers become."""

import json
from typing import Any

import msgspec
import pytest

from runtime.core.message import ImagePart, ToolCallPart, Turned
from runtime.models.dialects.dialect import (
    Called,
    CutOffError,
    RefusedError,
    Text,
    Thought,
    UnusableError,
    Used,
    Whole,
)
from runtime.models.dialects.exchange import Exchanges
from runtime.models.dialects.gemini.gemini import Gemini
from runtime.models.dialects.gemini.refusals import explained
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelReply, ModelRequest, ReasoningDelta, TextDelta
from tests.model_servers.requests import ADD, agent, asked, ref, result, user

Json = dict[str, Any]
VENDOR = BY_TYPE["gemini"]
MODEL = ref("gemini", "gemini-3.8-flash")
SIGNED = {"thoughtSignature": "c2ln+/=="}
AGAIN = msgspec.Raw(b'"c2ln-_=="')


def sent(request: ModelRequest) -> Any:
    dialect = Gemini()
    conversation = Exchanges().tell(dialect, "gemini", request.history).conversation
    return json.loads(dialect.body(VENDOR, request, conversation))


def contents(*history: Turned) -> Any:
    return sent(asked(MODEL, *history))["contents"]


def event(*parts: Json, ends: str | None = None, **more: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": parts}, **({"finishReason": ends} if ends else {})}
    return json.dumps({"candidates": [candidate], **more}).encode()


def hear(*events: bytes) -> tuple[list[TextDelta | ReasoningDelta], Whole]:
    reading = Gemini().reading(VENDOR, VENDOR.default_model)
    return [item for data in events for item in reading.hear(data)], reading.whole()


def told_again(whole: Whole) -> list[Json]:
    return [json.loads(piece) for piece in Gemini().answered(whole.parts)]


def test_a_request_has_instructions_tools_and_wishes_beside_the_conversation() -> None:
    request = asked(MODEL, user("Add."), tools=(ADD,), reasoning_effort="xhigh", speed="priority")

    assert sent(request) == {
        "contents": [{"parts": [{"text": "Add."}], "role": "user"}],
        "systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"},
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "add", "description": "Add two numbers.", "parameters_json_schema": ADD.parameters}
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
        "serviceTier": "priority",
        "generationConfig": {
            "responseModalities": ["TEXT"],
            "thinkingConfig": {"include_thoughts": True, "thinking_level": "HIGH"},
        },
    }


def test_results_are_a_turn_of_their_own_and_only_the_first_call_needs_a_signature() -> None:
    calls = tuple(ToolCallPart(call_id, "add", {"a": 1}) for call_id in "xy")
    history = [user("Add."), agent(ModelReply(text="Well.", tool_calls=calls)), result("y", error="no"), user("Now!")]

    assert contents(*history)[1:] == [
        {
            "parts": [
                {"text": "Well."},
                {
                    "functionCall": {"id": "x", "name": "add", "args": {"a": 1}},
                    "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
                },
                {"functionCall": {"id": "y", "name": "add", "args": {"a": 1}}},
            ],
            "role": "model",
        },
        {
            "parts": [
                {
                    "functionResponse": {
                        "id": "x",
                        "name": "add",
                        "response": {"error": "The call was interrupted; its outcome is unknown."},
                    }
                },
                {"functionResponse": {"id": "y", "name": "add", "response": {"error": "no"}}},
            ],
            "role": "user",
        },
        {"parts": [{"text": "Now!"}], "role": "user"},
    ]


def test_pictures_go_inline_and_addresses_are_left_to_google() -> None:
    inline = ImagePart(base64="iVBORw0KGgr7/w==", media_type="image/webp")
    address = ImagePart(url="https://example.com/a.png?size=1")
    nameless = ImagePart(url="https://example.com/a")

    assert contents(user("", "message_1", inline, address, nameless))[0]["parts"] == [
        {"inlineData": {"data": "iVBORw0KGgr7_w==", "mime_type": "image/png"}},
        {"fileData": {"file_uri": "https://example.com/a.png?size=1", "mime_type": "image/png"}},
        {"fileData": {"file_uri": "https://example.com/a"}},
    ]


def test_nothing_said_is_an_empty_turn() -> None:
    assert contents() == [{"parts": [{"text": ""}], "role": "user"}]


def test_an_answer_is_told_again_with_every_signature_in_its_place() -> None:
    call = {"functionCall": {"id": "x", "name": "add", "args": {"a": 1}}}
    deltas, whole = hear(
        event({"text": "I ", "thought": True}, responseId="r1", modelVersion="gemini-3.8-flash-001"),
        event({"text": "add.", "thought": True}, {"text": "Ad"}),
        event({"text": "ding."}, {"text": "", **SIGNED}),
        event({**call, **SIGNED}, call, ends="STOP"),
    )

    assert deltas == [ReasoningDelta("I "), ReasoningDelta("add."), TextDelta("Ad"), TextDelta("ding.")]
    assert whole == Whole(
        parts=[
            Thought("I add."),
            Text("Adding.", AGAIN),
            Called("x", "add", '{"a": 1}', AGAIN),
            Called("x", "add", '{"a": 1}'),
        ],
        finish_reason="stop",
        response_id="r1",
        model="gemini-3.8-flash-001",
    )
    assert told_again(whole) == [
        {"text": "I add.", "thought": True},
        {"text": "Adding.", "thoughtSignature": "c2ln-_=="},
        {**call, "thoughtSignature": "c2ln-_=="},
        call,
    ]


def test_a_picture_of_the_model_is_told_again_though_it_is_no_part_of_the_reply() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "+/8="}, **SIGNED}
    deltas, whole = hear(event({"text": "Here:"}, picture, {"text": " look."}, ends="STOP"))

    assert "".join(delta.text for delta in deltas) == "Here: look."
    assert told_again(whole)[1] == {
        "inlineData": {"mime_type": "image/png", "data": "-_8="},
        "thoughtSignature": "c2ln-_==",
    }


def test_calls_without_ids_get_ids_that_nobody_else_has() -> None:
    call = {"functionCall": {"name": "now"}}
    ids = {
        part.id for _ in range(2) for part in hear(event(call, call, ends="STOP"))[1].parts if isinstance(part, Called)
    }

    assert len(ids) == 4


def test_counts_run_on_and_thoughts_are_output() -> None:
    first = {"promptTokenCount": 10, "cachedContentTokenCount": 4}
    last = {"promptTokenCount": 10, "toolUsePromptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
    _, whole = hear(event({"text": "a"}, usageMetadata=first), event(ends="STOP", usageMetadata=last), event())

    assert whole.used == Used(input_tokens=11, output_tokens=5, cache_read_tokens=4)


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("OTHER", "stop")],
)
def test_an_answer_says_why_it_ended(reason: str, finish_reason: str) -> None:
    assert hear(event({"text": "a"}, ends=reason))[1].finish_reason == finish_reason


def test_a_question_that_is_not_answered_is_filtered() -> None:
    blocked = json.dumps({"promptFeedback": {"blockReason": "SAFETY"}}).encode()

    assert hear(blocked)[1] == Whole(parts=[], finish_reason="content_filter")


@pytest.mark.parametrize("last", [event({"text": "b"}), b"{}"])
def test_an_answer_without_its_end_is_none(last: bytes) -> None:
    with pytest.raises(CutOffError):
        hear(event({"text": "a"}), last)


def test_an_answer_of_which_the_model_made_nothing_came_to_its_end() -> None:
    with pytest.raises(UnusableError, match="MALFORMED_FUNCTION_CALL"):
        hear(event({"text": "a"}), event(ends="MALFORMED_FUNCTION_CALL"))


def test_an_error_may_come_instead_of_the_rest() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow down.", "details": details}

    with pytest.raises(RefusedError) as refused:
        hear(event({"text": "a"}), json.dumps({"error": error}).encode())
    told = explained(refused.value)
    assert (told.status, told.retry_after_s) == (429, 1.5)


def test_a_wrong_key_is_what_it_is_with_others() -> None:
    error = {"message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}

    assert explained(RefusedError(400, json.dumps({"error": error}).encode())).status == 401
