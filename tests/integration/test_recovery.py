"""A process dies at every place of a turn, and another one goes on (ARCHITECTURE.md, promises 2, 3 and 4)."""

from collections.abc import Callable, Sequence

import pytest

from runtime.core import event as ev
from runtime.core.errors import ConflictError, StaleEpochError
from runtime.core.session import draft as write
from runtime.ports.gateway import ClientResult
from runtime.ports.model import ModelReply, ReasoningDelta, TextDelta
from runtime.wire.protocol import Cancel, Departure, Send, Submit
from tests.integration.conftest import Deployment
from tests.laws import check_log
from tests.stage import Conversation, CutJournal, Gate, Process, ScriptedModel, SlowLoad, call, given, say

# Thinks, says, pays once and looks twice in parallel, asks the client, says.
SCRIPT = (
    (ReasoningDelta("hm"), *say("Wait.", call("c1", "pay"), call("c2", "look"))),
    say("", call("c3", "ask_human"), call("c4", "look")),
    say("All done."),
)
RESULT = Submit((ClientResult("c3", "yes"),))


async def _play(chat: Conversation) -> None:
    """Be the client: answer what is asked, until the turn is over."""
    await chat.process.until(lambda: {"tool.call_requested", "session.idled"} & set(chat.process.types()) != set())
    if "session.idled" not in chat.process.types():
        await chat.ask(RESULT)
        await chat.turns_ended()


async def _dies_after(deployment: Deployment, session_id: str, limit: int) -> Process:
    """Run the turn in a process that dies once `limit` events are in."""
    journal = CutJournal(deployment.store, limit)
    process = deployment.process(ScriptedModel(*SCRIPT), journal=journal)
    chat = Conversation(process, session_id, await deployment.place(session_id))
    chat.process.start(session_id, chat.epoch, Send(given("go")))
    await chat.watch()
    await process.until_or(journal.cut, lambda: "tool.call_requested" in process.types())
    if not journal.cut.is_set():
        process.start(session_id, chat.epoch, RESULT)
        await process.until_or(journal.cut, lambda: False)
    return process


def _calls(model: ScriptedModel) -> list[int]:
    return [request.call_index for request in model.requests]


async def _length(deployment: Deployment) -> int:
    chat = await deployment.begin(*SCRIPT)
    await chat.send("go")
    await _play(chat)
    log = await deployment.log(chat.session_id)
    deployment.probe.effects.clear()
    return len(log)


async def test_whenever_the_process_dies_the_turn_ends_and_nothing_is_done_twice(deployment: Deployment) -> None:
    length = await _length(deployment)
    assert length > 25
    for limit in range(1, length):
        deployment.probe.effects.clear()
        session_id = await deployment.new_session()
        first = await _dies_after(deployment, session_id, limit)
        await first.kill()
        before = await deployment.log(session_id)
        assert len(before) <= limit
        second_model = ScriptedModel(*SCRIPT)
        second = deployment.process(second_model)
        chat = await deployment.converse(second, session_id)
        if before:
            second.adopt(session_id, chat.epoch)
        else:
            await chat.send("go")  # nothing was acknowledged, so the client sends it again
        await _finish(deployment, chat)
        log = await deployment.log(session_id)
        assert log[: len(before)] == before
        check_log(log)
        assert log[-2].type == "turn.completed", f"after {limit} events"
        _check_nothing_was_repeated(before, log, _calls(second_model), deployment.probe.effects)
        await second.kill()


async def _finish(deployment: Deployment, chat: Conversation) -> None:
    while True:
        seen = len(chat.process.frames)
        log = await deployment.log(chat.session_id)
        if log and log[-1].type == "session.idled":
            return
        if await deployment.status(chat.session_id) == "waitingfortoolresults":
            await chat.ask(RESULT)
            await chat.turns_ended()
        else:
            await chat.process.until(lambda seen=seen: len(chat.process.frames) > seen)  # type: ignore[misc]


def _check_nothing_was_repeated(
    before: Sequence[ev.Event], log: Sequence[ev.Event], calls: Sequence[int], effects: Sequence[tuple[str, str]]
) -> None:
    finished = [e.type for e in before].count("reason.completed")
    assert [c for c in calls if c < finished] == [], "a finished model call is not paid for twice"
    assert len(calls) == len(set(calls))
    assert len([e for e in effects if e[0] == "pay"]) == 1 or _was_interrupted(log, "c1")
    assert len([e for e in effects if e[0] == "pay"]) <= 1
    done = {e.data.tool_call_id for e in before if e.type == "tool.completed"}
    for call_id in done & {"c1", "c2", "c4"}:
        assert [i for _, i in effects].count(call_id) == 1, "a finished tool call is not run twice"


