"""Counts as they go from process to process."""

import msgspec
import pytest

from runtime.core.metrics.counts import CODES_MOST, Counts, add, take


def test_what_was_taken_is_not_taken_again() -> None:
    counts = Counts(turns_completed=2, failures={"model_unavailable": 1})
    counts.first_token[3] += 1
    taken = take(counts)
    assert taken is not None
    assert taken == Counts(turns_completed=2, failures={"model_unavailable": 1}, first_token=taken.first_token)
    assert sum(taken.first_token) == taken.first_token[3] == 1
    assert counts == Counts()
    assert take(counts) is None


def test_every_number_is_added_up() -> None:
    """Also one that is added to the table later: each field is given a value of its own."""
    numbers = [name for name in Counts.__struct_fields__ if name not in ("first_token", "failures")]
    one = Counts(failures={"a": 1})
    for position, name in enumerate(numbers, 1):
        setattr(one, name, position)
    one.first_token[0] = 7
    total = Counts(failures={"a": 2, "b": 5})
    add(total, one)
    add(total, one)
    assert [getattr(total, name) for name in numbers] == [2 * n for n in range(1, len(numbers) + 1)]
    assert (total.first_token[0], total.failures) == (14, {"a": 4, "b": 5})


def test_kinds_of_failures_are_bounded() -> None:
    total = Counts()
    for number in range(2 * CODES_MOST):
        add(total, Counts(failures={f"code_{number}": 1}))
    add(total, Counts(failures={"code_0": 1}))
    assert len(total.failures) == CODES_MOST
    assert total.failures["code_0"] == 2


def test_older_and_newer_processes_read_each_other() -> None:
    sent = msgspec.msgpack.encode(Counts(turns_completed=3, turns_failed=1))
    fields = msgspec.msgpack.decode(sent)
    older = msgspec.msgpack.decode(msgspec.msgpack.encode(fields[:2]), type=Counts)
    newer = msgspec.msgpack.decode(msgspec.msgpack.encode([*fields, "of tomorrow"]), type=Counts)
    assert (older, newer) == (Counts(3, 1), Counts(3, 1))


@pytest.mark.parametrize("sent", [[-1], ["1"], [1.5]])
def test_nobody_counts_down(sent: list[object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Counts)
