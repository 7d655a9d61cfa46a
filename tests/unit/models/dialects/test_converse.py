"""What Amazon Bedrock is sent, and what its answers become."""

import json
from typing import Any

import pytest

from runtime.core.message import ImagePart, ResponseFormat
from runtime.models.dialects.converse.converse import EMPTY, Converse
from runtime.models.dialects.converse.frames import Frames
from runtime.models.dialects.converse.reading import ConverseReading
from runtime.models.dialects.converse.traits import claude, keeps_prompts
from runtime.models.dialects.dialect import Called, CutOffError, RefusedError, Text, Thought, UnusableError, Used
from runtime.models.dialects.exchange import UNREADABLE, Exchanges
from runtime.models.drivers import BEDROCK
from runtime.ports.model import ModelRequest, ReasoningDelta, TextDelta
from tests.model_servers.clouds import frame
from tests.model_servers.requests import ADD, asked, ref, user

Json = dict[str, Any]
NOVA = ref("bedrock", "eu.amazon.nova-pro-v1:0")
POINT = {"cachePoint": {"type": "default"}}


def sent(request: ModelRequest) -> Any:
    dialect = Converse()
    conversation = Exchanges().tell(dialect, "bedrock", request.history).conversation
    return json.loads(dialect.body(BEDROCK, request, conversation))


def heard(*events: tuple[str, Json]) -> tuple[list[TextDelta | ReasoningDelta], ConverseReading]:
    frames, reading = Frames(), ConverseReading()
    data = b"".join(frame(kind, payload) for kind, payload in events)
    return [delta for each in frames.feed(data) for delta in reading.hear(each)], reading


def delta(index: int, **more: Any) -> tuple[str, Json]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": more}


STOP = ("messageStop", {"stopReason": "end_turn"})


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("global.anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-haiku-5-5", "claude-haiku-5-5"),
        ("amazon.nova-pro-v1:0", None),
        ("notanthropic.claude-2", None),
    ],
)
def test_claude_is_known_by_whatever_name_it_is_called(model: str, name: str | None) -> None:
    assert claude(model) == name


@pytest.mark.parametrize(
    ("model", "keeps"),
    [
        ("anthropic.claude-v2:1", False),
        ("anthropic.claude-instant-v1", False),
        ("eu.anthropic.claude-3-haiku-20240307-v1:0", False),
        ("anthropic.claude-3-sonnet-20240229-v1:0:28k", False),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", False),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", True),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", True),
        ("global.anthropic.claude-opus-5-5", True),
        ("amazon.nova-pro-v1:0", False),
    ],
)
def test_a_model_without_cache_points_is_given_none(model: str, keeps: bool) -> None:  # noqa: FBT001
    assert keeps_prompts(model) is keeps


def test_a_model_of_another_family_is_told_no_more_than_all_understand() -> None:
    assert sent(asked(NOVA, user("Hi."), tools=(ADD,), reasoning_effort="high", speed="fast")) == {
        "messages": [{"role": "user", "content": [{"text": "Hi."}]}],
        "system": [{"text": "Be brief."}],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "add",
                        "description": "Add two numbers.",
                        "inputSchema": {"json": ADD.parameters},
                    }
                }
            ]
        },
    }


def test_gpt_oss_is_told_how_hard_to_think() -> None:
    body = sent(asked(ref("bedrock", "openai.gpt-oss-120b-1:0"), user("Hi."), reasoning_effort="xhigh"))
    assert body["additionalModelRequestFields"] == {"reasoning_effort": "high"}


def test_a_schema_for_the_answer_is_sent_as_text() -> None:
    wanted = ResponseFormat("json_schema", "sum", {"type": "object"})
    form = sent(asked(NOVA, user("Hi."), response_format=wanted))["outputConfig"]["textFormat"]
    assert form == {"type": "json_schema", "structure": {"jsonSchema": {"name": "sum", "schema": '{"type":"object"}'}}}


@pytest.mark.parametrize(
    "picture", [ImagePart(url="https://example.org/a.png"), ImagePart(base64="YQ==", media_type="image/tiff")]
)
def test_a_picture_that_it_cannot_see_is_said_to_be_there(picture: ImagePart) -> None:
    (message,) = sent(asked(NOVA, user("Look.", "message_1", picture)))["messages"]
    assert message["content"] == [{"text": "Look."}, {"text": UNREADABLE}]


def test_no_block_is_blank_and_thoughts_of_others_are_left_out() -> None:
    dialect = Converse()
    blocks = dialect.answered([Thought("I think."), Text(" "), Called("call_1", "add", "")])
    assert [json.loads(block) for block in blocks] == [{"toolUse": {"toolUseId": "call_1", "name": "add", "input": {}}}]
    returned = json.loads(dialect.returned(Called("call_1", "add", "{}"), "", has_failed=False))
    assert returned == {"toolResult": {"toolUseId": "call_1", "content": [{"text": EMPTY}]}}


def test_an_answer_is_read_block_by_block_and_told_again_as_it_was() -> None:
    usage = {"inputTokens": 5, "outputTokens": 3, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 10}
    deltas, reading = heard(
        ("messageStart", {"role": "assistant"}),
        delta(0, reasoningContent={"text": "I think."}),
        delta(0, reasoningContent={"signature": "signed"}),
        delta(1, reasoningContent={"redactedContent": "c2VjcmV0"}),
        delta(2, text="Yes"),
        delta(2, text="."),
        ("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t1", "name": "add"}}}),
        delta(3, toolUse={"input": '{"a"'}),
        delta(3, toolUse={"input": ": 1}"}),
        ("contentBlockStop", {"contentBlockIndex": 3}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": usage, "metrics": {"latencyMs": 5}}),
        ("somethingNew", {"later": True}),
    )
    assert deltas == [ReasoningDelta("I think."), TextDelta("Yes"), TextDelta(".")]
    whole = reading.whole()
    assert (whole.finish_reason, whole.used) == ("tool_call", Used(35, 3, 20, 10))
    assert [json.loads(block) for block in Converse().answered(whole.parts)] == [
        {"reasoningContent": {"reasoningText": {"text": "I think.", "signature": "signed"}}},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
        {"text": "Yes."},
        {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}},
    ]


@pytest.mark.parametrize("stop", ["malformed_tool_use", "malformed_model_output", "unheard_of"])
def test_an_answer_that_stopped_for_another_reason_is_of_no_use(stop: str) -> None:
    _, reading = heard(delta(0, text="Half"), ("messageStop", {"stopReason": stop}))
    with pytest.raises(UnusableError, match=stop):
        reading.whole()


def test_an_answer_that_did_not_stop_is_none() -> None:
    _, reading = heard(delta(0, text="Half"))
    with pytest.raises(CutOffError):
        reading.whole()


@pytest.mark.parametrize(
    ("kind", "status"), [("throttlingException", 429), ("serviceUnavailableException", 503), ("newException", None)]
)
def test_an_error_in_the_middle_of_an_answer_is_the_vendors(kind: str, status: int | None) -> None:
    frames = Frames()
    with pytest.raises(RefusedError) as caught:
        list(frames.feed(frame("messageStart", {}) + frame(kind, {"message": "Slow down."}, "exception")))
    refused = caught.value
    assert (refused.status, refused.is_midway, json.loads(refused.body)) == (status, True, {"message": "Slow down."})


def test_a_conversation_that_is_too_long_is_known_by_its_words() -> None:
    refused = RefusedError(400, b'{"message":"Input is too long for requested model."}')
    assert b"context_length_exceeded" in Converse().explained(refused).body
    other = RefusedError(400, b'{"message":"No."}')
    assert Converse().explained(other) is other
