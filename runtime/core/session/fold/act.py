"""How tool calls change the state: the server's, the client's, and those that a person decides about."""

import msgspec

from runtime.core import event as ev
from runtime.core.message import Turned
from runtime.core.session.fold.change import Changes, find_call, open_turn
from runtime.core.session.result import result_message
from runtime.core.session.state import SessionState

changes = Changes()


@changes.on(ev.ActStarted)
def _act_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = open_turn(state)
    turn.act_id = event.context.exec_id
    turn.act_started_at = event.ts


@changes.on(ev.ToolStarted)
def _tool_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    call = find_call(state, event.data.tool_call.id)
    call.is_started = True
    call.attempts = 1
    call.started_at = event.ts
    call.span_id = event.context.span_id


@changes.on(ev.ToolCompleted)
def _tool_completed(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    data: ev.ToolCompleted = event.data
    call = find_call(state, data.tool_call_id)
    call.is_done = True
    call.succeeded = data.success
    open_turn(state).tool_calls += 1
    state.steps += 1
    state.messages.append(Turned(result_message(event)))


@changes.on(ev.TranscriptRepaired)
def _repaired(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    if event.data.action == ev.REPLAY:
        call = find_call(state, event.data.tool_call_id)
        call.attempts += 1
        call.decide_by = call.decision = None


@changes.on(ev.ToolDecisionRequested)
def _decision_requested(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    find_call(state, event.data.tool_call.id).decide_by = event.data.expires_at


@changes.on(ev.ToolDecisionMade)
def _decision_made(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    find_call(state, event.data.tool_call_id).decision = event.data.decision


@changes.on(ev.ActCompleted)
def _act_completed(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    open_turn(state).act_id = None


@changes.on(ev.ToolCallRequested)
def _requested(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    open_turn(state).requested_at = event.ts
    for part in event.data.tool_calls:
        call = find_call(state, part.id)
        call.started_at = event.ts
        call.span_id = event.context.span_id
