"""Where sessions live, and how many actors there are."""

from collections import Counter
from collections.abc import Iterable
from math import inf

import pytest

from runtime.core.placement.residency import Company, Limits, Queue, Room, Rooms, choose_node, max_actors

LIMITS = Limits(max_actors=4, warm_standbys=2, sessions_per_actor=3)

Named = tuple[str, Room]


def room(actor: str, sessions: int, open_to: Company = Company.ANYBODY, *, is_ready: bool = True) -> Named:
    return actor, Room(sessions, is_ready, open_to)


def filed(rooms: Iterable[Named]) -> Rooms:
    made = Rooms()
    for actor, how in rooms:
        made.put(actor, how)
    return made


@pytest.mark.parametrize(
    ("rooms", "chosen"),
    [
        ([], None),
        ([room("a", 1), room("b", 0)], "b"),  # spread …
        ([room("a", 2), room("b", 1), room("c", 0, is_ready=False)], "b"),  # … then pack rather than wait
        ([room("b", 1), room("a", 1)], "b"),  # who has waited longest, of equals
        ([room("a", 3), room("b", 3)], None),
        ([room("a", 0, Company.NOBODY), room("b", 2), room("c", 1, Company.SUSPECTS)], "b"),
    ],
)
def test_a_session_goes_where_it_is_emptiest(rooms: list[Named], chosen: str | None) -> None:
    assert filed(rooms).choose(LIMITS) == chosen


@pytest.mark.parametrize(
    ("rooms", "chosen"),
    [
        ([room("a", 1), room("c", 0), room("b", 0)], "c"),
        ([room("a", 2), room("b", 1), room("c", 0, Company.SUSPECTS)], None),  # it waits rather than have neighbours
        ([room("a", 0, Company.NOBODY), room("b", 0, is_ready=False)], None),
    ],
)
def test_who_may_have_no_company_lives_alone(rooms: list[Named], chosen: str | None) -> None:
    assert filed(rooms).choose(LIMITS, Company.NOBODY) == chosen


@pytest.mark.parametrize(
    ("rooms", "chosen"),
    [
        ([room("a", 0), room("b", 2, Company.SUSPECTS), room("c", 1, Company.SUSPECTS)], "c"),
        ([room("a", 1), room("b", 3, Company.SUSPECTS), room("c", 0)], "c"),
        ([room("a", 1), room("b", 0, Company.NOBODY)], None),
    ],
)
def test_suspects_live_together(rooms: list[Named], chosen: str | None) -> None:
    assert filed(rooms).choose(LIMITS, Company.SUSPECTS) == chosen


FULL = [room("a", 1), room("b", 1), room("c", 1), room("d", 1)]


@pytest.mark.parametrize(
    ("rooms", "waiting", "missing"),
    [
        ([], (), 2),
        ([room("a", 0)], (), 1),
        ([room("a", 0), room("b", 0, is_ready=False)], (), 0),
        ([room("a", 1), room("b", 1)], (), 2),
        ([room("a", 1), room("b", 1), room("c", 1)], (), 1),
        (FULL, (), 0),
        (FULL, (Company.ANYBODY,), 0),
        (FULL, (Company.NOBODY, Company.NOBODY), 2),  # suspects go beyond the limit …
        (FULL, (Company.NOBODY, Company.SUSPECTS, Company.SUSPECTS), 2),  # … and share what may be shared
        ([*FULL[:3], room("d", 0)], (Company.NOBODY,), 0),
        ([room("a", 0, Company.NOBODY), room("b", 0)], (), 1),
        ([room("a", 1, Company.NOBODY), room("b", 2, Company.SUSPECTS), room("c", 1, Company.NOBODY)], (), 2),
        ([room(str(n), 0) for n in range(5)], (), 0),
    ],
)
def test_standbys_are_kept_up_to_the_number_of_actors(
    rooms: list[Named], waiting: tuple[Company, ...], missing: int
) -> None:
    assert filed(rooms).missing(LIMITS, Counter(waiting)) == missing


