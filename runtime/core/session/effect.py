"""The effect ledger: what a session's tools set out to do and what came of it, read from its events alone.

An entry begins with `tool.started`, the intent that is committed before a tool may run. A call without one
has no effect and no entry: the client's own tools, and calls that were settled before they began.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import msgspec

from runtime.core import event as ev
from runtime.core.ids import format_id

_KEY_BITS: Final = 128


class EffectState(StrEnum):
    """What is known of an effect."""

    INTENDED = "intended"  # begun and not finished
    AWAITING_DECISION = "awaiting_decision"  # a crash cut it off, and a person must say what became of it
    DONE = "done"
    FAILED = "failed"  # the tool says so
    SKIPPED = "skipped"  # a person said not to run it again
    UNKNOWN = "unknown"  # cut off or stopped: it may or may not have taken effect


class Decided(msgspec.Struct, frozen=True):
    """What a person said of one attempt."""

    attempt: int
    decision: str
    decided_at: str
    result: Any = None
    note: str | None = None


class Effect(msgspec.Struct, kw_only=True):
    """One call of a tool of the server. Times are RFC 3339; `policy` is the tool's own word when it began."""

    tool_call_id: str
    idempotency_key: str
    tool_name: str
    turn_id: str
    policy: str | None
    started_at: str
    display_name: str | None = None
    state: EffectState = EffectState.INTENDED
    attempts: int = 1
    finished_at: str | None = None
    duration_ms: int | None = None
    decisions: tuple[Decided, ...] = ()


def idempotency_key(session_id: str, turn_id: str, tool_call_id: str) -> str:
    """Return the key of a call: the same on every attempt, another one for every other call anywhere.

    Vendors choose the `tool_call_id`, which may come again in another conversation; hence the digest over
    all three. Never change it: a call in flight would lose its key.
    """
    digest = sha256("\0".join((session_id, turn_id, tool_call_id)).encode()).digest()
    return format_id("effect", int.from_bytes(digest[: _KEY_BITS // 8]))


def project(events: Iterable[ev.Event]) -> list[Effect]:
    """Return the effects that these events tell of, in the order in which they began.

    Events of calls whose `tool.started` is not among them are passed over.
    """
    effects: dict[tuple[str, str], Effect] = {}
    for event in events:
        if isinstance(event.data, ev.ToolStarted):
            begun = _begin(event, event.data)
            effects[begun.turn_id, begun.tool_call_id] = begun
            continue
        change = _CHANGES.get(event.type)
        effect = effects.get((event.context.turn_id or "", _call_id(event.data))) if change else None
        if change is not None and effect is not None:
            change(effect, event)
    return list(effects.values())


def unanswered(events: Iterable[ev.Event]) -> list[ev.Event]:
    """Return the `tool.decision_requested` events that nothing has settled yet, in their order."""
    asked: dict[tuple[str, str, str], ev.Event] = {}
    for event in events:
        key = (event.session_id, event.context.turn_id or "", _call_id(event.data))
        if isinstance(event.data, ev.ToolDecisionRequested):
            asked[key] = event
        elif isinstance(event.data, ev.ToolDecisionMade | ev.ToolCompleted):
            asked.pop(key, None)
    return list(asked.values())


def _call_id(data: object) -> str:
    if isinstance(data, ev.ToolDecisionRequested):
        return data.tool_call.id
    return getattr(data, "tool_call_id", "")


def _begin(event: ev.Event, data: ev.ToolStarted) -> Effect:
    turn_id = event.context.turn_id or ""
    return Effect(
        tool_call_id=data.tool_call.id,
        idempotency_key=idempotency_key(event.session_id, turn_id, data.tool_call.id),
        tool_name=data.tool_call.name,
        turn_id=turn_id,
        policy=data.on_interrupt,
        started_at=event.ts,
        display_name=data.display_name,
    )


def _repaired(effect: Effect, event: ev.Event) -> None:
    if event.data.action == ev.REPLAY:
        effect.attempts += 1
        effect.state = EffectState.INTENDED
    else:
        effect.state = EffectState.UNKNOWN


def _asked(effect: Effect, _event: ev.Event) -> None:
    effect.state = EffectState.AWAITING_DECISION


def _decided(effect: Effect, event: ev.Event) -> None:
    data: ev.ToolDecisionMade = event.data
    effect.decisions += (Decided(data.attempt, data.decision, event.ts, data.result, data.note),)
    effect.state = EffectState.INTENDED


def _completed(effect: Effect, event: ev.Event) -> None:
    data: ev.ToolCompleted = event.data
    effect.finished_at = event.ts
    effect.duration_ms = data.duration_ms
    if data.success:
        effect.state = EffectState.DONE
    elif _is_skipped(effect):
        effect.state = EffectState.SKIPPED
    elif data.outcome_unknown or data.status != "error":
        effect.state = EffectState.UNKNOWN
    elif effect.state is not EffectState.UNKNOWN:
        effect.state = EffectState.FAILED


def _is_skipped(effect: Effect) -> bool:
    last = effect.decisions[-1] if effect.decisions else None
    return last is not None and (last.attempt, last.decision) == (effect.attempts, ev.SKIP)


_CHANGES: Final[dict[str, Callable[[Effect, ev.Event], None]]] = {
    ev.TranscriptRepaired.type: _repaired,
    ev.ToolDecisionRequested.type: _asked,
    ev.ToolDecisionMade.type: _decided,
    ev.ToolCompleted.type: _completed,
}
