"""How often somebody may do something: a bucket holds what a window allows, and fills again steadily.

A bucket is one number, the moment at which it will be full again (GCRA, the generic cell rate algorithm of ITU-T
I.371): to take from it moves that moment on, and time catches up with it. So buckets of several processes are put
together by adding seconds, whatever their clocks say. `now_s` is of any clock that runs steadily.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

SMALL_CHANGE: Final = 100  # the part of a bucket that a process uses up before it tells others
_ROUNDING_S: Final = 1e-6  # what sums of seconds may be off


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a window: all of them at once, if need be, and after that one by one as they come back."""

    limit: int
    window_s: int = 60

    @property
    def cost_s(self) -> float:
        """The seconds after which one that was taken has come back."""
        return self.window_s / self.limit


@dataclass(slots=True)
class _Bucket:
    full_at_s: float
    untold: int = 0  # taken here, which other processes have not been told


class Buckets:
    """The buckets of all who are held to one rate. Who has none here has a full one."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._cost_s, self._window_s = rate.cost_s, rate.window_s
        self._worth_telling = max(1, rate.limit // SMALL_CHANGE)
        self._buckets: dict[str, _Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_s(self, who: str, now_s: float) -> float:
        """Return the seconds until one may be taken: 0 if it may be now."""
        bucket = self._buckets.get(who)
        if bucket is None:
            return 0.0
        wait_s = bucket.full_at_s + self._cost_s - self._window_s - now_s
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def take(self, who: str, now_s: float) -> int:
        """Take one, even if that leaves less than nothing; return how many are left."""
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = _Bucket(now_s)
        began_s = bucket.full_at_s if bucket.full_at_s > now_s else now_s
        bucket.full_at_s = full_at_s = began_s + self._cost_s
        bucket.untold += 1
        left_s = self._window_s - full_at_s + now_s + _ROUNDING_S
        return int(left_s / self._cost_s) if left_s > 0 else 0

    def tell(self, most: int) -> dict[str, float]:
        """Return what was taken since this was last asked, in seconds of filling, of up to so many buckets.

        Small change is left out until it has added up: else every client would be a row in every exchange.
        """
        due = (item for item in self._buckets.items() if item[1].untold >= self._worth_telling)
        told = {}
        for who, bucket in islice(due, most):
            told[who] = bucket.untold * self._cost_s
            bucket.untold = 0
        return told

    def hear(self, owed_s: Mapping[str, float], now_s: float) -> None:
        """Take in how many seconds buckets were from being full at `now_s`, by what all processes have told."""
        for who, seconds in owed_s.items():
            bucket = self._buckets.setdefault(who, _Bucket(now_s))
            bucket.full_at_s = max(bucket.full_at_s, now_s + seconds + bucket.untold * self._cost_s)

    def forget(self, now_s: float) -> None:
        """Drop the buckets that have been full for a window: they are as good as none, and so is their small change."""
        since_s = now_s - self._window_s
        self._buckets = {who: bucket for who, bucket in self._buckets.items() if bucket.full_at_s > since_s}
