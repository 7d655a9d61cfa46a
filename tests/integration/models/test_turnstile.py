"""Where a provider has limits, calls wait for their turn, in one queue for all processes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from runtime.core.message import Usage
from runtime.models.turnstile import Turnstile
from runtime.ports.model import ModelReply, ModelRequest, StreamItem, Waiting
from runtime.ports.turnstile import CallLimits
from runtime.process.tasks import Tasks
from runtime.store.pool import DatabaseRole, Pool, open_pool
from runtime.store.turnstile import CallQueueStore
from tests.model_servers.requests import asked, ref, user

PROVIDER = "openai"
PATIENCE_S = 20.0
WAITING = "SELECT count(*) FROM model_tickets WHERE NOT is_admitted"


class Calls:
    """Calls at an endpoint: who is under way, and how many were at a time."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.most = 0
        self._ended: set[str] = set()
        self._under_way = 0
        self._news = asyncio.Condition()

    async def stream(self, name: str, tokens: int) -> AsyncGenerator[StreamItem, None]:
        self.begun.append(name)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            async with self._news:
                self._news.notify_all()
                await self._news.wait_for(lambda: name in self._ended)
            yield ModelReply(text=name, usage=Usage(tokens, 0))
        finally:
            self._under_way -= 1

    async def until(self, count: int) -> None:
        """Wait until so many have begun."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: len(self.begun) >= count)

    async def end(self, name: str) -> None:
        """Let one end, now or as soon as it begins."""
        async with self._news:
            self._ended.add(name)
            self._news.notify_all()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database, role=DatabaseRole.ENGINE)
    yield pool
    await pool.close()


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks(lambda: pytest.fail("a loop ended"))
    yield tasks
    await tasks.close()


@pytest.fixture
def calls() -> Calls:
    return Calls()


def process(pool: Pool, tasks: Tasks, **limits: int) -> Turnstile:
    turnstile = Turnstile(CallQueueStore(pool), {PROVIDER: CallLimits(**limits)})
    tasks.essential(turnstile.keep(), "turnstile")
    return turnstile


def request(flow: str) -> ModelRequest:
    return asked(ref(PROVIDER, "gpt"), user("Hi."), org_id=flow)


async def call(turnstile: Turnstile, calls: Calls, name: str, flow: str = "org_1", tokens: int = 1) -> list[StreamItem]:
    async with aclosing(turnstile.pass_through(request(flow), calls.stream(name, tokens))) as items:
        return [item async for item in items]


async def queued(pool: Pool, count: int) -> None:
    """Wait until so many calls wait."""
    async with asyncio.timeout(PATIENCE_S):
        while await pool.fetchval(WAITING) < count:  # noqa: ASYNC110  the database tells nobody
            await asyncio.sleep(0.02)


def text_of(items: list[StreamItem]) -> str:
    assert isinstance(items[-1], ModelReply)
    return items[-1].text


async def test_no_more_calls_are_under_way_than_the_limit_whichever_process_makes_them(
    pool: Pool, tasks: Tasks, calls: Calls
) -> None:
    processes = [process(pool, tasks, concurrent=2) for _ in range(2)]
    made = [asyncio.create_task(call(processes[n % 2], calls, str(n))) for n in range(6)]
    for n in range(6):
        await calls.until(n + 1)
        await calls.end(calls.begun[n])
    found = await asyncio.gather(*made)
    assert calls.most <= 2
    assert sum(isinstance(item, Waiting) for items in found for item in items) >= 1
    assert sorted(map(text_of, found)) == [str(n) for n in range(6)]
    assert await pool.fetchval("SELECT count(*) FROM model_tickets") == 0


async def test_organisations_have_turns_however_many_calls_one_of_them_makes(
    pool: Pool, tasks: Tasks, calls: Calls
) -> None:
    turnstile = process(pool, tasks, concurrent=1)
    made = [asyncio.create_task(call(turnstile, calls, "first", "busy"))]
    await calls.until(1)
    for n in range(4):
        made.append(asyncio.create_task(call(turnstile, calls, f"busy{n}", "busy")))
        await queued(pool, n + 1)
    made.append(asyncio.create_task(call(turnstile, calls, "quiet", "quiet")))
    await queued(pool, 5)
    for n in range(6):
        await calls.until(n + 1)
        await calls.end(calls.begun[n])
    await asyncio.gather(*made)
    assert calls.begun.index("quiet") <= 2


async def test_requests_of_a_minute_that_are_used_up_are_waited_for(pool: Pool, tasks: Tasks, calls: Calls) -> None:
    turnstile = process(pool, tasks, requests_per_minute=60)
    await pool.execute(
        "INSERT INTO model_allowances (provider, requests_at) VALUES ($1, now() + interval '59.5 s')", PROVIDER
    )
    await calls.end("late")
    assert isinstance((await call(turnstile, calls, "late"))[0], Waiting)


async def test_tokens_of_a_minute_that_are_used_up_are_waited_for(pool: Pool, tasks: Tasks, calls: Calls) -> None:
    turnstile = process(pool, tasks, tokens_per_minute=6000)
    for name, tokens in ("large", 6050), ("next", 1):
        await calls.end(name)
        items = await call(turnstile, calls, name, tokens=tokens)
        assert isinstance(items[0], Waiting) == (name == "next")


async def test_tickets_of_a_dead_process_lapse(pool: Pool, tasks: Tasks, calls: Calls) -> None:
    dead, is_admitted = await CallQueueStore(pool).enter(PROVIDER, "org_1", CallLimits(concurrent=1))
    assert is_admitted
    await calls.end("next")
    waiting = asyncio.create_task(call(process(pool, tasks, concurrent=1), calls, "next"))
    await queued(pool, 1)
    await pool.execute("UPDATE model_tickets SET alive_until = now() - interval '1 s' WHERE id = $1", dead)
    assert text_of(await waiting) == "next"


async def test_a_call_whose_ticket_lapsed_while_it_waited_takes_another(pool: Pool, tasks: Tasks, calls: Calls) -> None:
    await CallQueueStore(pool).enter(PROVIDER, "org_1", CallLimits(concurrent=1))
    await calls.end("next")
    waiting = asyncio.create_task(call(process(pool, tasks, concurrent=1), calls, "next"))
    await queued(pool, 1)
    await pool.execute("DELETE FROM model_tickets")
    assert text_of(await waiting) == "next"


async def test_a_call_that_is_cancelled_while_it_waits_leaves_the_queue(pool: Pool, tasks: Tasks, calls: Calls) -> None:
    turnstile = process(pool, tasks, concurrent=1)
    first = asyncio.create_task(call(turnstile, calls, "first"))
    await calls.until(1)
    waiting = asyncio.create_task(call(turnstile, calls, "never"))
    await queued(pool, 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await pool.fetchval("SELECT count(*) FROM model_tickets") == 1
    await calls.end("first")
    await first
    assert calls.begun == ["first"]


async def test_a_provider_without_limits_is_not_waited_for(pool: Pool) -> None:
    turnstile = Turnstile(CallQueueStore(pool), {PROVIDER: CallLimits(concurrent=1)})
    assert turnstile.limits(PROVIDER)
    assert not turnstile.limits("anthropic")
