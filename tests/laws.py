"""What holds of every log (docs/wire.md, "The order of a turn"), checked without the code that keeps it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from hypothesis import Phase, settings
from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart

from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError
from runtime.core.event import Event
from runtime.core.message import NO_USAGE, Role, TextPart, ToolResultPart, Turned
from runtime.core.session import phase
from runtime.core.session.fold import apply
from runtime.core.session.phase import NEXT
from runtime.core.session.snapshot import revive, snapshot
from runtime.core.session.state import SessionState
from runtime.core.session.turn import Rest, StartTurn, decide
from runtime.models.messages import transcript
from runtime.ports.gateway import Frame


def share(part: float, steps: int = 50) -> settings:
    """Return settings for a law whose examples cost more than most: a part of the profile's number of them.

    What fails is made smaller in the `long` profile only: it takes minutes, and a test has two.
    """
    profile = settings()
    is_long = settings.get_current_profile_name() == "long"
    phases = profile.phases if is_long else (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=max(1, round(profile.max_examples * part)), stateful_step_count=steps, phases=phases)


class Stored(NamedTuple):
    """One event as the store keeps it, and the epoch of its writer."""

    body: bytes
    private: msgspec.Raw | None
    epoch: int


TURN_ENDS = ("turn.completed", "turn.failed", "turn.cancelled", "turn.sealed")


def check_log(events: Sequence[Event], *, is_finished: bool = True) -> None:
    """Assert every hard rule; a finished log has no turn that is still open."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1)), "sequences are dense from 1"
    ids = [event.id for event in events]
    assert ids == sorted(set(ids)), "ids rise with the sequences"
    _check_inputs(events)
    _check_turns(events, is_finished=is_finished)
    _check_pairs(events, "reason.started", "reason.completed", is_finished=is_finished)
    _check_pairs(events, "act.started", "act.completed", is_finished=is_finished)
    _check_messages(events)
    _check_tools(events, is_finished=is_finished)


def check_stream(frames: Sequence[Frame]) -> dict[str, str]:
    """Assert what a listener relies on; return what the deltas of each message add up to, those of tools by call."""
    events = [event for f in frames if (event := ev.decode(f.body)) is not None]
    sequences = [event.sequence for event in events if event.sequence]
    assert sequences == list(range(min(sequences, default=1), max(sequences, default=0) + 1)), "no gap, no repeat"
    ids = [event.id for event in events]
    assert ids == sorted(set(ids)), "whatever event is the cursor, nothing that comes after it has an earlier id"
    texts: dict[str, str] = {}
    for event in events:
        _follow(texts, event)
    return texts


def _follow(texts: dict[str, str], event: Event) -> None:
    match event.data:
        case ev.OutputDelta(message_id=key) | ev.ThinkingDelta(turn_id=key):
            texts[key] = texts.get(key, "") + event.data.delta
            assert texts[key] == event.data.accumulated, "deltas add up"
        case ev.ToolOutputDelta(tool_call_id=key):
            texts[key] = texts.get(key, "") + event.data.delta
        case ev.OutputCompleted(message=message, error_code=None):
            whole = "".join(part.text for part in message.content if isinstance(part, TextPart))
            assert whole.startswith(texts.get(message.id, "")), "deltas are the beginning of the message"
        case ev.ThinkingCompleted(turn_id=key, thinking=thought):
            assert thought.startswith(texts.pop(key, ""))
        case ev.ReasonRecovered():
            texts.clear()


def _check_inputs(events: Sequence[Event]) -> None:
    types = [event.type for event in events]
    assert types.count("session.started") == (1 if events else 0)
    assert types[:1] in ([], ["session.started"])
    accepted: set[str] = set()
    for event in events:
        if event.type == "input.message":
            assert event.data.message.id not in accepted, "a message is accepted once"
            accepted.add(event.data.message.id)
        elif event.type == "turn.started":
            assert event.data.input_message_id in accepted, "the message comes before the turn that it starts"


def _check_turns(events: Sequence[Event], *, is_finished: bool) -> None:
    marks = [e for e in events if e.type in ("session.activated", "turn.started", *TURN_ENDS, "session.idled")]
    for start in range(0, len(marks), 4):
        turn = marks[start : start + 4]
        expected = ["session.activated", "turn.started", "end", "session.idled"]
        found = ["end" if e.type in TURN_ENDS else e.type for e in turn]
        assert found == expected[: len(found)], "a turn is announced, starts, ends once, and the session idles"
        assert len({e.context.turn_id for e in turn}) == 1
    assert not is_finished or len(marks) % 4 == 0, "every turn ends"
    starts = [e.data.turn_id for e in events if e.type == "turn.started"]
    assert len(starts) == len(set(starts))


def _check_pairs(events: Sequence[Event], first: str, last: str, *, is_finished: bool) -> None:
    is_open = None
    for event in events:
        if event.type == first:
            assert is_open is None, f"{first} came twice"
            is_open = event.context.span_id
            assert event.context.parent_span_id == event.context.turn_id
        elif event.type == last:
            assert event.context.span_id == is_open, f"{last} closes the step that is open"
            is_open = None
    assert not is_finished or is_open is None, f"{first} has its {last}"