def _was_interrupted(log: Sequence[ev.Event], call_id: str) -> bool:
    return any(e.type == "transcript.repaired" and e.data.tool_call_id == call_id for e in log)


async def _killed_in(
    deployment: Deployment, gate: Gate, model: ScriptedModel, is_ready: Callable[[Process], bool]
) -> tuple[str, Conversation]:
    process = deployment.process(model)
    chat = await deployment.converse(process)
    await chat.send("go")
    await gate.reached()
    await process.until(lambda: is_ready(process))
    await process.kill()
    return chat.session_id, chat


async def test_an_interrupted_tool_that_must_run_once_is_reported_and_not_repeated(deployment: Deployment) -> None:
    deployment.probe.gate = gate = Gate()
    scripts = (say("", call("c1", "pay")), say("I see."))
    session_id, _ = await _killed_in(deployment, gate, ScriptedModel(*scripts), lambda p: "tool.started" in p.types())
    deployment.probe.gate = None
    model = ScriptedModel(*scripts)
    process = deployment.process(model)
    chat = await deployment.converse(process, session_id)
    process.adopt(session_id, chat.epoch)
    await chat.turns_ended()
    log = await deployment.log(session_id)
    check_log(log)
    start = [e.type for e in log].index("tool.started")
    assert [e.type for e in log[start : start + 4]] == [
        "tool.started", "transcript.repaired", "tool.completed", "act.completed",
    ]  # fmt: skip
    assert log[start + 2].data.error == write.INTERRUPTED
    assert deployment.probe.effects == [("pay", "c1")]
    assert _calls(model) == [1]
    assert log[-2].type == "turn.completed"


async def test_an_interrupted_tool_that_may_be_repeated_runs_again_with_the_same_key(deployment: Deployment) -> None:
    deployment.probe.gate = gate = Gate()
    scripts = (say("", call("c1", "look")), say("I see."))
    session_id, _ = await _killed_in(deployment, gate, ScriptedModel(*scripts), lambda p: "tool.started" in p.types())
    deployment.probe.gate = None
    process = deployment.process(ScriptedModel(*scripts))
    chat = await deployment.converse(process, session_id)
    process.adopt(session_id, chat.epoch)
    await chat.turns_ended()
    log = await deployment.log(session_id)
    check_log(log)
    assert deployment.probe.effects == [("look", "c1"), ("look", "c1")]
    assert [e.data.success for e in log if e.type == "tool.completed"] == [True]
    assert [e.data.action for e in log if e.type == "transcript.repaired"] == ["replay"]
    assert len(set(deployment.probe.keys)) == 1


async def test_a_turn_goes_on_though_what_brought_it_to_life_is_refused(deployment: Deployment) -> None:
    gate = Gate()
    cut_off = ScriptedModel((TextDelta("half "), gate))
    session_id, _ = await _killed_in(deployment, gate, cut_off, lambda p: "output.message.delta" in p.types())
    process = deployment.process(ScriptedModel(say("All done.")))
    chat = await deployment.converse(process, session_id)
    with pytest.raises(ConflictError):
        await chat.ask(RESULT)
    await chat.turns_ended()
    assert (await deployment.log(session_id))[-2].type == "turn.completed"


async def test_a_message_cut_off_in_mid_stream_begins_again_under_its_id(deployment: Deployment) -> None:
    gate = Gate()
    session_id, _ = await _killed_in(
        deployment,
        gate,
        ScriptedModel((TextDelta("half "), gate)),
        lambda p: "output.message.delta" in p.types(),
    )
    process = deployment.process(ScriptedModel(say("whole")))
    chat = await deployment.converse(process, session_id)
    process.adopt(session_id, chat.epoch)
    await chat.turns_ended()
    log = await deployment.log(session_id)
    check_log(log)
    types = [e.type for e in log]
    assert (
        types.count("output.message.started") == types.count("reason.recovered") == types.count("reason.started") == 1
    )
    [completed] = [e.data.message.text for e in log if e.type == "output.message.completed"]
    assert completed == "whole"


