"""What the supervisor asks of the directory of sessions, on real Postgres."""

import pytest

from runtime.core.authored.definition import HarnessDefinition
from runtime.core.ids import hex_of
from runtime.core.placement.supervision import Crash, Record, Standing
from runtime.ports.journal import Batch, Head, Line
from runtime.process.mint import new_id
from runtime.store import placement
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from tests.integration.ground import CLEAN, PostgresGround, settle
from tests.integration.store.test_isolation import furnish
from tests.tenancy import found_org, ours

CRASHED = Record((Crash(at=0.0, steps=0),))
DELETE = "UPDATE sessions SET deleted_at = now() WHERE id = ANY($1::uuid[])"
LEFT_ON_PURPOSE = "UPDATE sessions SET actor = NULL WHERE id = $1"


@pytest.fixture
async def ground(db: Pool) -> PostgresGround:
    harness = await HarnessStore(ours(db)).create("test", HarnessDefinition())
    return PostgresGround(db, harness.id)


async def opened(ground: PostgresGround, actor: str, record: Record = CLEAN) -> tuple[str, int]:
    """Return a session that lives in an actor, and its epoch."""
    session_id = await ground.open()
    return session_id, (await settle(ground.placements, {session_id: actor}, record))[session_id]


async def write(ground: PostgresGround, session_id: str, epoch: int, status: str, sequence: int = 1) -> bool:
    """Have an owner write; return whether it could."""
    line = Line(sequence, new_id("event"), "test.event", None, b"{}")
    results = await ground.store.append([Batch(session_id, epoch, [line], Head(status, 0, None, None, None, None))])
    return bool(results)


async def test_orphans_are_of_the_dead_and_who_has_crashed_comes_first(ground: PostgresGround) -> None:
    clean, crashed, resting, elsewhere = [
        await opened(ground, actor, record)
        for actor, record in (("dead", CLEAN), ("dead", CRASHED), ("dead", CLEAN), ("alive", CLEAN))
    ]
    for session_id, epoch in (crashed, clean, elsewhere):
        await write(ground, session_id, epoch, "active")
    await write(ground, *resting, "idle")
    assert await ground.placements.orphans(["dead", "another"]) == [crashed[0], clean[0]]
    assert await ground.placements.abandoned() == []
    await ground.pool.execute(LEFT_ON_PURPOSE, hex_of(clean[0]))
    assert await ground.placements.abandoned() == [clean[0]]


async def test_the_owners_are_named_once_each_dead_or_alive(ground: PostgresGround) -> None:
    assert await ground.placements.owners() == []
    for actor in ("b", "a", "b", "c"):
        await opened(ground, actor)
    await ground.open()
    assert await ground.placements.owners() == ["a", "b", "c"]


async def test_what_rests_in_the_dead_is_nobodys_and_cannot_be_written_by_one_that_lives_on(
    ground: PostgresGround,
) -> None:
    """Promised: who is only thought dead begins no turn of which nobody knows."""
    resting, busy, deleted = [await opened(ground, "dead") for _ in range(3)]
    await write(ground, *resting, "idle")
    await write(ground, *busy, "active")
    await write(ground, *deleted, "active")
    await ground.pool.execute(DELETE, [hex_of(deleted[0])])
    assert await ground.placements.vacate(["dead"])
    assert not await write(ground, *resting, "active", sequence=2)
    assert await write(ground, *busy, "active", sequence=2)
    assert [case.actor for case in await ground.placements.cases([busy[0], resting[0]])] == ["dead", None]
    assert await ground.placements.orphans(["dead"]) == [busy[0]]
    assert not await ground.placements.vacate(["dead"])
    await write(ground, *busy, "idle", sequence=3)
    await ground.placements.vacate(["dead"])
    assert await ground.placements.owners() == []


async def test_the_dead_are_vacated_some_sessions_at_a_time(
    ground: PostgresGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rest there, no statement is too long for its time, and none holds all of their rows."""
    few = placement.VACATE.replace(str(placement.VACATED_AT_ONCE), "2")
    monkeypatch.setattr(placement, "VACATE", few)
    resting = [(await opened(ground, "dead"))[0] for _ in range(5)]
    left = []
    while await ground.placements.vacate(["dead", "another"]):
        left.append(sum(case.actor is not None for case in await ground.placements.cases(resting)))
    assert left == [3, 1, 0]
    assert {case.epoch for case in await ground.placements.cases(resting)} == {2}


async def test_residents_are_all_and_tended_those_that_matter(ground: PostgresGround) -> None:
    resting, busy, suspect = [await opened(ground, "a", record) for record in (CLEAN, CLEAN, CRASHED)]
    await opened(ground, "b")
    await write(ground, *busy, "active")
    residents = await ground.placements.residents(["a"])
    assert {(place.session_id, place.epoch) for place in residents} == {resting, busy, suspect}
    assert {place.actor for place in residents} == {"a"}
    assert {case.session_id for case in await ground.placements.tended(["a"])} == {busy[0], suspect[0]}


async def test_cases_come_in_the_order_in_which_they_are_asked_for(ground: PostgresGround) -> None:
    asked = [await ground.open() for _ in range(4)][::-1]
    found = await ground.placements.cases([asked[0], new_id("session"), *asked[1:]])
    assert [case.session_id for case in found] == asked


async def test_sessions_in_quarantine_are_counted_by_organisation(ground: PostgresGround) -> None:
    stopped = Record(CRASHED.crashes, Standing.QUARANTINED)
    for record in (stopped, stopped, CLEAN):
        await opened(ground, "a", record)
    theirs = await furnish(ground.pool, await found_org(ground.pool))
    await ground.pool.execute("UPDATE sessions SET quarantined = true WHERE id = $1", hex_of(theirs))
    assert list((await ground.placements.quarantined()).values()) == [2, 1]
