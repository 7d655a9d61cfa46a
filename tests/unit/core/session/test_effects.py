"""What the ledger makes of a log, and how a held turn stands."""

import pytest
from msgspec import structs

from runtime.core import event as ev
from runtime.core.message import TextPart
from runtime.core.session import draft as write
from runtime.core.session.decision import (
    CHOICES,
    CONFIRMED,
    SKIPPED,
    Choice,
    Decision,
    ask_person,
    decide_call,
    expire_decisions,
)
from runtime.core.session.effect import Effect, EffectState, idempotency_key, project, unanswered
from runtime.core.session.snapshot import revive, snapshot
from runtime.core.session.state import Status
from runtime.core.session.turn import AskClient, AwaitDecision, CallModel, RunTools, decide
from tests.unit.core.logs import ADD, ASK, LOOK, SESSION_ID, TIME, Log

CLIENT = ("ask_human",)
LATER = "2026-01-02T00:00:00.000Z"
GIVE_UP = ev.TranscriptRepaired(tool_call_id="c1", action=ev.SYNTHESIZE)
REPLAY = ev.TranscriptRepaired(tool_call_id="c1", action=ev.REPLAY)


def begun() -> Log:
    return Log().acting(ADD).tool_started(ADD)


def held(log: Log | None = None) -> Log:
    log = log or begun()
    return log.draft(ask_person(log.state, log.turn, log.turn.calls[0], None, LATER))


def decided(choice: Choice, log: Log | None = None) -> Log:
    log = log or held()
    call = log.turn.calls[0]
    given = Decision(tool_call_id="c1", attempt=call.attempts, choice=choice)
    return log.draft(*decide_call(log.turn, call, given, LATER))


def effect(log: Log) -> Effect:
    within = [structs.replace(e, context=structs.replace(e.context, turn_id="t1")) for e in log.events]
    [found] = project(within)
    return found


@pytest.mark.parametrize(
    ("log", "state", "attempts"),
    [
        (begun(), EffectState.INTENDED, 1),
        (begun().tool_done(ADD), EffectState.DONE, 1),
        (begun().tool_done(ADD, success=False, status="error"), EffectState.FAILED, 1),
        (begun().tool_done(ADD, success=False, status="timeout"), EffectState.UNKNOWN, 1),
        (begun().tool_done(ADD, success=False, status="error", outcome_unknown=True), EffectState.UNKNOWN, 1),
        (begun().add(GIVE_UP).tool_done(ADD, success=False, status="error"), EffectState.UNKNOWN, 1),
        (begun().add(REPLAY), EffectState.INTENDED, 2),
        (begun().add(REPLAY).tool_done(ADD), EffectState.DONE, 2),
        (held(), EffectState.AWAITING_DECISION, 1),
        (decided("happened"), EffectState.DONE, 1),
        (decided("skip"), EffectState.SKIPPED, 1),
        (decided("retry"), EffectState.INTENDED, 1),
        (decided("retry").add(REPLAY).tool_done(ADD), EffectState.DONE, 2),
        (decided("retry").add(REPLAY).tool_done(ADD, success=False, status="error"), EffectState.FAILED, 2),
        (held(decided("retry").add(REPLAY)), EffectState.AWAITING_DECISION, 2),
    ],
)
def test_an_effect_stands_where_its_events_say(log: Log, state: EffectState, attempts: int) -> None:
    assert (effect(log).state, effect(log).attempts) == (state, attempts)


def test_a_call_that_was_stopped_while_a_person_had_let_it_run_again_is_unknown() -> None:
    log = decided("retry")
    log.draft(*write.cancel_turn(log.state, log.turn, "", LATER, lambda prefix: f"{prefix}_1"))
    assert effect(log).state is EffectState.UNKNOWN


def test_a_log_without_marks_of_an_older_server_is_read_as_well() -> None:
    log = begun().add(ev.TurnCancelled(turn_id="t1")).tool_done(ADD, success=False, status="cancelled")
    assert (effect(log).state, effect(log).policy) == (EffectState.UNKNOWN, None)


def test_calls_that_never_began_have_no_effect() -> None:
    assert project(Log().waiting().tool_done(ASK).events) == []


def test_the_key_of_a_call_never_changes_and_is_no_other_calls() -> None:
    """Calls in flight during an upgrade would lose their key."""
    key = idempotency_key("session_1", "turn_1", "call_1")
    assert key == "effect_2cbbd00cca83599d865fb155a7b29885"
    assert len(key) == 39
    others = [("session_2", "turn_1", "call_1"), ("session_1", "turn_2", "call_1"), ("session_1", "turn_1", "call_2")]
    assert len({key, *(idempotency_key(*other) for other in others)}) == 4


