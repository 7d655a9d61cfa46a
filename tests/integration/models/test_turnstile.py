"""Where a provider has limits, calls wait for their turn, in one queue for all processes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
from structlog.testing import capture_logs

from runtime.core.message import Usage
from runtime.models.turnstile import Turnstile
from runtime.ports.model import ModelReply, ModelRequest, StreamItem, Waiting
from runtime.ports.turnstile import CallLimits
from runtime.process.tasks import Tasks
from runtime.store.pool import COMMAND_TIMEOUT_S, DatabaseRole, Pool, open_pool
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
    async with aclosing(turnstile.pass_through(PROVIDER, request(flow), calls.stream(name, tokens))) as items:
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
    columns = "provider, requests_at, requests_rate"
    await pool.execute(f"INSERT INTO model_allowances ({columns}) VALUES ($1, now() + interval '59.5 s', 60)", PROVIDER)
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


def told(turnstile: Turnstile, **limits: int) -> None:
    """Tell a process what an organisation's limits are now; none: they were removed."""
    turnstile.limit({PROVIDER: CallLimits(**limits)} if limits else {})


def unlimited(pool: Pool, tasks: Tasks) -> Turnstile:
    turnstile = Turnstile(CallQueueStore(pool), {})
    tasks.essential(turnstile.keep(), "turnstile")
    return turnstile


async def test_limits_that_are_set_while_calls_run_hold_for_those_that_begin_and_let_go_when_they_are_removed(
    pool: Pool, tasks: Tasks, calls: Calls
) -> None:
    processes = [unlimited(pool, tasks) for _ in range(2)]
    assert not processes[0].limits(PROVIDER)
    for process_ in processes:
        told(process_, concurrent=1)
    made = [asyncio.create_task(call(processes[0], calls, "first"))]
    await calls.until(1)
    made += [asyncio.create_task(call(processes[n % 2], calls, f"late{n}")) for n in range(4)]
    await queued(pool, 4)
    assert calls.begun == ["first"]
    for process_ in processes:
        told(process_)
    await calls.until(5)  # while the first still runs
    for name in list(calls.begun):
        await calls.end(name)
    assert sorted(map(text_of, await asyncio.gather(*made))) == ["first", "late0", "late1", "late2", "late3"]
    assert await pool.fetchval("SELECT count(*) FROM model_tickets") == 0


async def test_a_limit_that_is_raised_lets_those_go_on_who_would_have_waited_for_hours(
    pool: Pool, tasks: Tasks, calls: Calls
) -> None:
    turnstile = unlimited(pool, tasks)
    told(turnstile, tokens_per_minute=1)
    for name in "first", "next":
        await calls.end(name)
    await call(turnstile, calls, "first", tokens=6000)
    waiting = asyncio.create_task(call(turnstile, calls, "next"))
    await queued(pool, 1)
    told(turnstile, tokens_per_minute=6_000_000)
    assert text_of(await waiting) == "next"


@pytest.mark.parametrize("kind", ["requests", "tokens"])
async def test_who_lowers_a_limit_makes_nobody_wait_for_more_than_a_minute_of_it(pool: Pool, kind: str) -> None:
    queue, full = CallQueueStore(pool), CallLimits(requests_per_minute=6000, tokens_per_minute=6000)
    ticket, _ = await queue.enter(PROVIDER, "org_1", full)
    await queue.leave(PROVIDER, ticket, 3000, full)
    await pool.execute("UPDATE model_allowances SET requests_at = now() + interval '30 s'")
    await queue.enter(PROVIDER, "org_1", CallLimits(requests_per_minute=1, tokens_per_minute=1))
    left_s = await pool.fetchval(f"SELECT extract(epoch FROM {kind}_at - now())::float8 FROM model_allowances")
    assert 50 < left_s < 61


async def test_processes_that_have_not_heard_of_a_new_limit_yet_owe_what_they_take_at_the_new_one(pool: Pool) -> None:
    queue, before, after = CallQueueStore(pool), CallLimits(tokens_per_minute=60), CallLimits(tokens_per_minute=60_000)
    first, _ = await queue.enter(PROVIDER, "org_1", before)
    second, _ = await queue.enter(PROVIDER, "org_1", after)
    await queue.leave(PROVIDER, first, 6000, before)
    await queue.leave(PROVIDER, second, 0, after)
    left_s = await pool.fetchval("SELECT extract(epoch FROM tokens_at - now())::float8 FROM model_allowances")
    assert 0 < left_s < 7


async def test_processes_whose_calls_begin_and_end_at_once_never_wait_for_each_others_locks(
    database: str, tasks: Tasks, calls: Calls
) -> None:
    pools = [await open_pool(database, role=DatabaseRole.ENGINE) for _ in range(4)]
    processes = [process(pool, tasks, concurrent=3) for pool in pools]
    names = [str(n) for n in range(40)]
    for name in names:
        await calls.end(name)
    with capture_logs() as logs:
        await asyncio.gather(*(call(processes[n % 4], calls, name, f"org_{n % 5}") for n, name in enumerate(names)))
    assert [entry for entry in logs if entry["event"] == "turnstile_away"] == []
    for pool in pools:
        await pool.close()


async def test_who_asks_whose_turn_it_is_waits_for_nobody_who_admits_and_its_tickets_live_on(pool: Pool) -> None:
    queue, limits = CallQueueStore(pool), CallLimits(concurrent=1)
    tickets = [(await queue.enter(PROVIDER, "org_1", limits))[0] for _ in range(3)]
    await pool.execute("UPDATE model_tickets SET alive_until = now() + interval '9 s'")
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM model_allowances FOR UPDATE")
        await other.execute("UPDATE model_tickets SET is_admitted = true WHERE id = $1", tickets[1])
        async with asyncio.timeout(COMMAND_TIMEOUT_S / 2):
            found = await queue.alive(PROVIDER, tickets, limits)
    assert found == {tickets[0]: True, tickets[1]: False, tickets[2]: False}
    renewed = "SELECT id FROM model_tickets WHERE alive_until > now() + interval '19 s' ORDER BY id"
    assert [row["id"] for row in await pool.fetch(renewed)] == [tickets[0], tickets[2]]


async def test_calls_are_admitted_where_what_is_known_of_their_provider_was_lost(pool: Pool) -> None:
    queue, limits = CallQueueStore(pool), CallLimits(concurrent=1)
    first, second = [(await queue.enter(PROVIDER, "org_1", limits))[0] for _ in range(2)]
    await pool.execute("DELETE FROM model_tickets WHERE id = $1", first)
    await pool.execute("DELETE FROM model_allowances")
    assert await queue.alive(PROVIDER, [second], limits) == {second: True}


async def test_whoever_stops_in_the_middle_of_the_queue_holds_its_lock_for_moments(pool: Pool) -> None:
    queue = CallQueueStore(pool)
    async with queue._transaction() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
        assert await connection.fetchval("SHOW synchronous_commit") == "off"
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
