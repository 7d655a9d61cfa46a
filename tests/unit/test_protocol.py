"""What front doors and hosts say to each other."""

import pytest

from runtime.ports import ClientResult
from runtime.protocol import Ask, Cancel, Close, Rename, Submit, repeated

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
