"""What front doors and hosts say to each other."""

import pickle
from typing import Any, Final

import msgspec
import pytest

from runtime.core.errors import StaleEpochError
from runtime.core.message import Message, Role, TextPart
from runtime.core.placement.directory import Placement
from runtime.core.session.decision import Decision
from runtime.core.wire import Wire
from runtime.ports.gateway import ClientResult, Frame, Input
from runtime.wire import protocol
from runtime.wire.protocol import Ask, Cancel, Close, Rename, Submit, repeated

RESULTS = (ClientResult("c1", 1),)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (Cancel("m1"), Cancel("m1", is_repeated=True)),
        (Cancel("m1", is_repeated=True), Cancel("m1", is_repeated=True)),
        (Submit(RESULTS), Submit(RESULTS, is_repeated=True)),
        (Rename("a"), Rename("a")),
        (Close(), Close()),
    ],
)
def test_what_must_not_be_done_twice_says_that_it_is_repeated(first: Ask, again: Ask) -> None:
    assert repeated(first) == again


MESSAGE: Final = Message(
    id="message_1", role=Role.USER, content=(TextPart("hello"),), created_at="2026-01-01T00:00:00.000Z"
)
FRAME: Final = Frame(1, "turn.started", "event_1", b"{}")
SENT: Final[tuple[Any, ...]] = (
    protocol.Send(Input(message=MESSAGE, tags=("a",), idempotency_key="k")),
    protocol.Cancel("message_2", is_repeated=True),
    protocol.Submit((ClientResult("call_1", {"a": [1]}), ClientResult("call_2", error="no")), is_repeated=True),
    protocol.Decide(Decision(tool_call_id="call_1", attempt=2, choice="happened", result=1, note="seen")),
    protocol.Rename("title"),
    protocol.Watch(),
    protocol.Unwatch(),
    protocol.Close(),
    protocol.Command(7, "session_1", 3, protocol.Cancel("message_2")),
    protocol.Watching(4, FRAME),
    protocol.Answer(7, "active"),
    protocol.Delivery("session_1", 3, (FRAME,)),
    protocol.Want(2, may_release=True),
    protocol.Beliefs("front-door-1", 4, {"session_1": 3}, {"session_2": 0}, ("session_3",)),
    protocol.Adoption("session_1", 3),
    protocol.Departure("session_1", 3, has_failed=True),
    Placement("session_1", 3, "actor"),
)


def test_everything_that_is_sent_is_tried_here() -> None:
    sent = {kind for kind in vars(protocol).values() if isinstance(kind, type) and kind.__module__ == protocol.__name__}
    assert sent == {type(value) for value in SENT if type(value) is not Placement}


@pytest.mark.parametrize("value", SENT, ids=lambda value: type(value).__name__)
def test_what_is_sent_survives_pickling(value: msgspec.Struct) -> None:
    again = pickle.loads(pickle.dumps(value))  # noqa: S301  our own bytes
    assert type(again) is type(value)
    assert again == value
    assert isinstance(again, Wire), "a reader of another version must be able to take it"


def test_an_answer_carries_its_error_through_pickling() -> None:
    again = pickle.loads(pickle.dumps(protocol.Answer(7, None, StaleEpochError("session_1", 3))))  # noqa: S301  ours
    assert type(again.error) is StaleEpochError
    assert again.error.detail() == {"session_id": "session_1", "epoch": 3}
