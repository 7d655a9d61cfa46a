"""An endpoint that keeps failing is left alone by all processes, tried by one, and called again once that worked."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from runtime.core.errors import ModelRejectedError, ModelUnavailableError, NotFoundError
from runtime.models.breakers import Breakers
from runtime.models.failures import Party
from runtime.ports.breakers import BreakerState
from runtime.ports.model import ModelReply, StreamItem, TextDelta
from runtime.process.mint import new_id
from runtime.process.settings import ModelSettings
from runtime.store.breakers import BreakerStore
from runtime.store.pool import DatabaseRole, Pool, open_pool

BROKEN = ModelUnavailableError(message="down", failure="provider_unavailable", provider="acme", status=500)
THROTTLED = ModelUnavailableError(message="busy", failure="provider_rate_limited", provider="acme", status=429)
REFUSED = ModelRejectedError("no", "request_too_large", "acme", 400)
SOON_S = 0.05


class Endpoint:
    """An endpoint that answers, or fails as it is told, and counts who called."""

    def __init__(self) -> None:
        self.party = Party(new_id("provider"), "Acme", "ACME_API_KEY", "http://acme.test", "ACME_BASE_URL")
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.calls = 0
        self.called = asyncio.Event()

    async def stream(self) -> AsyncGenerator[StreamItem, None]:
        self.calls += 1
        self.called.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        yield TextDelta("hi")
        yield ModelReply(text="hi")


async def call(breakers: Breakers, endpoint: Endpoint) -> Exception | None:
    try:
        async with aclosing(breakers.pass_through(endpoint.party, endpoint.stream())) as items:
            async for item in items:
                if isinstance(item, ModelReply):
                    break  # as the engine does
    except (ModelUnavailableError, ModelRejectedError) as err:
        return err
    return None


@pytest.fixture
async def store(database: str) -> AsyncIterator[BreakerStore]:
    """The breakers as an actor sees them, which may do no more than its role may."""
    pool = await open_pool(database, role=DatabaseRole.ENGINE)
    yield BreakerStore(pool)
    await pool.close()


@pytest.fixture
async def desk(database: str) -> AsyncIterator[BreakerStore]:
    """The breakers as a front door sees them."""
    pool = await open_pool(database, role=DatabaseRole.API)
    yield BreakerStore(pool)
    await pool.close()


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def process(store: BreakerStore, open_s: float = 60.0) -> Breakers:
    return Breakers(store, ModelSettings(breaker_failures=3, breaker_open_s=open_s))


async def state(store: BreakerStore, endpoint: Endpoint) -> BreakerState:
    return (await store.get(endpoint.party.type)).state


async def is_time(store: BreakerStore, endpoint: Endpoint) -> None:
    """Wait until somebody may try, by all clocks."""
    async with asyncio.timeout(20):
        await asyncio.sleep(SOON_S)
        await asyncio.sleep((await store.get(endpoint.party.type)).wait_s)


async def test_failures_in_a_row_stop_the_calls_of_all_processes(store: BreakerStore, endpoint: Endpoint) -> None:
    one, other = process(store), process(store)
    endpoint.error = BROKEN
    for _ in range(3):
        assert await call(one, endpoint) is BROKEN
    await other.read()
    for breakers in (one, other):
        error = await call(breakers, endpoint)
        assert isinstance(error, ModelUnavailableError)
        assert error.is_held_back
        assert 0 < error.retry_after_s <= 60
        assert f"circuit-breakers/{endpoint.party.type}/close" in str(error)
    assert endpoint.calls == 3
    found = await store.get(endpoint.party.type)
    assert (found.state, found.failure_count, found.is_forced) == (BreakerState.OPEN, 3, False)


async def test_an_answer_in_between_begins_the_count_anew(store: BreakerStore, endpoint: Endpoint) -> None:
    breakers = process(store)
    for error in (BROKEN, BROKEN, None, BROKEN, BROKEN):
        endpoint.error = error
        assert await call(breakers, endpoint) is error
    with pytest.raises(NotFoundError):
        await store.get(endpoint.party.type)


@pytest.mark.parametrize("error", [THROTTLED, REFUSED], ids=["throttled", "refused"])
async def test_whoever_answers_with_a_no_is_there(store: BreakerStore, endpoint: Endpoint, error: Exception) -> None:
    breakers = process(store)
    endpoint.error = error
    for _ in range(5):
        assert await call(breakers, endpoint) is error
    assert endpoint.calls == 5


async def test_one_tries_and_all_go_on_once_that_worked(store: BreakerStore, endpoint: Endpoint) -> None:
    one, other = process(store, SOON_S), process(store, SOON_S)
    endpoint.error = BROKEN
    for _ in range(3):
        await call(one, endpoint)
    await other.read()
    await is_time(store, endpoint)
    endpoint.error, endpoint.gate = None, asyncio.Event()
    endpoint.called.clear()
    trial = asyncio.create_task(call(one, endpoint))
    async with asyncio.timeout(20):
        await endpoint.called.wait()
    assert await state(store, endpoint) is BreakerState.HALF_OPEN
    held_back = await call(other, endpoint)
    assert isinstance(held_back, ModelUnavailableError)
    assert held_back.is_held_back
    endpoint.gate.set()
    assert await trial is None
    assert await state(store, endpoint) is BreakerState.CLOSED
    await other.read()
    assert await call(other, endpoint) is None
    assert (await store.get(endpoint.party.type)).success_count == 1


async def test_a_trial_that_fails_opens_it_again_at_once(store: BreakerStore, endpoint: Endpoint) -> None:
    await store.fail(endpoint.party.type, 3, 0.0)
    breakers = process(store)
    await breakers.read()
    endpoint.error = BROKEN
    assert await call(breakers, endpoint) is BROKEN
    found = await store.get(endpoint.party.type)
    assert (found.state, found.failure_count) == (BreakerState.OPEN, 4)
    assert found.wait_s > 0
    assert endpoint.calls == 1


async def test_who_tried_and_never_came_back_is_followed_by_another(store: BreakerStore, endpoint: Endpoint) -> None:
    provider = endpoint.party.type
    await store.fail(provider, 3, 0.0)
    assert await store.try_now(provider, 0.0)
    assert await store.try_now(provider, 60.0)
    assert not await store.try_now(provider, 60.0)


async def test_a_trial_that_was_broken_off_is_somebody_elses_soon(store: BreakerStore, endpoint: Endpoint) -> None:
    provider = endpoint.party.type
    await store.fail(provider, 3, 0.0)
    one, other = process(store), process(store)
    await one.read()
    endpoint.gate = asyncio.Event()
    trial = asyncio.create_task(call(one, endpoint))
    async with asyncio.timeout(20):
        await endpoint.called.wait()
    trial.cancel()
    await asyncio.wait([trial])
    assert trial.cancelled()
    await one.read()
    assert await state(store, endpoint) is BreakerState.OPEN
    endpoint.gate.set()
    await other.read()
    assert await call(other, endpoint) is None
    assert await state(store, endpoint) is BreakerState.CLOSED


class Slow(BreakerStore):
    """One that does not come to tell of a failure."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.is_telling = asyncio.Event()

    async def fail(self, provider: str, failures: int, open_s: float) -> None:
        self.is_telling.set()
        await asyncio.Event().wait()


