"""A part of a list, as stores return it."""

from collections.abc import Sequence
from typing import Final, Generic, Self, TypeVar

import msgspec

T = TypeVar("T")

COUNTED_MOST: Final = 10_000  # of a list: counting takes as long as there is to count


class Listed(msgspec.Struct, Generic[T], frozen=True):
    """Things of a list from an offset on, in its order, and how many are in it.

    Counting ends at `COUNTED_MOST`: where `is_total_exact` is false, there are `total` at least.
    """

    items: Sequence[T]
    offset: int
    total: int
    is_total_exact: bool = True

    @property
    def has_more(self) -> bool:
        """Whether others follow."""
        return self.offset + len(self.items) < self.total

    @classmethod
    def counted(cls, items: Sequence[T], offset: int, counted: int, reached: int) -> Self:
        """Return a part of a list that is known to reach so far, and in which so many were counted, beyond that or not.

        Whoever counts stops at one more than `COUNTED_MOST`.
        """
        return cls(items, offset, max(reached, min(counted, COUNTED_MOST)), counted <= COUNTED_MOST)
