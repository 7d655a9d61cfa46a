"""How the server ends: in order when it is asked, without waiting when it is asked again, and always.

Python waits for its threads when it ends, and a thread in Ray's native code may hang for ever; so the very end is ours.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

import psutil

HURRY_S: Final = 10.0  # after a second signal, for what is ended without waiting for anybody
SIGNAL_CHECK_S: Final = 0.02
KILLED: Final = 137  # 128 + SIGKILL, as shells have it

Result = TypeVar("Result")


class Ending:
    """Hears SIGTERM and SIGINT, and tells `progress`. `hurry` is set when nobody is to be waited for any more."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self.hurry = asyncio.Event()
        self._progress = progress
        self._serving: asyncio.Task[None] | None = None
        self._is_told = False

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work until a signal cancels it."""
        self._serving = asyncio.create_task(work)
        self._take_signals()
        try:
            await self._serving
        except asyncio.CancelledError:
            if not self._is_told:
                raise

    async def keep_hearing(self, starting: Awaitable[Result]) -> Result:
        """Wait for Ray to start; its native code puts itself in the way of signals, at a moment of its own."""
        task = asyncio.ensure_future(starting)
        while not task.done():
            await asyncio.wait({task}, timeout=SIGNAL_CHECK_S)
            self._take_signals()
        return task.result()

    async def unless_in_a_hurry(self, work: Awaitable[None]) -> None:
        """Wait for work, but not when there is no time for it."""
        working, hurrying = asyncio.ensure_future(work), asyncio.create_task(self.hurry.wait())
        done, _ = await asyncio.wait({working, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if working in done:
            working.result()
        else:
            working.cancel()
            await asyncio.wait({working})

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._hear)

    def _hear(self) -> None:
        signal.alarm(0)  # should Ray have heard it first: it would abort us in three seconds
        if self.hurry.is_set():
            die()
        elif self._is_told:
            self._progress("Stopping at once")
            self.hurry.set()
            asyncio.get_running_loop().call_later(HURRY_S, die)
        elif self._serving is not None:
            self._progress("Stopping: clients, actors, Ray, Postgres")
            self._is_told = True
            self._serving.cancel()


def leave(code: int) -> NoReturn:
    """End this process, which has ended all that it started."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def die() -> NoReturn:
    """End this process and all that it started, at once: what matters is in the journal."""
    for process in psutil.Process().children(recursive=True):
        try:
            # Postgres then takes its shared memory along, and still ends at once.
            process.send_signal(signal.SIGQUIT if process.name() == "postgres" else signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    leave(KILLED)
