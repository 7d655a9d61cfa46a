"""The fold that makes a session's state: replaying a log gives what the live actor had.

`fold` changes the state in place, for a long conversation must not be copied at each event; given the
same state and event it always does the same. Which event may come when is the table in `phase.py`: `admit`
looks there first, so that of several events all are folded or none. What each does is in the file of its family.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from runtime.core import event as ev
from runtime.core.session import admission
from runtime.core.session.fold import act, reason, turn
from runtime.core.session.phase import NEXT
from runtime.core.session.state import SessionState

_CHANGES: Final = {**turn.changes, **reason.changes, **act.changes}


def apply(state: SessionState, event: ev.Event, private: msgspec.Raw | None = None) -> None:
    """Admit one durable event and fold it. Raises as `admit`; the state is as it was then."""
    admit(state, (event,))
    fold(state, event, private)


def admit(state: SessionState, events: Sequence[ev.Event]) -> None:
    """Pass if these events may come next, one after the other; nothing is changed. Raises JournalCorruptError."""
    calls = {call.call.id for call in state.turn.calls} if state.turn is not None else set()
    admission.admit(state.session_id, state.last_sequence, state.phase, calls, events)


def fold(state: SessionState, event: ev.Event, private: msgspec.Raw | None = None) -> None:
    """Let an event that was admitted change the state."""
    change = _CHANGES.get(event.type)
    if change is not None:
        change(state, event, private)
    state.phase = NEXT[state.phase, event.type]
    state.last_sequence = event.sequence or 0
    state.last_event_id = event.id