async def test_a_session_that_waits_for_its_client_waits_on_in_the_next_process(deployment: Deployment) -> None:
    chat = await deployment.begin(say("", call("c3", "ask_human")), say("thanks"))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    await chat.process.kill()
    process = deployment.process(ScriptedModel(say("", call("c3", "ask_human")), say("thanks")))
    again = await deployment.converse(process, chat.session_id)
    process.adopt(chat.session_id, again.epoch)
    await again.ask(RESULT)
    await again.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.type for e in log].count("tool.call_requested") == 1


# ---------------------------------------------------------------- one writer


async def test_a_host_whose_session_moved_on_writes_nothing_and_runs_no_tool(deployment: Deployment) -> None:
    gate = Gate()
    old_model = ScriptedModel((TextDelta("old"), gate, ModelReply(text="old", tool_calls=(call("c1", "pay"),))))
    old = await deployment.converse(deployment.process(old_model))
    await old.send("go")
    await gate.reached()
    await old.process.seen("output.message.delta")
    new = await deployment.converse(deployment.process(ScriptedModel(say("new"))), old.session_id)
    new.process.adopt(new.session_id, new.epoch)
    await new.turns_ended()
    log = await deployment.log(old.session_id)
    gate.open()
    await deployment.eventually(lambda: not old.process.host.residents.engines())
    assert await deployment.log(old.session_id) == log
    check_log(log)
    assert deployment.probe.effects == []
    failure = Departure(old.session_id, old.epoch, has_failed=True, cause="it could not be written (stale_epoch)")
    assert old.process.failures == [failure], "its row says better"
    assert "turn.completed" not in old.process.types()


@pytest.mark.parametrize("ask", [Send(given("hello")), Cancel()])
async def test_a_stale_host_answers_that_the_session_is_moving(deployment: Deployment, ask: Send | Cancel) -> None:
    gate = Gate()
    old = await deployment.converse(deployment.process(ScriptedModel((TextDelta("old"), gate))))
    await old.send("go")
    await gate.reached()
    await old.process.seen("output.message.started")  # and so all that was said until then is in the log
    before = await deployment.log(old.session_id)
    await deployment.place(old.session_id)
    with pytest.raises(StaleEpochError):
        await old.ask(ask)
    assert await deployment.log(old.session_id) == before


async def test_a_host_that_is_told_of_a_newer_epoch_lets_the_old_session_go(deployment: Deployment) -> None:
    gate = Gate()
    model = ScriptedModel((TextDelta("half"), gate, ModelReply(text="half")))
    old = await deployment.converse(deployment.process(model))
    await old.send("go")
    await gate.reached()
    again = await deployment.converse(old.process, old.session_id)
    assert again.epoch == old.epoch + 1
    model.scripts = (say("whole"),)
    old.process.adopt(again.session_id, again.epoch)
    await again.turns_ended()
    gate.open()
    with pytest.raises(StaleEpochError):
        await old.send("too late")
    log = await deployment.log(old.session_id)
    check_log(log)
    assert [e.data.message.text for e in log if e.type == "output.message.completed"] == ["whole"]


async def test_an_adoption_that_was_overtaken_does_nothing(deployment: Deployment) -> None:
    chat = await deployment.begin()
    await chat.send("go")
    await chat.turns_ended()
    chat.process.adopt(chat.session_id, chat.epoch - 1)
    chat.process.adopt("session_" + "0" * 32, 1)
    await chat.send("again")
    await chat.turns_ended(2)
    assert chat.process.departures == []


async def test_a_load_that_was_overtaken_does_not_replace_the_newer_session(deployment: Deployment) -> None:
    store = SlowLoad(deployment.store)
    process = deployment.process(ScriptedModel(), store=store)
    session_id = await deployment.new_session()
    first_epoch = await deployment.place(session_id)
    late = process.start(session_id, first_epoch, Cancel())
    await store.gate.reached()
    chat = await deployment.converse(process, session_id)
    engine = process.host.residents.get(session_id)
    store.gate.open()
    with pytest.raises(StaleEpochError):
        await late
    assert process.host.residents.get(session_id) is engine
    await chat.send("go")
    await chat.turns_ended()


async def test_a_stale_append_raises_for_whoever_waits_for_it(deployment: Deployment) -> None:
    chat = await deployment.begin()
    await chat.send("go")
    await chat.turns_ended()
    [engine] = chat.process.host.residents.engines()
    session = engine.session
    await deployment.place(chat.session_id)
    session.accept(given("hello"))
    with pytest.raises(StaleEpochError):
        await session.settled()
    assert session.is_lost
    assert chat.process.host.residents.engines() == []
