"""The last hour outlives whoever kept it."""

from datetime import UTC, datetime

import msgspec

from actors.meter import Meter
from runtime.core.metrics.counts import Counts
from runtime.core.metrics.ring import POINTS, RESOLUTION_S, Levels, Point
from runtime.process.mint import now
from runtime.store.metric_points import KEPT_S, MetricStore
from runtime.store.pool import DatabaseRole, Pool, open_pool

START = 1_700_000_000


def point(number: int, turns: int = 1) -> Point:
    return Point(START + number * RESOLUTION_S, Counts(turns_completed=turns, failures={"a": 1}), Levels(actors=2))


async def test_points_are_read_as_they_were_written_and_the_newest_word_holds(db: Pool) -> None:
    store = MetricStore(db)
    await store.save([point(1), point(2)])
    await store.save([point(2, turns=5), point(3)])
    assert await store.load(START + 100) == [point(1), point(2, turns=5), point(3)]


async def test_what_is_older_than_an_hour_is_forgotten(db: Pool) -> None:
    store = MetricStore(db)
    await store.save([point(1), point(2)])
    await store.save([point(POINTS + 1)])
    assert await store.load(START) == [point(2), point(POINTS + 1)]
    assert await store.load(START + KEPT_S + 2 * RESOLUTION_S) == [point(POINTS + 1)]


async def test_what_cannot_be_read_is_left_out(db: Pool) -> None:
    store = MetricStore(db)
    await store.save([point(1)])
    insert = "INSERT INTO metric_points (at, point) VALUES ($1, $2)"
    await db.execute(insert, datetime.fromtimestamp(START, UTC), '{"of": "another age"}')
    assert await store.load(START + 100) == [point(1)]


async def test_a_supervisor_goes_on_where_the_last_one_was(database: str, db: Pool) -> None:
    """Under the role of a running supervisor, which owns no table."""
    at = int(now().timestamp())
    await MetricStore(db).save([Point(at - 60, Counts(turns_completed=3), Levels(actors=2))])
    engine = await open_pool(database, role=DatabaseRole.ENGINE, max_size=1)
    meter = Meter()
    await meter.begin(MetricStore(engine))
    await meter.save()  # nothing is new
    found = msgspec.json.decode(meter.series(0), type=list[Point])
    await engine.close()
    assert [(p.at, p.counts.turns_completed) for p in found] == [(at - 60, 3)]
    assert meter.series(at) == b"[]"
