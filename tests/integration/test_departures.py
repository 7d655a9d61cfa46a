"""A host lets a session go in one way, says so, and whoever asks for it meanwhile hears something."""

import asyncio

import pytest

from runtime.core.errors import PerdureError, StaleEpochError
from runtime.core.ids import hex_of
from runtime.core.placement.supervision import Record, Standing
from runtime.ports.journal import Loaded
from runtime.store.journal import PostgresJournal
from runtime.wire.protocol import Departure, Send
from tests.integration.conftest import Deployment
from tests.laws import check_log
from tests.stage import PATIENCE_S, Conversation, Gate, ScriptedModel, given, say

QUARANTINED = Record(standing=Standing.QUARANTINED)
SPOIL_SNAPSHOT = "UPDATE snapshots SET state = 'nonsense' WHERE session_id = $1"
SPOIL_HEAD = "UPDATE sessions SET last_sequence = last_sequence + 1 WHERE id = $1"


class Buggy(PostgresJournal):
    """Raises what nobody foresaw when a session is loaded."""

    async def load(self, session_id: str, version: str) -> Loaded | None:
        await super().load(session_id, version)
        raise ZeroDivisionError


async def test_a_writer_that_is_stale_under_an_unchanged_epoch_says_so(deployment: Deployment) -> None:
    """Promised: its turn is not stranded: from the row the supervisor sees that it must go on elsewhere."""
    gate = Gate()
    chat = await deployment.converse(deployment.process(ScriptedModel((gate, *say("Yes.")))))
    await chat.send("go")
    await gate.reached()
    await deployment.pool.execute(SPOIL_HEAD, hex_of(chat.session_id))
    gate.open()
    departure = Departure(chat.session_id, chat.epoch, has_failed=True, cause="it could not be written (stale_epoch)")
    await chat.process.until(lambda: chat.process.departures == [departure])
    assert await deployment.placements.leave([departure]) == {chat.session_id: True}
    [case] = await deployment.placements.cases([chat.session_id])
    assert (case.is_at_work, case.epoch) == (True, chat.epoch + 1)
    assert chat.session_id in await deployment.placements.orphans([""])


async def test_a_bug_is_answered_at_once(deployment: Deployment) -> None:
    process = deployment.process(ScriptedModel(), store=Buggy(deployment.pool, deployment.pool))
    session_id = await deployment.new_session()
    with pytest.raises(PerdureError) as raised:
        await process.ask(session_id, await deployment.place(session_id), Send(given("hello")))
    assert raised.value.stable_code == "internal"


async def test_a_session_that_cannot_be_brought_to_life_is_reported(deployment: Deployment) -> None:
    process = deployment.process(ScriptedModel(), store=Buggy(deployment.pool, deployment.pool))
    session_id = await deployment.new_session()
    epoch = await deployment.place(session_id)
    process.adopt(session_id, epoch)
    cause = "it could not be brought to life (ZeroDivisionError)"
    await process.until(lambda: process.departures == [Departure(session_id, epoch, has_failed=True, cause=cause)])


async def test_an_unreadable_snapshot_costs_time_only(deployment: Deployment) -> None:
    """Promised: a snapshot is a cache, so a session whose snapshot is spoilt comes back from its log."""
    chat = await deployment.begin(say("Yes."))
    await chat.send("Well?")
    await chat.turns_ended()
    await chat.process.host.passivate(0.0)
    assert await deployment.pool.execute(SPOIL_SNAPSHOT, hex_of(chat.session_id)) == "UPDATE 1"
    again = await deployment.converse(deployment.process(ScriptedModel(say("Still here."))), chat.session_id)
    await again.send("And now?")
    await again.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.data.message.text for e in log if e.type == "output.message.completed"] == ["Yes.", "Still here."]


async def test_a_message_that_comes_while_a_quarantine_is_committed_is_not_forgotten(deployment: Deployment) -> None:
    """Promised: it is not accepted by an owner that is about to go; asked again, the next one answers it."""
    gate = Gate()
    first = await deployment.converse(deployment.process(ScriptedModel((gate,))))
    await first.send("poison")
    await gate.reached()
    await first.process.kill()
    process = deployment.process(ScriptedModel(say("Well again.")))
    epoch = await deployment.place(first.session_id, QUARANTINED)
    process.adopt(first.session_id, epoch)
    with pytest.raises(StaleEpochError):
        await process.ask(first.session_id, epoch, Send(given("hello")))
    assert process.departures == [Departure(first.session_id, epoch, has_failed=False)]
    assert await deployment.placements.leave(process.departures) == {first.session_id: False}
    chat = Conversation(process, first.session_id, await deployment.place(first.session_id))
    await chat.watch()
    await chat.send("hello")
    await chat.turns_ended()
    log = await deployment.log(first.session_id)
    check_log(log)
    assert [e.type for e in log if e.type.startswith("turn.")][1::2] == ["turn.failed", "turn.completed"]


async def test_who_asks_for_a_session_that_leaves_waits_until_that_is_noted(deployment: Deployment) -> None:
    chat = await deployment.begin(say("Yes."))
    noted = asyncio.Event()
    leave = chat.process.leave

    async def slowly(departures: "list[Departure]") -> None:
        await noted.wait()
        await leave(departures)

    chat.process.leave = slowly  # type: ignore[method-assign, assignment]  # the supervisor takes its time
    await chat.process.host.passivate(0.0)
    asked = chat.process.start(chat.session_id, chat.epoch, Send(given("Wait!")))
    await deployment.eventually(lambda: chat.process.tasks.running.count("command") == 1)
    assert not asked.done()
    noted.set()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StaleEpochError):
            await asked
