"""What to write at each step: events without id and sequence, made from the state alone.

Spans nest: a turn holds reason and act steps, an act holds tool calls.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from runtime.core import event as ev
from runtime.core.failure import Disclosure, Telling, narrowed, telling
from runtime.core.message import Message, MessagePhase, Role, TextPart, ToolCallPart, Usage
from runtime.core.session.elapsed import elapsed_ms
from runtime.core.session.phase import Phase
from runtime.core.session.state import PREVIEW_CHARS, Call, SessionState, Turn
from runtime.core.session.wishes import wishes
from runtime.core.storable import encode, storable

NewId = Callable[[str], str]

CANCEL_NOTE: Final = "[The user cancelled the work on the message above.]"
CANCELLED_TEXT: Final = "Cancelled at the user's request."
MAYBE: Final = "The tool had begun: it may or may not have taken effect."
INTERRUPTED: Final = (
    "The tool was interrupted by a crash and its outcome is unknown: it may or may not have taken effect. "
    "It was not run again."
)


class Draft(msgspec.Struct, frozen=True):
    """An event about to be appended."""

    data: ev.Payload
    context: ev.Context
    private: msgspec.Raw | None = None
    metadata: dict[str, Any] | None = None
    tags: tuple[str, ...] | None = None


# ---------------------------------------------------------------- contexts


def input_context(message_id: str) -> ev.Context:
    """Return the context of what belongs to no turn yet."""
    return ev.Context(input_message_id=message_id)


def turn_context(turn_id: str, input_message_id: str) -> ev.Context:
    """Return the context of `turn.*` events."""
    return ev.Context(turn_id, input_message_id, None, turn_id, turn_id)


def _turn(turn: Turn) -> ev.Context:
    return turn_context(turn.turn_id, turn.input_message_id)


def _step(turn: Turn, exec_id: str) -> ev.Context:
    return ev.Context(turn.turn_id, turn.input_message_id, exec_id, turn.turn_id, exec_id, turn.turn_id)


def reason_context(turn: Turn) -> ev.Context:
    """Return the context of the reason step that is open."""
    return _step(turn, turn.exec_id)


def call_context(turn: Turn, span_id: str | None) -> ev.Context:
    """Return the context of one tool call; where the server ran no tools, it belongs to the model call."""
    step_id = turn.act_id or turn.exec_id
    return ev.Context(turn.turn_id, turn.input_message_id, step_id, turn.turn_id, span_id, step_id)


# ---------------------------------------------------------------- turn


def start_turn(state: SessionState, input_message_id: str, turn_id: str, agent: ev.TurnStarted) -> list[Draft]:
    """Return what opens a turn; `agent` carries the names of the agent."""
    context = turn_context(turn_id, input_message_id)
    content = next((t.message.content for t in reversed(state.messages) if t.message.id == input_message_id), None)
    started = msgspec.structs.replace(agent, turn_id=turn_id, input_message_id=input_message_id, input_content=content)
    return [
        Draft(ev.SessionActivated(turn_id=turn_id, input_message_id=input_message_id), context),
        Draft(started, context),
    ]


def _idled(state: SessionState, turn: Turn) -> Draft:
    data = ev.SessionIdled(turn_id=turn.turn_id, iterations=turn.iterations, usage=state.usage)
    return Draft(data, _turn(turn))


def finish_turn(state: SessionState, turn: Turn, now: str) -> list[Draft]:
    """Return what ends a turn: well, or as failed if its last model call failed."""
    if turn.error_code is not None:
        failed = ev.TurnFailed(
            turn_id=turn.turn_id,
            error=turn.error,
            error_code=turn.error_code,
            error_fields=turn.error_fields,
            error_disclosure=turn.error_disclosure,
        )
        return [Draft(failed, _turn(turn)), _idled(state, turn)]
    completed = ev.TurnCompleted(
        turn_id=turn.turn_id,
        iterations=turn.iterations,
        duration_ms=elapsed_ms(turn.started_at, now),
        usage=turn.usage,
        final_message_id=turn.final_message_id,
        final_answer_preview=turn.final_text or None,
        time_to_first_token_ms=turn.first_token_ms,
        tool_call_count=turn.tool_calls,
        llm_call_count=turn.iterations,
        status="completed",
    )
    return [Draft(completed, _turn(turn)), _idled(state, turn)]


def cancel_turn(state: SessionState, turn: Turn, seen: str, now: str, new_id: NewId, note_id: str = "") -> list[Draft]:
    """Return what stops a turn wherever it stands.

    `seen` is what clients have been shown of an unfinished message: it is kept, as an interrupted one. `note_id` is
    the id of the user's note, if that was minted where the cancel came from.
    """
    cancelled = ev.TurnCancelled(turn_id=turn.turn_id, reason="user_requested", usage=turn.usage)
    note = Message(
        id=note_id or new_id("message"),
        role=Role.USER,
        content=(TextPart(CANCEL_NOTE),),
        created_at=now,
        metadata={"source": "cancel"},
    )
    last = _last_words(turn, seen or CANCELLED_TEXT, "cancelled", now, new_id)
    return [
        Draft(cancelled, _turn(turn)),
        Draft(ev.InputMessage(message=note), _turn(turn)),
        *settle_calls(turn, "cancelled", "Cancelled by the user.", now),
        *_close_step(state, turn, ev.OutputCompleted(message=last), "cancelled", now),
        _idled(state, turn),
    ]


def fail_turn(state: SessionState, turn: Turn, code: str, detail: str, now: str, new_id: NewId) -> list[Draft]:
    """Return what ends a turn that cannot go on, wherever it stands."""
    told = telling(code, detail, narrowed(Disclosure.STANDARD, wishes(state).error_disclosure))
    failed = ev.TurnFailed(
        turn_id=turn.turn_id, error=told.words, error_code=told.code, error_disclosure=told.disclosure.word
    )
    last = ev.OutputCompleted(
        message=_last_words(turn, told.words, told.code, now, new_id),
        error_code=told.code,
        error_disclosure=told.disclosure.word,
    )
    return [
        Draft(failed, _turn(turn)),
        *settle_calls(turn, "error", told.words, now),
        *_close_step(state, turn, last, f"{code}: {detail}" if detail else code, now),
        _idled(state, turn),
    ]


def _last_words(turn: Turn, text: str, reason: str, now: str, new_id: NewId) -> Message:
    return Message(
        id=turn.message_id or new_id("message"),
        role=Role.AGENT,
        content=(TextPart(text),),
        created_at=now,
        metadata={"interrupted": True, "reason": reason},
    )


def _close_step(state: SessionState, turn: Turn, last: ev.OutputCompleted, why: str, now: str) -> list[Draft]:
    if state.phase is not Phase.REASONING:
        return [Draft(last, _turn(turn))]
    context = reason_context(turn)
    thought = [Draft(ev.ThinkingCompleted(turn_id=turn.turn_id, thinking=""), context)] if turn.is_thinking else []
    return [*thought, Draft(last, context), Draft(_reason_failed(turn, why, now), context)]


def abandon_turn(state: SessionState, turn: Turn, now: str) -> list[Draft]:
    """Return what ends a turn that waits for its client, because a new message came."""
    words = "Cancelled: a new message came before the result."
    cancelled = ev.TurnCancelled(turn_id=turn.turn_id, reason="superseded_by_new_message", usage=turn.usage)
    return [
        *settle_calls(turn, "cancelled", words, now),
        Draft(cancelled, _turn(turn)),
        _idled(state, turn),
    ]


# ---------------------------------------------------------------- reason


def start_reason(turn: Turn, data: ev.ReasonStarted, exec_id: str) -> Draft:
    """Return what opens a model call."""
    return Draft(data, _step(turn, exec_id))


def _reason_failed(turn: Turn, error: str, now: str) -> ev.ReasonCompleted:
    return ev.ReasonCompleted(
        success=False,
        has_tool_calls=False,
        tool_call_count=0,
        error=error,
        duration_ms=elapsed_ms(turn.reason_started_at, now),
    )


def complete_reason(turn: Turn, text: str, tool_calls: int, usage: Usage, now: str) -> Draft:
    """Return what closes a model call that was answered."""
    data = ev.ReasonCompleted(
        success=True,
        has_tool_calls=tool_calls > 0,
        tool_call_count=tool_calls,
        text_preview=text[:PREVIEW_CHARS] or None,
        duration_ms=elapsed_ms(turn.reason_started_at, now),
        usage=usage,
    )
    return Draft(data, reason_context(turn))


def failed_message(message_id: str, told: Telling, now: str) -> ev.OutputCompleted:
    """Return the message that tells of a model call that failed."""
    metadata: dict[str, Any] = {"error_code": told.code, "error_disclosure": told.disclosure.word}
    message = Message(
        id=message_id,
        role=Role.AGENT,
        content=(TextPart(storable(told.words)),),
        created_at=now,
        metadata=metadata | ({"error_fields": told.fields} if told.fields else {}),
        phase=MessagePhase.FINAL_ANSWER,
    )
    return ev.OutputCompleted(
        message=message, error_code=told.code, error_fields=told.fields, error_disclosure=told.disclosure.word
    )


def fail_reason(turn: Turn, failure: ev.OutputCompleted, error: str, now: str) -> list[Draft]:
    """Return what closes a model call that failed, with `error` in full for the trace."""
    context = reason_context(turn)
    drafts = []
    if turn.message_id is None:
        started = ev.OutputStarted(turn_id=turn.turn_id, message_id=failure.message.id, iteration=turn.iterations + 1)
        drafts.append(Draft(started, context))
    return [*drafts, Draft(failure, context), Draft(_reason_failed(turn, error, now), context)]


# ---------------------------------------------------------------- act


def summary(call: ToolCallPart, display_name: str | None = None) -> ev.ToolCallSummary:
    """Return a call without its arguments."""
    return ev.ToolCallSummary(call.id, call.name, display_name)


def start_act(turn: Turn, act_id: str, summaries: Sequence[ev.ToolCallSummary]) -> Draft:
    """Return what opens a batch of the server's tools."""
    return Draft(ev.ActStarted(tool_calls=tuple(summaries)), _step(turn, act_id))