def test_a_question_is_open_until_it_is_answered_or_settled() -> None:
    assert [e.type for e in unanswered(held().events)] == ["tool.decision_requested"]
    assert unanswered(decided("retry").events) == []
    log = held()
    assert unanswered(log.draft(*expire_decisions(log.turn, LATER)).events) == []
    assert [e.data.attempt for e in unanswered(held(decided("retry").add(REPLAY)).events)] == [2]


# ---------------------------------------------------------------- the turn


def test_a_held_session_shows_that_it_waits_and_a_decided_one_that_it_works() -> None:
    assert (held().state.status, held().state.awaits_client) == (Status.WAITING, False)
    assert decide(held().state, CLIENT, 9) == AwaitDecision(LATER)
    assert decided("retry").state.status is Status.ACTIVE


@pytest.mark.parametrize(
    ("log", "directive"),
    [
        (decided("retry"), RunTools((), (ADD,))),
        (decided("happened"), CallModel(is_resumed=False)),
        (decided("skip"), CallModel(is_resumed=False)),
        (decided("skip", held(Log().acting(ADD, ASK).tool_started(ADD))), AskClient((ASK,))),
    ],
)
def test_once_everything_is_decided_the_turn_goes_on(log: Log, directive: object) -> None:
    assert decide(log.state, CLIENT, 9) == directive


def test_the_turn_waits_until_the_last_of_several_questions_is_answered() -> None:
    log = Log().acting(ADD, LOOK).tool_started(ADD).tool_started(LOOK)
    for call in log.turn.calls:
        log.draft(ask_person(log.state, log.turn, call, "Name", LATER))
    assert decide(decided("retry", log).state, CLIENT, 9) == AwaitDecision(LATER)
    assert [c.call for c in log.turn.undecided()] == [LOOK]


def test_a_call_that_is_run_again_may_be_asked_about_again() -> None:
    log = decided("retry").add(REPLAY)
    [call] = log.turn.calls
    assert (call.attempts, call.decide_by, call.decision) == (2, None, None)
    assert decide(log.state, CLIENT, 9) == RunTools((), (ADD,))


def test_a_held_turn_comes_back_from_its_log_and_from_a_snapshot() -> None:
    log = decided("retry", held())
    stored = [(ev.encode(event), None) for event in log.events]
    for cut in range(len(stored) + 1):
        part = revive(SESSION_ID, None, stored[:cut])
        assert revive(SESSION_ID, snapshot(part), stored[cut:]) == log.state


def test_a_new_message_settles_what_waits_for_a_person_as_unknown() -> None:
    log = held()
    drafts = write.abandon_turn(log.state, log.turn, LATER)
    [outcome] = [d.data for d in drafts if isinstance(d.data, ev.ToolCompleted)]
    assert outcome.outcome_unknown
    assert write.MAYBE in (outcome.error or "")
    log.draft(*drafts)
    assert log.state.turn is None


# ---------------------------------------------------------------- words


def test_the_question_holds_the_words_to_show() -> None:
    log = begun()
    draft = ask_person(log.state, log.turn, log.turn.calls[0], "Add up", LATER)
    data = draft.data
    assert isinstance(data, ev.ToolDecisionRequested)
    assert (data.headline, data.expires_at, data.choices) == ("Did Add up take effect?", LATER, CHOICES)
    assert data.message.startswith("Add up was running when its process died")
    assert draft.context.span_id == "span-c1"
    assert data.idempotency_key == idempotency_key(SESSION_ID, "t1", "c1")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Decision(tool_call_id="c1", attempt=1, choice="happened"), CONFIRMED),
        (Decision(tool_call_id="c1", attempt=1, choice="happened", note="hm"), f"{CONFIRMED} Their note: hm"),
        (Decision(tool_call_id="c1", attempt=1, choice="happened", result={"a": 1}, note="hm"), '{"a":1}'),
        (Decision(tool_call_id="c1", attempt=1, choice="happened", result="yes"), "yes"),
        (Decision(tool_call_id="c1", attempt=1, choice="skip"), SKIPPED),
        (Decision(tool_call_id="c1", attempt=1, choice="skip", note="hm"), f"{SKIPPED} Their note: hm"),
    ],
)
def test_the_model_reads_what_the_person_said(given: Decision, words: str) -> None:
    log = held()
    made, outcome = decide_call(log.turn, log.turn.calls[0], given, TIME)
    assert isinstance(made.data, ev.ToolDecisionMade)
    assert isinstance(outcome.data, ev.ToolCompleted)
    assert (made.data.decision, made.data.result, made.data.note) == (given.choice, given.result, given.note)
    assert words == (
        outcome.data.error or "".join(p.text for p in outcome.data.result or () if isinstance(p, TextPart))
    )
    assert outcome.data.success is (given.choice == "happened")
