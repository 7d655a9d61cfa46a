"""When it is the user's turn."""

from typing import Any

import pytest

from api.terminal.chat.progress import Progress
from runtime.core import event as ev
from runtime.core.message import Message, Role, TextPart, ToolCallPart

STARTED = ev.TurnStarted(turn_id="t", input_message_id="m")
REASONING = ev.ReasonStarted(harness_id="h")
IDLED = ev.SessionIdled(turn_id="t")
COMPLETED = ev.TurnCompleted(turn_id="t", iterations=1)
REQUESTED = ev.ToolCallRequested(tool_calls=(ToolCallPart("a", "look", {}), ToolCallPart("b", "look", {})))


ASKED = ev.ToolDecisionRequested(
    tool_call=ToolCallPart("a", "pay", {}),
    attempt=1,
    idempotency_key="k",
    expires_at="",
    headline="",
    message="",
    choices=(),
)


def said(message_id: str = "m", **fields: Any) -> ev.InputMessage:
    content = (TextPart("hi"),)
    return ev.InputMessage(message=Message(id=message_id, role=Role.USER, content=content, created_at="", **fields))


def done(call_id: str) -> ev.ToolCompleted:
    return ev.ToolCompleted(tool_call_id=call_id, tool_name="look", success=True, status="success")


def after(*events: ev.Payload, progress: Progress | None = None) -> Progress:
    progress = progress or Progress()
    for number, data in enumerate(events, start=progress.sequence + 1):
        sequence = None if data.is_ephemeral else number
        progress.apply(
            ev.Event(id="e", type=data.type, ts="", session_id="s", context=ev.Context(), data=data, sequence=sequence)
        )
    return progress


def test_an_empty_session_is_settled() -> None:
    assert after().is_settled


def test_a_message_is_owed_a_turn() -> None:
    assert not after(said()).is_settled
    assert not after(said(), STARTED).is_settled


def test_a_turn_is_over_when_the_session_rests_and_not_before() -> None:
    assert not after(said(), STARTED, COMPLETED).is_settled
    assert after(said(), STARTED, COMPLETED, IDLED).is_settled


def test_a_message_that_steers_a_turn_is_owed_no_other_once_it_was_heard() -> None:
    assert after(said(), STARTED, said("n"), REASONING, COMPLETED, IDLED).is_settled
    unheard = after(said(), STARTED, REASONING, said("n"), COMPLETED, IDLED)
    assert not unheard.is_settled
    assert after(STARTED, REASONING, COMPLETED, IDLED, progress=unheard).is_settled


def test_the_note_of_a_cancel_is_owed_nothing() -> None:
    cancelled = ev.TurnCancelled(turn_id="t")
    assert after(said(), STARTED, cancelled, said("n", metadata={"source": "cancel"}), IDLED).is_settled


def test_somebody_elses_turn_does_not_settle_our_message() -> None:
    progress = after(said(), STARTED)
    progress.expected = "mine"
    after(COMPLETED, IDLED, progress=progress)
    assert not progress.is_settled
    after(said("mine"), STARTED, COMPLETED, IDLED, progress=progress)
    assert progress.is_settled


def test_calls_wait_for_the_client_until_they_are_answered() -> None:
    progress = after(said(), STARTED, REQUESTED)
    assert progress.is_settled
    assert list(progress.pending) == ["a", "b"]
    after(done("a"), done("b"), progress=progress)
    assert not progress.is_settled
    assert not progress.pending


def test_a_call_in_doubt_waits_for_the_user_until_somebody_decides_or_its_time_is_over() -> None:
    progress = after(said(), STARTED, ASKED)
    assert progress.is_settled
    assert progress.questions == {"a": ASKED}
    made = ev.ToolDecisionMade(tool_call_id="a", tool_name="pay", attempt=1, decision="retry")
    after(made, progress=progress)
    assert not progress.is_settled
    after(ASKED, done("a"), progress=progress)
    assert not progress.is_asking


@pytest.mark.parametrize("call", [REQUESTED, ASKED])
def test_a_call_waits_for_the_user_whatever_was_said_since_the_model_was_called(call: ev.Payload) -> None:
    assert after(said(), STARTED, REASONING, said("n"), call).is_settled


def test_the_end_of_a_turn_leaves_nothing_pending() -> None:
    assert not after(said(), STARTED, REQUESTED, ASKED, IDLED).is_asking


def test_a_failure_is_remembered() -> None:
    assert not after(said(), STARTED, COMPLETED, IDLED).has_failed
    assert after(said(), STARTED, ev.TurnFailed(turn_id="t", error="no"), IDLED, said(), STARTED).has_failed
    assert after(said(), STARTED, ev.TurnSealed(turn_id="t", reason="budget"), IDLED).has_failed


def test_what_is_ephemeral_moves_no_cursor() -> None:
    delta = ev.OutputDelta(turn_id="t", message_id="m", delta="a", accumulated="a")
    assert after(said(), STARTED, delta).sequence == 2
