"""The event union: one JSON form, stored and sent."""

import msgspec
import pytest

from runtime.core import event as ev
from runtime.core.message import Message, Role, TextPart, ToolCallPart
from tests.unit.core.logs import Log, event_of
from tests.unit.core.session.test_phase import EXAMPLES


@pytest.mark.parametrize("event_type", sorted(EXAMPLES))
def test_an_event_comes_back_from_its_bytes(event_type: str) -> None:
    event = event_of(Log().state, EXAMPLES[event_type], metadata={"a": 1}, tags=("t",))
    body = ev.encode(event)
    assert ev.decode(body) == event
    assert ev.decode(body.decode()) == event
    assert ev.encode(event) == body


def test_the_envelope_is_that_of_the_wire() -> None:
    event = event_of(Log().state, ev.SessionTitleUpdated(title="T"))
    assert msgspec.json.decode(ev.encode(event)) == {
        "id": event.id,
        "type": "session.title.updated",
        "ts": event.ts,
        "session_id": event.session_id,
        "sequence": 1,
        "context": {},
        "data": {"title": "T"},
    }


def test_an_ephemeral_event_has_no_sequence() -> None:
    data = ev.OutputDelta(turn_id="t", message_id="m", delta="a", accumulated="a")
    event = event_of(Log().state, data, sequence=None)
    assert "sequence" not in msgspec.json.decode(ev.encode(event))


def test_a_type_that_this_code_does_not_know_decodes_to_none() -> None:
    body = b'{"id":"e","type":"new.kind","ts":"","session_id":"s","context":{},"data":{"x":[1]},"sequence":1}'
    assert ev.decode(body) is None


def test_fields_that_this_code_does_not_know_are_ignored() -> None:
    body = (
        b'{"id":"e","type":"session.idled","ts":"","session_id":"s","context":{"new":1},"more":2,'
        b'"data":{"turn_id":"t","new":3},"sequence":1}'
    )
    event = ev.decode(body)
    assert event is not None
    assert event.data == ev.SessionIdled(turn_id="t")


def test_reserved_types_are_known_and_nothing_emits_them() -> None:
    assert not set(ev.PAYLOADS) & ev.RESERVED_TYPES
    assert set(ev.PAYLOADS) | ev.RESERVED_TYPES == ev.KNOWN_TYPES
    assert {
        "output.message.delta", "reason.retrying", "reason.thinking.delta", "reason.waiting", "tool.output.delta",
    } == ev.EPHEMERAL_TYPES  # fmt: skip


def test_a_message_gives_its_text_and_its_calls() -> None:
    call = ToolCallPart("c", "add", {})
    made = Message(id="m", role=Role.AGENT, content=(TextPart("a"), call, TextPart("b")), created_at="")
    assert (made.text, made.tool_calls) == ("ab", (call,))
