"""When what failed is tried again."""

from itertools import islice

import pytest

from runtime.core.retry import JITTER, backoff_s, doubling_s


@pytest.mark.parametrize(
    ("attempt", "chance", "asked_s", "delay_s"),
    [
        (0, 0.5, 0.0, 1.0),
        (3, 0.5, 0.0, 8.0),
        (9, 0.5, 0.0, 30.0),
        (0, 0.0, 0.0, 1.0 - JITTER),
        (9, 0.999, 0.0, 30.0),  # jitter does not go past the most
        (0, 0.5, 7.0, 7.0),  # what the vendor asked for wins …
        (0, 0.5, 90.0, 30.0),  # … up to the most
        (5, 0.5, 7.0, 30.0),
    ],
)
def test_the_delay_doubles_with_jitter_up_to_the_most(
    attempt: int, chance: float, asked_s: float, delay_s: float
) -> None:
    assert backoff_s(attempt, 1.0, 30.0, chance, asked_s) == pytest.approx(delay_s)


def test_pauses_double_up_to_the_most() -> None:
    assert list(islice(doubling_s(1.0, 5.0), 5)) == [1.0, 2.0, 4.0, 5.0, 5.0]
