"""The transcript is valid for every vendor, whatever happened in the session."""

import pytest
from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from runtime.core import message as own
from runtime.core.message import Turned
from runtime.models.dialects.exchange import NO_RESULT
from runtime.models.messages import transcript
from runtime.ports.model import ModelReply
from tests.model_servers.requests import agent, result, user

PNG = b"\x89PNG\r\n\x1a\n"


def forget(turned: Turned) -> ModelResponse | None:
    assert turned.message.role is own.Role.AGENT
    return None


def sketch(messages: list[ModelMessage]) -> list[list[str]]:
    """Return each message as a list of short words."""
    return [[_short(part) for part in message.parts] for message in messages]


def _short(part: object) -> str:
    match part:
        case UserPromptPart(content=content):
            return f"user {content}"
        case TextPart(content=text):
            return f"text {text}"
        case ToolCallPart(tool_call_id=call_id):
            return f"call {call_id}"
        case ToolReturnPart(tool_call_id=call_id, content=content):
            return f"return {call_id} {content}"
        case _:
            raise AssertionError(part)


def calls(*ids: str, text: str = "") -> ModelReply:
    return ModelReply(text=text, tool_calls=tuple(own.ToolCallPart(call_id, "add", {}) for call_id in ids))


def test_results_follow_their_calls_in_the_order_of_the_calls() -> None:
    history = [user("Add."), agent(calls("1", "2", text="Well.")), result("2", 2), user("Hurry!"), result("1", "one")]

    assert sketch(transcript(history, forget)) == [
        ["user Add."],
        ["text Well.", "call 1", "call 2"],
        ["return 1 one", "return 2 2", "user Hurry!"],
    ]


def test_a_missing_result_is_said_and_a_stray_one_dropped() -> None:
    history = [user("Add."), result("0", 0), agent(calls("1")), user("Well?")]

    assert sketch(transcript(history, forget)) == [["user Add."], ["call 1"], [f"return 1 {NO_RESULT}", "user Well?"]]


def test_an_error_is_marked_as_one() -> None:
    made = transcript([user("Add."), agent(calls("1")), result("1", error="no numbers")], forget)

    [part] = made[-1].parts
    assert isinstance(part, ToolReturnPart)
    assert (part.outcome, part.content) == ("failed", "no numbers")


def test_users_who_speak_twice_are_sent_as_one_message() -> None:
    assert sketch(transcript([user("One."), user("Two.")], forget)) == [["user One.", "user Two."]]


def test_an_agent_message_without_content_is_left_out() -> None:
    made = transcript([user("One."), agent(ModelReply()), user("Two.")], forget)

    assert sketch(made) == [["user One.", "user Two."]]


def test_a_conversation_that_the_agent_opens_gets_an_opening() -> None:
    made = transcript([agent(ModelReply(text="Hello!"))], forget)

    assert sketch(made)[1] == ["text Hello!"]
    assert sketch(made)[0][0].startswith("user ")


def test_a_recalled_reply_is_sent_as_it_came() -> None:
    stored = ModelResponse(parts=[ToolCallPart("add", {}, "1")])

    made = transcript([user("Add."), agent(calls("1")), result("1", 1)], lambda _: stored)

    assert made[1] is stored
    assert sketch(made)[2] == ["return 1 1"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (own.ImagePart(url="https://example.org/a.png"), ImageUrl("https://example.org/a.png")),
        (
            own.ImagePart(base64="iVBORw0KGgo=", media_type="image/webp"),
            BinaryContent(PNG, media_type="image/png"),
        ),
        (own.ImagePart(url="data:image/gif;base64,R0lGODlh"), BinaryContent(b"GIF89a", media_type="image/gif")),
        (own.ImagePart(base64="aGVsbG8=", media_type="image/png"), "[Image not readable]"),
        (own.ImagePart(base64="not base64!"), "[Image not readable]"),
        (own.ImagePart(url="data:text/plain,hi"), "[Image not readable]"),
        (own.ImagePart(), "[Image not given]"),
        (own.ImageFilePart("image_1"), "[Image not found: image_1]"),
    ],
    ids=["url", "base64", "data-url", "no-picture", "bad-base64", "bad-data-url", "nothing", "file"],
)
def test_pictures_are_sent_or_said(part: own.Part, expected: object) -> None:
    [message] = transcript([user("Look.", "m1", part)], forget)

    [prompt] = message.parts
    assert isinstance(prompt, UserPromptPart)
    assert prompt.content[0] == "Look."
    assert prompt.content[1] == expected


def test_a_silent_user_says_so() -> None:
    [[said]] = sketch(transcript([user("  ")], forget))

    assert "empty" in said
