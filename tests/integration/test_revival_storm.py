"""Many sessions that come to life in one process at once: few at a time, and those that somebody waits for first."""

import asyncio
from collections import Counter

from runtime.host.host import ADOPTIONS_AT_ONCE
from runtime.ports.journal import Loaded
from runtime.store.journal import PostgresJournal
from runtime.store.pool import Pool
from runtime.wire.protocol import Adoption, Send, Watch
from tests.integration.conftest import Deployment
from tests.integration.ground import settle
from tests.stage import PATIENCE_S, Gate, ScriptedModel, given, say

SESSIONS = 60
LOAD_S = 0.01


class SlowLoads(PostgresJournal):
    """Takes its time with each session, and remembers how many it was asked for at once."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, pool)
        self.order: list[str] = []
        self.most = 0
        self._loading = 0
        self.may_load = asyncio.Event()

    async def load(self, session_id: str, version: str) -> Loaded | None:
        self.order.append(session_id)
        self._loading += 1
        self.most = max(self.most, self._loading)
        await self.may_load.wait()
        await asyncio.sleep(LOAD_S)
        self._loading -= 1
        return await super().load(session_id, version)


async def test_a_storm_of_revivals_is_bounded_and_clients_come_first(deployment: Deployment) -> None:
    """Promised: hundreds of revived sessions leave the database and the process to whoever is waiting for an answer."""
    session_ids = await _cut_off(deployment)
    store = SlowLoads(deployment.pool)
    process = deployment.process(ScriptedModel(say("Done.")), store=store)
    epochs = await settle(deployment.placements, dict.fromkeys(session_ids, "here"))
    process.host.adopt([Adoption(s, epochs[s]) for s in session_ids])
    await deployment.eventually(lambda: len(store.order) == ADOPTIONS_AT_ONCE)
    awaited = session_ids[-1]
    asked = process.start(awaited, epochs[awaited], Watch())
    await deployment.eventually(lambda: awaited in store.order)
    store.may_load.set()
    await asked
    assert store.order.index(awaited) <= ADOPTIONS_AT_ONCE
    assert store.most <= ADOPTIONS_AT_ONCE + 1
    async with asyncio.timeout(PATIENCE_S):
        while Counter([await deployment.status(s) for s in session_ids])["idle"] < SESSIONS:  # noqa: ASYNC110  rows tell nobody
            await asyncio.sleep(LOAD_S)
    assert Counter(store.order).most_common(1)[0][1] == 1, "nobody is brought to life twice"


async def _cut_off(deployment: Deployment) -> list[str]:
    """Return sessions whose process died in the middle of their turns."""
    gate = Gate()
    process = deployment.process(ScriptedModel((gate,)))
    session_ids = [await deployment.new_session() for _ in range(SESSIONS)]
    epochs = await settle(deployment.placements, dict.fromkeys(session_ids, "there"))
    await asyncio.gather(*(process.ask(s, epochs[s], Send(given("go"))) for s in session_ids))
    await gate.reached()
    await process.kill()
    return session_ids
