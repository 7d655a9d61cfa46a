"""The table of phases, cell by cell."""

from collections.abc import Callable

import pytest

from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError
from runtime.core.session.fold import apply
from runtime.core.session.phase import NEXT, OPEN_PHASES, TERMINAL_TYPES, Phase
from runtime.core.session.snapshot import snapshot
from tests.unit.core.logs import ADD, TIME, USAGE, Log, event_of, message

DURABLE = sorted(set(ev.PAYLOADS) - ev.EPHEMERAL_TYPES)

QUESTION = ev.ToolDecisionRequested(
    tool_call=ADD, attempt=1, idempotency_key="k", expires_at=TIME, headline="?", message="?", choices=()
)

# One event of each durable type; each fits the logs below.
EXAMPLES: dict[str, ev.Payload] = {
    p.type: p
    for p in (
        ev.SessionStarted(harness_id="h"),
        ev.InputMessage(message=message("m9", "more")),
        ev.SessionActivated(turn_id="t1", input_message_id="m1"),
        ev.SessionIdled(turn_id="t1"),
        ev.SessionTitleUpdated(title="T"),
        ev.FileWritten(path="/a", operation="write", created=True, size_bytes=1),
        ev.TurnStarted(turn_id="t1", input_message_id="m1"),
        ev.TurnCompleted(turn_id="t1", iterations=1),
        ev.TurnFailed(turn_id="t1", error="e"),
        ev.TurnCancelled(turn_id="t1"),
        ev.TurnSealed(turn_id="t1", reason="budget"),
        ev.ReasonStarted(harness_id="h"),
        ev.ReasonCompleted(success=True, has_tool_calls=False, tool_call_count=0),
        ev.ReasonRecovered(turn_id="t1", mode="restart", accumulated_len=0),
        ev.ReasonRerouted(turn_id="t1", tried=ev.Tried("m", "p", "model_1", "c", "e"), model="n", provider="p"),
        ev.ThinkingStarted(turn_id="t1"),
        ev.ThinkingCompleted(turn_id="t1", thinking="hm"),
        ev.OutputStarted(turn_id="t1", message_id="a2"),
        ev.OutputCompleted(message=message("a2", "hi")),
        ev.LlmGeneration(
            messages=(),
            output=ev.GenerationOutput(),
            metadata=ev.GenerationMetadata(model="m", success=True, usage=USAGE),
        ),
        ev.ActStarted(tool_calls=()),
        ev.ActCompleted(completed=True, success_count=0, error_count=0),
        ev.ToolStarted(tool_call=ADD),
        ev.ToolCompleted(tool_call_id="c1", tool_name="add", success=True, status="success"),
        ev.ToolProgress(tool_call_id="c1", tool_name="add", message="…"),
        ev.ToolCallRequested(tool_calls=(ADD,)),
        ev.TranscriptRepaired(tool_call_id="c1", action="synthesize"),
        QUESTION,
        ev.ToolDecisionMade(tool_call_id="c1", tool_name="add", attempt=1, decision="retry"),
    )
}

AT: dict[Phase, Callable[[], Log]] = {
    Phase.READY: lambda: Log().said(),
    Phase.ACTIVATED: lambda: Log().said().add(EXAMPLES["session.activated"]),
    Phase.OPEN: lambda: Log().started(),
    Phase.REASONING: lambda: Log().reasoning(),
    Phase.DECIDED: lambda: Log().answered("", ADD),
    Phase.ACTING: lambda: Log().acting(ADD),
    Phase.HELD: lambda: Log().acting(ADD).tool_started(ADD).add(QUESTION),
    Phase.WAITING: lambda: Log().waiting(ADD),
    Phase.CLOSED: lambda: Log().acting(ADD).add(EXAMPLES["turn.cancelled"]),
}

