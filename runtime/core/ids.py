"""Public ids: `{prefix}_{32 lowercase hex}` (docs/wire.md, "Ids, names, times"), and the arithmetic of UUIDv7.

Minting needs a clock and chance and so happens outside the core (`runtime/process/mint.py`).
"""

import re
from typing import Final

from runtime.core.errors import InvalidInputError

_HEX: Final = re.compile(r"[0-9a-f]{32}")
_COUNTER_BITS: Final = 12
_RANDOM_BITS: Final = 62


def format_id(prefix: str, value: int) -> str:
    """Return the public form of a 128-bit value."""
    return f"{prefix}_{value:032x}"


def parse_id(prefix: str, text: str) -> str:
    """Return `text` if it is a well-formed id with that prefix.

    Raises:
        InvalidInputError: it is not.
    """
    head, _, tail = text.partition("_")
    if head != prefix or _HEX.fullmatch(tail) is None:
        message = f"{text[:80]!r} is not a valid {prefix} id: expected {prefix}_ and 32 lowercase hex digits."
        raise InvalidInputError(message, f"invalid_{prefix}_id")
    return text


def is_id(prefix: str, text: str) -> bool:
    """Tell whether `text` has the form of an id with that prefix (and so is not a name)."""
    head, _, tail = text.partition("_")
    return head == prefix and _HEX.fullmatch(tail) is not None


def hex_of(public_id: str) -> str:
    """Return the 32 hex digits of a public id, the form in which the store keys rows."""
    return public_id.rpartition("_")[2]


def next_uuid7(last: int, now_ms: int, random_bits: int) -> int:
    """Return a UUIDv7 greater than `last`, whatever the clock says (RFC 9562 §6.2, method 1).

    Ids of one session must sort as its events do, across actors whose clocks differ. `now_ms` is Unix
    time in milliseconds, `random_bits` at least 62 bits of chance.
    """
    last_ms = last >> 80
    counter = (last >> 64) & ((1 << _COUNTER_BITS) - 1)
    if now_ms > last_ms:
        ms, counter = now_ms, 0
    elif counter + 1 < 1 << _COUNTER_BITS:
        ms, counter = last_ms, counter + 1
    else:
        ms, counter = last_ms + 1, 0
    tail = random_bits & ((1 << _RANDOM_BITS) - 1)
    return ms << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail
