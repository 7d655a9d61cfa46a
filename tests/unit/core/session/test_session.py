"""The fold: what each event makes of the state."""

import msgspec
import pytest

from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError
from runtime.core.message import Role, TextPart, ToolResultPart, Usage
from runtime.core.session.elapsed import elapsed_ms
from runtime.core.session.fold import apply
from runtime.core.session.result import result_message, result_value
from runtime.core.session.snapshot import revive, snapshot
from runtime.core.session.state import PREVIEW_CHARS, SessionState, Status
from tests.unit.core.logs import ADD, ASK, LOOK, SESSION_ID, USAGE, Log, event_of, message


def stored(log: Log) -> list[tuple[bytes, None]]:
    return [(ev.encode(event), None) for event in log.events]


@pytest.mark.parametrize("sequence", [None, 0, 1, 3])
def test_a_gap_or_a_repeat_raises_and_changes_nothing(sequence: int | None) -> None:
    log = Log().said()
    before = snapshot(log.state)
    event = event_of(log.state, ev.SessionTitleUpdated(title="x"), sequence=sequence)
    with pytest.raises(JournalCorruptError, match="expected sequence 2"):
        apply(log.state, event)
    assert snapshot(log.state) == before


@pytest.mark.parametrize(
    ("log", "status"),
    [
        (Log(), Status.STARTED),
        (Log().said(), Status.ACTIVE),
        (Log().started(), Status.ACTIVE),
        (Log().answered(), Status.ACTIVE),
        (Log().waiting(), Status.WAITING),
        (Log().waiting().tool_done(ASK), Status.ACTIVE),
        (Log().answered().add(ev.TurnCompleted(turn_id="t1", iterations=1)), Status.IDLE),
        (Log().answered().add(ev.TurnCompleted(turn_id="t1", iterations=1)).said("m2"), Status.IDLE),
    ],
)
def test_the_status_tells_where_the_session_stands(log: Log, status: Status) -> None:
    assert log.state.status is status


def test_messages_accepted_before_a_turn_wait_and_the_turn_takes_them_all() -> None:
    log = Log().said("m1").said("m2")
    assert log.state.waiting_inputs == ["m1", "m2"]
    log.started()
    assert log.state.waiting_inputs == []
    log.said("m3")
    assert log.state.waiting_inputs == ["m3"]
    log.reasoning()
    assert log.state.waiting_inputs == []
    assert [t.message.id for t in log.state.messages] == ["m1", "m2", "m3"]


def test_an_answer_with_calls_opens_a_batch() -> None:
    log = Log().answered("on it", ADD, LOOK)
    assert [c.call for c in log.turn.pending()] == [ADD, LOOK]
    assert (log.turn.final_text, log.turn.final_message_id, log.turn.iterations) == ("on it", "a1", 1)
    assert log.turn.usage == log.state.usage == USAGE
    assert log.state.steps == 1


def test_a_calls_outcome_settles_it_and_becomes_a_message() -> None:
    log = Log().acting().tool_started(ADD)
    assert [(c.is_started, c.span_id) for c in log.turn.calls] == [(True, "span-c1"), (False, None)]
    log.tool_done(ADD, result=(TextPart('{"result": 3}'),)).tool_done(
        LOOK, success=False, status="error", error="no", result=None
    )
    assert log.turn.pending() == []
    assert [c.succeeded for c in log.turn.calls] == [True, False]
    assert (log.turn.tool_calls, log.state.steps) == (2, 3)
    assert [t.message.content for t in log.state.messages[-2:]] == [
        (ToolResultPart("c1", {"result": 3}, None),),
        (ToolResultPart("c2", None, "no"),),
    ]


def test_an_outcome_of_a_call_that_nobody_made_is_corrupt() -> None:
    log = Log().acting(ADD)
    with pytest.raises(JournalCorruptError, match="no call c2"):
        log.tool_done(LOOK)


def test_a_new_model_call_forgets_the_last_batch_and_error() -> None:
    log = Log().acting(ADD).tool_done(ADD).add(ev.ActCompleted(completed=True, success_count=1, error_count=0))
    assert log.turn.act_id is None
    log.reasoning()
    assert (log.turn.calls, log.turn.heard, log.turn.exec_id) == ([], 3, "e1")


def test_a_failed_call_is_remembered_until_the_turn_ends() -> None:
    log = Log().failed("provider_rate_limited")
    assert (log.turn.error_code, log.turn.error) == ("provider_rate_limited", "sorry")


def test_a_failed_call_without_a_code_is_a_processing_error() -> None:
    log = Log().reasoning().add(ev.ReasonCompleted(success=False, has_tool_calls=False, tool_call_count=0))
    assert log.turn.error_code == "processing_error"


