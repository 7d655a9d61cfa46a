"""The last hour, ten seconds at a time."""

from collections.abc import Iterator
from itertools import count

from runtime.core.metrics.counts import Counts
from runtime.core.metrics.ring import POINTS, RESOLUTION_S, Levels, Point, Ring

START = 1_000_000
LEVELS = Levels(actors=2)


def at(number: int) -> int:
    return START + number * RESOLUTION_S


def look(ring: Ring, now: int) -> Point | None:
    return ring.close(now, LEVELS) if ring.is_due(now) else None


def completed(ring: Ring) -> list[tuple[int, int]]:
    return [((point.at - START) // RESOLUTION_S, point.counts.turns_completed) for point in ring.after(0)]


def test_a_point_holds_what_was_counted_until_it_ended() -> None:
    ring = Ring()
    assert look(ring, at(0) + 3) is None
    ring.count(Counts(turns_completed=1))
    assert look(ring, at(0) + 9) is None
    ring.count(Counts(turns_completed=2))
    assert look(ring, at(1)) == Point(at(0), Counts(turns_completed=3), LEVELS)
    ring.count(Counts(turns_completed=5))
    assert look(ring, at(2) + 4) == Point(at(1), Counts(turns_completed=5), LEVELS)
    assert completed(ring) == [(0, 3), (1, 5)]
    assert ring.after(at(0)) == [Point(at(1), Counts(turns_completed=5), LEVELS)]


def test_of_time_in_which_nobody_looked_there_is_no_point_and_nothing_is_lost() -> None:
    ring = Ring()
    look(ring, at(0))
    ring.count(Counts(turns_completed=1))
    look(ring, at(5))
    look(ring, at(6))
    assert completed(ring) == [(4, 1), (5, 0)]


def test_a_clock_that_is_put_back_takes_points_back() -> None:
    ring = Ring()
    for number in range(6):
        look(ring, at(number))
    look(ring, at(2))
    assert completed(ring) == [(0, 0), (1, 0)]


def test_only_the_last_hour_is_kept() -> None:
    ring = Ring()
    for number in range(POINTS + 3):
        look(ring, at(number))
    assert [number for number, _ in completed(ring)] == list(range(2, POINTS + 2))


def test_what_was_kept_before_comes_first_and_never_twice() -> None:
    ring, numbers = Ring(), count(10)
    look(ring, at(next(numbers)))
    look(ring, at(next(numbers)))
    ring.load(_kept(0, 12))
    assert completed(ring) == [*((number, 7) for number in range(10)), (10, 0)]
    other = Ring()
    other.load(_kept(0, POINTS + 5))
    assert len(other.after(0)) == POINTS


def _kept(first: int, end: int) -> Iterator[Point]:
    return (Point(at(number), Counts(turns_completed=7), LEVELS) for number in range(first, end))
