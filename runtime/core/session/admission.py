"""Which events may come next, looked up before anything is changed: of several all are folded, or none."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError
from runtime.core.session.phase import NEXT, Phase

_CALLS_OF: Final[dict[str, Callable[[Any], Iterable[str]]]] = {
    ev.ToolStarted.type: lambda data: (data.tool_call.id,),
    ev.ToolCompleted.type: lambda data: (data.tool_call_id,),
    ev.TranscriptRepaired.type: lambda data: (data.tool_call_id,),
    ev.ToolDecisionRequested.type: lambda data: (data.tool_call.id,),
    ev.ToolDecisionMade.type: lambda data: (data.tool_call_id,),
    ev.ToolCallRequested.type: lambda data: (call.id for call in data.tool_calls),
}


def admit(session_id: str, last_sequence: int, phase: Phase, calls: set[str], events: Sequence[ev.Event]) -> None:
    """Pass if the events may come, one after the other, in a phase and with the ids of a batch of calls.

    Raises:
        JournalCorruptError: a gap in the sequence, an event that its phase does not allow, or a call that the
            batch does not have.
    """
    for sequence, event in enumerate(events, last_sequence + 1):
        if event.sequence != sequence:
            message = f"expected sequence {sequence}, found {event.sequence}"
            raise JournalCorruptError(session_id, event.sequence or 0, message)
        following = NEXT.get((phase, event.type))
        if following is None:
            message = f"{event.type} cannot come while the session is {phase}"
            raise JournalCorruptError(session_id, sequence, message)
        calls = _batch(event, phase, calls)
        for call_id in _CALLS_OF[event.type](event.data) if event.type in _CALLS_OF else ():
            if call_id not in calls:
                raise JournalCorruptError(session_id, sequence, f"no call {call_id} in the batch")
        phase = following


def _batch(event: ev.Event, phase: Phase, calls: set[str]) -> set[str]:
    """Return the ids of the batch that an event leaves."""
    if event.type == ev.ReasonStarted.type:
        return set()
    if event.type == ev.OutputCompleted.type and phase is Phase.REASONING:
        return {call.id for call in event.data.message.tool_calls}
    return calls
