"""Where a session stands, as a table: which event may come in which phase, and what phase follows.

    READY ─session.activated→ ACTIVATED ─turn.started→ OPEN ─reason.started→ REASONING
    REASONING ─reason.completed→ DECIDED ─act.started→ ACTING ─act.completed→ OPEN
    DECIDED, ACTING ─tool.call_requested→ WAITING ─act.completed→ OPEN
    ACTING ─tool.decision_requested→ HELD ─transcript.repaired→ ACTING
    HELD ─tool.call_requested, act.completed→ WAITING, OPEN
    any phase of an open turn ─turn.completed|failed|cancelled|sealed→ CLOSED ─session.idled→ READY

What is not in the table is illegal and changes nothing. The order is that of docs/wire.md, "The order of a turn".
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where a session stands between two events."""

    READY = "ready"  # no turn
    ACTIVATED = "activated"  # a turn was announced
    OPEN = "open"  # a model call is due
    REASONING = "reasoning"  # a model call is under way
    DECIDED = "decided"  # the model has answered
    ACTING = "acting"  # tools of the server are running
    HELD = "held"  # a person must decide about calls that a crash cut off
    WAITING = "waiting"  # the client owes tool results
    CLOSED = "closed"  # the turn has ended, the session is about to idle


OPEN_PHASES: Final = (Phase.OPEN, Phase.REASONING, Phase.DECIDED, Phase.ACTING, Phase.HELD, Phase.WAITING)
TERMINAL_TYPES: Final = ("turn.completed", "turn.failed", "turn.cancelled", "turn.sealed")


def _table() -> Mapping[tuple[Phase, str], Phase]:
    table: dict[tuple[Phase, str], Phase] = {
        (Phase.READY, "session.started"): Phase.READY,
        (Phase.READY, "session.activated"): Phase.ACTIVATED,
        (Phase.ACTIVATED, "turn.started"): Phase.OPEN,
        (Phase.OPEN, "reason.started"): Phase.REASONING,
        (Phase.REASONING, "reason.completed"): Phase.DECIDED,
        (Phase.DECIDED, "reason.started"): Phase.REASONING,  # steered by a message that came meanwhile
        (Phase.DECIDED, "act.started"): Phase.ACTING,
        (Phase.DECIDED, "tool.call_requested"): Phase.WAITING,
        (Phase.ACTING, "tool.call_requested"): Phase.WAITING,
        (Phase.ACTING, "act.completed"): Phase.OPEN,
        (Phase.ACTING, "tool.decision_requested"): Phase.HELD,
        (Phase.HELD, "transcript.repaired"): Phase.ACTING,  # a person let a call run again
        (Phase.HELD, "tool.call_requested"): Phase.WAITING,
        (Phase.HELD, "act.completed"): Phase.OPEN,
        (Phase.WAITING, "act.completed"): Phase.OPEN,
        (Phase.WAITING, "reason.started"): Phase.REASONING,
        (Phase.CLOSED, "session.idled"): Phase.READY,
    }
    stays = {
        Phase.REASONING: (
            "reason.thinking.started", "reason.thinking.completed", "reason.recovered", "reason.rerouted",
            "output.message.started", "output.message.completed", "llm.generation",
        ),
        Phase.ACTING: ("tool.started", "tool.completed", "tool.progress", "transcript.repaired"),
        Phase.HELD: ("tool.decision_requested", "tool.decision_made", "tool.completed"),
        Phase.WAITING: ("tool.completed",),
        # A cancelled turn is announced first, then what was open is closed.
        Phase.CLOSED: (
            "reason.thinking.completed", "reason.completed", "output.message.completed", "tool.completed",
            "act.completed",
        ),
    }  # fmt: skip
    table |= {(phase, type_): phase for phase, types in stays.items() for type_ in types}
    table |= {(phase, type_): Phase.CLOSED for phase in OPEN_PHASES for type_ in TERMINAL_TYPES}
    anywhere = ("input.message", "session.title.updated", "file.written")
    return table | {(phase, type_): phase for phase in Phase for type_ in anywhere}


NEXT: Final = _table()
