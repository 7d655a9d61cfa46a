"""The system's lookups of names. It takes its time for a name that nobody answers, and cannot be told to stop.

So a lookup holds its thread to the end, whoever still waits, and no organisation has so many that others find none.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias
from weakref import WeakValueDictionary

from runtime.process.behalf import ON_BEHALF_OF

Found: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]  # as `socket.getaddrinfo` has it
Asking: TypeAlias = Callable[..., Sequence[Found]]

PATIENCE_S: Final = 5.0
MOST_OF_ONE: Final = 8  # lookups of an organisation at a time
_THREADS: Final = 64  # made when they are needed


@dataclass(frozen=True, slots=True)
class _Question:
    org_id: str
    host: str
    family: int


@dataclass(frozen=True, slots=True)
class _Lookup:
    answer: "asyncio.Task[Sequence[Found]]"
    until: float  # when nobody waits any longer, by the loop's clock


class Lookups:
    """Belongs to one event loop. Looks a name up once for all of an organisation who wait for it at the same time."""

    def __init__(self, ask: Asking, patience_s: float) -> None:
        self._ask = ask
        self._patience_s = patience_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._running: dict[_Question, _Lookup] = {}
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def find(self, host: str, family: int) -> Sequence[Found]:
        """Return what the system says of a name.

        Raises:
            OSError: there is no such name, or nobody who knows in time: at once if that was so when others asked.
            UnicodeError: it is none.
        """
        question = _Question(ON_BEHALF_OF.get(), host, family)
        lookup = self._running.get(question) or self._begin(question)
        try:
            async with asyncio.timeout_at(lookup.until):
                return await asyncio.shield(lookup.answer)
        except TimeoutError as err:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from err

    def close(self) -> None:
        """Wait for nobody who still asks."""
        for lookup in self._running.values():
            lookup.answer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self, question: _Question) -> _Lookup:
        until = asyncio.get_running_loop().time() + self._patience_s
        answer = asyncio.create_task(self._look_up(question, until))
        self._running[question] = lookup = _Lookup(answer, until)
        answer.add_done_callback(partial(self._ended, question))
        return lookup

    def _ended(self, question: _Question, answer: "asyncio.Task[Sequence[Found]]") -> None:
        del self._running[question]
        if not answer.cancelled():
            answer.exception()  # perhaps nobody waits for it

    async def _look_up(self, question: _Question, until: float) -> Sequence[Found]:
        places = self._places.setdefault(question.org_id, asyncio.Semaphore(MOST_OF_ONE))
        async with asyncio.timeout_at(until):
            await places.acquire()
        try:
            ask = partial(self._ask, question.host, None, question.family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        finally:
            places.release()
