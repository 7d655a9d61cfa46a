"""Sessions that come and go in one process: each is brought to life once, and each that goes is told of once."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest

from runtime.agents.composition import RuntimeAgent
from runtime.agents.live import Binding
from runtime.core.errors import InvalidInputError, PerdureError, SessionMovingError, StaleEpochError
from runtime.ports.journal import Loaded
from runtime.wire.protocol import Close, Departure, Send, Watch
from tests.fakes import SESSION_ID, MemoryJournal, MemoryRow
from tests.stage import FixedAgents, Gate, Process, ScriptedModel, call, decoded, given, say, services_for


class HeldLoads(MemoryJournal):
    """Stops between reading a row and answering, at the gate of the row's epoch; the first `bugs` loads raise."""

    def __init__(self) -> None:
        super().__init__()
        self.rows[SESSION_ID] = MemoryRow(1)
        self.gates: dict[int, Gate] = {}
        self.loads = 0
        self.bugs = 0

    async def load(self, session_id: str, version: str) -> Loaded | None:
        self.loads += 1
        number = self.loads
        loaded = await super().load(session_id, version)
        assert loaded is not None
        if loaded.epoch in self.gates:
            await self.gates[loaded.epoch].pass_through()
        if number <= self.bugs:
            raise ZeroDivisionError
        return loaded

    def hold(self, epoch: int) -> Gate:
        return self.gates.setdefault(epoch, Gate())


@pytest.fixture
def store() -> HeldLoads:
    return HeldLoads()


@pytest.fixture
def model() -> Gate:
    """Where the model's answer waits."""
    return Gate()


@pytest.fixture
async def process(store: HeldLoads, model: Gate) -> AsyncIterator[Process]:
    process = Process(services_for(store, FixedAgents({}, []), ScriptedModel((model, *say("Yes.")))))
    yield process
    await process.kill()


async def test_whoever_asks_while_a_session_is_read_gets_the_same_one(process: Process, store: HeldLoads) -> None:
    gate = store.hold(1)
    watched = [process.start(SESSION_ID, 1, Watch()) for _ in range(3)]
    await gate.reached()
    process.adopt(SESSION_ID, 1)
    gate.open()
    await asyncio.gather(*watched)
    await process.ask(SESSION_ID, 1, Send(given("Well?")))
    assert store.loads == 1


async def test_a_session_that_lives_keeps_nothing_of_how_it_was_read(process: Process) -> None:
    gc.collect()
    before = {id(each) for each in gc.get_objects() if isinstance(each, Loaded | asyncio.Task)}
    await process.ask(SESSION_ID, 1, Watch())
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, Loaded | asyncio.Task) and id(each) not in before]
    assert not [each for each in kept if isinstance(each, Loaded) or each.done()]


async def test_a_session_that_is_closed_twice_leaves_once(process: Process, model: Gate) -> None:
    await process.ask(SESSION_ID, 1, Send(given("Well?")))
    await model.reached()
    await asyncio.gather(*(process.start(SESSION_ID, 1, Close()) for _ in range(2)))
    await process.until(lambda: process.host.residents.is_empty)
    assert process.departures == [Departure(SESSION_ID, 1, has_failed=False)]


async def test_a_session_that_could_not_be_read_is_told_of_once(process: Process, store: HeldLoads) -> None:
    gate = store.hold(1)
    store.bugs = 1
    for _ in range(2):
        process.adopt(SESSION_ID, 1)
    await gate.reached()
    gate.open()
    await process.until(lambda: process.departures != [])
    cause = "it could not be brought to life (ZeroDivisionError)"
    assert process.departures == [Departure(SESSION_ID, 1, has_failed=True, cause=cause)]
    assert process.host.residents.get(SESSION_ID) is None


async def test_who_asks_for_one_that_is_given_up_while_it_is_read_again_hears_that_it_left(
    process: Process, store: HeldLoads
) -> None:
    gate = store.hold(1)
    asked = process.start(SESSION_ID, 1, Watch())
    await gate.reached()
    process.host.residents.give_up(SESSION_ID, 1, ZeroDivisionError())
    await process.until(lambda: process.departures != [])
    gate.open()
    with pytest.raises(StaleEpochError):
        await asked
    assert process.host.residents.is_empty
    assert process.host.residents.get(SESSION_ID) is None


async def test_one_that_comes_to_life_late_under_an_old_epoch_is_dropped_for_the_newer(
    process: Process, store: HeldLoads
) -> None:
    old, new = store.hold(1), store.hold(2)
    asked = [process.start(SESSION_ID, 1, Watch())]
    await old.reached()
    store.rows[SESSION_ID].epoch = 2
    asked += [process.start(SESSION_ID, 2, Watch())]
    await new.reached()
    old.open()
    await asked[0]
    overtaken = process.host.residents.get(SESSION_ID)
    new.open()
    await asked[1]
    [engine] = process.host.residents.engines()
    assert overtaken is not None
    assert (overtaken.session.epoch, overtaken.session.is_lost) == (1, True)
    assert (engine.session.epoch, engine.session.is_lost) == (2, False)
    assert process.departures == []


