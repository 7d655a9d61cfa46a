"""The plan of the played cluster: who lives where, and who listens to whom."""

from argparse import ArgumentTypeError
from collections import Counter
from dataclasses import replace

import pytest

from loadtests.cluster.__main__ import GROUPS, groups
from loadtests.cluster.plan import COMPANIES, SMALL, Plan, Scale, node_id, session_id

PLANS = [
    Plan("", "", SMALL),
    Plan("", "", replace(SMALL, nodes=7, actors=50, placed=9_973, in_turn=3_000, sessions=10_000)),
]


@pytest.mark.parametrize("plan", PLANS)
def test_as_many_are_in_a_turn_as_were_asked_for_and_all_on_the_node_that_dies(plan: Plan) -> None:
    """The takeover is that of a node full of turns; the other turns are spread over the others."""
    busy = [number for number in range(plan.scale.placed) if plan.is_in_turn(number)]
    assert len(busy) == plan.scale.in_turn
    assert busy[: plan.dying] == list(range(plan.dying))
    assert not plan.is_in_turn(plan.scale.placed), "what is not placed rests"


def test_sessions_of_the_first_node_are_those_that_die() -> None:
    """By the rule of the rows, session n lives in actor n * actors // placed."""
    plan = PLANS[0]
    homes = [plan.node_of(number * plan.scale.actors // plan.scale.placed) for number in range(plan.scale.placed)]
    assert [number for number, home in enumerate(homes) if home == node_id(0)] == list(range(plan.dying))


def test_every_node_has_as_many_actors_and_one_process_that_plays_them() -> None:
    """Heartbeats are shared out evenly."""
    plan = PLANS[0]
    nodes = Counter(plan.node_of(actor) for actor in range(plan.scale.actors))
    assert set(nodes.values()) == {plan.scale.actors // plan.scale.nodes}
    assert set(Counter(plan.company_of(node) for node in nodes).values()) == {plan.scale.nodes // COMPANIES}


def test_doors_watch_different_sessions_that_are_placed() -> None:
    """News of a session concern few doors, wherever it lives."""
    plan = PLANS[0]
    placed = {session_id(number) for number in range(plan.scale.placed)}
    watched = Counter(session for door in range(plan.scale.doors) for session in plan.watched_by(door))
    assert set(watched) <= placed
    assert watched.total() == plan.scale.doors * plan.scale.watched
    assert max(watched.values()) == 1


def test_the_younger_session_has_the_greater_id() -> None:
    """As with ids that are minted."""
    ids = [session_id(number) for number in (0, 1, 15, 16, 9_999_999)]
    assert ids == sorted(ids, reverse=True)
    assert all(len(one) == len("session_") + 32 for one in ids)


def test_a_plan_goes_to_its_processes_as_text() -> None:
    """Each of them is told all of it."""
    plan = Plan("home", "dsn", Scale())
    assert Plan.read(plan.written) == plan


def test_groups_are_named_in_any_order() -> None:
    """A node must die before the supervisor does, in this order."""
    assert groups("restart,death") == ["death", "restart"]
    with pytest.raises(ArgumentTypeError, match="choose from resting"):
        groups("nothing")
    assert groups(",".join(GROUPS)) == list(GROUPS)
