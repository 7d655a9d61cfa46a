from typing import Any

import msgspec
import pytest

from runtime.core.errors import InvalidInputError
from runtime.core.event import FileWritten
from runtime.core.message import TextPart, ToolCallPart
from runtime.core.session.result import result_value
from runtime.core.storable import MAX_DEPTH, MAX_VALUES, as_stored, check_json, encode, storable


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("ä😀", "ä😀"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud83d", "\ufffd\ufffd"),
        ("a\0", "a\ufffd"),
    ],
)
def test_a_character_that_cannot_be_stored_is_replaced(text: str, stored: str) -> None:
    assert storable(text) == stored


def test_characters_are_replaced_wherever_they_hide() -> None:
    raw = encode("It", {"\ud800": ["a\0", ("\udfff",)], "call": ToolCallPart("c\0", "add", {})})
    assert msgspec.json.decode(raw) == {
        "\ufffd": ["a\ufffd", ["\ufffd"]],
        "call": {"type": "tool_call", "id": "c\ufffd", "name": "add", "arguments": {}},
    }


def test_a_backslash_that_only_looks_like_a_nul_is_kept() -> None:
    assert msgspec.json.decode(encode("It", r"a\u0000")) == r"a\u0000"


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 1000, 100_000])
def test_deep_values_are_refused_however_deep(depth: int) -> None:
    with pytest.raises(InvalidInputError, match="It is nested more than 100 levels deep") as caught:
        encode("It", nested(depth))
    assert caught.value.stable_code == "nested_too_deep"
    assert encode("It", nested(MAX_DEPTH)).startswith(b"[[[")


@pytest.mark.parametrize("raw", [b"[],", b'"",', b"1,", b'{"a":"b"},', b'{"a":[]},'])
def test_crowded_values_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_json("It", b"[" + raw * MAX_VALUES + b"1]")
    assert caught.value.stable_code == "too_many_values"


@pytest.mark.parametrize("text", ["[" * 5000, "," * 200_000, '\\"[{' * 60_000, '"' * 300_000, "\\"])
def test_what_stands_in_a_text_counts_for_nothing(text: str) -> None:
    check_json("It", msgspec.json.encode([text, "\\", text]))


def test_what_is_no_json_is_left_to_its_reader() -> None:
    check_json("It", b"]" * 200 + b"[" * 100)
    check_json("It", b'["' + b"[" * 200)


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}, 10**5000], ids=["object", "key", "number"])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="It cannot be written as JSON"):
        encode("It", value)


def test_a_struct_comes_back_as_it_will_be_read() -> None:
    call = ToolCallPart("c1", "add", {"a": ("\ud800", float("nan"))})
    assert as_stored("It", call) == ToolCallPart("c1", "add", {"a": ["\ufffd", None]})


def test_a_struct_that_does_not_keep_its_word_is_refused() -> None:
    wrong: Any = 5
    with pytest.raises(InvalidInputError, match=r"file\.written is not what it should be"):
        as_stored("file.written", FileWritten(path=wrong, operation="write", created=True, size_bytes=1))


@pytest.mark.parametrize("text", ["[" * 1000 + "]" * 1000, '["\\u0000"]', "[" + "1," * MAX_VALUES + "1]", "[oops"])
def test_a_result_that_nobody_could_store_again_stays_text(text: str) -> None:
    assert result_value((TextPart(text),)) == text
