"""Quantiles of a histogram."""

import pytest

from runtime.core.metrics.histogram import BOUNDS_MS, BUCKETS, bucket_of, quantile_ms


def of(*durations_ms: int) -> list[int]:
    counts = [0] * BUCKETS
    for ms in durations_ms:
        counts[bucket_of(ms)] += 1
    return counts


def test_a_bound_belongs_to_the_bucket_that_it_ends() -> None:
    assert [bucket_of(ms) for ms in (0, 5, 6, 10, BOUNDS_MS[-1], BOUNDS_MS[-1] + 1)] == [
        0, 0, 1, 1, BUCKETS - 2, BUCKETS - 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "share", "ms"),
    [
        (of(), 0.5, None),
        (of(150), 0.5, 150),  # in the middle of its bucket, from 100 to 200
        (of(150), 0.95, 195),
        (of(*[30] * 50, *[900] * 50), 0.5, 50),
        (of(*[30] * 50, *[900] * 50), 0.75, 875),
        (of(*[30] * 99, 10**9), 0.95, 49),
        (of(10**9), 0.95, BOUNDS_MS[-1]),
    ],
)
def test_a_quantile_lies_in_the_bucket_where_that_share_is_reached(
    counts: list[int], share: float, ms: int | None
) -> None:
    assert quantile_ms(counts, share) == ms