# What docs/wire.md, "The order of a turn", allows, written down once more without the code's short cuts.
MOVES = {
    "session.started": {Phase.READY: Phase.READY},
    "session.activated": {Phase.READY: Phase.ACTIVATED},
    "turn.started": {Phase.ACTIVATED: Phase.OPEN},
    "reason.started": {
        Phase.OPEN: Phase.REASONING, Phase.DECIDED: Phase.REASONING, Phase.WAITING: Phase.REASONING,
    },
    "reason.thinking.started": {Phase.REASONING: Phase.REASONING},
    "reason.thinking.completed": {Phase.REASONING: Phase.REASONING, Phase.CLOSED: Phase.CLOSED},
    "reason.recovered": {Phase.REASONING: Phase.REASONING},
    "reason.rerouted": {Phase.REASONING: Phase.REASONING},
    "output.message.started": {Phase.REASONING: Phase.REASONING},
    "output.message.completed": {Phase.REASONING: Phase.REASONING, Phase.CLOSED: Phase.CLOSED},
    "llm.generation": {Phase.REASONING: Phase.REASONING},
    "reason.completed": {Phase.REASONING: Phase.DECIDED, Phase.CLOSED: Phase.CLOSED},
    "act.started": {Phase.DECIDED: Phase.ACTING},
    "tool.started": {Phase.ACTING: Phase.ACTING},
    "tool.progress": {Phase.ACTING: Phase.ACTING},
    "transcript.repaired": {Phase.ACTING: Phase.ACTING, Phase.HELD: Phase.ACTING},
    "tool.completed": {
        Phase.ACTING: Phase.ACTING, Phase.HELD: Phase.HELD, Phase.WAITING: Phase.WAITING, Phase.CLOSED: Phase.CLOSED,
    },
    "tool.decision_requested": {Phase.ACTING: Phase.HELD, Phase.HELD: Phase.HELD},
    "tool.decision_made": {Phase.HELD: Phase.HELD},
    "tool.call_requested": {Phase.DECIDED: Phase.WAITING, Phase.ACTING: Phase.WAITING, Phase.HELD: Phase.WAITING},
    "act.completed": {
        Phase.ACTING: Phase.OPEN, Phase.HELD: Phase.OPEN, Phase.WAITING: Phase.OPEN, Phase.CLOSED: Phase.CLOSED,
    },
    "session.idled": {Phase.CLOSED: Phase.READY},
    **{end: dict.fromkeys(OPEN_PHASES, Phase.CLOSED) for end in TERMINAL_TYPES},
    **{free: {p: p for p in Phase} for free in ("input.message", "session.title.updated", "file.written")},
}  # fmt: skip


def test_every_durable_type_has_its_row() -> None:
    assert set(EXAMPLES) == set(MOVES) == set(DURABLE)
    assert {type_ for _, type_ in NEXT} == set(DURABLE)


@pytest.mark.parametrize("event_type", DURABLE)
@pytest.mark.parametrize("phase", list(Phase))
def test_a_move_of_the_table_is_made_and_any_other_raises_and_changes_nothing(phase: Phase, event_type: str) -> None:
    log = AT[phase]()
    assert log.state.phase is phase
    event = event_of(log.state, EXAMPLES[event_type])
    target = MOVES[event_type].get(phase)
    if target is not None:
        apply(log.state, event)
        assert log.state.phase is target
        assert (log.state.last_sequence, log.state.last_event_id) == (event.sequence, event.id)
        return
    before = snapshot(log.state)
    with pytest.raises(JournalCorruptError) as raised:
        apply(log.state, event)
    assert snapshot(log.state) == before
    assert raised.value.sequence == event.sequence


def test_from_every_phase_there_is_a_way_to_the_end_of_the_turn() -> None:
    reached = {Phase.READY}
    while more := {p for (p, _), target in NEXT.items() if target in reached} - reached:
        reached |= more
    assert reached == set(Phase)


@pytest.mark.parametrize("phase", OPEN_PHASES)
@pytest.mark.parametrize("end", TERMINAL_TYPES)
def test_an_open_turn_can_be_ended_wherever_it_stands(phase: Phase, end: str) -> None:
    log = AT[phase]().add(EXAMPLES[end]).add(EXAMPLES["session.idled"])
    assert log.state.phase is Phase.READY
    assert log.state.turn is None
