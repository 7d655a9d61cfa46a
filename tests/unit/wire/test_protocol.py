"""What processes say to each other."""

import pickle
from typing import Final

import msgspec
import pytest

from runtime.core.placement.directory import Placement
from runtime.core.wire import Wire
from runtime.ports.gateway import ClientResult
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


BY_RAY: Final = (
    protocol.Want(2, may_release=True),
    protocol.Beliefs("front-door-1", 4, {"session_1": 3}, {"session_2": 0}, ("session_3",)),
    protocol.Departure("session_1", 3, has_failed=True, cause="it hit a bug"),
    Placement("session_1", 3, "actor"),
)


@pytest.mark.parametrize("value", BY_RAY, ids=lambda value: type(value).__name__)
def test_what_goes_by_calls_through_ray_survives_pickling(value: msgspec.Struct) -> None:
    again = pickle.loads(pickle.dumps(value))  # noqa: S301  our own bytes
    assert type(again) is type(value)
    assert again == value
    assert isinstance(again, Wire), "a reader of another version must be able to take it"
