"""The last hour, a point for every ten seconds. Whoever keeps it says what time it is."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from runtime.core.metrics.counts import Counts, add, take

RESOLUTION_S: Final = 10
POINTS: Final = 360


class Levels(msgspec.Struct, frozen=True, array_like=True):
    """How much there is at the end of a point: fields are added last, with a default."""

    actors: int = 0  # session actors that are up
    sessions: int = 0  # that live in one
    running: int = 0  # of them, those that do something
    waiting: int = 0  # sessions without an actor
    streams: int = 0  # event streams that clients hold open


class Point(msgspec.Struct, frozen=True, array_like=True):
    """What happened in `RESOLUTION_S` seconds from `at` on (Unix seconds), and how much there was at their end."""

    at: int
    counts: Counts
    levels: Levels


class Ring:
    """Points in order, the newest last; those before the last `POINTS` are gone."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=POINTS)
        self._open = Counts()
        self._begun_at: int | None = None

    def load(self, points: Iterable[Point]) -> None:
        """Take what was kept before this began, oldest first; what is here already is newer."""
        ours = list(self._points)
        older = [point for point in points if not ours or point.at < ours[0].at]
        self._points = deque([*older, *ours], maxlen=POINTS)

    def count(self, counts: Counts) -> None:
        """Count something in the point that is open."""
        add(self._open, counts)

    def is_due(self, now: int) -> bool:
        """Tell whether a point has ended by `now` (Unix seconds)."""
        if self._begun_at is None:
            self._begun_at = _begin(now)
        return _begin(now) != self._begun_at

    def close(self, now: int, levels: Levels) -> Point:
        """End the point that is due, and return it.

        Of the time in which nobody asked there is no point: what was counted then is in the one that follows. A clock
        that was put back takes the points back that it had not come to.
        """
        self._begun_at = _begin(now)
        point = Point(self._begun_at - RESOLUTION_S, take(self._open) or Counts(), levels)
        while self._points and self._points[-1].at >= point.at:
            self._points.pop()
        self._points.append(point)
        return point

    def after(self, at: int) -> list[Point]:
        """Return the points that begin after a moment, oldest first."""
        return [point for point in self._points if point.at > at]


def _begin(now: int) -> int:
    return now - now % RESOLUTION_S
