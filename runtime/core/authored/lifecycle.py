"""active → archived → deleted, for everything that is authored (contract concepts §4)."""

from typing import Final

from runtime.core.errors import ConflictError, InvalidInputError

ACTIVE: Final = "active"
ARCHIVED: Final = "archived"


def check_change(kind: str, before: str, after: str) -> None:
    """Pass if a thing of that kind may be changed: an archived one only together with its return.

    Raises:
        InvalidInputError: `after` is not a status that can be set.
        ConflictError: it is archived and stays so.
    """
    if after not in (ACTIVE, ARCHIVED):
        message = f"A status is {ACTIVE} or {ARCHIVED}; to delete, archive and delete."
        raise InvalidInputError(message, "invalid_status")
    if before == after == ARCHIVED:
        message = f"This {kind} is archived and so cannot be changed; set its status to {ACTIVE} first."
        raise ConflictError(message, f"{kind}_archived")


def taken(kind: str, name: str) -> ConflictError:
    """Return the error for a name that another one has."""
    return ConflictError(f"Another {kind} is named {name!r}.", f"{kind}_exists")
