"""Tools whose outcome a crash took away, and the people who decide about them (ARCHITECTURE.md, promise 4).

The processes die as `tests.stage` has them die; the ledger is read as the front door reads it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from runtime.core import event as ev
from runtime.core.errors import ConflictError
from runtime.core.message import ToolResultPart
from runtime.core.metrics.counts import take
from runtime.core.placement.supervision import Record, Standing
from runtime.core.session.decision import Choice, Decision
from runtime.core.session.effect import EffectState, idempotency_key
from runtime.engine.services import Tunables
from runtime.ports.events import Filter, Range
from runtime.ports.gateway import ClientResult
from runtime.process.metrics import counts
from runtime.store.events import EventLog
from runtime.wire.protocol import Cancel, Decide, Submit
from tests.integration.conftest import Deployment
from tests.laws import check_log, check_transcript
from tests.stage import FAST, Conversation, CutJournal, Gate, ScriptedModel, Step, call, say
from tests.tenancy import ours

WIRE = (say("", call("c1", "wire")), say("I see."))
MIXED = (
    say("", call("c1", "pay"), call("c2", "look"), call("c3", "wire"), call("c4", "ask_human"), call("c5", "wire")),
    say("I see."),
)


def decision(choice: Choice, call_id: str = "c1", attempt: int = 1, **said: Any) -> Decide:
    return Decide(Decision(tool_call_id=call_id, attempt=attempt, choice=choice, **said))


async def _started(deployment: Deployment, scripts: Sequence[Sequence[Step]], count: int = 1) -> Conversation:
    """Have a turn's process die in the middle of its tools."""
    deployment.probe.gate = gate = Gate()
    chat = await deployment.begin(*scripts)
    await chat.send("go")
    await gate.reached()
    await chat.process.seen("tool.started", count)
    await deployment.eventually(lambda: len(deployment.probe.effects) >= count)
    await chat.process.kill()
    deployment.probe.gate = None
    return chat


async def _revived(
    deployment: Deployment, session_id: str, model: ScriptedModel, tunables: Tunables = FAST, cut_at: int | None = None
) -> Conversation:
    journal = CutJournal(deployment.store, cut_at)
    chat = await deployment.converse(deployment.process(model, tunables, journal), session_id)
    chat.process.adopt(session_id, chat.epoch)
    return chat


async def _held(
    deployment: Deployment, scripts: Sequence[Sequence[Step]] = WIRE, tunables: Tunables = FAST
) -> tuple[Conversation, ScriptedModel]:
    """Return a session that waits for a decision about `c1`, in the process that revived it."""
    first = await _started(deployment, scripts)
    model = ScriptedModel(*scripts)
    chat = await _revived(deployment, first.session_id, model, tunables)
    await chat.process.seen("tool.decision_requested")
    return chat, model


def outcome(log: Sequence[ev.Event], call_id: str = "c1") -> ev.ToolCompleted:
    data: ev.ToolCompleted
    [data] = [e.data for e in log if e.type == "tool.completed" and e.data.tool_call_id == call_id]
    return data


def heard(model: ScriptedModel, call_id: str = "c1") -> ToolResultPart:
    """Return what the model read of a call the last time it was asked."""
    check_transcript(model.requests[-1].history)
    parts = [part for turned in model.requests[-1].history for part in turned.message.content]
    [result] = [p for p in parts if isinstance(p, ToolResultPart) and p.tool_call_id == call_id]
    return result


