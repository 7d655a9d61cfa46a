"""How the session's own events and a turn's beginning and end change the state."""

import msgspec

from runtime.core import event as ev
from runtime.core.files.pictures import is_elsewhere
from runtime.core.message import Message, Turned
from runtime.core.session.fold.change import Changes, preview
from runtime.core.session.phase import Phase
from runtime.core.session.state import SessionState, Turn

changes = Changes()


@changes.on(ev.SessionStarted)
def _session_started(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.is_started = True


@changes.on(ev.InputMessage)
def _input(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    message: Message = event.data.message
    state.messages.append(Turned(message, user_id=event.data.user_id))
    state.shows_pictures = state.shows_pictures or any(map(is_elsewhere, message.content))
    if state.phase is Phase.CLOSED:
        return  # the note of a cancel: part of the conversation, but nobody waits for an answer
    state.waiting_inputs.append(message.id)
    key = (event.metadata or {}).get("idempotency_key")
    state.inputs.remember(message, key, len(state.messages) - 1, event.ts)
    if state.preview is None:
        state.preview = preview(message)


@changes.on(ev.TurnStarted)
def _turn_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    data: ev.TurnStarted = event.data
    state.turn = Turn(data.turn_id, data.input_message_id, event.ts)
    state.waiting_inputs = []
    state.turns += 1


@changes.on(ev.TurnCancelled)
def _cancelled(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.waiting_inputs = []  # whoever stops a turn stops what was said to it


@changes.on(ev.SessionIdled)
def _idled(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.turn = None


@changes.on(ev.SessionTitleUpdated)
def _titled(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.title = event.data.title.replace("\x00", "")