def start_call(
    turn: Turn, call: ToolCallPart, display_name: str | None, span_id: str, on_interrupt: str | None = None
) -> Draft:
    """Return the intent to run a tool."""
    data = ev.ToolStarted(tool_call=call, display_name=display_name, on_interrupt=on_interrupt)
    return Draft(data, call_context(turn, span_id))


def complete_call(turn: Turn, call: Call, outcome: ev.ToolCompleted, now: str) -> Draft:
    """Return the outcome of a call, with its span and how long it took."""
    duration = elapsed_ms(call.started_at, now) if call.started_at else None
    return Draft(msgspec.structs.replace(outcome, duration_ms=duration), call_context(turn, call.span_id))


def repair_call(turn: Turn, call: Call, action: str = ev.SYNTHESIZE) -> Draft:
    """Return the note that a call lost its outcome, and is settled without running it again or replayed."""
    data = ev.TranscriptRepaired(tool_call_id=call.call.id, action=action, tool_name=call.call.name)
    return Draft(data, call_context(turn, call.span_id))


def client_outcome(call: Call, result: Any, error: str | None) -> ev.ToolCompleted:
    """Return the outcome that a client reported for its tool."""
    return ev.ToolCompleted(
        tool_call_id=call.call.id,
        tool_name=call.call.name,
        success=error is None,
        status="success" if error is None else "error",
        result=None if error is not None else (TextPart(as_text(result)),),
        error=error,
    )


