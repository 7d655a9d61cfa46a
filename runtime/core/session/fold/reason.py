"""How a model call changes the state."""

import msgspec

from runtime.core import event as ev
from runtime.core.failure import PROCESSING
from runtime.core.message import Turned
from runtime.core.session.elapsed import elapsed_ms
from runtime.core.session.fold.change import Changes, open_turn, preview
from runtime.core.session.phase import Phase
from runtime.core.session.state import Call, SessionState

changes = Changes()


@changes.on(ev.ReasonStarted)
def _reason_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = open_turn(state)
    turn.exec_id = event.context.exec_id or ""
    turn.reason_started_at = event.ts
    turn.heard = len(state.messages)
    state.waiting_inputs = []
    turn.calls = []
    turn.requested_at = None
    turn.message_id = None
    turn.error_code = None
    turn.is_thinking = False
    turn.tried = []


@changes.on(ev.ReasonRerouted)
def _rerouted(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    open_turn(state).tried.append(event.data.tried)


@changes.on(ev.ThinkingStarted)
def _thinking_started(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    open_turn(state).is_thinking = True


@changes.on(ev.ThinkingCompleted)
def _thinking_completed(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    open_turn(state).is_thinking = False


@changes.on(ev.OutputStarted)
def _output_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = open_turn(state)
    turn.message_id = event.data.message_id
    if turn.first_token_ms is None:
        turn.first_token_ms = elapsed_ms(turn.started_at, event.ts)


@changes.on(ev.LlmGeneration)
def _generation(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    data: ev.LlmGeneration = event.data
    turn = open_turn(state)
    usage = data.metadata.usage
    if usage is not None:
        turn.usage += usage
        state.usage += usage
    state.generated = turn.heard


@changes.on(ev.OutputCompleted)
def _output_completed(state: SessionState, event: ev.Event, private: msgspec.Raw | None) -> None:
    data: ev.OutputCompleted = event.data
    turn = open_turn(state)
    turned = Turned(data.message) if private is None else Turned(data.message, private)
    # What was said meanwhile, the model has not heard: it comes after the answer.
    state.messages.insert(turn.heard if state.phase is Phase.REASONING else len(state.messages), turned)
    state.output_preview = preview(data.message) or state.output_preview
    turn.message_id = None
    turn.error_code = data.error_code
    turn.error_fields = data.error_fields
    turn.error_disclosure = data.error_disclosure
    if data.error_code is not None:
        turn.error = data.message.text
    if state.phase is Phase.REASONING:
        turn.calls = [Call(call) for call in data.message.tool_calls]
        turn.final_message_id = data.message.id
        turn.final_text = preview(data.message)


@changes.on(ev.ReasonCompleted)
def _reason_completed(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = open_turn(state)
    turn.iterations += 1
    if not event.data.success:
        turn.error_code = turn.error_code or PROCESSING
    state.steps += 1
