"""The state of a session, and the fold that makes it: replaying a log gives what the live actor had.

`fold` changes the state in place, for a long conversation must not be copied at each event; given the
same state and event it always does the same. Which event may come when is the table in `phase.py`: `admit`
looks there first, so that of several events all are folded or none.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import msgspec

from runtime.core import admission
from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError, SnapshotUnreadableError
from runtime.core.inputs import Inputs
from runtime.core.message import (
    NO_USAGE,
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Turned,
    Usage,
)
from runtime.core.phase import NEXT, Phase
from runtime.core.storable import is_readable

PREVIEW_CHARS: Final = 200


class Status(StrEnum):
    """What the wire shows (contract concepts §4)."""

    STARTED = "started"
    ACTIVE = "active"
    IDLE = "idle"
    WAITING = "waitingfortoolresults"


class Call(msgspec.Struct):
    """One tool call of the current batch."""

    call: ToolCallPart
    is_started: bool = False
    is_requested: bool = False  # the client was asked for it
    is_done: bool = False
    succeeded: bool = False
    started_at: str | None = None
    span_id: str | None = None
    attempts: int = 0
    decide_by: str | None = None  # a person was asked about the last attempt, and may answer until then
    decision: str | None = None  # what the person said of it

    @property
    def awaits_decision(self) -> bool:
        """Whether a person was asked about it and has not answered."""
        return self.decide_by is not None and self.decision is None and not self.is_done


class Turn(msgspec.Struct):
    """The turn that is open. Times are RFC 3339."""

    turn_id: str
    input_message_id: str
    started_at: str
    iterations: int = 0  # model calls finished
    exec_id: str = ""  # of the reason step that is open, or was last
    reason_started_at: str = ""
    heard: int = 0  # messages that the open or last model call was given
    message_id: str | None = None  # the agent message that is being streamed
    is_thinking: bool = False
    error_code: str | None = None  # of the last model call, if it failed
    error: str = ""
    calls: list[Call] = []
    act_id: str | None = None  # the act step that is open
    act_started_at: str = ""
    requested_at: str | None = None  # since when the client owes results
    tool_calls: int = 0
    usage: Usage = NO_USAGE
    first_token_ms: int | None = None
    final_message_id: str | None = None
    final_text: str = ""

    def pending(self) -> list[Call]:
        """The calls of the batch that have no result yet."""
        return [c for c in self.calls if not c.is_done]

    def undecided(self) -> list[Call]:
        """The calls about which a person was asked and has not answered."""
        return [c for c in self.calls if c.awaits_decision]


class SessionState(msgspec.Struct):
    """Everything that an actor must know to go on. A snapshot is this, at `last_sequence`."""

    session_id: str
    last_sequence: int = 0
    last_event_id: str = ""
    phase: Phase = Phase.READY
    is_started: bool = False
    turn: Turn | None = None
    messages: list[Turned] = []
    generated: int = 0  # messages that an llm.generation has already shown
    waiting_inputs: list[str] = []  # accepted user messages that no turn has taken up
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    usage: Usage = NO_USAGE
    turns: int = 0
    steps: int = 0  # model and tool calls finished: what supervision calls progress
    title: str | None = None
    preview: str | None = None
    output_preview: str | None = None

    @property
    def awaits_client(self) -> bool:
        """Whether the client owes results; once they are in, the turn goes on by itself."""
        return self.phase is Phase.WAITING and self.turn is not None and bool(self.turn.pending())

    @property
    def awaits_decision(self) -> bool:
        """Whether a person must decide about calls; once they all are decided, the turn goes on by itself."""
        return self.phase is Phase.HELD and self.turn is not None and bool(self.turn.undecided())

    @property
    def is_waiting(self) -> bool:
        """Whether nothing runs until somebody outside answers."""
        return self.awaits_client or self.awaits_decision

    @property
    def status(self) -> Status:
        """The wire's word for where the session stands."""
        if self.is_waiting:
            return Status.WAITING
        if self.waiting_inputs or (self.turn is not None and self.phase is not Phase.CLOSED):
            return Status.ACTIVE
        return Status.IDLE if self.turns else Status.STARTED


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