def test_thinking_and_the_message_that_streams_are_known_while_they_last() -> None:
    log = Log().reasoning().add(ev.ThinkingStarted(turn_id="t1"))
    assert log.turn.is_thinking
    log.add(ev.ThinkingCompleted(turn_id="t1", thinking="hm"))
    assert not log.turn.is_thinking
    log.add(ev.OutputStarted(turn_id="t1", message_id="a1"), ts="2026-01-01T00:00:00.250Z")
    assert (log.turn.message_id, log.turn.first_token_ms) == ("a1", 250)
    log.add(ev.OutputCompleted(message=message("a1", "hi", Role.AGENT)))
    assert log.turn.message_id is None


def test_the_note_of_a_cancel_is_a_message_that_nobody_answers() -> None:
    log = Log().reasoning().add(ev.TurnCancelled(turn_id="t1")).said("note", "[cancelled]")
    log.add(ev.SessionIdled(turn_id="t1"))
    assert log.state.waiting_inputs == []
    assert "note" not in log.state.inputs.latest
    assert log.state.status is Status.IDLE


def test_last_words_of_a_cancelled_turn_are_not_its_final_answer() -> None:
    log = Log().answered("first", ADD).add(ev.TurnCancelled(turn_id="t1"))
    log.add(ev.OutputCompleted(message=message("a2", "stopped", Role.AGENT)))
    assert (log.turn.final_text, [c.call for c in log.turn.calls]) == ("first", [ADD])
    assert log.state.output_preview == "stopped"


def test_previews_and_titles_are_short_and_hold_no_nul() -> None:
    log = Log().said("m1", "a\x00b" + "c" * 500).add(ev.SessionTitleUpdated(title="t\x00t"))
    assert log.state.preview == "ab" + "c" * (PREVIEW_CHARS - 3)
    assert log.state.title == "tt"
    log.said("m2", "second")
    assert log.state.preview.startswith("ab")


def test_an_outcome_is_a_message_with_the_events_own_digits() -> None:
    log = Log().acting(ADD).tool_done(ADD)
    made = result_message(log.events[-1])
    assert made.id.removeprefix("message_") == log.events[-1].id.removeprefix("event_")
    assert made.role is Role.TOOL_RESULT


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (['{"a": 1}'], {"a": 1}),
        (["[1, ", "2]"], [1, 2]),
        (["{not json"], "{not json"),
        (["7"], "7"),
        ([], ""),
    ],
)
def test_a_result_is_the_json_that_its_text_holds_or_the_text(texts: list[str], value: object) -> None:
    assert result_value([TextPart(text) for text in texts]) == value


def test_time_that_ran_backwards_counts_as_none() -> None:
    assert elapsed_ms("2026-01-01T00:00:01.000Z", "2026-01-01T00:00:00.000Z") == 0
    assert elapsed_ms("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.250Z") == 1250


def test_usage_adds_up_and_what_is_unknown_stays_unknown() -> None:
    assert Usage(1, 2, None, 4, 0.5) + Usage(10, 20, 30, None, 0.25) == Usage(11, 22, 30, 4, 0.75)
    assert Usage(1, 2) + Usage(3, 4) == Usage(4, 6)


# ---------------------------------------------------------------- bringing it back


def test_a_state_comes_back_from_its_log_and_from_any_snapshot_of_it() -> None:
    log = Log().acting().tool_started(ADD).tool_done(ADD)
    events = stored(log)
    for cut in range(len(events) + 1):
        part = revive(SESSION_ID, None, events[:cut])
        assert revive(SESSION_ID, snapshot(part), events[cut:]) == log.state


def test_private_state_comes_back_beside_its_message() -> None:
    log = Log().reasoning()
    event = event_of(log.state, ev.OutputCompleted(message=message("a1", "hi", Role.AGENT)))
    private = msgspec.Raw(b'{"signature":"s"}')
    state = revive(SESSION_ID, None, [*stored(log), (ev.encode(event), private)])
    assert state.messages[-1].private == private
    again = revive(SESSION_ID, snapshot(state), [])
    assert again.messages[-1].private == private


def test_an_event_of_a_newer_server_counts_and_means_nothing() -> None:
    log = Log().said()
    unknown = b'{"id":"event_x","type":"voice.novel","ts":"","session_id":"s","context":{},"data":{"a":1},"sequence":2}'
    state = revive(SESSION_ID, None, [*stored(log), (unknown, None)])
    assert state.last_sequence == 2
    assert msgspec.structs.replace(state, last_sequence=1) == log.state


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"id":1}'])
def test_bytes_that_are_no_event_are_a_corrupt_journal(body: bytes) -> None:
    with pytest.raises(JournalCorruptError) as raised:
        revive(SESSION_ID, None, [*stored(Log().said()), (body, None)])
    assert raised.value.sequence == 2


def test_a_turn_that_never_started_cannot_be_gone_on_with() -> None:
    state = SessionState(SESSION_ID, phase=Log().reasoning().state.phase)
    with pytest.raises(JournalCorruptError, match="no turn is open"):
        apply(state, event_of(state, ev.ThinkingStarted(turn_id="t1")))
