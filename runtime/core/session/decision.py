"""A call that a crash cut off and only a person may judge: the question, the answers, and what each leads to.

Its tool says `ask`: repeating it might do harm, and so might going on without it.
"""

from typing import Any, Final, Literal

from runtime.core import event as ev
from runtime.core.message import TextPart
from runtime.core.session.draft import Draft, as_text, call_context, complete_call, unsuccessful
from runtime.core.session.effect import idempotency_key
from runtime.core.session.state import Call, SessionState, Turn
from runtime.core.wire import Wire

CHOICES: Final = (
    ev.DecisionChoice(ev.HAPPENED, "It happened", "Go on as if the tool had answered, with the result that you give."),
    ev.DecisionChoice(ev.RETRY, "Run it again", "Call the tool once more: same arguments, same idempotency key."),
    ev.DecisionChoice(ev.SKIP, "Skip it", "Go on without it; the model is told that it was not run again."),
)
CONFIRMED: Final = "A person confirmed that the tool took effect; its own answer was lost in a crash."
SKIPPED: Final = (
    "The tool was interrupted by a crash before its outcome was known. A person decided to skip it: "
    "it was not run again."
)

Choice = Literal["happened", "retry", "skip"]


class Decision(Wire, frozen=True, kw_only=True):
    """What a person says of one attempt of a call.

    `result` (any JSON) is what the tool would have answered. Where there is none, the model reads the `note`.
    """

    tool_call_id: str
    attempt: int
    choice: Choice
    result: Any = None
    note: str | None = None


def ask_person(state: SessionState, turn: Turn, call: Call, display_name: str | None, expires_at: str) -> Draft:
    """Return the question, with the words to show."""
    name = display_name or call.call.name
    data = ev.ToolDecisionRequested(
        tool_call=call.call,
        attempt=call.attempts,
        idempotency_key=idempotency_key(state.session_id, turn.turn_id, call.call.id),
        expires_at=expires_at,
        headline=f"Did {name} take effect?",
        message=(
            f"{name} was running when its process died, so nobody knows whether it took effect. It was not run "
            "again. Look for yourself, then decide; the turn goes on after that."
        ),
        choices=CHOICES,
        display_name=display_name,
    )
    return Draft(data, call_context(turn, call.span_id))


def decide_call(turn: Turn, call: Call, given: Decision, now: str) -> list[Draft]:
    """Return what a decision leads to at once: a call to be run again stays open, any other has its outcome."""
    data = ev.ToolDecisionMade(
        tool_call_id=call.call.id,
        tool_name=call.call.name,
        attempt=given.attempt,
        decision=given.choice,
        result=given.result,
        note=given.note,
    )
    made = Draft(data, call_context(turn, call.span_id))
    if given.choice == ev.RETRY:
        return [made]
    return [made, complete_call(turn, call, _outcome(call, given), now)]


def expire_decisions(turn: Turn, now: str) -> list[Draft]:
    """Return the outcome of calls about which nobody decided in time: unknown, and not run again."""
    words = "The tool was interrupted by a crash, and nobody decided in time what to do. It was not run again."
    return [complete_call(turn, call, unsuccessful(call, "timeout", words), now) for call in turn.undecided()]


def _outcome(call: Call, given: Decision) -> ev.ToolCompleted:
    happened = given.choice == ev.HAPPENED
    words = CONFIRMED if happened else SKIPPED
    if given.note:
        words = f"{words} Their note: {given.note}"
    if given.result is not None:
        words = as_text(given.result)
    return ev.ToolCompleted(
        tool_call_id=call.call.id,
        tool_name=call.call.name,
        success=happened,
        status="success" if happened else "cancelled",
        result=(TextPart(words),) if happened else None,
        error=None if happened else words,
    )
