from typing import Any

import msgspec
import pytest

from api.schemas.message import MAX_RESULT_BYTES, MessageBody, ToolResultsBody
from runtime.core.errors import InvalidInputError
from runtime.core.message import MAX_CALLS, Controls, ImageFilePart, ImagePart, Message, Role, TextPart
from runtime.process.settings import ToolSettings

PNG = "iVBORw0KGgo="
TEXT = {"type": "text", "text": "hi"}


def message(**body: Any) -> Message:
    return msgspec.convert(body, MessageBody).to_message("message_1", "2026-01-01T00:00:00.000Z")


def test_text_becomes_a_user_message() -> None:
    made = message(message={"role": "user", "content": [TEXT]})
    assert (made.role, made.content) == (Role.USER, (TextPart("hi"),))


def test_both_spellings_of_the_sdks_are_taken() -> None:
    snake = message(
        message={"content": [TEXT]},
        controls={"model_id": "m", "error_disclosure": "generic"},
        external_actor={"actor_id": "1", "source": "chat", "actor_name": "Ann"},
    )
    camel = message(
        message={"content": [TEXT]},
        controls={"modelId": "m", "errorDisclosure": "generic"},
        externalActor={"actorId": "1", "source": "chat", "actorName": "Ann"},
    )
    assert snake == camel
    assert snake.controls == Controls(model_id="m", error_disclosure="generic")
    assert snake.external_actor == {"actor_id": "1", "source": "chat", "actor_name": "Ann"}


def test_unknown_fields_are_ignored() -> None:
    assert message(message={"content": [{**TEXT, "extra": 1}], "x": 2}, y=3).content == (TextPart("hi"),)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": {"content": []}},
        {"message": {"content": "hi"}},
        {"message": {"role": "agent", "content": [TEXT]}},
        {"message": {"content": [{"type": "tool_result", "tool_call_id": "1"}]}},
        {"message": {"content": [{"type": "tool_call", "id": "1", "name": "x", "arguments": {}}]}},
        {"message": {"content": [{"type": "reasoning", "text": "x"}]}},
        {"message": {"content": [{"text": "no type"}]}},
        {"message": {"content": [TEXT]}, "controls": {"reasoning": {"effort": "huge"}}},
        {"message": {"content": [TEXT]}, "tags": [1]},
        {"message": {"content": [TEXT]}, "metadata": "x"},
    ],
)
def test_what_users_may_not_send_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        message(**body)


def test_picture_needs_a_source() -> None:
    url = {"type": "image", "url": "https://example.com/a.png"}
    assert message(message={"content": [url]}).content == (ImagePart(url="https://example.com/a.png"),)
    for part in ({"type": "image"}, {"type": "image", "base64": "aGk="}):
        with pytest.raises(InvalidInputError):
            message(message={"content": [part]})


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://localhost/x.png", "https://[::ffff:127.0.0.1]/", "http://127.1/", "http://db/",
     "http://10.0.0.5:8080/x.png", "https://user@metadata.google.internal/", "http://", "http://[broken/"],
)  # fmt: skip
def test_a_picture_whose_address_is_inside_is_refused_whoever_would_fetch_it(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        message(message={"content": [{"type": "image", "url": url}]})
    assert refused.value.stable_code == "address_not_public"


@pytest.mark.parametrize(
    "part",
    [
        {"base64": "aGVsbG8=", "media_type": "image/png"},
        {"url": "data:image/png;base64,aGVsbG8="},
        {"url": "https://example.com/a.png", "base64": "aGVsbG8="},
    ],
)
def test_a_picture_is_one_by_its_bytes(part: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        message(message={"content": [{"type": "image", **part}]})
    assert refused.value.stable_code == "invalid_image"


@pytest.mark.parametrize("url", ["data:image/png,hello", "data:image/png;base64,%%", "data:image/png;base64"])
def test_a_picture_in_a_url_is_base64(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        message(message={"content": [{"type": "image", "url": url}]})
    assert refused.value.stable_code in {"invalid_content", "invalid_image"}


def test_a_picture_that_is_said_to_be_another_is_taken() -> None:
    inline = {"type": "image", "base64": PNG, "media_type": "image/jpeg"}
    linked = {"type": "image", "url": f"data:image/jpeg;base64,{PNG}"}
    assert len(message(message={"content": [inline, linked]}).content) == 2


def test_external_actor_needs_an_id() -> None:
    with pytest.raises(InvalidInputError):
        message(message={"content": [TEXT]}, external_actor={"source": "chat"})


def test_tool_results_keep_any_json() -> None:
    given = [{"tool_call_id": "1", "result": {"a": [None]}}, {"tool_call_id": "2", "error": "no"}]
    results = msgspec.convert({"tool_results": given}, ToolResultsBody).results()
    assert [(r.tool_call_id, r.result, r.error) for r in results] == [("1", {"a": [None]}, None), ("2", None, "no")]


def test_as_many_results_are_taken_as_one_answer_may_ask_for() -> None:
    most = ToolSettings(calls_per_answer=MAX_CALLS).calls_per_answer
    given = [{"tool_call_id": str(n)} for n in range(most)]
    assert len(msgspec.convert({"tool_results": given}, ToolResultsBody).results()) == most
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"tool_results": [*given, *given]}, ToolResultsBody)


def test_large_tool_result_is_refused() -> None:
    body = msgspec.convert({"tool_results": [{"tool_call_id": "1", "result": "x" * MAX_RESULT_BYTES}]}, ToolResultsBody)
    with pytest.raises(InvalidInputError, match="Input exceeds allowed limits"):
        body.results()


def test_an_uploaded_image_is_named_by_its_id() -> None:
    image_id = "img_" + "0" * 32
    made = message(message={"content": [{"type": "image_file", "image_id": image_id, "filename": "cat.png"}, TEXT]})
    assert made.content == (ImageFilePart(image_id, "cat.png"), TextPart("hi"))
    assert made.image_ids == (image_id,)
    with pytest.raises(InvalidInputError) as refused:
        message(message={"content": [{"type": "image_file", "image_id": "img_1"}]})
    assert refused.value.stable_code == "invalid_img_id"
