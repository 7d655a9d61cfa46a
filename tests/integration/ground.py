"""Real Postgres below state machines of Hypothesis, which run outside any event loop and so bring their own."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import msgspec

from runtime.core.authored.definition import HarnessDefinition, SessionDefinition
from runtime.core.ids import hex_of
from runtime.core.placement.supervision import Record, Standing
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store.harnesses import HarnessStore
from runtime.store.journal import PostgresJournal
from runtime.store.placement import Move, PlacementStore
from runtime.store.pool import Pool, open_pool
from tests.laws import Stored
from tests.play import Run
from tests.tenancy import ours, sessions_in

CLEAN: Final = Record()
LOG = "SELECT body, private, epoch FROM events WHERE session_id = $1 ORDER BY sequence"


class PostgresGround:
    """Sessions on a database (see `play.Ground`)."""

    def __init__(self, pool: Pool, harness_id: str) -> None:
        self.pool = pool
        self.store = PostgresJournal(pool, pool)
        self.placements = PlacementStore(pool)
        self._harness_id = harness_id

    async def open(self) -> str:
        new = NewSession(
            id=new_id("session"),
            harness_id=self._harness_id,
            workspace_id=new_id("wsp"),
            owns_workspace=True,
            definition=SessionDefinition(),
        )
        return (await sessions_in(self.pool).create(new)).id

    async def place(self, session_id: str, *, is_quarantined: bool = False) -> int:
        standing = Standing.QUARANTINED if is_quarantined else Standing.FREE
        return (await settle(self.placements, {session_id: "here"}, Record(standing=standing)))[session_id]

    async def log(self, session_id: str) -> list[Stored]:
        rows = await self.pool.fetch(LOG, hex_of(session_id))
        return [
            Stored(r["body"].encode(), r["private"] and msgspec.Raw(r["private"].encode()), r["epoch"]) for r in rows
        ]


async def settle(placements: PlacementStore, homes: Mapping[str, str], record: Record = CLEAN) -> dict[str, int]:
    """Give sessions a place, as a supervisor does that knows nothing against them; return their epochs."""
    cases = await placements.cases(list(homes))
    return await placements.move([Move(case, homes[case.session_id], record) for case in cases])


class SkewedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward by `skew_s`."""

    skew_s = 0.0

    def time(self) -> float:
        return super().time() + self.skew_s


@contextmanager
def standing(dsn: str) -> Iterator[tuple[PostgresGround, Run]]:
    """Give a ground on a database, and what runs its coroutines (on a `SkewedLoop`)."""
    with asyncio.Runner(loop_factory=SkewedLoop) as runner:
        pool = runner.run(open_pool(dsn))
        harness = runner.run(HarnessStore(ours(pool)).create(f"test-{secrets.token_hex(6)}", HarnessDefinition()))
        yield PostgresGround(pool, harness.id), runner.run
        runner.run(pool.close())