async def test_a_tool_that_asks_holds_the_turn_until_a_person_says_what_became_of_it(deployment: Deployment) -> None:
    """Nothing runs again by itself; the session shows that it waits, for what, since when and until when."""
    chat, model = await _held(deployment)
    assert await deployment.status(chat.session_id) == "waitingfortoolresults"
    assert deployment.probe.effects == [("wire", "c1")]
    assert model.requests == []
    [question] = await EventLog(ours(deployment.pool)).pending_decisions(chat.session_id)
    data: ev.ToolDecisionRequested = question.data
    assert (data.tool_call.id, data.attempt, data.display_name) == ("c1", 1, "Wire transfer")
    assert data.headline == "Did Wire transfer take effect?"
    assert [choice.decision for choice in data.choices] == ["happened", "retry", "skip"]
    assert data.expires_at > question.ts
    assert data.idempotency_key == deployment.probe.keys[0]
    log = await deployment.log(chat.session_id)
    check_log(log, is_finished=False)
    assert log[-1] == question


async def test_it_happened_and_the_model_reads_the_result_that_the_person_gave(deployment: Deployment) -> None:
    chat, model = await _held(deployment)
    assert await chat.ask(decision("happened", result={"receipt": 7}, note="seen in the bank's list"))
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert (outcome(log).success, outcome(log).outcome_unknown) == (True, False)
    assert heard(model).result == {"receipt": 7}
    assert deployment.probe.effects == [("wire", "c1")]
    [made] = [e.data for e in log if e.type == "tool.decision_made"]
    assert (made.decision, made.attempt, made.note) == ("happened", 1, "seen in the bank's list")
    [effect], _ = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert (effect.state, effect.attempts, effect.decisions[0].decision) == (EffectState.DONE, 1, "happened")


async def test_run_again_runs_it_once_more_under_the_same_key(deployment: Deployment) -> None:
    chat, model = await _held(deployment)
    assert await chat.ask(decision("retry"))
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert deployment.probe.effects == [("wire", "c1")] * 2
    turn_id = next(e.data.turn_id for e in log if e.type == "turn.started")
    assert set(deployment.probe.keys) == {idempotency_key(chat.session_id, turn_id, "c1")}
    assert heard(model).result == "wired"
    types = [e.type for e in log]
    assert types.index("tool.decision_made") < types.index("transcript.repaired") < types.index("tool.completed")
    [effect], _ = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert (effect.state, effect.attempts, effect.policy) == (EffectState.DONE, 2, "ask")


async def test_skipped_it_is_not_run_again_and_the_model_is_told_why(deployment: Deployment) -> None:
    chat, model = await _held(deployment)
    assert await chat.ask(decision("skip", note="the invoice was void"))
    await chat.turns_ended()
    check_log(await deployment.log(chat.session_id))
    assert "decided to skip it" in (heard(model).error or "")
    assert "the invoice was void" in (heard(model).error or "")
    assert deployment.probe.effects == [("wire", "c1")]
    [effect], _ = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert effect.state is EffectState.SKIPPED


async def test_a_call_is_decided_once_and_only_while_it_is_asked_about(deployment: Deployment) -> None:
    chat, _ = await _held(deployment)
    assert not await chat.ask(decision("skip", "c9"))
    assert not await chat.ask(decision("skip", attempt=2))
    assert await chat.ask(decision("skip"))
    assert not await chat.ask(decision("retry"))
    await chat.turns_ended()
    assert not await chat.ask(decision("retry"))
    assert deployment.probe.effects == [("wire", "c1")]


@pytest.mark.parametrize("choice", ["happened", "retry", "skip"])
async def test_a_process_that_dies_while_a_person_thinks_changes_nothing(
    deployment: Deployment, choice: Choice
) -> None:
    chat, _ = await _held(deployment)
    asked = await deployment.log(chat.session_id)
    await chat.process.kill()
    model = ScriptedModel(*WIRE)
    again = await _revived(deployment, chat.session_id, model)
    assert await again.ask(decision(choice))
    await again.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert log[: len(asked)] == asked
    assert [e.type for e in log].count("tool.decision_requested") == 1
    heard(model)
    assert len(deployment.probe.effects) == (2 if choice == "retry" else 1)


