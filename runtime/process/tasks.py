"""The owner of a process's tasks: no task of ours ends, or fails, without somebody hearing of it.

There are two kinds, and no third. An essential task never ends while its process lives; when it does, the process ends
too, and whoever supervises that takes over (Erlang: let it crash). A task that is owed to somebody may end, and its
failure is that somebody's answer; where nobody is named, the process answers for it in the same way. A process that
lives on without one of its loops is the worst of all: it gives signs of life, so nobody comes to its aid.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger(__name__)

EXIT_CODE: Final = 70  # EX_SOFTWARE of sysexits.h

Result = TypeVar("Result")
Failed = Callable[[BaseException], None]


def exit_now() -> None:
    """End the process at once: what it holds in memory is not to be trusted, and what matters is in the journal."""
    os._exit(EXIT_CODE)


class Tasks:
    """Belongs to one event loop. `die` is called, once, after it was logged what ended and why."""

    def __init__(self, die: Callable[[], None] = exit_now) -> None:
        self._die = die
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closing = False

    def essential(self, work: Coroutine[Any, Any, object], name: str) -> "asyncio.Task[object]":
        """Run what must not end before `close`."""
        return self._start(work, name, self._essential_ended)

    def owed(
        self, work: Coroutine[Any, Any, Result], name: str, failed: Failed | None = None
    ) -> "asyncio.Task[Result]":
        """Run what may end; `failed` hears of whatever it raises, and the process ends where there is no such one."""

        def ended(task: "asyncio.Task[Result]") -> None:
            error = None if task.cancelled() else task.exception()
            if error is None:
                return
            if failed is None:
                self._end("task_failed", task.get_name(), error)
            else:
                failed(error)

        return self._start(work, name, ended)

    @property
    def running(self) -> list[str]:
        """The names of those that have not ended."""
        return [task.get_name() for task in self._tasks]

    async def close(self) -> None:
        """Cancel every task and wait until all have ended. What they end with does not matter any more."""
        self._is_closing = True
        while tasks := [task for task in self._tasks if task is not asyncio.current_task()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _start(
        self, work: Coroutine[Any, Any, Result], name: str, ended: "Callable[[asyncio.Task[Result]], None]"
    ) -> "asyncio.Task[Result]":
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(ended)
        return task

    def _essential_ended(self, task: "asyncio.Task[object]") -> None:
        if not self._is_closing:
            self._end("essential_task_ended", task.get_name(), None if task.cancelled() else task.exception())

    def _end(self, event: str, task: str, error: BaseException | None) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        log.critical(event, task=task, exc_info=error)
        self._die()
