"""What is written at each step of a turn."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from runtime.core import event as ev
from runtime.core.failure import QUARANTINED, WORDS, Disclosure, Telling
from runtime.core.message import TextPart
from runtime.core.session import draft as write
from runtime.core.session.draft import Draft
from runtime.core.session.phase import Phase
from runtime.core.session.state import PREVIEW_CHARS
from tests.unit.core.logs import ADD, ASK, LOOK, USAGE, Log

LATER = "2026-01-01T00:00:02.500Z"


def ids() -> write.NewId:
    numbers = count(1)
    return lambda prefix: f"{prefix}_{next(numbers)}"


def types(drafts: list[Draft]) -> list[str]:
    return [draft.data.type for draft in drafts]


def of(drafts: list[Draft], event_type: str) -> Any:
    [data] = [draft.data for draft in drafts if draft.data.type == event_type]
    return data


def test_a_turn_opens_with_the_content_of_its_message() -> None:
    log = Log().said("m1", "first").said("m2", "second")
    agent = ev.TurnStarted(turn_id="", input_message_id="", agent_name="A")
    drafts = write.start_turn(log.state, "m1", "t1", agent)
    assert types(drafts) == ["session.activated", "turn.started"]
    started = of(drafts, "turn.started")
    assert (started.turn_id, started.agent_name, started.input_content) == ("t1", "A", (TextPart("first"),))
    log.draft(*drafts)
    assert log.state.phase is Phase.OPEN


def test_spans_nest_turn_step_call() -> None:
    log = Log().acting(ADD)
    turn = write.turn_context("t1", "m1")
    assert (turn.trace_id, turn.span_id, turn.parent_span_id) == ("t1", "t1", None)
    step = write.reason_context(log.turn)
    assert (step.exec_id, step.span_id, step.parent_span_id, step.trace_id) == ("e1", "e1", "t1", "t1")
    call = write.call_context(log.turn, "s1")
    assert (call.exec_id, call.span_id, call.parent_span_id, call.trace_id) == ("x1", "s1", "x1", "t1")
    assert write.input_context("m1") == ev.Context(input_message_id="m1")


def test_a_turn_that_went_well_is_summed_up() -> None:
    log = Log().answered("x" * 300)
    drafts = write.finish_turn(log.state, log.turn, LATER)
    assert types(drafts) == ["turn.completed", "session.idled"]
    done = of(drafts, "turn.completed")
    assert (done.iterations, done.llm_call_count, done.tool_call_count) == (1, 1, 0)
    assert (done.duration_ms, done.usage, done.final_message_id) == (2500, USAGE, "a1")
    assert len(done.final_answer_preview) == PREVIEW_CHARS
    assert of(drafts, "session.idled").usage == USAGE
    assert log.draft(*drafts).state.phase is Phase.READY


def test_a_turn_whose_model_call_failed_ends_as_failed() -> None:
    log = Log().failed("model_unavailable")
    drafts = write.finish_turn(log.state, log.turn, LATER)
    assert types(drafts) == ["turn.failed", "session.idled"]
    failed = of(drafts, "turn.failed")
    assert (failed.error_code, failed.error) == ("model_unavailable", "sorry")
    assert log.draft(*drafts).state.phase is Phase.READY


STANDS: dict[str, Callable[[], Log]] = {
    "open": Log().started,
    "reasoning": Log().reasoning,
    "thinking": lambda: Log().reasoning().add(ev.ThinkingStarted(turn_id="t1")),
    "streaming": lambda: Log().reasoning().add(ev.OutputStarted(turn_id="t1", message_id="a1")),
    "decided": lambda: Log().answered("", ADD),
    "acting": lambda: Log().acting().tool_started(ADD).tool_started(LOOK).tool_done(ADD),
    "waiting": Log().waiting,
    "waiting in an act": lambda: Log().acting(ADD, ASK).tool_done(ADD).add(ev.ToolCallRequested(tool_calls=(ASK,))),
}


@pytest.mark.parametrize("stand", STANDS)
def test_a_cancel_closes_what_is_open_wherever_the_turn_stands(stand: str) -> None:
    log = STANDS[stand]()
    pending = len(log.turn.pending())
    drafts = write.cancel_turn(log.state, log.turn, "", LATER, ids())
    assert types(drafts)[:2] == ["turn.cancelled", "input.message"]
    assert types(drafts).count("tool.completed") == pending
    assert ("reason.completed" in types(drafts)) == (log.state.phase is Phase.REASONING)
    assert ("reason.thinking.completed" in types(drafts)) == log.turn.is_thinking
    assert ("act.completed" in types(drafts)) == (log.turn.act_id is not None)
    assert of(drafts, "output.message.completed").message.text == write.CANCELLED_TEXT
    log.draft(*drafts)
    assert (log.state.phase, log.state.turn, log.state.waiting_inputs) == (Phase.READY, None, [])


@pytest.mark.parametrize("stand", STANDS)
def test_a_failure_closes_what_is_open_wherever_the_turn_stands(stand: str) -> None:
    log = STANDS[stand]()
    drafts = write.fail_turn(log.state, log.turn, QUARANTINED, "detail", LATER, ids())
    words = f"{WORDS[QUARANTINED]} detail"
    assert of(drafts, "turn.failed").error == words
    last = of(drafts, "output.message.completed")
    assert (last.error_code, last.message.text) == (QUARANTINED, words)
    log.draft(*drafts)
    assert (log.state.phase, log.state.turn) == (Phase.READY, None)


def test_a_cancel_keeps_what_was_seen_under_the_messages_own_id() -> None:
    log = STANDS["streaming"]()
    kept = of(write.cancel_turn(log.state, log.turn, "half", LATER, ids()), "output.message.completed").message
    assert (kept.id, kept.text, kept.metadata) == ("a1", "half", {"interrupted": True, "reason": "cancelled"})


def test_a_cancel_counts_what_succeeded_before_it() -> None:
    log = STANDS["acting"]()
    drafts = write.cancel_turn(log.state, log.turn, "", LATER, ids())
    act = of(drafts, "act.completed")
    assert (act.completed, act.success_count, act.error_count) == (False, 1, 1)
    outcome = of(drafts, "tool.completed")
    assert (outcome.tool_call_id, outcome.status, outcome.duration_ms) == ("c2", "cancelled", 2500)


@pytest.mark.parametrize("stand", ["waiting", "waiting in an act"])
def test_a_new_message_settles_the_clients_calls_and_ends_the_turn(stand: str) -> None:
    log = STANDS[stand]()
    drafts = write.abandon_turn(log.state, log.turn, LATER)
    assert types(drafts)[0] == "tool.completed"
    assert types(drafts)[-2:] == ["turn.cancelled", "session.idled"]
    assert of(drafts, "turn.cancelled").reason == "superseded_by_new_message"
    assert log.draft(*drafts).state.phase is Phase.READY


def test_a_model_call_that_was_answered_closes_its_step() -> None:
    log = Log().reasoning()
    draft = write.complete_reason(log.turn, "y" * 300, 2, USAGE, LATER)
    assert isinstance(draft.data, ev.ReasonCompleted)
    assert (draft.data.success, draft.data.has_tool_calls, draft.data.tool_call_count) == (True, True, 2)
    assert (len(draft.data.text_preview or ""), draft.data.duration_ms) == (PREVIEW_CHARS, 2500)


@pytest.mark.parametrize("stand", ["reasoning", "streaming"])
def test_a_model_call_that_failed_has_a_whole_message(stand: str) -> None:
    log = STANDS[stand]()
    told = Telling("x", "sorry", {"provider": "acme"}, Disclosure.STANDARD)
    drafts = write.fail_reason(log.turn, write.failed_message("a1", told, LATER), "in full", LATER)
    assert ("output.message.started" in types(drafts)) == (stand == "reasoning")
    assert of(drafts, "reason.completed").error == "in full"
    turn = log.draft(*drafts).turn
    assert (turn.error_code, turn.error, turn.error_fields) == ("x", "sorry", {"provider": "acme"})


def test_an_act_lists_its_calls_without_arguments() -> None:
    log = Log().answered("", ADD)
    draft = write.start_act(log.turn, "x1", [write.summary(ADD, "Add")])
    assert isinstance(draft.data, ev.ActStarted)
    assert draft.data.tool_calls == (ev.ToolCallSummary("c1", "add", "Add"),)
    assert log.draft(draft).turn.act_id == "x1"


def test_a_call_has_a_span_of_its_own_from_start_to_end() -> None:
    log = Log().acting(ADD)
    log.draft(write.start_call(log.turn, ADD, "Add", "s1"))
    [call] = log.turn.calls
    done = write.complete_call(log.turn, call, write.client_outcome(call, 1, None), LATER)
    assert done.context.span_id == "s1"
    assert isinstance(done.data, ev.ToolCompleted)
    assert done.data.duration_ms == 2500
    repaired = write.repair_call(log.turn, call)
    assert isinstance(repaired.data, ev.TranscriptRepaired)
    assert (repaired.data.tool_call_id, repaired.data.tool_name, repaired.context.span_id) == ("c1", "add", "s1")


def test_a_clients_result_is_text_or_an_error() -> None:
    [call] = Log().waiting().turn.calls
    good, bad = write.client_outcome(call, {"a": 1}, None), write.client_outcome(call, {"a": 1}, "no")
    assert (good.success, good.status, good.result) == (True, "success", (TextPart('{"a":1}'),))
    assert (bad.success, bad.status, bad.result, bad.error) == (False, "error", None, "no")
    assert write.as_text("plain") == "plain"


def test_calls_of_the_client_expire_all_at_once() -> None:
    log = Log().waiting(ASK, LOOK).tool_done(ASK)
    [draft] = write.expire_calls(log.turn, 1.5, LATER)
    assert isinstance(draft.data, ev.ToolCompleted)
    assert (draft.data.tool_call_id, draft.data.status) == ("c2", "timeout")
    assert "1.5 s" in (draft.data.error or "")


def test_the_client_is_asked_within_the_act_if_there_is_one() -> None:
    alone, within = Log().answered("", ASK), Log().acting(ADD, ASK).tool_done(ADD)
    assert write.ask_client(alone.turn, [ASK], "s1").context.parent_span_id == "e1"
    asked = write.ask_client(within.turn, [ASK], "s1")
    assert (asked.context.exec_id, asked.context.span_id, asked.context.parent_span_id) == ("x1", "s1", "x1")
    assert isinstance(asked.data, ev.ToolCallRequested)
    assert asked.data.tool_calls == (ASK,)
