"""Names: one thing of a kind has a name at a time, until that thing is deleted (docs/wire.md, "Ids, names, times")."""

from typing import Final

from runtime.core.errors import ConflictError, InvalidInputError

PATTERN: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"  # no underscore, so that a name is never taken for an id
MAX_CHARS: Final = 64
DEFAULT: Final = "default"
SUFFIX_CHARS: Final = 8  # of its id, behind the name of an archived thing that makes way for another


def taken(kind: str, name: str) -> ConflictError:
    """Return the error for a name that another one has."""
    return ConflictError(f"Another {kind} is named {name!r}.", f"{kind}_exists")


def check_free(kind: str, name: str | None) -> None:
    """Pass if things of that kind may be named so.

    Raises:
        InvalidInputError: the name stands for one of them already.
    """
    if name == DEFAULT:
        message = f"{DEFAULT!r} stands for the default {kind} and cannot be a name."
        raise InvalidInputError(message, "reserved_name")
