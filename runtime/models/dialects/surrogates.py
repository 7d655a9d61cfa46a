"""Halves of surrogate pairs in JSON, which some servers send when they cut a text in two within a character."""

import re
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

# A whole pair, a half, or any other escape.
_ESCAPE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def decoded(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """Decode JSON, with a mark for each half of a pair that stands alone, for they are no characters.

    Raises:
        msgspec.MsgspecError: it is no such JSON.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return decoder.decode(_mended(bytes(data)))


def _mended(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], data)
