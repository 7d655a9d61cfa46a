"""What an event does to the state: a table of changes by type of event, and what changes share."""

from collections.abc import Callable

import msgspec

from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError
from runtime.core.message import Message
from runtime.core.session.state import PREVIEW_CHARS, Call, SessionState, Turn

Change = Callable[[SessionState, ev.Event, msgspec.Raw | None], None]


class Changes(dict[str, Change]):
    """Changes by type of event."""

    def on(self, payload: type[ev.Payload]) -> Callable[[Change], Change]:
        """Take the decorated function as what such an event does."""

        def register(change: Change) -> Change:
            self[payload.type] = change
            return change

        return register


def open_turn(state: SessionState) -> Turn:
    """Return the turn that is open. Raises JournalCorruptError."""
    if state.turn is None:
        raise JournalCorruptError(state.session_id, state.last_sequence + 1, "no turn is open")
    return state.turn


def find_call(state: SessionState, tool_call_id: str) -> Call:
    """Return a call of the batch, which `admit` has found there."""
    return next(call for call in open_turn(state).calls if call.call.id == tool_call_id)


def preview(message: Message) -> str:
    """Return the beginning of what a message says."""
    return message.text[:PREVIEW_CHARS].replace("\x00", "")  # a column of type text cannot hold NUL
