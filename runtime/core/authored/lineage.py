"""A harness and its ancestors: each has one parent at most, and what they come to is folded from the outermost in."""

from collections.abc import Callable, Collection
from typing import Final

from runtime.core.authored.definition import Harness
from runtime.core.errors import InvalidInputError, NotFoundError

MAX_DEPTH: Final = 10  # harnesses in a line


def check_parent(harness_id: str, line: Collection[str], below: int = 0) -> None:
    """Pass if a harness may stand below a line of others: its parent to be, and that one's ancestors.

    `below` is how many generations stand below it itself.

    Raises:
        InvalidInputError: it is one of them itself, or they are too many.
    """
    if harness_id in line:
        message = "A harness cannot be its own ancestor."
        raise InvalidInputError(message, "harness_cycle")
    if len(line) + 1 + below > MAX_DEPTH:
        raise _too_long()


def lineage(harness_id: str, find: Callable[[str], Harness | None]) -> tuple[Harness, ...]:
    """Return a harness with its ancestors, the outermost first.

    Raises:
        NotFoundError: one of them is not found.
        InvalidInputError: they are too many: what the outermost say must not be left out in silence.
    """
    line: list[Harness] = []
    key: str | None = harness_id
    while key is not None:
        if len(line) == MAX_DEPTH:
            raise _too_long()
        harness = find(key)
        if harness is None:
            raise NotFoundError("harness", key)
        line.insert(0, harness)
        key = harness.parent_id
    return tuple(line)


def _too_long() -> InvalidInputError:
    return InvalidInputError(f"A harness has at most {MAX_DEPTH - 1} ancestors.", "harness_chain_too_long")