async def test_a_process_that_dies_while_it_runs_a_call_again_asks_again(deployment: Deployment) -> None:
    """A decision holds for one attempt: repeating it, as a front door does when a line breaks, repeats no effect."""
    chat, _ = await _held(deployment)
    deployment.probe.gate = gate = Gate()
    assert await chat.ask(decision("retry"))
    await gate.reached()
    await chat.process.kill()
    deployment.probe.gate = None
    model = ScriptedModel(*WIRE)
    again = await _revived(deployment, chat.session_id, model)
    await again.process.seen("tool.decision_requested")
    assert not await again.ask(decision("retry", attempt=1))
    assert len(deployment.probe.effects) == 2
    assert await again.ask(decision("happened", attempt=2))
    await again.turns_ended()
    check_log(await deployment.log(chat.session_id))
    assert "confirmed" in str(heard(model).result)
    [effect], _ = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert [(d.attempt, d.decision) for d in effect.decisions] == [(1, "retry"), (2, "happened")]


@pytest.mark.parametrize("choice", ["happened", "retry", "skip"])
async def test_whenever_processes_die_around_a_decision_the_turn_ends_and_no_effect_is_unasked_for(
    deployment: Deployment, choice: Choice
) -> None:
    """A second process dies after each number of events; the third finds a call that is settled or asked about."""
    chat, _ = await _held(deployment)
    asked_at = len(await deployment.log(chat.session_id)) - 1
    assert await chat.ask(decision(choice))
    await chat.turns_ended()
    length = len(await deployment.log(chat.session_id))
    for limit in range(asked_at, length):
        deployment.probe.effects.clear()
        first = await _started(deployment, WIRE)
        second = await _revived(deployment, first.session_id, ScriptedModel(*WIRE), cut_at=limit)
        await _decide_all(second, choice)
        await second.process.kill()
        model = ScriptedModel(*WIRE)
        third = await _revived(deployment, first.session_id, model)
        await _decide_until_end(deployment, third, choice)
        log = await deployment.log(first.session_id)
        check_log(log)
        assert log[-2].type == "turn.completed", f"after {limit} events"
        heard_by_model = [r.history for r in model.requests]
        for history in heard_by_model:
            check_transcript(history)
        retries = [e for e in log if e.type == "tool.decision_made" and e.data.decision == "retry"]
        assert len(deployment.probe.effects) <= 1 + len(retries)
        await third.process.kill()


async def _decide_all(chat: Conversation, choice: Choice) -> None:
    """Decide, if the process lives to ask; it may die before it answers."""
    journal = chat.process.services.journal
    assert isinstance(journal, CutJournal)
    await chat.process.until_or(journal.cut, lambda: "tool.decision_requested" in chat.process.types())
    if not journal.cut.is_set():
        chat.process.start(chat.session_id, chat.epoch, decision(choice))
        await chat.process.until_or(journal.cut, lambda: "session.idled" in chat.process.types())


async def _decide_until_end(deployment: Deployment, chat: Conversation, choice: Choice) -> None:
    while True:
        seen = len(chat.process.frames)
        log = await deployment.log(chat.session_id)
        if log[-1].type == "session.idled":
            return
        pending = await EventLog(ours(deployment.pool)).pending_decisions(chat.session_id)
        if pending:
            await chat.ask(decision(choice, attempt=pending[0].data.attempt))
        else:
            await chat.process.until(lambda seen=seen: len(chat.process.frames) > seen)  # type: ignore[misc]


