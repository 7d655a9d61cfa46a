"""The cluster as all see it who watch it at this front door: one look every two seconds, while somebody does."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from api.http.sse import Start, sse

EVERY_S: Final = 2.0


class Snapshots:
    """Belongs to one event loop. `look` returns a snapshot as JSON, whatever does not answer.

    There is no task that looks: of those who wait for the next snapshot one does it for all.
    """

    def __init__(self, look: Callable[[], Awaitable[bytes]]) -> None:
        self._look = look
        self._looking = asyncio.Lock()
        self._number = 0
        self._frame = b""
        self._due_at = 0.0  # event-loop time

    async def after(self, number: int) -> tuple[int, bytes]:
        """Return the first snapshot, as a frame, that comes after one of this number; who has seen none has seen 0."""
        if not self._is_news(number):
            async with self._looking:
                if not self._is_news(number):
                    await self._take()
        return self._number, self._frame

    def _is_news(self, number: int) -> bool:
        is_stale = asyncio.get_running_loop().time() > self._due_at + EVERY_S  # nobody has watched meanwhile
        return self._number > number and not is_stale

    async def _take(self) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._due_at - clock()))
        self._frame = sse("snapshot", None, await self._look())
        self._number += 1
        self._due_at = clock() + EVERY_S


class Watcher:
    """One who watches (`api.http.sse.Source`); who reads slowly is shown the newest, and misses some."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    async def open(self, start: Start) -> None:
        """Do nothing: it begins with how things stand, wherever one was."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield snapshots for ever."""
        number = 0
        while True:
            number, frame = await self._snapshots.after(number)
            yield frame

    def close(self) -> None:
        """Do nothing: nobody looks for who is gone."""
