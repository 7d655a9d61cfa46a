"""What may enter a session: text that UTF-8 and Postgres can hold, and JSON that can be read again.

Models, tools and clients say anything. Each mouth (`runtime/engine/answer.py`, `runtime/engine/act.py`,
`api/http/body.py`) goes through here before what it says becomes an event. A character that cannot be stored is
replaced; what is nested too deep or holds too many values is refused, by a scan that costs next to nothing, before
anybody has read it.
"""

import re
from typing import Any, Final, TypeVar

import msgspec

from runtime.core.errors import InvalidInputError

T = TypeVar("T")

MAX_DEPTH: Final = 100  # a value is wrapped and copied further in, where the stack is deeper already
MAX_VALUES: Final = 100_000  # in one JSON text; reading as many takes some milliseconds
REPLACEMENT: Final = "\ufffd"

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_NUL: Final = b"\\u0000"
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_QUOTES_PER_VALUE: Final = 4  # a member's name and its text


def is_storable(text: str) -> bool:
    """Tell whether UTF-8 and Postgres can hold a text: no half of a surrogate pair, no NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def storable(text: str) -> str:
    """Return a text with a mark for each character that cannot be stored."""
    return text if is_storable(text) else _UNSTORABLE.sub(REPLACEMENT, text)


def encode(what: str, value: Any) -> bytes:
    """Return a value as JSON, with a mark for each character that cannot be stored.

    Raises:
        InvalidInputError: it is too deep, holds too many values or is none that JSON has; `what` begins the words.
    """
    try:
        raw = _encode(value)
    except RecursionError:
        raise _too_deep(what) from None
    except (TypeError, ValueError, OverflowError) as err:
        message = f"{what} cannot be written as JSON: {err}."
        raise InvalidInputError(message, "not_json") from None
    check_json(what, raw)
    return raw


def as_stored(what: str, value: T) -> T:
    """Return a struct as it will be read back from the journal. Raises InvalidInputError as `encode` does."""
    try:
        return msgspec.json.decode(encode(what, value), type=type(value))
    except msgspec.ValidationError as err:
        message = f"{what} is not what it should be: {err}."
        raise InvalidInputError(message, "not_json") from None


def check_json(what: str, raw: bytes) -> None:
    """Pass if a JSON text may be read. Text that is none passes too: its reader will say so.

    Raises:
        InvalidInputError: it is nested too deep, or holds too many values.
    """
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= MAX_DEPTH and opened + raw.count(b",") <= MAX_VALUES:
        return
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > _QUOTES_PER_VALUE * MAX_VALUES:
        raise _too_many(what)
    bare = b"".join(unescaped.split(b'"')[::2])
    if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > MAX_VALUES:
        raise _too_many(what)
    if _is_deep(bare.translate(_BRACKETS, _NO_BRACKET)):
        raise _too_deep(what)


def is_readable(text: str) -> bool:
    """Tell whether a text that is JSON may be read as such, and stored again."""
    raw = text.encode()
    try:
        check_json("It", raw)
    except InvalidInputError:
        return False
    return _ESCAPED_NUL not in raw


def _is_deep(brackets: bytes) -> bool:
    """Take the innermost pairs away as often as is allowed, and see whether something is left."""
    for _ in range(MAX_DEPTH):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return brackets.count(b"[") > MAX_DEPTH or b"[]" in brackets


def _encode(value: Any) -> bytes:
    try:
        raw = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value)))
    return msgspec.json.encode(_mended(msgspec.to_builtins(value))) if _ESCAPED_NUL in raw else raw


def _mended(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {_mended(key): _mended(item) for key, item in value.items()}
        case list() | tuple():
            return [_mended(item) for item in value]
        case _:
            return value


def _too_deep(what: str) -> InvalidInputError:
    return InvalidInputError(f"{what} is nested more than {MAX_DEPTH} levels deep.", "nested_too_deep")


def _too_many(what: str) -> InvalidInputError:
    return InvalidInputError(f"{what} holds more than {MAX_VALUES} values.", "too_many_values")
