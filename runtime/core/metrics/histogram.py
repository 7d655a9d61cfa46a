"""A histogram of fixed bounds: as small as it is, and added up wherever it comes from."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

# Milliseconds, each the most of its bucket; a last bucket takes what is beyond. They never change: processes of several
# versions add up what they counted.
BOUNDS_MS: Final = (
    5, 10, 25, 50, 100, 200, 350, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000, 40_000, 90_000,
)  # fmt: skip
BUCKETS: Final = len(BOUNDS_MS) + 1


def bucket_of(ms: int) -> int:
    """Return the bucket of a duration."""
    return bisect_left(BOUNDS_MS, ms)


def quantile_ms(counts: Sequence[int], share: float) -> int | None:
    """Return below what that share of the durations lies, evenly spread in its bucket; None if there are none.

    What is beyond the last bound counts as that bound.
    """
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    bucket, up_to = next((n, up_to) for n, up_to in enumerate(accumulate(counts)) if up_to >= wanted and counts[n])
    if bucket >= len(BOUNDS_MS):
        return BOUNDS_MS[-1]
    low = BOUNDS_MS[bucket - 1] if bucket else 0
    inside = (wanted - (up_to - counts[bucket])) / counts[bucket]
    return round(low + (BOUNDS_MS[bucket] - low) * max(0.0, inside))
