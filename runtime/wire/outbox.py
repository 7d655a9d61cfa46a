"""A queue for one reader who takes all that has piled up at once: natural batching, no timer."""

import asyncio
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Holds items until they are taken. A reader that falls `limit` items behind is cut off."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Item] = []
        self._ready = asyncio.Event()
        self.is_closed = False

    def put(self, item: Item) -> None:
        """Add an item."""
        if self.is_closed:
            return
        self._items.append(item)
        self._ready.set()
        if len(self._items) > self._limit:
            self.close()

    async def take(self) -> list[Item]:
        """Wait for items and return them all; empty once closed."""
        await self._ready.wait()
        items, self._items = self._items, []
        if not self.is_closed:
            self._ready.clear()
        return items

    def clear(self) -> None:
        """Drop what is waiting."""
        self._items.clear()
        if not self.is_closed:
            self._ready.clear()

    def close(self) -> None:
        """End the queue; what was not taken is dropped."""
        self.is_closed = True
        self._items.clear()
        self._ready.set()
