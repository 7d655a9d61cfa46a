"""How the sessions of dead actors are followed, when they are many."""

import asyncio
from collections.abc import Sequence

import pytest

from actors.doors import Doors
from actors.member import Member
from actors.placer import LEARNED_AT_ONCE, Placer
from actors.pool import Pool
from actors.site import Site
from runtime.core.errors import StoreUnavailableError
from runtime.core.placement.directory import Directory
from runtime.core.placement.supervision import Intensity
from runtime.process.settings import Settings
from runtime.process.tasks import Tasks
from runtime.store.placement import Case

RESTING = 3  # as often as this many of an actor's sessions at rest are let go


class Rows:
    """The sessions of dead actors, all at rest. It answers so many statements before it is away for once."""

    def __init__(self, dead: Sequence[str], patience: int) -> None:
        self.resting = dict.fromkeys(dead, RESTING)
        self.patience = patience
        self.most = 0  # actors that one statement has emptied

    async def orphans(self, _dead: Sequence[str]) -> list[str]:
        await asyncio.sleep(0)
        return []

    async def stillborn(self, dead: Sequence[str]) -> list[Case]:
        await asyncio.sleep(0)
        self.most = max(self.most, len(dead))
        return []

    async def vacate(self, dead: Sequence[str]) -> bool:
        await asyncio.sleep(0)
        self.most = max(self.most, len(dead))
        self.patience -= 1
        if self.patience == -1:
            raise StoreUnavailableError(reason="too slow")
        found = any(self.resting[actor] for actor in dead)
        for actor in dead:
            self.resting[actor] = max(0, self.resting[actor] - 1)
        return found


def placer_over(rows: Rows) -> Placer:
    """Return a placer in whose pool is nobody."""

    async def tend(_: Member) -> None:
        await asyncio.Event().wait()

    tasks, directory = Tasks(), Directory()
    site = Site("test", Settings.load(), "no database", "no cluster")
    pool = Pool(site, directory.count, tend, lambda _: None, tasks)
    made = Placer(pool, directory, Doors(directory, pool.addressed, tasks), Intensity(3, 60.0))
    made.begin(rows)  # type: ignore[arg-type]  # what is asked of it here
    return made


async def test_of_many_dead_actors_no_statement_is_about_all_and_what_is_done_is_not_done_again() -> None:
    """A database that is too slow for all at once gets there all the same."""
    dead = [f"session-{number}" for number in range(3 * LEARNED_AT_ONCE)]
    rows = Rows(dead, patience=RESTING + 2)
    placer = placer_over(rows)
    for actor in dead:
        placer.lost(actor, {})
    with pytest.raises(StoreUnavailableError):
        await placer._follow_dead()
    assert len(placer._dead) == 2 * LEARNED_AT_ONCE, "the first are done"
    await placer._follow_dead()
    assert (set(rows.resting.values()), rows.most, placer._dead) == ({0}, LEARNED_AT_ONCE, set())
