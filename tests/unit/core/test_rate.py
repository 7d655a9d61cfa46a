"""How often somebody may do something."""

import pytest

from runtime.core.rate import SMALL_CHANGE, Buckets, Rate

NOW_S = 1_000_000.0
WINDOW_S = 60
LIMIT = 20
RATE = Rate(LIMIT, WINDOW_S)  # one comes back every three seconds


def emptied(who: str = "ada") -> Buckets:
    buckets = Buckets(RATE)
    for _ in range(LIMIT):
        buckets.take(who, NOW_S)
    return buckets


def test_a_bucket_holds_a_window_of_them_and_not_one_more() -> None:
    buckets = Buckets(RATE)
    left = []
    while not buckets.wait_s("ada", NOW_S):
        left.append(buckets.take("ada", NOW_S))
    assert left == list(reversed(range(LIMIT)))
    assert buckets.wait_s("ada", NOW_S) == pytest.approx(3)


def test_each_comes_back_by_itself() -> None:
    buckets = emptied()
    assert buckets.wait_s("ada", NOW_S + 2) == pytest.approx(1)
    assert buckets.wait_s("ada", NOW_S + 3) == 0
    assert buckets.take("ada", NOW_S + 3) == 0
    assert buckets.wait_s("ada", NOW_S + 3) == pytest.approx(3)
    assert buckets.take("ada", NOW_S + 2 * WINDOW_S) == LIMIT - 1


def test_nobody_takes_from_the_bucket_of_another() -> None:
    buckets = emptied("ada")
    assert buckets.wait_s("bob", NOW_S) == 0
    assert buckets.take("bob", NOW_S) == LIMIT - 1


def test_what_is_taken_beyond_the_last_is_owed() -> None:
    buckets = emptied()
    assert buckets.take("ada", NOW_S) == 0
    assert buckets.wait_s("ada", NOW_S) == pytest.approx(6)


def test_what_is_told_is_told_once() -> None:
    buckets = emptied()
    assert buckets.tell(10) == {"ada": pytest.approx(WINDOW_S)}
    assert buckets.tell(10) == {}


def test_one_telling_is_bounded_and_the_rest_follows() -> None:
    buckets = Buckets(RATE)
    for who in "abc":
        buckets.take(who, NOW_S)
    assert sorted([*buckets.tell(2), *buckets.tell(2)]) == ["a", "b", "c"]


def test_small_change_is_told_when_it_has_added_up() -> None:
    buckets = Buckets(Rate(3 * SMALL_CHANGE, WINDOW_S))
    told = []
    for _ in range(3):
        buckets.take("ada", NOW_S)
        told.append(buckets.tell(10))
    assert told == [{}, {}, {"ada": pytest.approx(WINDOW_S / SMALL_CHANGE)}]


def test_what_was_taken_elsewhere_is_missing_here() -> None:
    buckets = Buckets(RATE)
    buckets.hear({"ada": WINDOW_S}, NOW_S)
    assert buckets.wait_s("ada", NOW_S) == pytest.approx(3)


def test_what_was_taken_here_meanwhile_is_missing_too() -> None:
    buckets = Buckets(RATE)
    for _ in range(5):
        buckets.take("ada", NOW_S)
    told = buckets.tell(10)
    for _ in range(5):
        buckets.take("ada", NOW_S)
    buckets.hear(told, NOW_S)
    assert buckets.take("ada", NOW_S) == LIMIT - 11


def test_news_that_is_older_than_what_is_known_gives_nothing_back() -> None:
    buckets = emptied()
    buckets.tell(10)
    buckets.hear({"ada": 3.0}, NOW_S)
    assert buckets.wait_s("ada", NOW_S) == pytest.approx(3)


def test_who_has_not_come_for_a_window_is_forgotten() -> None:
    buckets = emptied()
    buckets.forget(NOW_S + 2 * WINDOW_S - 1)
    assert len(buckets) == 1
    buckets.forget(NOW_S + 2 * WINDOW_S)
    assert len(buckets) == 0
