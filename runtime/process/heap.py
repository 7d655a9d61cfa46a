"""What the garbage collector need not look at."""

import gc
from typing import Final

YOUNG: Final = 20_000  # new objects between two looks; a turn makes and drops hundreds, and few are in a circle
MANY: Final = 1_000_000  # the same while a process comes up


def grow() -> None:
    """Hardly look from here on, until `freeze`: what a process makes while it comes up stays."""
    gc.set_threshold(MANY)


def freeze(*, collect: bool = True, young: int = YOUNG) -> None:
    """Leave everything that is here now out of all later collections: code and tables that live as long as the process.

    Ray, pydantic-ai and our own modules make some 300,000 objects, and a collection that walks them all stops every
    turn of the process. Call it when all is loaded. Without `collect`, which takes the longer the more is here, what is
    garbage by now stays. Later it looks at every so many new objects that are still there.
    """
    if collect:
        gc.collect()
    gc.freeze()
    gc.set_threshold(young)
