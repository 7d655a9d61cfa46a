"""Whatever is thrown at a session's journal: all of it is applied and queued, or nothing has changed."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from runtime.core import event as ev
from runtime.core.ids import format_id
from runtime.core.message import Message, Role, TextPart, ToolCallPart
from runtime.core.session.draft import Draft
from runtime.core.session.snapshot import revive, snapshot
from runtime.core.session.state import SessionState
from runtime.core.storable import encode, storable
from runtime.engine.session import LiveSession
from runtime.host.journal import Journal
from runtime.ports.journal import Batch, Done
from tests.fakes import MemoryJournal, MemoryRow
from tests.stage import FixedAgents, ScriptedModel, services_for

SESSION = format_id("session", 1)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)  # surrogates and NUL too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


class HeldJournal(Journal):
    """Keeps what is queued."""

    def __init__(self) -> None:
        super().__init__(MemoryJournal())
        self.batches: list[Batch] = []

    def append(self, batch: Batch, done: Done) -> None:
        self.batches.append(batch)


class Silence:
    """Nobody listens."""

    def published(self, session: LiveSession, frames: Any) -> None:
        raise AssertionError(frames)

    def lost(self, session: LiveSession, error: Exception) -> None:
        raise AssertionError(error)


def deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def message(text: str, *calls: ToolCallPart) -> Message:
    return Message(id=f"message_{len(text)}", role=Role.AGENT, content=(TextPart(text), *calls), created_at="2026")


CALL = ToolCallPart("c1", "add", {})
BAD: tuple[Any, ...] = ("\ud800", deep(5000), object())
SOUND: tuple[ev.Payload, ...] = (
    ev.SessionStarted(harness_id="h"),
    ev.InputMessage(message=message("hello")),
    ev.SessionActivated(turn_id="t", input_message_id="m"),
    ev.TurnStarted(turn_id="t", input_message_id="m"),
    ev.ReasonStarted(harness_id="h"),
    ev.OutputCompleted(message=message("hi", CALL)),
    ev.ReasonCompleted(success=True, has_tool_calls=True, tool_call_count=1),
    ev.ActStarted(tool_calls=()),
    ev.ToolStarted(tool_call=CALL),
    ev.ToolCallRequested(tool_calls=(CALL, ToolCallPart("c2", "add", {}))),
    ev.ToolCompleted(tool_call_id="c1", tool_name="add", success=True, status="success", result=(TextPart("[1]"),)),
    ev.ToolCompleted(tool_call_id="c9", tool_name="add", success=True, status="success"),
    ev.TranscriptRepaired(tool_call_id="c9", action=ev.REPLAY),
    ev.ActCompleted(completed=True, success_count=1, error_count=0),
    ev.SessionTitleUpdated(title="A title"),
    ev.TurnCancelled(turn_id="t", reason="r"),
    ev.SessionIdled(turn_id="t"),
)
PAYLOADS = st.sampled_from(SOUND)
DRAFTS = st.lists(
    st.builds(
        lambda data, bad: Draft(data, ev.Context(exec_id="e"), metadata=None if bad is None else {"x": bad}),
        PAYLOADS,
        st.sampled_from((None,) * 12 + BAD),
    ),
    min_size=1,
    max_size=3,
)
TURN = [[Draft(data, ev.Context(exec_id="e"))] for data in SOUND[:9]]  # far enough for every kind to have its place


async def live() -> tuple[LiveSession, HeldJournal]:
    store, journal = MemoryJournal(), HeldJournal()
    store.rows[SESSION] = MemoryRow()
    loaded = await store.load(SESSION, "")
    assert loaded is not None
    services = services_for(store, FixedAgents({}, ()), ScriptedModel(), journal=journal)
    return LiveSession(loaded, SessionState(SESSION), services, Silence()), journal


def queued(journal: HeldJournal) -> list[int]:
    return [line.sequence for batch in journal.batches for line in batch.events]


@given(st.integers(0, len(TURN)), st.lists(DRAFTS, min_size=1, max_size=6))
async def test_an_append_is_applied_and_queued_whole_or_not_at_all(begun: int, appends: list[list[Draft]]) -> None:
    session, journal = await live()
    for drafts in TURN[:begun]:
        session.append(*drafts)
    for drafts in appends:
        before, lines = snapshot(session.state), queued(journal)
        try:
            session.append(*drafts)
        except Exception:  # noqa: BLE001  whatever it is
            assert snapshot(session.state) == before
            assert queued(journal) == lines
        else:
            assert queued(journal) == list(range(1, len(lines) + len(drafts) + 1))
            assert session.state.last_sequence == len(lines) + len(drafts)
    bodies = [(line.body, line.private) for batch in journal.batches for line in batch.events]
    assert snapshot(revive(SESSION, None, bodies)) == snapshot(session.state)


@given(VALUES)
def test_whatever_is_encoded_can_be_read_and_means_the_same_the_second_time(value: Any) -> None:
    raw = encode("It", value)
    assert encode("It", msgspec.json.decode(raw)) == raw
    assert b"\\u0000" not in raw or "\\u0000" in str(value)


@given(TEXTS)
def test_a_storable_text_keeps_its_length_and_what_can_be_kept(text: str) -> None:
    stored = storable(text)
    assert len(stored) == len(text)
    assert all(old in ("\0", new) or "\ud800" <= old <= "\udfff" for old, new in zip(text, stored, strict=True))
    stored.encode()
