"""The points of the last hour, kept for a supervisor that begins anew."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from runtime.core.metrics.ring import POINTS, RESOLUTION_S, Point
from runtime.store.pool import Pool, translate

KEPT_S: Final = POINTS * RESOLUTION_S

LOAD: Final = "SELECT point FROM metric_points WHERE at > $1 ORDER BY at"

# Every ten seconds. They need not outlive a crash of Postgres, so nobody waits for the disk.
SAVE: Final = """
INSERT INTO metric_points (at, point)
SELECT p.at, p.point FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quickly,
    unnest($1::timestamptz[], $2::json[]) AS p (at, point)
ON CONFLICT (at) DO UPDATE SET point = excluded.point
"""
FORGET: Final = "DELETE FROM metric_points WHERE at <= $1"


class MetricStore:
    """Points by when they begin. Raises StoreUnavailableError."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def load(self, now: int) -> list[Point]:
        """Return the points of the hour before `now` (Unix seconds), oldest first."""
        with translate():
            rows = await self._pool.fetch(LOAD, _moment(now - KEPT_S))
        return [point for row in rows if (point := _point(row["point"])) is not None]

    async def save(self, points: Sequence[Point]) -> None:
        """Keep points, and forget those that are older than an hour by the newest of them."""
        with translate():
            bodies = [msgspec.json.encode(point).decode() for point in points]
            await self._pool.execute(SAVE, [_moment(point.at) for point in points], bodies)
            await self._pool.execute(FORGET, _moment(points[-1].at - KEPT_S))


def _point(body: str) -> Point | None:
    """Return a point; None for one that code of another age has written and this cannot read."""
    try:
        return _points.decode(body)
    except msgspec.ValidationError:
        return None


def _moment(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)


_points: Final = msgspec.json.Decoder(Point)
