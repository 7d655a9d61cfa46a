"""The chaos harness itself, with a handful of faults: every promise holds, and every fault finds its target."""

import pytest

from loadtests.chaos.plan import DISTURBANCES, KILLS, Fault, Kind, plan
from loadtests.chaos.storm import Storm
from loadtests.chaos.workload import KINDS
from loadtests.chaos.world import World

FAULTS = (
    Fault(Kind.ACTOR, "accepted", 0.2, 0.1),
    Fault(Kind.ACTOR, "tool.started", 0.2, 0.3),
    Fault(Kind.USURPER, "output.message.started", 0.2, 0.5),
    Fault(Kind.DATABASE_CUT, None, 0.2, 0.5),
    Fault(Kind.SUPERVISOR, None, 0.2, 0.5),
    Fault(Kind.CLIENT_CUT, None, 0.2, 0.5),
    Fault(Kind.POSTGRES, None, 0.2, 0.1),
    Fault(Kind.ACTOR, None, 0.2, 0.7),
)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_every_promise_holds_through_a_handful_of_faults() -> None:
    world = World()
    try:
        async with world:
            outcome = await Storm(world, 7, KINDS * 2, lambda _: None).run(FAULTS)
    finally:
        world.remove()
    assert outcome.findings == []
    assert [blow.kind for blow in outcome.blows] == [fault.kind for fault in FAULTS]
    assert outcome.volume["turns"] > 0
    assert outcome.volume["tool runs"] > 0
    assert outcome.volume["model requests"] > 0
    assert outcome.volume["takeovers"] > 0
    assert outcome.volume["foreign sessions refused"] > 0


def test_same_seed_gives_the_same_plan_with_every_kind_in_it() -> None:
    faults = plan(3, 100)
    assert faults == plan(3, 100)
    assert faults != plan(4, 100)
    assert {fault.kind for fault in faults} == set(Kind)
    assert sum(fault.kind in KILLS for fault in faults) == 100


def test_plan_keeps_to_the_kinds_that_are_asked_for() -> None:
    assert {fault.kind for fault in plan(1, 20, [Kind.DOOR])} == {Kind.DOOR}
    assert {fault.kind for fault in plan(1, 20, [Kind.PAUSE])} == {Kind.PAUSE}
    assert KILLS.keys() | DISTURBANCES.keys() == set(Kind)
    assert not KILLS.keys() & DISTURBANCES.keys()
