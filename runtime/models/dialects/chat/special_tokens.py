"""Chat-template tokens in what people and tools write, for hosts that would take them for their own.

Many hosts of open models encode what stands in a message with special tokens allowed: a literal `<|im_start|>` in the
result of a tool then reaches the model as the real one, and what follows it as a turn of its own. So a zero-width
joiner goes into each, and no tokenizer matches it any more. A model that repeats such text repeats the joiner, or
another invisible character, which is taken out of its answer.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

JOINER: Final = "\u200d"

_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"
_LITERAL: Final = (
    ("<", ("start_of_turn>", "end_of_turn>")),
    (
        "[",
        (
            "|system|]",
            "|tool|]",
            "|assistant|]",
            "|user|]",
            "|endofturn|]",
            "INST]",
            "/INST]",
            "SYSTEM_PROMPT]",
            "/SYSTEM_PROMPT]",
            "AVAILABLE_TOOLS]",
            "/AVAILABLE_TOOLS]",
            "TOOL_RESULTS]",
            "/TOOL_RESULTS]",
            "TOOL_CALLS]",
            "e~[",
        ),
    ),
    ("]", ("~b]", "~!b[")),
)
_WIDE: Final = "\uff5c"  # the bar of DeepSeek's tokens
_NAME: Final = rf'[^\s<>|"{_INVISIBLE}]'
_WIDE_NAME: Final = rf'[^\s<>{_WIDE}"{_INVISIBLE}]'
_NAMED: Final = (
    rf"\|{_NAME}{{1,64}}\|>",  # <|im_start|>
    rf"{_WIDE}{_WIDE_NAME}{{1,64}}{_WIDE}>",
    r"\|[a-z_]{1,32}>",  # <|turn>
    r"[a-z_]{1,32}\|>",  # <turn|>
)
# Each token's first character and what can follow it.
_SHAPES: Final = (
    ("<", "|".join(_NAMED)),
    *((re.escape(first), "|".join(map(re.escape, tails))) for first, tails in _LITERAL),
)
_START: Final = re.compile("|".join(f"{first}(?={tails})" for first, tails in _SHAPES))
_BROKEN: Final = re.compile("|".join(f"(?<={first})[{_INVISIBLE}](?={tails})" for first, tails in _SHAPES))
_HELD: Final = re.compile(rf"(?<=[<\[\]])[{_INVISIBLE}]")
_TAIL: Final = re.compile(
    "|".join(
        [
            rf"\|{_NAME}{{0,64}}\|?",
            rf"{_WIDE}{_WIDE_NAME}{{0,64}}{_WIDE}?",
            r"[a-z_]{0,32}\|?",
            *(re.escape(tail[:end]) for _, tails in _LITERAL for tail in tails for end in range(1, len(tail))),
        ]
    )
)
# What JSON with a token in its texts has too: a rare byte first, since that is found fastest. The last mark is where
# texts of one message meet, of which each may have a part of a token.
_MARKS: Final = (
    (b"", (b"_turn>", b"INST]", b"_PROMPT]", b"_TOOLS]", b"_RESULTS]", b"_CALLS]", b'"type":"text"},{"text"')),
    (b"|", (b"<|", b"|>", b"[|")),
    (b"~", (b"]~", b"e~[")),
    (b"\xef", (f"<{_WIDE}".encode(),)),
)
_ESCAPED: Final = re.compile(r"\\u(?:200[bcd]|2060|feff)", re.IGNORECASE)


class _TwoKeysInOneError(Exception):
    """Keys of an object that differ in a joiner only would become one."""


def is_suspect(conversation: bytes) -> bool:
    """Tell whether JSON might have a token in its texts."""
    return any(rare in conversation and any(mark in conversation for mark in marks) for rare, marks in _MARKS)


def broken(text: str) -> str:
    """Return a text with a joiner in each token."""
    return _START.sub(rf"\g<0>{JOINER}", text)


def broken_texts(texts: Sequence[str]) -> list[str]:
    """Return texts, which a host puts together, with a joiner in each token, wherever it is cut."""
    cuts = [match.end() for match in _START.finditer("".join(texts))]
    made: list[str] = []
    start = 0
    for text in texts:
        end = start + len(text)
        inside = [cut - start for cut in cuts[bisect_right(cuts, start) : bisect_right(cuts, end)]]
        pieces = zip([0, *inside], [*inside, len(text)], strict=True)
        made.append(JOINER.join(text[begin:until] for begin, until in pieces))
        start = end
    return made


def broken_arguments(arguments: str) -> str:
    """Return a call's arguments with a joiner in each token."""
    value = msgspec.json.decode(arguments)
    try:
        return msgspec.json.encode(_each(value, broken, keeps_keys=True)).decode()
    except _TwoKeysInOneError:
        return broken(arguments)


def restored_arguments(arguments: str) -> str:
    """Return a call's arguments without joiners in tokens. What is no JSON stays as it is."""
    if arguments.isascii() and not _ESCAPED.search(arguments):
        return arguments
    try:
        value = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return arguments
    return msgspec.json.encode(_each(value, _restored, keeps_keys=False)).decode()


class Restorer:
    """Takes the joiners out of the tokens of a text that comes in pieces; holds one back until it is clear."""

    def __init__(self) -> None:
        self._last = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what can be told of a text by now."""
        if not self._held and text.isascii():
            self._last = text[-1:] or self._last
            return text
        whole = _BROKEN.sub("", self._last + self._held + text)
        end = _clear_until(whole)
        told, self._held = whole[len(self._last) : end], whole[end:]
        self._last = (self._last + told)[-1:]
        return told

    def rest(self) -> str:
        """Return what was held back, when no more comes."""
        held, self._held = self._held, ""
        return held


def _clear_until(text: str) -> int:
    """Return how much of a text no more text can change: all before a character that may be a joiner."""
    last = next(reversed([match.start() for match in _HELD.finditer(text)]), None)
    if last is None or (last + 1 < len(text) and not _TAIL.fullmatch(text, last + 1)):
        return len(text)
    return last


def _restored(text: str) -> str:
    return _BROKEN.sub("", text)


def _each(value: Any, change: Callable[[str], str], *, keeps_keys: bool) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        changed = {change(key): _each(inner, change, keeps_keys=keeps_keys) for key, inner in value.items()}
        if keeps_keys and len(changed) < len(value):
            raise _TwoKeysInOneError
        return changed
    return [_each(inner, change, keeps_keys=keeps_keys) for inner in value] if isinstance(value, list) else value
