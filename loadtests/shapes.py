"""Shapes of load: how many users there are at a time. Numbers only; locust carries them out (locustfile.py)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

HOLD_SHARE: Final = 0.2  # of a ramp: the part at its top
BASE_SHARE: Final = 0.2  # of the users: those that are there before and after a spike


@dataclass(frozen=True)
class Shape:
    """`part` gives the share of the users (0 to 1) at a share of the time; `default_s` is how long it lasts."""

    part: Callable[[float], float]
    default_s: float
    about: str

    def users_at(self, elapsed_s: float, run_time_s: float, peak: int) -> int:
        """Return how many users there should be: at least one, at most `peak`."""
        return max(1, math.ceil(peak * self.part(elapsed_s / run_time_s)))


def _ramp(time: float) -> float:
    return min(1.0, time / (1 - HOLD_SHARE))


def _spike(time: float) -> float:
    return 1.0 if 1 / 3 <= time < 2 / 3 else BASE_SHARE


def _soak(_time: float) -> float:
    return 1.0


SHAPES: Final[Mapping[str, Shape]] = {
    "ramp": Shape(_ramp, 300, "from one user to all of them in four fifths of the time, then level"),
    "spike": Shape(_spike, 180, "a fifth of the users; in the middle third of the time all of them"),
    "soak": Shape(_soak, 3600, "all users, for an hour if no time is given"),
}
