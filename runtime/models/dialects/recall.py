"""What a vendor wants to see again of its answers: thinking signatures, encrypted reasoning, ids of items.

It is journaled beside the public message, for this provider only. Text and calls are not repeated there but counted,
so that both always say the same.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from runtime.core.errors import InvalidInputError
from runtime.core.message import Message, Turned
from runtime.core.storable import encode
from runtime.models.dialects.dialect import Called, Part, Text, Thought


class _Text(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """The next so many characters of the message's text."""

    chars: int
    extra: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Thought(msgspec.Struct, frozen=True, tag="thought", omit_defaults=True):
    """A thought, which the public message does not hold word for word."""

    text: str
    extra: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Call(msgspec.Struct, frozen=True, tag="call", omit_defaults=True):
    """The next call of the message."""

    extra: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Private(msgspec.Struct, frozen=True):
    provider: str
    parts: tuple[_Text | _Thought | _Call, ...]


_decoder: Final = msgspec.json.Decoder(_Private)


def private(parts: Sequence[Part], provider: str) -> msgspec.Raw | None:
    """Return what to keep of an answer; None if the public message says it all."""
    if not any(isinstance(part, Thought) or part.extra is not None for part in parts):
        return None
    try:
        return msgspec.Raw(encode("The reply", _Private(provider, tuple(map(_kept, parts)))))
    except InvalidInputError:
        return None  # the public message still has all that was said


def recalled(turned: Turned, provider: str) -> Sequence[Part]:
    """Return the parts of an agent's message as this provider gave them, else its text and then its calls."""
    if turned.private is not msgspec.UNSET:
        try:
            kept = _decoder.decode(turned.private)
        except msgspec.MsgspecError:
            return _public(turned.message)  # written by another version
        if kept.provider == provider and _fits(kept, turned.message):
            return list(_restored(kept, turned.message))
    return _public(turned.message)


def _kept(part: Part) -> _Text | _Thought | _Call:
    extra = msgspec.UNSET if part.extra is None else part.extra
    match part:
        case Text(text=text):
            return _Text(len(text), extra)
        case Thought(text=text):
            return _Thought(text, extra)
        case Called():
            return _Call(extra)


def _fits(kept: _Private, message: Message) -> bool:
    chars = sum(part.chars for part in kept.parts if isinstance(part, _Text))
    calls = sum(isinstance(part, _Call) for part in kept.parts)
    return chars == len(message.text) and calls == len(message.tool_calls)


def _restored(kept: _Private, message: Message) -> Iterator[Part]:
    text, calls, at = message.text, iter(message.tool_calls), 0
    for part in kept.parts:
        extra = None if part.extra is msgspec.UNSET else part.extra
        match part:
            case _Text(chars=chars):
                yield Text(text[at : at + chars], extra)
                at += chars
            case _Thought(text=thought):
                yield Thought(thought, extra)
            case _Call():
                call = next(calls)
                yield Called(call.id, call.name, _json(call.arguments), extra)


def _public(message: Message) -> Sequence[Part]:
    text = [Text(message.text)] if message.text else []
    return [*text, *(Called(call.id, call.name, _json(call.arguments)) for call in message.tool_calls)]


def _json(arguments: object) -> str:
    return msgspec.json.encode(arguments).decode()
