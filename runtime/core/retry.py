"""When to try again: exponential backoff, for model calls with jitter, or what the vendor asked for."""

from collections.abc import Iterator
from typing import Final

MOST_DOUBLINGS: Final = 60  # beyond it only the float would notice
JITTER: Final = 0.25  # of the delay, either way, so that sessions that failed together do not return together


def backoff_s(attempt: int, first_s: float, most_s: float, chance: float, asked_s: float = 0.0) -> float:
    """Return the seconds to wait after failed attempt number `attempt`, counted from 0.

    `chance` is uniform in [0, 1). A longer wait that the vendor asked for wins, up to `most_s`.
    """
    delay = min(first_s * 2.0 ** min(attempt, MOST_DOUBLINGS), most_s)
    jittered = delay * (1 + JITTER * (2 * chance - 1))
    return min(max(jittered, asked_s), most_s)


def doubling_s(first_s: float, most_s: float) -> Iterator[float]:
    """Yield the seconds to wait after one failed attempt after another, without end."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, most_s)
