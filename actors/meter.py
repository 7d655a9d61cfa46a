"""What all processes count, in one place: the supervisor keeps the last hour and has the database remember it.

Actors tell theirs with each heartbeat, front doors every few seconds; what one has not told when it dies is lost. While
there is no supervisor it is kept where it was counted.
"""

from collections.abc import Callable

import msgspec
import structlog

from runtime.core.errors import StoreUnavailableError
from runtime.core.metrics.counts import Counts, take
from runtime.core.metrics.ring import POINTS, Levels, Point, Ring
from runtime.process.metrics import counts as ours
from runtime.process.mint import now
from runtime.store.metric_points import MetricStore

log = structlog.get_logger(__name__)


class Meter:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._ring = Ring()
        self._unsaved: list[Point] = []
        self._store: MetricStore | None = None

    async def begin(self, store: MetricStore) -> None:
        """Go on where the last supervisor was. Raises StoreUnavailableError."""
        self._ring.load(await store.load(_unix_s()))
        self._store = store

    def count(self, counts: Counts | None) -> None:
        """Take what a process has counted since it told the last time."""
        if counts is not None:
            self._ring.count(counts)

    def tick(self, levels: Callable[[], Levels]) -> None:
        """Hear that time goes on, some ten times within a point; `levels` tells how much there is now."""
        self.count(take(ours))
        at = _unix_s()
        if self._ring.is_due(at):
            self._unsaved = [*self._unsaved, self._ring.close(at, levels())][-POINTS:]

    async def save(self) -> None:
        """Have the database remember what is new; tried again with the next point while it is away."""
        if not self._unsaved or self._store is None:
            return
        points, self._unsaved = self._unsaved, []
        try:
            await self._store.save(points)
        except StoreUnavailableError as err:
            self._unsaved = [*points, *self._unsaved]
            log.warning("points_not_saved", reason=err.reason)

    def series(self, after: int) -> bytes:
        """Return the points that begin after a moment (Unix seconds), as JSON: whoever reads it may be newer."""
        return msgspec.json.encode(self._ring.after(after))


def _unix_s() -> int:
    return int(now().timestamp())