async def test_a_bug_in_a_command_costs_the_session_its_place_and_is_answered(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.ask(SESSION_ID, 1, Watch())
    [engine] = process.host.residents.engines()
    monkeypatch.setattr(engine.session, "accept", lambda *_: 1 / 0)
    with pytest.raises(PerdureError):
        await process.ask(SESSION_ID, 1, Send(given("Well?")))
    await process.until(lambda: process.departures != [])
    cause = "it hit a bug (ZeroDivisionError)"
    assert process.departures == [Departure(SESSION_ID, 1, has_failed=True, cause=cause)]
    assert process.host.residents.is_empty


async def test_a_turn_that_is_cancelled_by_its_own_doing_costs_the_session_its_place(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.ask(SESSION_ID, 1, Watch())
    [engine] = process.host.residents.engines()

    async def cancelled() -> NoReturn:
        raise asyncio.CancelledError

    monkeypatch.setattr(engine, "_load", cancelled)
    await process.ask(SESSION_ID, 1, Send(given("Well?")))
    await process.until(lambda: process.departures != [])
    cause = "it hit a bug (CancelledError)"
    assert process.departures == [Departure(SESSION_ID, 1, has_failed=True, cause=cause)]


async def test_a_host_that_closes_begins_nothing_more(process: Process, store: HeldLoads, model: Gate) -> None:
    await process.ask(SESSION_ID, 1, Watch())
    await process.ask(SESSION_ID, 1, Send(given("Well?")))
    await model.reached()
    flushed, flush = asyncio.Event(), process.services.journal.flush

    async def late() -> None:
        await flushed.wait()
        await flush()

    process.services.journal.flush = late  # type: ignore[method-assign]
    closing = asyncio.create_task(process.host.close())
    await asyncio.sleep(0)
    with pytest.raises(SessionMovingError):
        await process.ask(SESSION_ID, 1, Watch())
    [engine] = process.host.residents.engines()
    assert engine._runner is None
    flushed.set()
    await closing


async def said_twice(process: Process, model: Gate) -> None:
    """Say a second thing while the model answers the first, and kill the process then."""
    await process.ask(SESSION_ID, 1, Watch())
    await process.ask(SESSION_ID, 1, Send(given("Well?")))
    await model.reached()
    await process.ask(SESSION_ID, 1, Send(given("And?")))
    await process.kill()


async def test_what_is_owed_is_begun_when_somebody_looks_whatever_its_row_says(
    process: Process, store: HeldLoads, model: Gate
) -> None:
    await said_twice(process, model)
    store.rows[SESSION_ID].epoch = 2
    other = Process(services_for(store, FixedAgents({}, []), ScriptedModel()))
    await other.ask(SESSION_ID, 2, Watch())
    await other.seen("session.idled")
    await other.kill()


async def test_a_session_in_quarantine_ends_its_turn_and_what_no_model_heard(
    process: Process, store: HeldLoads, model: Gate
) -> None:
    await said_twice(process, model)
    store.rows[SESSION_ID].epoch, store.rows[SESSION_ID].is_quarantined = 2, True
    other = Process(services_for(store, FixedAgents({}, []), ScriptedModel()))
    with pytest.raises(StaleEpochError):
        await other.ask(SESSION_ID, 2, Watch())
    types = [event.type for event in decoded([line.body for line, _ in store.rows[SESSION_ID].lines])]
    assert [type_ for type_ in types if type_.startswith("turn.")] == ["turn.started", "turn.failed"] * 2
    await other.kill()


async def test_whoever_looks_at_a_turn_that_waits_ends_it_not_though_its_agent_cannot_be_had_now(
    store: HeldLoads,
) -> None:
    agents = FixedAgents({}, ["ask_human"])
    process = Process(services_for(store, agents, ScriptedModel(say("", call("c", "ask_human")))))
    await process.ask(SESSION_ID, 1, Watch())
    await process.ask(SESSION_ID, 1, Send(given("Well?")))
    await process.seen("tool.call_requested")

    async def away(binding: Binding) -> RuntimeAgent:
        raise InvalidInputError("the agent is archived")  # noqa: EM101, TRY003

    agents.load = away  # type: ignore[method-assign]
    await process.ask(SESSION_ID, 1, Watch())
    [engine] = process.host.residents.engines()
    for _ in range(20):
        await asyncio.sleep(0)
    assert engine._runner is None
    assert engine._deadline is not None
    assert not [type_ for type_ in process.types() if type_ == "turn.failed"]
    await process.kill()
