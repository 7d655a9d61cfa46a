"""The checker of the chaos harness finds what it is there to find: each promise broken on purpose, in its input."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import pytest

from loadtests.chaos.checker import Outside, Promise, check, check_intents, counts, intents
from loadtests.chaos.hermit import Hermit
from loadtests.chaos.ledger import Event, Log
from loadtests.chaos.plan import RESTARTS, Fault, Kind
from loadtests.chaos.storm import Storm
from loadtests.chaos.vendor import ModelRequest
from loadtests.chaos.witness import Accepted, DiaryLine, Evidence, Head, Seen, digest

SESSION = "session_" + "1" * 32
SPOIL = "CHAOS_SPOIL"  # see faulty.py, which a test must not import: it would spoil this process too
ONCE, AGAIN = "call_once", "call_again"
SWEEP = 0.15  # what chooses the loop of that name, in a process that loads what spoils it


class Case(NamedTuple):
    """Everything that the checker is given about one session."""

    log: Log
    evidence: Evidence
    outside: Outside


def event(sequence: int, event_type: str, *, epoch: int = 1, span: str | None = None, **data: Any) -> Event:
    body = {"id": f"event_{sequence}", "type": event_type, "sequence": sequence, "context": {"span_id": span}}
    body["data"] = data
    if event_type == "input.message":
        body["metadata"] = {"idempotency_key": "n1"}
    return Event(sequence, epoch, event_type, digest(str(sequence).encode()), body)


def message(text: str) -> dict[str, Any]:
    return {"id": "message_out", "content": [{"type": "text", "text": text}]}


def tool_completed(sequence: int, call_id: str, name: str) -> Event:
    return event(sequence, "tool.completed", epoch=2, tool_call_id=call_id, tool_name=name, success=True)


def healthy() -> Case:
    """One turn with two model calls and two tools, taken over by another actor in the middle, seen by two clients."""
    events = [
        event(1, "session.started"),
        event(2, "input.message", message={"id": "message_1"}),
        event(3, "session.activated"),
        event(4, "turn.started", turn_id="turn_1", input_message_id="message_1"),
        event(5, "reason.started", span="exec_1"),
        event(6, "llm.generation", metadata={"success": True}),
        event(7, "output.message.completed", message=message("working")),
        event(8, "reason.completed", span="exec_1", success=True),
        event(9, "tool.started", tool_call={"id": ONCE}),
        event(10, "tool.started", tool_call={"id": AGAIN}),
        tool_completed(11, ONCE, "write_once"),
        tool_completed(12, AGAIN, "write_again"),
        event(13, "reason.started", epoch=2, span="exec_2"),
        event(14, "llm.generation", epoch=2, metadata={"success": True}),
        event(15, "output.message.completed", epoch=2, message=message("done")),
        event(16, "reason.completed", epoch=2, span="exec_2", success=True),
        event(17, "turn.completed", epoch=2, turn_id="turn_1"),
        event(18, "session.idled", epoch=2, turn_id="turn_1"),
    ]
    evidence = Evidence(
        SESSION,
        watchers={name: [Seen(e.sequence, e.digest, float(e.sequence)) for e in events] for name in ("one", "two")},
        accepted=[Accepted("message_1", "n1", ("working", "done"), 2.5)],
        attempted={"n1"},
        results={ONCE: "yes"},
        heads=[Head(1, 0), Head(2, 10)],
    )
    diary = {
        ONCE: [DiaryLine("began", "write_once", ONCE, 9.1), DiaryLine("ended", "write_once", ONCE, 9.9)],
        AGAIN: [
            DiaryLine("began", "write_again", AGAIN, 10.1),
            DiaryLine("began", "write_again", AGAIN, 10.9),  # its actor died, and it is safe to repeat
            DiaryLine("ended", "write_again", AGAIN, 11.5),
        ],
    }
    requests = {"n1": [ModelRequest("n1", 0, 5.1), ModelRequest("n1", 0, 5.5), ModelRequest("n1", 1, 13.1)]}
    return Case(Log(SESSION, 2, 18, "idle", events), evidence, Outside(diary, requests))


def found(case: Case) -> dict[Promise, int]:
    findings = [*check(*case), *check_intents(intents(case.log), case.outside.diary)]
    return {promise: count for promise, count in counts(findings).items() if count}


def test_nothing_is_found_where_every_promise_was_kept() -> None:
    assert found(healthy()) == {}


def lose_message(case: Case) -> None:
    case.evidence.accepted.append(Accepted("message_2", "n2", ("hello",), 3.0))


def lose_result(case: Case) -> None:
    case.evidence.results["call_other"] = "yes"


def store_message_twice(case: Case) -> None:
    case.log.events[2] = event(3, "input.message", message={"id": "message_other"})


def skip_event(case: Case) -> None:
    del case.evidence.watchers["two"][6]


def miss_the_end(case: Case) -> None:
    del case.evidence.watchers["one"][-2:]


def lose_from_journal(case: Case) -> None:
    del case.log.events[2]


def show_what_was_never_stored(case: Case) -> None:
    case.evidence.watchers["one"].append(Seen(19, 7, 19.0))


def repeat_event(case: Case) -> None:
    seen = case.evidence.watchers["one"]
    seen.insert(8, seen[7])


def swap_events(case: Case) -> None:
    seen = case.evidence.watchers["two"]
    seen[4], seen[5] = seen[5], seen[4]


def alter_event(case: Case) -> None:
    seen = case.evidence.watchers["two"]
    seen[4] = seen[4]._replace(digest=1)


def write_under_old_epoch(case: Case) -> None:
    case.log.events[13] = case.log.events[13]._replace(epoch=1)


def write_after_losing_the_session(case: Case) -> None:
    case.evidence.heads[1] = Head(2, 8)


def pay_twice(case: Case) -> None:
    case.outside.requests["n1"].append(ModelRequest("n1", 0, 8.2))  # type: ignore[attr-defined]  # a list here


def complete_twice(case: Case) -> None:
    case.log.events[12] = event(13, "reason.completed", epoch=2, span="exec_1", success=True)


def answer_twice(case: Case) -> None:
    case.log.events[12] = event(13, "llm.generation", epoch=2, metadata={"success": True})


def run_once_twice(case: Case) -> None:
    case.outside.diary[ONCE].append(DiaryLine("began", "write_once", ONCE, 9.5))  # type: ignore[attr-defined]  # a list


def run_after_result(case: Case) -> None:
    case.outside.diary[AGAIN].append(DiaryLine("began", "write_again", AGAIN, 12.5))  # type: ignore[attr-defined]  # so


def settle_twice(case: Case) -> None:
    case.log.events[12] = tool_completed(13, AGAIN, "write_again")


def run_without_intent(case: Case) -> None:
    case.log.events[8] = event(9, "tool.progress")


def claim_a_run(case: Case) -> None:
    del case.outside.diary[ONCE][-1]  # type: ignore[attr-defined]  # a list here


def leave_turn_open(case: Case) -> None:
    case.log.events[16] = event(17, "tool.progress", epoch=2)


def wait_in_vain(case: Case) -> None:
    case.evidence.stalled.append("message_1")


def never_go_idle(case: Case) -> None:
    case.log.events[17] = event(18, "tool.progress", epoch=2)


def end_twice(case: Case) -> None:
    case.log.events[17] = event(18, "turn.failed", epoch=2, turn_id="turn_1")


def fail_turn(case: Case) -> None:
    case.log.events[16] = event(17, "turn.failed", epoch=2, turn_id="turn_1", error_code="processing_error")


def quarantine_turn(case: Case) -> None:
    case.log.events[16] = event(17, "turn.failed", epoch=2, turn_id="turn_1", error_code="session_quarantined")


def say_something_else(case: Case) -> None:
    case.log.events[14] = event(15, "output.message.completed", epoch=2, message=message("done done"))


def say_it_twice(case: Case) -> None:
    case.log.events[12] = event(13, "output.message.completed", epoch=2, message=message("working"))


def give_no_answer(case: Case) -> None:
    case.evidence.is_usable = False


@pytest.mark.parametrize(
    ("corrupt", "promises"),
    [
        (lose_message, {Promise.ACCEPTED_LOST}),
        (lose_result, {Promise.ACCEPTED_LOST}),
        (store_message_twice, {Promise.ACCEPTED_TWICE}),
        (skip_event, {Promise.EVENTS_LOST}),
        (miss_the_end, {Promise.EVENTS_LOST}),
        (lose_from_journal, {Promise.EVENTS_LOST}),
        (show_what_was_never_stored, {Promise.EVENTS_LOST}),
        (repeat_event, {Promise.EVENTS_REPEATED}),
        (swap_events, {Promise.EVENTS_DISORDERED}),
        (alter_event, {Promise.EVENTS_ALTERED}),
        (write_under_old_epoch, {Promise.OLD_EPOCHS}),
        (write_after_losing_the_session, {Promise.OLD_EPOCHS}),
        (pay_twice, {Promise.MODEL_PAID_TWICE}),
        (complete_twice, {Promise.MODEL_PAID_TWICE}),
        (answer_twice, {Promise.MODEL_PAID_TWICE}),
        (run_once_twice, {Promise.ONCE_TWICE}),
        (run_after_result, {Promise.TOOL_AGAIN}),
        (settle_twice, {Promise.TOOL_AGAIN}),
        (run_without_intent, {Promise.TOOL_UNFOUNDED}),
        (claim_a_run, {Promise.TOOL_UNFOUNDED}),
        (leave_turn_open, {Promise.TURN_ENDLESS}),
        (wait_in_vain, {Promise.TURN_ENDLESS}),
        (never_go_idle, {Promise.TURN_ENDLESS}),
        (end_twice, {Promise.TURN_WRONG, Promise.TURN_ENDLESS}),
        (fail_turn, {Promise.TURN_WRONG}),
        (quarantine_turn, {Promise.TURN_WRONG}),
        (say_something_else, {Promise.TURN_WRONG}),
        (say_it_twice, {Promise.TURN_WRONG}),
        (give_no_answer, {Promise.UNUSABLE}),
    ],
)
def test_broken_promise_is_found_and_only_that(corrupt: Callable[[Case], None], promises: set[Promise]) -> None:
    case = healthy()
    corrupt(case)
    assert set(found(case)) == promises


@pytest.mark.parametrize(("blows", "count"), [(RESTARTS, 1), (RESTARTS + 1, 0)])
def test_turn_may_fail_as_poison_if_it_was_struck_as_often_as_poison_kills(blows: int, count: int) -> None:
    case = healthy()
    quarantine_turn(case)
    case.evidence.blows[:] = [float(second) for second in range(5, 5 + blows)]
    assert found(case).get(Promise.TURN_WRONG, 0) == count


def babble(case: Case) -> None:
    case.outside.requests["n1"][0] = ModelRequest("n1", 0, 5.1, is_babbled=True)  # type: ignore[index]  # a list here


def go_mad(case: Case) -> None:
    case.evidence.accepted[0] = case.evidence.accepted[0]._replace(is_mad=True)


@pytest.mark.parametrize("said", [babble, go_mad])
@pytest.mark.parametrize("outcome", [fail_turn, say_something_else])
def test_turn_whose_model_said_garbage_may_end_in_any_way(
    said: Callable[[Case], None], outcome: Callable[[Case], None]
) -> None:
    case = healthy()
    said(case)
    outcome(case)
    assert found(case) == {}


@pytest.mark.parametrize("said", [babble, go_mad])
@pytest.mark.parametrize(
    ("corrupt", "promise"),
    [
        (quarantine_turn, Promise.TURN_WRONG),
        (leave_turn_open, Promise.TURN_ENDLESS),
        (pay_twice, Promise.MODEL_PAID_TWICE),
        (run_once_twice, Promise.ONCE_TWICE),
        (run_after_result, Promise.TOOL_AGAIN),
        (lose_from_journal, Promise.EVENTS_LOST),
    ],
)
def test_garbage_excuses_nothing_else(
    said: Callable[[Case], None], corrupt: Callable[[Case], None], promise: Promise
) -> None:
    case = healthy()
    said(case)
    corrupt(case)
    assert promise in found(case)


def test_garbage_of_a_tool_is_no_reason_to_run_it_again_after_its_result() -> None:
    case = healthy()
    case.log.events[11] = tool_completed(12, AGAIN, "write_garbage")
    assert found(case) == {}
    run_after_result(case)
    assert found(case) == {Promise.TOOL_AGAIN: 1}


def test_loss_of_a_whole_row_is_found() -> None:
    case = healthy()
    shorter = dataclasses.replace(case.log, last_sequence=17)
    assert found(case._replace(log=shorter)) == {Promise.EVENTS_LOST: 1}


# ---------------------------------------------------------------- a whole run against a spoiled server

USURPERS = [Fault(Kind.USURPER, "reason.started", 0.0, 0.5)] * 4
KILLERS = [Fault(Kind.ACTOR, "accepted", 0.0, 0.5)] * 4
STUMBLE = Fault(Kind.STUMBLE, None, 0.0, SWEEP)
CALM = Fault(Kind.CLIENT_CUT, None, 3.0, 0.5)


async def run_spoiled(ways: Collection[str], faults: Sequence[Fault], users: Sequence[str], seed: int) -> set[Promise]:
    """Return the promises that a run finds broken in a server that was spoiled in these ways (see faulty.py)."""
    world = Hermit({SPOIL: " ".join(ways)}, {"chaos-faulty": "tests.chaos.faulty:Faulty"})
    try:
        async with world:
            outcome = await Storm(world, seed, users, lambda _: None, patience_s=6.0).run(faults)
    finally:
        world.remove()
    return {promise for promise, count in outcome.counts.items() if count}


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_run_turns_red_against_a_server_that_was_spoiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.chaos.stumbles.END_S", 2.0)  # nobody who stumbles here will end
    broken = {
        "forget_epochs": Promise.OLD_EPOCHS,
        "acknowledge_early": Promise.ACCEPTED_LOST,
        "repeat_tools": Promise.ONCE_TWICE,
        "outlive_loops": Promise.LOOP_OVER,
    }
    faults, users = [*USURPERS, *KILLERS, STUMBLE, CALM], ["chatter"] * 4 + ["worker"] * 2
    found: set[Promise] = set()
    for seed in range(1, 4):  # whether anything was on its way to the disk when an actor died is chance
        found |= await run_spoiled(broken, faults, users, seed)
        if found >= {*broken.values()}:
            break
    assert found >= {*broken.values()}