async def test_a_failed_trial_that_was_broken_off_before_it_was_told_is_somebody_elses_soon(
    store: BreakerStore, database: str, endpoint: Endpoint
) -> None:
    await store.fail(endpoint.party.type, 3, 0.0)
    pool = await open_pool(database, role=DatabaseRole.ENGINE)
    slow = Slow(pool)
    breakers = process(slow)
    await breakers.read()
    endpoint.error = BROKEN
    trial = asyncio.create_task(call(breakers, endpoint))
    async with asyncio.timeout(20):
        await slow.is_telling.wait()
    assert await state(store, endpoint) is BreakerState.HALF_OPEN
    trial.cancel()
    await asyncio.wait([trial])
    await breakers.read()
    assert await state(store, endpoint) is BreakerState.OPEN
    await pool.close()


async def test_one_that_nobody_has_tried_for_an_hour_is_as_good_as_closed_but_for_an_operators(
    store: BreakerStore, desk: BreakerStore, endpoint: Endpoint
) -> None:
    provider = endpoint.party.type
    await store.fail(provider, 3, -3700.0)
    assert provider not in [breaker.provider for breaker in await store.not_closed()]
    assert await state(store, endpoint) is BreakerState.CLOSED
    await desk.force(provider)
    assert provider in [breaker.provider for breaker in await store.not_closed()]


async def test_what_an_operator_opened_is_tried_by_nobody_until_an_operator_closes_it(
    store: BreakerStore, desk: BreakerStore, endpoint: Endpoint
) -> None:
    provider = endpoint.party.type
    await desk.force(provider)
    await store.fail(provider, 3, 0.0)
    assert not await store.try_now(provider, 60.0)
    await store.succeed(provider)
    breakers = process(store)
    await breakers.read()
    error = await call(breakers, endpoint)
    assert isinstance(error, ModelUnavailableError)
    assert error.is_held_back
    assert "until an operator closes" in str(error)
    await desk.close(provider)
    await breakers.read()
    assert await call(breakers, endpoint) is None
    assert await desk.forget(provider)
    assert not await desk.forget(provider)