def _check_messages(events: Sequence[Event]) -> None:
    started = [e.data.message_id for e in events if e.type == "output.message.started"]
    completed = [e.data.message.id for e in events if e.type == "output.message.completed"]
    assert len(started) == len(set(started)), "a message starts once"
    assert len(completed) == len(set(completed)), "a message is completed once"
    order = {e.data.message_id: e.sequence or 0 for e in events if e.type == "output.message.started"}
    for event in events:
        if event.type == "output.message.completed" and event.data.message.id in order:
            assert order.pop(event.data.message.id) < (event.sequence or 0)


def _check_tools(events: Sequence[Event], *, is_finished: bool) -> None:
    started = Counter(e.data.tool_call.id for e in events if e.type == "tool.started")
    completed = Counter(e.data.tool_call_id for e in events if e.type == "tool.completed")
    assert set(started.values()) <= {1}, "a call starts once"
    assert set(completed.values()) <= {1}, "a call has one outcome"
    assert not is_finished or set(started) <= set(completed), "a call that started has its outcome"
    act = None
    for event in events:
        if event.type == "act.started":
            act = event.context.span_id
        elif event.type == "act.completed":
            act = None
        elif event.type == "tool.started":
            assert act is not None
            assert event.context.parent_span_id == act, "a call belongs to the act that is open"


# ---------------------------------------------------------------- the fold


def events_of(log: Iterable[Stored]) -> list[Event]:
    """Return a stored log as events."""
    return [event for event in (ev.decode(stored.body) for stored in log) if event is not None]


def check_replay(session_id: str, log: Sequence[Stored], lived: Mapping[int, bytes]) -> None:
    """Assert that every prefix folds, alone or from any snapshot, into what the live session had there.

    `lived` are live states, as snapshots, by sequence.
    """
    state = SessionState(session_id)
    prefixes = [snapshot(state)]
    for stored, event in zip(log, events_of(log), strict=True):
        assert ev.encode(event) == stored.body, "what is read is what was written"
        apply(state, event, stored.private)
        prefixes.append(snapshot(state))
        check_state(state, events_of(log[: len(prefixes) - 1])) if state.phase is phase.Phase.READY else None
        if state.phase in (phase.Phase.READY, phase.Phase.CLOSED):
            assert isinstance(decide(state, (), 500), Rest | StartTurn), "nothing is to be done after the end"
    tail = [(stored.body, stored.private) for stored in log]
    for sequence, live in lived.items():
        assert prefixes[sequence] == live, f"replay up to {sequence} gives the live state"
    for cut in range(0, len(log) + 1, 5):
        assert snapshot(revive(session_id, prefixes[cut], tail[cut:])) == prefixes[-1]
        assert snapshot(revive(session_id, prefixes[cut], ())) == prefixes[cut]
        _check_refusals(prefixes[cut], events_of(log))


def _check_refusals(before: bytes, events: Sequence[Event]) -> None:
    """Offer one event of each type to a state: what it does not take changes nothing."""
    for example in {event.type: event for event in events}.values():
        state = revive("", before, ())
        event = msgspec.structs.replace(example, sequence=state.last_sequence + 1)
        is_legal = (state.phase, event.type) in NEXT
        try:
            apply(state, event)
        except JournalCorruptError:
            assert snapshot(state) == before, f"{event.type} was refused and changed something"
        else:
            assert is_legal, f"{event.type} was taken in {state.phase}"


def check_state(state: SessionState, events: Sequence[Event]) -> None:
    """Assert the state of a resting session against a plain count of its events."""
    types = Counter(event.type for event in events)
    assert state.turns == types["turn.started"]
    assert state.steps == types["tool.completed"] + types["reason.completed"]
    usages = [e.data.metadata.usage for e in events if e.type == "llm.generation" and e.data.metadata.usage]
    assert state.usage == sum(usages, start=NO_USAGE)
    titles = [e.data.title for e in events if e.type == "session.title.updated"]
    assert state.title == (titles[-1] if titles else None)
    assert [(t.message.role, t.message.text) for t in state.messages] == _conversation(events)


def _conversation(events: Sequence[Event]) -> list[tuple[Role, str]]:
    """Role and text of what was said, each answer right after what the model had heard when it was asked."""
    said: list[tuple[int, Role, str]] = []
    asked_at: int | None = None
    for event in events:
        at = event.sequence or 0
        if event.type == "reason.started":
            asked_at = at
        elif event.type in TURN_ENDS:
            asked_at = None
        elif event.type == "input.message":
            said.append((at, Role.USER, event.data.message.text))
        elif event.type == "tool.completed":
            said.append((at, Role.TOOL_RESULT, ""))
        elif event.type == "output.message.completed":
            said.append((asked_at or at, Role.AGENT, event.data.message.text))
    return [(role, text) for _, role, text in sorted(said)]


def check_transcript(history: Sequence[Turned]) -> None:
    """Assert that a model can be given the conversation: each call has one result, in the message after it."""
    calls = [part.id for turned in history for part in turned.message.tool_calls]
    results = [p.tool_call_id for t in history for p in t.message.content if isinstance(p, ToolResultPart)]
    assert sorted(calls) == sorted(results), "each tool call has exactly one result"
    said = transcript(history, lambda _: None)
    for message, answer in zip(said, [*said[1:], None], strict=True):
        if isinstance(message, ModelResponse):
            assert isinstance(answer, ModelRequest), "the model is not given the last word"
            asked = [part.tool_call_id for part in message.parts if isinstance(part, ToolCallPart)]
            answered = [part.tool_call_id for part in answer.parts if isinstance(part, ToolReturnPart)]
            assert asked == answered
    assert isinstance(said[-1], ModelRequest)