async def test_everything_else_of_a_batch_is_settled_before_anybody_is_asked(deployment: Deployment) -> None:
    """Once reported, safe ones repeated, then people, then the client; several questions are asked at once."""
    first = await _started(deployment, MIXED, 4)
    model = ScriptedModel(*MIXED)
    chat = await _revived(deployment, first.session_id, model)
    await chat.process.seen("tool.decision_requested", 2)
    log = await deployment.log(chat.session_id)
    assert [e.data.tool_call_id for e in log if e.type == "tool.completed"] == ["c1", "c2"]
    assert [e.type for e in log][-2:] == ["tool.decision_requested"] * 2
    with pytest.raises(ConflictError, match="not waiting for tool results"):
        await chat.ask(Submit((ClientResult("c4", "yes"),)))
    assert await chat.ask(decision("happened", "c3"))
    assert await deployment.status(chat.session_id) == "waitingfortoolresults"
    assert "tool.call_requested" not in chat.process.types()
    assert await chat.ask(decision("retry", "c5"))
    await chat.process.seen("tool.call_requested")
    assert await chat.ask(Submit((ClientResult("c4", "yes"),))) == "active"
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [name for name, _ in deployment.probe.effects].count("wire") == 3
    assert heard(model, "c5").result == "wired"
    effects, total = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert total == 4
    assert {e.tool_call_id: (e.state, e.attempts) for e in effects} == {
        "c1": (EffectState.UNKNOWN, 1),
        "c2": (EffectState.DONE, 2),
        "c3": (EffectState.DONE, 1),
        "c5": (EffectState.DONE, 2),
    }


async def test_a_new_message_ends_the_wait_and_the_model_hears_that_nobody_knows(deployment: Deployment) -> None:
    """The input rule is that of client-side tools."""
    chat, model = await _held(deployment)
    model.scripts = (say("never mind"),)
    take(counts)
    await chat.send("forget it")
    await chat.turns_ended(2)
    counted = take(counts)
    assert counted is not None
    assert (counted.turns_cancelled, counted.turns_completed) == (1, 1)
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.data.reason for e in log if e.type == "turn.cancelled"] == ["superseded_by_new_message"]
    assert "may or may not have taken effect" in (heard(model).error or "")
    assert not await chat.ask(decision("retry"))
    assert await EventLog(ours(deployment.pool)).pending_decisions(chat.session_id) == []
    [effect], _ = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert effect.state is EffectState.UNKNOWN
    assert deployment.probe.effects == [("wire", "c1")]


async def test_a_cancel_ends_the_wait(deployment: Deployment) -> None:
    chat, _ = await _held(deployment)
    assert await chat.ask(Cancel())
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert outcome(log).outcome_unknown
    assert not await chat.ask(decision("retry"))
    assert await deployment.status(chat.session_id) == "idle"


async def test_a_question_that_nobody_answers_in_time_is_settled_as_unknown(deployment: Deployment) -> None:
    """A turn always ends; a call that may have taken effect is never repeated by default."""
    chat, model = await _held(deployment, tunables=replace(FAST, decision_timeout_s=0.01))
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert (outcome(log).status, outcome(log).outcome_unknown) == ("timeout", True)
    assert "nobody decided in time" in (heard(model).error or "")
    assert log[-2].type == "turn.completed"
    assert deployment.probe.effects == [("wire", "c1")]


async def test_a_quarantine_ends_the_wait(deployment: Deployment) -> None:
    chat, _ = await _held(deployment)
    await chat.process.kill()
    process = deployment.process(ScriptedModel(*WIRE))
    process.adopt(chat.session_id, await deployment.place(chat.session_id, Record(standing=Standing.QUARANTINED)))
    await process.until(lambda: bool(process.departures))
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert log[-2].type != "turn.completed"
    [effect], _ = await EventLog(ours(deployment.pool)).effects(chat.session_id, 20, 0)
    assert effect.state is EffectState.UNKNOWN


async def test_a_tool_that_asks_and_is_not_interrupted_asks_nobody(deployment: Deployment) -> None:
    chat = await deployment.begin(*WIRE)
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    assert not {"tool.decision_requested", "transcript.repaired"} & {e.type for e in log}
    [started] = [e.data for e in log if e.type == "tool.started"]
    assert started.on_interrupt == "ask"


# ---------------------------------------------------------------- the ledger