def ask_client(turn: Turn, calls: Iterable[ToolCallPart], span_id: str) -> Draft:
    """Return the request for the calls that the client runs; their results share its span."""
    asked = tuple(calls)
    summaries = tuple(summary(c) for c in asked)
    return Draft(ev.ToolCallRequested(tool_calls=asked, tool_summaries=summaries), call_context(turn, span_id))


def expire_calls(turn: Turn, waited_s: float, now: str) -> list[Draft]:
    """Return the outcome of calls for which the client sent no result in time."""
    words = f"The client's tool timed out: no result came within {waited_s:g} s."
    return [complete_call(turn, call, unsuccessful(call, "timeout", words), now) for call in turn.pending()]


def settle_calls(turn: Turn, status: str, error: str, now: str) -> list[Draft]:
    """Return an outcome for every call that has none, and the end of the act if one is open."""
    pending = turn.pending()
    drafts = [complete_call(turn, call, unsuccessful(call, status, error), now) for call in pending]
    if turn.act_id is not None:
        drafts.append(complete_act(turn, now, unsettled=len(pending)))
    return drafts


def unsuccessful(call: Call, status: str, error: str) -> ev.ToolCompleted:
    """Return the outcome of a call that gave none; one that had begun may have taken effect, and says so."""
    return ev.ToolCompleted(
        tool_call_id=call.call.id,
        tool_name=call.call.name,
        success=False,
        status=status,
        error=f"{error} {MAYBE}" if call.is_started else error,
        outcome_unknown=call.is_started,
    )


def complete_act(turn: Turn, now: str, unsettled: int = 0) -> Draft:
    """Return the end of a batch; `unsettled` calls get a failed outcome in the same breath."""
    successes = sum(c.succeeded for c in turn.calls)
    data = ev.ActCompleted(
        completed=unsettled == 0,
        success_count=successes,
        error_count=len(turn.calls) - successes,
        duration_ms=elapsed_ms(turn.act_started_at, now),
    )
    return Draft(data, _step(turn, turn.act_id or turn.exec_id))


def as_text(result: Any) -> str:
    """Return a tool's answer as the model reads it: text as it is, everything else as JSON, and all of it storable.

    Raises:
        InvalidInputError: it cannot be written as JSON, or nobody could read that.
    """
    return storable(result) if isinstance(result, str) else encode("The result", result).decode()
