"""What models and tools say when they have gone mad: no text that anybody would store unseen."""

from enum import StrEnum
from typing import Final

DEEP: Final = 2_000
HUGE: Final = 500_000


class Garbage(StrEnum):
    """Ways to be unfit for a journal."""

    SURROGATE = "lone surrogate"
    NUL = "NUL"
    DEEP = "deep nesting"
    HUGE = "huge text"
    BROKEN = "broken JSON"


TEXTS: Final = {
    Garbage.SURROGATE: "half a \ud83d smile",
    Garbage.NUL: "nothing \x00 more",
    Garbage.DEEP: "[" * DEEP + "]" * DEEP,
    Garbage.HUGE: "huge " * (HUGE // 5),
    Garbage.BROKEN: '{"ms": 3',
}


def nested() -> object:
    """Return a list in a list in a list, and so on."""
    value: object = "core"
    for _ in range(DEEP):
        value = [value]
    return value