async def test_the_intent_is_on_the_disk_before_the_effect_and_the_outcome_comes_after_it(
    deployment: Deployment,
) -> None:
    deployment.probe.gate = gate = Gate()
    chat = await deployment.begin(*WIRE)
    await chat.send("go")
    await gate.reached()
    ledger = EventLog(ours(deployment.pool))
    [effect], _ = await ledger.effects(chat.session_id, 20, 0)
    assert (effect.state, effect.finished_at) == (EffectState.INTENDED, None)
    gate.open()
    await chat.turns_ended()
    [effect], _ = await ledger.effects(chat.session_id, 20, 0)
    assert effect.state is EffectState.DONE
    assert effect.finished_at is not None
    assert effect.finished_at >= effect.started_at
    assert effect.duration_ms is not None


async def test_no_two_calls_share_a_key_and_no_two_sessions_do(deployment: Deployment) -> None:
    """The model's ids repeat from session to session; the keys do not."""
    scripts = (say("", call("c1", "look"), call("c2", "look")), say("", call("c1", "pay")))
    for _ in range(2):
        chat = await deployment.begin(*scripts)
        for count in (1, 2):
            await chat.send("go")
            await chat.turns_ended(count)
    assert len(deployment.probe.keys) == len(set(deployment.probe.keys)) == 12
    ledger = EventLog(ours(deployment.pool))
    effects, total = await ledger.effects(chat.session_id, 20, 0)
    assert total == 6
    assert [e.idempotency_key for e in effects][::-1] == deployment.probe.keys[6:]


async def test_the_ledger_is_read_in_parts_newest_first(deployment: Deployment) -> None:
    chat = await deployment.begin(say("", *(call(f"c{n}", "look") for n in range(5))), say("", call("c5", "pay")))
    await chat.send("go")
    await chat.turns_ended()
    ledger = EventLog(ours(deployment.pool))
    whole, total = await ledger.effects(chat.session_id, 20, 0)
    assert (total, len(whole), whole[0].tool_call_id) == (6, 6, "c5")
    parts = [(await ledger.effects(chat.session_id, 2, offset))[0] for offset in (0, 2, 4, 6)]
    assert [e for part in parts for e in part] == whole
    assert {e.state for e in whole} == {EffectState.DONE}
    assert await ledger.effect(chat.session_id, "c3") == whole[2]
    assert await ledger.effect(chat.session_id, "c") is None


async def test_a_call_that_quotes_another_is_not_taken_for_it(deployment: Deployment) -> None:
    """A model writes the arguments; they may look like a call."""
    quoted = {"type": "tool_call", "id": "c1", "name": "look"}
    chat = await deployment.begin(say("", call("c1", "look")), say("", call("c2", "look", quoted=quoted)))
    await chat.send("go")
    await chat.turns_ended()
    effect = await EventLog(ours(deployment.pool)).effect(chat.session_id, "c1")
    assert effect is not None
    assert effect.tool_call_id == "c1"


async def test_events_that_quote_what_cannot_be_stored_are_found_again(deployment: Deployment) -> None:
    chat = await deployment.begin(say("nothing \0", call("c\0", "no such \0 tool", a="\0")))
    await chat.send("go")
    await chat.turns_ended()
    ledger = EventLog(ours(deployment.pool))
    effect = await ledger.effect(chat.session_id, "c\0")
    assert effect is not None
    found = await ledger.read(chat.session_id, Filter(tool_name=effect.tool_name), Range())
    assert [event.type for event in found.items] == ["tool.started", "tool.completed"]


async def test_the_ledger_does_not_read_the_rest_of_the_log(deployment: Deployment) -> None:
    """Whatever a session said, its effects are found through an index that holds tools' events only."""
    queries = [
        "SELECT body FROM events WHERE session_id = gen_random_uuid() AND type = 'tool.started' ORDER BY sequence DESC",
        "SELECT min(sequence) FROM events WHERE session_id = gen_random_uuid() AND type = 'act.completed'",
    ]
    async with deployment.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        for query in queries:
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
            assert "events_effects" in plan, plan
