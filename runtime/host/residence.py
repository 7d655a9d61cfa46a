"""How a session stands with a host under one epoch, as a table: what may happen, and how it stands then.

    ABSENT ─asked for→ WAKING ─read→ LIVE ─let go→ LEAVING ─noted→ ABSENT
    WAKING ─not read→ ABSENT      the row is another one by now, or it cannot be read
    LIVE ─overtaken→ ABSENT       it was placed here anew: nobody needs to be told
    ABSENT, WAKING ─let go→ LEAVING      it cannot live here, and the supervisor must know

What is not in the table is a bug. From LEAVING no way leads back to life: once that is noted, the epoch is another one.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Residence(StrEnum):
    """How it stands."""

    ABSENT = "absent"  # nothing is held
    WAKING = "waking"  # it is being read
    LIVE = "live"
    LEAVING = "leaving"  # it was dropped, and the supervisor has not noted that yet


class Happening(StrEnum):
    """What changes that."""

    ASKED_FOR = "asked for"
    READ = "read"
    NOT_READ = "not read"
    OVERTAKEN = "overtaken"
    LET_GO = "let go"
    NOTED = "noted"


NEXT: Final[Mapping[tuple[Residence, Happening], Residence]] = {
    (Residence.ABSENT, Happening.ASKED_FOR): Residence.WAKING,
    (Residence.ABSENT, Happening.LET_GO): Residence.LEAVING,
    (Residence.WAKING, Happening.READ): Residence.LIVE,
    (Residence.WAKING, Happening.NOT_READ): Residence.ABSENT,
    (Residence.WAKING, Happening.LET_GO): Residence.LEAVING,
    (Residence.LIVE, Happening.OVERTAKEN): Residence.ABSENT,
    (Residence.LIVE, Happening.LET_GO): Residence.LEAVING,
    (Residence.LEAVING, Happening.NOTED): Residence.ABSENT,
}


def after(residence: Residence, happening: Happening) -> Residence:
    """Return how a session stands then. Raises RuntimeError for what cannot happen to it: a bug of the host."""
    following = NEXT.get((residence, happening))
    if following is None:
        message = f"a session that is {residence} cannot be {happening}"
        raise RuntimeError(message)
    return following
