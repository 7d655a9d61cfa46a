"""What front doors tell each other of rates, through a real Postgres."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import structlog
from starlette.types import Scope

from api.http import limits as module
from api.http.limits import Allowances, Limits
from runtime.core.errors import LimitExceededError
from runtime.core.rate import Rate
from runtime.store.pool import Pool, open_pool
from runtime.store.rates import RateStore

PATIENCE_S = 10.0
LIMIT = 100
SLOW = Allowances(requests=Rate(LIMIT, 3_600))  # so slow that nothing comes back during a test
REQUEST: Scope = {"type": "http", "client": ("203.0.113.5", 1)}


@pytest.fixture
def rates(db: Pool) -> RateStore:
    return RateStore(db)


def admitted(door: Limits, times: int) -> int:
    """Ask a front door so many times; return how often that was allowed."""
    count = 0
    for _ in range(times):
        try:
            door.admit({**REQUEST})
        except LimitExceededError:
            continue
        count += 1
    return count


def wait_s(door: Limits) -> float:
    with pytest.raises(LimitExceededError) as caught:
        door.admit({**REQUEST})
    return caught.value.retry_after_s


async def test_two_front_doors_allow_the_limit_together(rates: RateStore) -> None:
    doors = Limits(SLOW), Limits(SLOW)
    total = 0
    for _ in range(3 * LIMIT):
        for door in doors:
            total += admitted(door, 1)
            await door.exchange(rates)
    assert LIMIT <= total <= LIMIT + 2


async def test_what_one_has_allowed_another_does_not_allow_again(rates: RateStore) -> None:
    first, second = Limits(SLOW), Limits(SLOW)
    assert admitted(first, LIMIT + 5) == LIMIT
    await first.exchange(rates)
    assert admitted(second, 1) == 1  # it has not heard yet
    await second.exchange(rates)
    assert admitted(second, LIMIT) == 0


async def test_what_was_allowed_too_much_is_owed_at_both(rates: RateStore) -> None:
    """The most that they can overshoot: each a bucket, before they have told each other."""
    first, second = Limits(SLOW), Limits(SLOW)
    assert admitted(first, 2 * LIMIT) + admitted(second, 2 * LIMIT) == 2 * LIMIT
    await first.exchange(rates)
    await second.exchange(rates)
    assert wait_s(second) == pytest.approx(3_600 + 36, abs=PATIENCE_S)


async def test_clients_do_not_pay_for_each_other(rates: RateStore) -> None:
    first, second = Limits(SLOW), Limits(SLOW)
    admitted(first, LIMIT)
    await first.exchange(rates)
    other: Scope = {"type": "http", "client": ("203.0.113.6", 1)}
    second.admit(other)
    await second.exchange(rates)
    second.admit(other)


async def test_front_doors_that_tell_at_the_same_time_lose_nothing_and_do_not_wait_for_each_other(
    rates: RateStore,
) -> None:
    keys = [f"address:{at}" for at in range(50)]
    orders = [random.sample(keys, len(keys)) for _ in range(20)]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(rates.exchange(dict.fromkeys(order, 100.0)) for order in orders))
    owed_s = await rates.exchange(dict.fromkeys(keys, 0.0))
    assert all(1_900 < seconds <= 2_000 for seconds in owed_s.values())


async def test_a_bucket_that_is_full_again_leaves_no_row(rates: RateStore, db: Pool) -> None:
    await rates.exchange({"address:soon": 0.001, "address:late": 3_600.0})
    async with asyncio.timeout(PATIENCE_S):
        while len(keys := await db.fetch("SELECT key FROM rate_usage")) > 1:
            await rates.forget_full()
    assert [row["key"] for row in keys] == ["address:late"]


async def test_what_was_used_up_long_ago_is_not_owed_any_more(rates: RateStore, db: Pool) -> None:
    await rates.exchange({"address:a": 3_600.0})
    await db.execute("UPDATE rate_usage SET full_at = full_at - interval '2 hours'")
    assert await rates.exchange({"address:a": 10.0}) == {"address:a": pytest.approx(10)}


async def test_the_table_is_not_logged(db: Pool) -> None:
    """Promised: to tell of rates costs no write of the log, and nobody waits for the disk."""
    assert await db.fetchval("SELECT relpersistence FROM pg_class WHERE relname = 'rate_usage'") == b"u"


# ---------------------------------------------------------------- by itself


class Away(RateStore):
    """A database that does not answer."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.asked = asyncio.Event()

    async def exchange(self, used_s: Mapping[str, float]) -> dict[str, float]:
        self.asked.set()
        return await super().exchange(used_s)


@pytest.fixture
async def away(database: str) -> Away:
    pool = await open_pool(database)
    await pool.close()
    return Away(pool)


@asynccontextmanager
async def sharing(rates: RateStore, *doors: Limits) -> AsyncIterator[None]:
    """Let front doors exchange by themselves, all the time."""
    tasks = [asyncio.create_task(door.share(rates)) for door in doors]
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE_S", 0.001)
    monkeypatch.setattr(module, "_EXCHANGES_A_SWEEP", 1)


@pytest.mark.usefixtures("brisk")
async def test_front_doors_tell_each_other_by_themselves(rates: RateStore, db: Pool) -> None:
    first, second = Limits(SLOW), Limits(SLOW)
    async with sharing(rates, first, second):
        admitted(first, LIMIT)
        while not await db.fetchval("SELECT count(*) FROM rate_usage"):
            pass
        while admitted(second, 1):
            await db.fetchval("SELECT 1")


@pytest.mark.usefixtures("brisk")
async def test_while_the_database_is_away_each_limits_by_itself_and_says_so_once(away: Away) -> None:
    door, times = Limits(SLOW), 3
    with structlog.testing.capture_logs() as entries:
        async with sharing(away, door):
            for _ in range(times):
                assert admitted(door, 1) == 1
                await away.asked.wait()
                away.asked.clear()
        assert admitted(door, 2 * LIMIT) == LIMIT - times
    assert [entry["event"] for entry in entries] == ["rates_not_shared"]
