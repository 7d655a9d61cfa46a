"""A capability that spoils the server which loads it, to show that the chaos harness notices."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any, Final

from perdure import Capability
from runtime.engine import act
from runtime.host import asks
from runtime.process import tasks
from runtime.store import journal

VARIABLE: Final = "CHAOS_SPOIL"
COMMIT_DELAY_S: Final = 0.5


class Faulty(Capability):
    """Does nothing but come along with what this module breaks."""

    id = "chaos_faulty"
    name = "Faulty"
    description = "Breaks the server on purpose."


def forget_epochs() -> None:
    """Let everyone write who knows the session's last sequence."""
    guard = "s.epoch = h.epoch AND "
    assert guard in journal.APPEND
    journal.APPEND = journal.APPEND.replace(guard, "")  # type: ignore[misc]  # that is the point


def acknowledge_early() -> None:
    """Answer 2xx before the commit, which comes late enough to be cut off."""

    async def at_once(commit: Any) -> None:
        await asyncio.sleep(0)

    append = journal.PostgresJournal.append

    async def late(store: journal.PostgresJournal, batches: Sequence[Any]) -> set[str]:
        await asyncio.sleep(COMMIT_DELAY_S)
        return await append(store, batches)

    asks.landed = at_once
    journal.PostgresJournal.append = late  # type: ignore[method-assign, assignment]  # that is the point


def repeat_tools() -> None:
    """Run every tool twice and give the second outcome."""
    run = act.Acting._outcome

    async def twice(acting: act.Acting, part: Any) -> Any:
        await run(acting, part)
        return await run(acting, part)

    act.Acting._outcome = twice  # type: ignore[method-assign, assignment]  # that is the point


def outlive_loops() -> None:
    """Go on when an essential task has ended."""
    tasks.Tasks._end = lambda *_: None  # type: ignore[method-assign]  # that is the point


WAYS: Final = {way.__name__: way for way in (forget_epochs, acknowledge_early, repeat_tools, outlive_loops)}

for name in os.environ[VARIABLE].split():  # noqa: TID251  the test says which
    WAYS[name]()
