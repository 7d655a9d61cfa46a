import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog

from runtime.process.tasks import Tasks


class Deaths:
    """Counts how often the process would have ended."""

    def __init__(self) -> None:
        self.count = 0
        self.happened = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self.happened.set()


async def returns() -> None:
    """End as a loop does whose condition somebody got wrong."""


async def raises() -> None:
    raise ZeroDivisionError


async def is_cancelled() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("work", [returns, raises, is_cancelled])
async def test_process_dies_once_with_an_essential_task_however_that_ends(work: Callable[[], Awaitable[None]]) -> None:
    die = Deaths()
    tasks = Tasks(die)
    with structlog.testing.capture_logs() as entries:
        for _ in range(2):
            tasks.essential(work(), "journal")  # type: ignore[arg-type]  # an async def gives a coroutine
        await die.happened.wait()
    await tasks.close()
    assert die.count == 1
    assert [(e["event"], e["task"]) for e in entries] == [("essential_task_ended", "journal")]


async def test_failure_of_an_owed_task_is_told_to_who_is_owed() -> None:
    die = Deaths()
    tasks = Tasks(die)
    told: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    tasks.owed(raises(), "answer", told.set_result)
    assert isinstance(await told, ZeroDivisionError)
    assert die.count == 0


async def test_process_dies_of_a_failure_that_nobody_is_owed() -> None:
    die = Deaths()
    tasks = Tasks(die)
    with structlog.testing.capture_logs() as entries:
        tasks.owed(raises(), "errand")
        await die.happened.wait()
    assert [(e["event"], e["task"]) for e in entries] == [("task_failed", "errand")]


async def test_owed_task_may_end_and_may_be_cancelled() -> None:
    die = Deaths()
    tasks = Tasks(die)
    await tasks.owed(returns(), "errand")
    with pytest.raises(asyncio.CancelledError):
        await tasks.owed(is_cancelled(), "errand")
    assert die.count == 0


async def test_closing_ends_all_tasks_and_harms_nobody() -> None:
    die = Deaths()
    tasks = Tasks(die)
    running = [tasks.essential(asyncio.Event().wait(), "loop"), tasks.owed(asyncio.Event().wait(), "errand")]
    await asyncio.sleep(0)
    await tasks.close()
    assert all(task.cancelled() for task in running)
    assert die.count == 0
