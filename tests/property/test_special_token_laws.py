"""Tokens of chat templates are broken, and made whole again, as pydantic-ai does it."""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai import _special_tokens as theirs

from runtime.models.dialects.chat.chat import Chat
from runtime.models.dialects.chat.special_tokens import (
    Restorer,
    broken,
    broken_arguments,
    broken_texts,
    is_suspect,
    restored_arguments,
)

TOKENS: Final = (
    *("<|im_start|>", "<\uff5cUser\uff5c>", "<|turn>", "<turn|>", "<start_of_turn>", "<end_of_turn>"),
    *("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[TOOL_CALLS]"),
    *("[|user|]", "[e~[", "]~b]", "]~!b["),
)
INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"
marks = st.sampled_from([*'<>|[]~\uff5cab_ \n"\\\u00e9', *INVISIBLE])
hidden = st.builds(lambda token, mark: token[0] + mark + token[1:], st.sampled_from(TOKENS), st.sampled_from(INVISIBLE))
texts = st.lists(st.sampled_from(TOKENS) | hidden | marks, max_size=6).map("".join)
pieces = st.lists(texts | marks, max_size=6)
values = st.recursive(
    texts | st.integers(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2)
)


@given(texts)
def test_a_token_is_broken(text: str) -> None:
    assert broken(text) == theirs.break_special_tokens(text)
    encoded = b"".join(Chat().said([text]))
    assert is_suspect(encoded) or broken(text) == text, "no token is overlooked"


@given(pieces)
def test_a_token_is_broken_wherever_texts_of_a_message_are_cut(parts: Sequence[str]) -> None:
    assert broken_texts(parts) == [str(part) for part in theirs._break_adjacent_text(parts)]
    if len(parts) > 1:
        assert is_suspect(b"".join(Chat().said(parts))) or broken_texts(parts) == parts


@given(st.dictionaries(texts, values, max_size=3))
def test_the_tokens_in_arguments_are_broken(arguments: dict[str, Any]) -> None:
    told = json.loads(broken_arguments(json.dumps(arguments)))
    expected = theirs._break_value(arguments)
    assert told == expected or has_twins(arguments)
    assert len(told) == len(arguments), "nothing is lost"


def has_twins(value: Any) -> bool:
    """Tell whether two keys of an object become one, which pydantic-ai then sends as text."""
    if isinstance(value, dict):
        return len({broken(key) for key in value}) < len(value) or any(map(has_twins, value.values()))
    return isinstance(value, list) and any(map(has_twins, value))


@given(pieces)
def test_a_text_is_made_whole_piece_by_piece(parts: Sequence[str]) -> None:
    ours, expected = Restorer(), theirs._StreamedTextRestorer()
    for part in parts:
        assert ours.feed(part) == expected.feed(part)
    assert ours.rest() == expected.flush()


@given(st.dictionaries(texts, values, max_size=3), st.sampled_from(["ascii", "utf-8"]), st.integers(0, 60))
def test_arguments_are_made_whole(arguments: dict[str, Any], spelling: str, length: int) -> None:
    written = json.dumps(arguments, ensure_ascii=spelling == "ascii")
    expected = theirs._restore_args(written)
    assert isinstance(expected, str)
    assert json.loads(restored_arguments(written)) == json.loads(expected)
    half = written[:length]
    try:
        msgspec.json.decode(half)
    except msgspec.DecodeError:
        assert restored_arguments(half) == half, "what is no JSON stays as it is"
