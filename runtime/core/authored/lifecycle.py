"""active → archived → deleted, for everything that is authored (docs/wire.md, "Agents, harnesses, workspaces")."""

from enum import StrEnum
from typing import Final

from runtime.core.errors import ConflictError, InvalidInputError


class Life(StrEnum):
    """Where an authored thing stands. What was deleted is kept, for there may be references to it."""

    ACTIVE = "active"
    ARCHIVED = "archived"  # read-only; given to nobody any more
    DELETED = "deleted"


# What archiving makes of a thing: the second time, it deletes.
ARCHIVING: Final = {Life.ACTIVE: Life.ARCHIVED, Life.ARCHIVED: Life.DELETED}
SETTABLE: Final = (Life.ACTIVE, Life.ARCHIVED)


def check_change(kind: str, before: str, after: str) -> None:
    """Pass if a thing of that kind may be changed: an archived one only together with its return.

    Raises:
        InvalidInputError: `after` is not a status that can be set.
        ConflictError: it is archived and stays so.
    """
    if after not in SETTABLE:
        message = f"A status is {' or '.join(SETTABLE)}; to delete, archive and delete."
        raise InvalidInputError(message, "invalid_status")
    if before == after == Life.ARCHIVED:
        message = f"This {kind} is archived and so cannot be changed; set its status to {Life.ACTIVE} first."
        raise ConflictError(message, f"{kind}_archived")


def check_assignable(kind: str, name: str, status: str, takes: str = "sessions") -> None:
    """Pass if others may be built on a thing; `takes` says which others.

    Raises:
        ConflictError: it is archived.
    """
    if status != Life.ACTIVE:
        message = f"{kind.capitalize()} {name} is archived and takes no new {takes}."
        raise ConflictError(message, f"{kind}_archived")
