"""Which sessions are mined, and where: what the harness and `mine`, inside the server, must agree on."""

from enum import StrEnum
from pathlib import Path
from typing import Final

MINES: Final = "CHAOS_MINES"


class Place(StrEnum):
    """Where a mine lies."""

    LOADING = "loading"  # as the session is read from the journal
    COMPOSING = "composing"  # as what its turn runs with is composed


def mine_of(folder: Path, place: Place, name: str) -> Path:
    """Return the file that is a mine as long as it is there. Where sessions are loaded, their ids are the names."""
    return folder / f"{place}-{name}"
