"""Rates over several processes: together they allow about the limit, and over time no more than it."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.core.rate import SMALL_CHANGE, Buckets, Rate

WHO = "ada"
EXCHANGE_S = 1.0
EXCHANGES = 300

demands = st.lists(st.integers(0, 10), min_size=1, max_size=5)  # of each process, between two exchanges


class Ledger:
    """The buckets that all share, as `runtime.store.rates` keeps them."""

    def __init__(self) -> None:
        self._full_at_s: dict[str, float] = {}

    def exchange(self, used_s: dict[str, float], now_s: float) -> dict[str, float]:
        for who, seconds in used_s.items():
            self._full_at_s[who] = max(self._full_at_s.get(who, now_s), now_s) + seconds
        return {who: self._full_at_s[who] - now_s for who in used_s}


def taken(buckets: Buckets, times: int, now_s: float) -> int:
    """Ask so many times; return how often it was allowed."""
    allowed = 0
    for _ in range(times):
        if not buckets.wait_s(WHO, now_s):
            buckets.take(WHO, now_s)
            allowed += 1
    return allowed


def allowed_by(processes: list[Buckets], demands: list[int]) -> int:
    """Ask each process for so many between any two exchanges; return what all allowed together."""
    ledger = Ledger()
    allowed = 0
    for at in range(EXCHANGES):
        now_s = at * EXCHANGE_S
        for process, demand in zip(processes, demands, strict=True):
            allowed += taken(process, demand, now_s)
            process.forget(now_s)
            process.hear(ledger.exchange(process.tell(10), now_s), now_s)
    return allowed


@given(
    limit=st.integers(1, 500),
    window_s=st.integers(1, 120),
    asked=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50))),
)
def test_one_process_never_allows_more_than_a_bucket_and_what_came_back(
    limit: int, window_s: int, asked: list[tuple[float, int]]
) -> None:
    buckets, now_s, allowed = Buckets(Rate(limit, window_s)), 0.0, 0
    for pause_s, times in asked:
        now_s += pause_s
        allowed += taken(buckets, times, now_s)
        assert allowed <= limit * (1 + now_s / window_s) + 1e-3


@given(limit=st.integers(30, 600), window_s=st.integers(5, 60), demands=demands)
def test_processes_keep_to_the_rate_together(limit: int, window_s: int, demands: list[int]) -> None:
    """What they miss of each other is what is asked between two exchanges, and small change."""
    rate = limit * EXCHANGES * EXCHANGE_S / window_s
    missed = len(demands) * (max(demands) + limit / SMALL_CHANGE + 1)
    allowed = allowed_by([Buckets(Rate(limit, window_s)) for _ in demands], demands)
    assert allowed <= limit + rate + missed
    assert allowed >= min(EXCHANGES * sum(demands), rate) - missed


@given(limit=st.integers(100, 600), demands=demands)
def test_who_asks_for_less_than_the_rate_is_never_refused_anywhere(limit: int, demands: list[int]) -> None:
    window_s = limit // max(1, sum(demands))
    allowed = allowed_by([Buckets(Rate(limit, window_s)) for _ in demands], demands)
    assert allowed == EXCHANGES * sum(demands)
