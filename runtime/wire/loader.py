"""Answers questions that are asked at the same time by one query, as GraphQL's DataLoader does."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Loader(Generic[Key, Value]):
    """Belongs to one event loop. While a query is under way further questions queue, and the next one is for all.

    `query` returns an answer for each key, in their order. It is asked about `most` keys at a time; if they `weigh`
    something, about so much, and one at the least.
    """

    def __init__(
        self,
        query: Callable[[Sequence[Key]], Awaitable[Sequence[Value]]],
        most: int,
        weigh: Callable[[Key], int] = lambda _: 1,
    ) -> None:
        self._query = query
        self._most = most
        self._weigh = weigh
        self._asked: deque[tuple[Key, asyncio.Future[Value]]] = deque()
        self._asking: asyncio.Task[None] | None = None

    def load(self, key: Key) -> "asyncio.Future[Value]":
        """Ask a question; awaiting it raises whatever the query raises."""
        future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._asked.append((key, future))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return future

    async def _ask(self) -> None:
        try:
            while self._asked:
                await self._answer(self._next())
        finally:
            self._asking = None
            for _, future in self._asked:  # nobody answers any more
                future.cancel()
            self._asked.clear()

    def _next(self) -> list[tuple[Key, "asyncio.Future[Value]"]]:
        asked = [self._asked.popleft()]
        room = self._most - self._weigh(asked[0][0])
        while self._asked and (room := room - self._weigh(self._asked[0][0])) >= 0:
            asked.append(self._asked.popleft())
        return asked

    async def _answer(self, asked: Sequence[tuple[Key, "asyncio.Future[Value]"]]) -> None:
        try:
            answers = await self._query([key for key, _ in asked])
            for (_, future), answer in zip(asked, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        except Exception as err:  # noqa: BLE001  whatever it is, those who wait must hear of it
            for _, future in asked:
                if not future.done():
                    future.set_exception(err)
        finally:
            for _, future in asked:
                future.cancel()  # without an answer only if this task was cancelled
