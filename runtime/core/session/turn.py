"""What a session does next: a function of its state alone.

A revived session asks the same question as a live one, so recovery is not a special case: the journal
is folded, `decide` is asked, and the answer is carried out.
"""

from collections.abc import Collection
from dataclasses import dataclass

from runtime.core.message import Role, ToolCallPart
from runtime.core.session.phase import Phase
from runtime.core.session.state import SessionState, Turn


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do until somebody says something."""


@dataclass(frozen=True, slots=True)
class StartTurn:
    """Open a turn for the message that came first."""

    input_message_id: str


@dataclass(frozen=True, slots=True)
class CallModel:
    """Ask the model. `is_resumed`: the call was begun by a process that died, and is made again."""

    is_resumed: bool


@dataclass(frozen=True, slots=True)
class RunTools:
    """Run tools of the server: `fresh` ones, and `interrupted` ones whose outcome nobody knows."""

    fresh: tuple[ToolCallPart, ...]
    interrupted: tuple[ToolCallPart, ...]


@dataclass(frozen=True, slots=True)
class AskClient:
    """Request these calls from the client."""

    calls: tuple[ToolCallPart, ...]


@dataclass(frozen=True, slots=True)
class AwaitClient:
    """The client owes results since `requested_at` (RFC 3339)."""

    requested_at: str


@dataclass(frozen=True, slots=True)
class AwaitDecision:
    """A person must decide about calls that a crash cut off, until `decide_by` (RFC 3339)."""

    decide_by: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The turn is over; it failed if its last model call did."""


Directive = Rest | StartTurn | CallModel | RunTools | AskClient | AwaitClient | AwaitDecision | Finish


def decide(state: SessionState, client_tools: Collection[str], max_iterations: int) -> Directive:
    """Return what to do next. `client_tools` are the names of the tools that the client runs."""
    turn = state.turn
    if turn is None or state.phase in (Phase.READY, Phase.ACTIVATED, Phase.CLOSED):
        return StartTurn(state.waiting_inputs[0]) if state.waiting_inputs else Rest()
    match state.phase:
        case Phase.OPEN:
            return CallModel(is_resumed=False)
        case Phase.REASONING:
            return CallModel(is_resumed=True)
        case Phase.WAITING:
            requested_at = turn.requested_at or turn.started_at
            return AwaitClient(requested_at) if state.awaits_client else CallModel(is_resumed=False)
        case Phase.HELD if state.awaits_decision:
            return AwaitDecision(min(c.decide_by or "" for c in turn.undecided()))
        case _:
            return _after_model(state, turn, client_tools, max_iterations)


def _after_model(state: SessionState, turn: Turn, client_tools: Collection[str], max_iterations: int) -> Directive:
    if turn.error_code is not None:
        return Finish()
    may_go_on = turn.iterations < max_iterations
    if turn.calls and (may_go_on or turn.act_id is not None):  # a batch that has begun is brought to its end
        return _settle(turn, client_tools)
    if may_go_on and is_steered(state, turn):
        return CallModel(is_resumed=False)
    return Finish()


def _settle(turn: Turn, client_tools: Collection[str]) -> Directive:
    ours = [c for c in turn.pending() if c.call.name not in client_tools]
    if ours:
        fresh = tuple(c.call for c in ours if not c.is_started)
        return RunTools(fresh, tuple(c.call for c in ours if c.is_started))
    theirs = tuple(c.call for c in turn.pending())
    return AskClient(theirs) if theirs else CallModel(is_resumed=False)


def is_steered(state: SessionState, turn: Turn) -> bool:
    """Tell whether a user message came after the model was last asked."""
    return any(turned.message.role is Role.USER for turned in state.messages[turn.heard :])