@pytest.mark.parametrize(
    ("rooms", "waiting", "missing"),
    [
        ([], (), 0),
        ([], (Company.ANYBODY,) * 5, 1),
        ([room("a", 3)], (Company.ANYBODY,) * 5, 1),
        ([room("a", 3), room("b", 0, is_ready=False)], (Company.ANYBODY,) * 5, 0),  # it is on its way
        (FULL, (Company.ANYBODY,), 0),
    ],
)
def test_without_standbys_an_actor_is_started_when_somebody_waits(
    rooms: list[Named], waiting: tuple[Company, ...], missing: int
) -> None:
    lazy = Limits(max_actors=4, warm_standbys=0, sessions_per_actor=3)
    assert filed(rooms).missing(lazy, Counter(waiting)) == missing


def test_suspects_take_turns_however_many_they_are() -> None:
    """A cluster that died thrice at one blow: each of its sessions wants an actor of its own, and two may have one."""
    limits = Limits(max_actors=8, warm_standbys=1, sessions_per_actor=3)
    crowd = Counter({Company.NOBODY: 5_000})
    assert filed(FULL).missing(limits, crowd) == limits.kept_most
    kept = filed([*FULL, room("e", 1, Company.NOBODY), room("f", 0)])
    assert kept.choose(limits, Company.NOBODY) == "f"
    kept.put(*room("g", 1, Company.NOBODY))
    assert kept.choose(limits, Company.NOBODY) is None
    assert kept.missing(limits, crowd) == 0


def test_the_queue_serves_who_came_first_and_forgets_who_left() -> None:
    queue = Queue()
    for at, session_id in enumerate("abc"):
        queue.join(session_id, Company.NOBODY, float(at))
    queue.join("a", Company.SUSPECTS, 9.0)  # it is still there, and keeps its place
    assert sorted(["new", "c", "a"], key=queue.position) == ["a", "c", "new"]
    queue.leave("b")
    queue.forget(before=5.0)
    assert +queue.companies == {Company.SUSPECTS: 1}
    assert len(queue) == 1


@pytest.mark.parametrize(("bare_nodes", "missing"), [(0, 0), (1, 1), (3, 2)])
def test_a_node_that_has_just_come_gets_an_actor_within_the_limit(bare_nodes: int, missing: int) -> None:
    assert filed([room("a", 0), room("b", 0)]).missing(LIMITS, {}, bare_nodes) == missing


@pytest.mark.parametrize(
    ("processes", "doubted", "chosen"),
    [
        ({}, {}, "a"),
        ({"a": 2, "b": 1, "c": 1}, {}, "b"),
        ({"a": 2, "b": 1, "c": 3}, {"b": 9.0}, "a"),  # rather crowded than perhaps dead
        ({"a": 2, "b": 1, "c": 3}, {"a": 9.0, "b": 9.0, "c": 9.0}, "b"),  # but somewhere
        ({"a": 2, "b": 1}, {"a": 7.0, "b": inf, "c": 9.0}, "a"),  # and least where it is to be empty
        ({"gone": 0}, {}, "a"),
    ],
)
def test_a_process_is_started_where_the_fewest_are(
    processes: dict[str, int], doubted: dict[str, float], chosen: str
) -> None:
    assert choose_node(["c", "b", "a"], processes, doubted) == chosen
    assert choose_node([], processes, doubted) is None


def test_empty_actors_beyond_the_limit_may_end() -> None:
    rooms = [*(room(name, 0) for name in "ba"), *(room(name, 1) for name in "cdf"), room("e", 0, Company.NOBODY)]
    assert filed(rooms).surplus(LIMITS) == ["b"]
    assert filed(rooms[1:]).surplus(LIMITS) == []
    assert filed(room(str(n), 1) for n in range(9)).surplus(LIMITS) == []


def test_the_number_of_actors_follows_memory_and_cores() -> None:
    assert max_actors(64 << 30, 2) == 4
    assert max_actors(64 << 30, 16) == 32
    assert max_actors(4 << 30, 64) == 6
    assert max_actors(1 << 20, 1) == 2
