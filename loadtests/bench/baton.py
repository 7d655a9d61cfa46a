"""Two benchmarks that run by turns, piece by piece: whoever has the baton works, and the other one's server rests."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_BATON: Final = b"|"


class Baton:
    """One side of it: the ends of two pipes. Who has ended no longer wants it, so the other one goes on alone."""

    def __init__(self, comes_by: int, goes_by: int) -> None:
        self._comes_by = comes_by
        self._goes_by = goes_by

    async def take(self) -> None:
        """Wait until it is given, or the other side has ended."""
        await asyncio.to_thread(os.read, self._comes_by, 1)

    async def give_way(self) -> None:
        """Hand it over, and wait until it is back."""
        try:
            os.write(self._goes_by, _BATON)
        except BrokenPipeError:
            return
        await self.take()


@contextmanager
def batons() -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Have the ends of both sides, for the processes to be started in the block; the first side has the baton."""
    second_comes, first_goes = os.pipe()
    first_comes, second_goes = os.pipe()
    ends = (first_comes, first_goes), (second_comes, second_goes)
    os.write(second_goes, _BATON)
    try:
        yield ends
    finally:
        for end in (*ends[0], *ends[1]):
            os.close(end)
