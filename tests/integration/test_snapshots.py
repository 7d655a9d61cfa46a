"""When snapshots are written: soon in a short session, rarely in a long one, and never far behind."""

import asyncio
from dataclasses import replace
from itertools import pairwise

from runtime.engine.session import TAIL_SHARE
from runtime.store.journal import PostgresJournal
from runtime.store.pool import Pool
from tests.integration.conftest import Deployment
from tests.stage import FAST, PATIENCE_S, ScriptedModel, say

EVERY = 10
TURNS = 40
EVENTS_OF_A_TURN = 12  # a snapshot is taken when all of them are on the disk


class Snapshots(PostgresJournal):
    """Remembers up to where snapshots went."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, pool)
        self.sequences = [0]
        self.saved = asyncio.Event()

    async def save_snapshot(self, session_id: str, sequence: int, version: str, state: bytes) -> None:
        self.sequences.append(sequence)  # as they come: two may be on their way, and the older be there last
        await super().save_snapshot(session_id, sequence, version, state)
        self.saved.set()


async def test_a_session_pays_for_its_age_once_in_a_while(deployment: Deployment) -> None:
    """Promised: what is read behind a snapshot is a tenth of the log at most, and it is not written more often."""
    store = Snapshots(deployment.pool)
    scripts = [say("Yes.") for _ in range(TURNS)]
    process = deployment.process(ScriptedModel(*scripts), replace(FAST, snapshot_every_events=EVERY), store=store)
    chat = await deployment.converse(process)
    for turn in range(TURNS):
        await chat.send("Well?")
        await chat.turns_ended(turn + 1)
    for before, after in pairwise(store.sequences):
        due = max(EVERY, after // TAIL_SHARE)
        assert due <= after - before <= due + EVENTS_OF_A_TURN
    length = len(await deployment.log(chat.session_id))
    assert length - store.sequences[-1] <= max(EVERY, length // TAIL_SHARE) + EVENTS_OF_A_TURN
    assert length > EVERY * TAIL_SHARE * 2


async def test_a_session_that_comes_back_with_a_long_tail_soon_has_a_snapshot(deployment: Deployment) -> None:
    """Promised: a crash before the snapshot was written does not leave the tail to grow."""
    chat = await deployment.begin(say("Yes."), say("Yes."), tunables=replace(FAST, snapshot_every_events=1_000))
    for turn in range(2):
        await chat.send("Well?")
        await chat.turns_ended(turn + 1)
    await chat.process.kill()
    tail = len(await deployment.log(chat.session_id))
    store = Snapshots(deployment.pool)
    model = ScriptedModel(say("No."), say("No."), say("No."))
    process = deployment.process(model, replace(FAST, snapshot_every_events=tail + 3), store=store)
    chat = await deployment.converse(process, chat.session_id)
    await chat.send("And now?")
    await chat.turns_ended()
    async with asyncio.timeout(PATIENCE_S):
        await store.saved.wait()