Change = Callable[[SessionState, ev.Event, msgspec.Raw | None], None]
_CHANGES: dict[str, Change] = {}


def _on(payload: type[ev.Payload]) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        _CHANGES[payload.type] = change
        return change

    return register


def _turn(state: SessionState) -> Turn:
    if state.turn is None:
        raise JournalCorruptError(state.session_id, state.last_sequence + 1, "no turn is open")
    return state.turn


@_on(ev.SessionStarted)
def _session_started(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.is_started = True


@_on(ev.InputMessage)
def _input(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    message: Message = event.data.message
    state.messages.append(Turned(message))
    if state.phase is Phase.CLOSED:
        return  # the note of a cancel: part of the conversation, but nobody waits for an answer
    if state.turn is None:
        state.waiting_inputs.append(message.id)
    key = (event.metadata or {}).get("idempotency_key")
    state.inputs.remember(message, key, len(state.messages) - 1, event.ts)
    if state.preview is None:
        state.preview = _preview(message)


@_on(ev.TurnStarted)
def _turn_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    data: ev.TurnStarted = event.data
    state.turn = Turn(data.turn_id, data.input_message_id, event.ts)
    state.waiting_inputs = []
    state.turns += 1


@_on(ev.ReasonStarted)
def _reason_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = _turn(state)
    turn.exec_id = event.context.exec_id or ""
    turn.reason_started_at = event.ts
    turn.heard = len(state.messages)
    turn.calls = []
    turn.requested_at = None
    turn.message_id = None
    turn.error_code = None
    turn.is_thinking = False


@_on(ev.ThinkingStarted)
def _thinking_started(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    _turn(state).is_thinking = True


@_on(ev.ThinkingCompleted)
def _thinking_completed(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    _turn(state).is_thinking = False


@_on(ev.OutputStarted)
def _output_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = _turn(state)
    turn.message_id = event.data.message_id
    if turn.first_token_ms is None:
        turn.first_token_ms = elapsed_ms(turn.started_at, event.ts)


@_on(ev.LlmGeneration)
def _generation(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    data: ev.LlmGeneration = event.data
    turn = _turn(state)
    usage = data.metadata.usage
    if usage is not None:
        turn.usage += usage
        state.usage += usage
    state.generated = turn.heard


@_on(ev.OutputCompleted)
def _output_completed(state: SessionState, event: ev.Event, private: msgspec.Raw | None) -> None:
    data: ev.OutputCompleted = event.data
    turn = _turn(state)
    turned = Turned(data.message) if private is None else Turned(data.message, private)
    # What was said meanwhile, the model has not heard: it comes after the answer.
    state.messages.insert(turn.heard if state.phase is Phase.REASONING else len(state.messages), turned)
    state.output_preview = _preview(data.message) or state.output_preview
    turn.message_id = None
    turn.error_code = data.error_code
    if state.phase is Phase.REASONING:
        turn.calls = [Call(call) for call in data.message.tool_calls]
        turn.final_message_id = data.message.id
        turn.final_text = _preview(data.message)


@_on(ev.ReasonCompleted)
def _reason_completed(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = _turn(state)
    turn.iterations += 1
    if not event.data.success:
        turn.error_code = turn.error_code or "processing_error"
        turn.error = event.data.error or turn.error
    state.steps += 1


@_on(ev.ActStarted)
def _act_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    turn = _turn(state)
    turn.act_id = event.context.exec_id
    turn.act_started_at = event.ts


@_on(ev.ToolStarted)
def _tool_started(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    call = _call(state, event.data.tool_call.id)
    call.is_started = True
    call.attempts = 1
    call.started_at = event.ts
    call.span_id = event.context.span_id


@_on(ev.ToolCompleted)
def _tool_completed(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    data: ev.ToolCompleted = event.data
    call = _call(state, data.tool_call_id)
    call.is_done = True
    call.succeeded = data.success
    _turn(state).tool_calls += 1
    state.steps += 1
    state.messages.append(Turned(result_message(event)))


@_on(ev.TranscriptRepaired)
def _repaired(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    if event.data.action == ev.REPLAY:
        call = _call(state, event.data.tool_call_id)
        call.attempts += 1
        call.decide_by = call.decision = None


@_on(ev.ToolDecisionRequested)
def _decision_requested(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    _call(state, event.data.tool_call.id).decide_by = event.data.expires_at


@_on(ev.ToolDecisionMade)
def _decision_made(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    _call(state, event.data.tool_call_id).decision = event.data.decision


@_on(ev.ActCompleted)
def _act_completed(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    _turn(state).act_id = None


@_on(ev.ToolCallRequested)
def _requested(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    _turn(state).requested_at = event.ts
    for part in event.data.tool_calls:
        call = _call(state, part.id)
        call.is_requested = True
        call.started_at = event.ts
        call.span_id = event.context.span_id


@_on(ev.SessionIdled)
def _idled(state: SessionState, _event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.turn = None


@_on(ev.SessionTitleUpdated)
def _titled(state: SessionState, event: ev.Event, _private: msgspec.Raw | None) -> None:
    state.title = event.data.title.replace("\x00", "")


def _call(state: SessionState, tool_call_id: str) -> Call:
    return next(call for call in _turn(state).calls if call.call.id == tool_call_id)


def result_message(event: ev.Event) -> Message:
    """Return the `tool_result` message that a `tool.completed` event stands for (contract events §6)."""
    data: ev.ToolCompleted = event.data
    result = None if data.error is not None else result_value(data.result or ())
    return Message(
        id="message_" + event.id.rpartition("_")[2],
        role=Role.TOOL_RESULT,
        content=(ToolResultPart(data.tool_call_id, result, data.error),),
        created_at=event.ts,
    )


def result_value(parts: Iterable[Any]) -> Any:
    """Return what a tool answered: the JSON that its text holds if it may be read as such, or the text itself."""
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    if text[:1] in ("{", "[") and is_readable(text):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def _preview(message: Message) -> str:
    return message.text[:PREVIEW_CHARS].replace("\x00", "")  # a column of type text cannot hold NUL


def elapsed_ms(start: str, end: str) -> int:
    """Return the milliseconds between two RFC 3339 times, never less than 0."""
    return max(0, round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000))


def snapshot(state: SessionState) -> bytes:
    """Return the state as bytes."""
    return _encoder.encode(state)


def revive(
    session_id: str, snapshot: bytes | None, tail: Iterable[tuple[bytes | str, msgspec.Raw | None]]
) -> SessionState:
    """Return the state after a snapshot and the stored events that follow it, each with its private state.

    Raises:
        SnapshotUnreadableError: the snapshot is none.
        JournalCorruptError: the log breaks the law that its writer keeps.
    """
    state = _restored(snapshot) if snapshot else SessionState(session_id)
    for body, private in tail:
        try:
            event = ev.decode(body)
        except msgspec.DecodeError as err:
            raise JournalCorruptError(session_id, state.last_sequence + 1, str(err)) from err
        if event is None:
            state.last_sequence += 1  # written by a newer server: it counts, and means nothing here
        else:
            apply(state, event, private)
    return state


def _restored(snapshot: bytes) -> SessionState:
    try:
        return _decoder.decode(snapshot)
    except (msgspec.DecodeError, RecursionError) as err:
        raise SnapshotUnreadableError(str(err)) from err


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SessionState)

# Names the shape of the state: a snapshot of another shape is ignored, and the log read instead.
FORMAT: Final = sha256(msgspec.json.encode(msgspec.json.schema(SessionState))).hexdigest()[:16]
