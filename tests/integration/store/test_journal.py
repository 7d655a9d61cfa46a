"""The journal's own connection, and what the tables cannot hold, on real Postgres."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.authored.definition import HarnessDefinition, SessionDefinition
from runtime.core.errors import PerdureError
from runtime.host import journal as writer
from runtime.host.journal import Journal
from runtime.ports.journal import Batch, Head, Line
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.process.settings import Settings
from runtime.process.tasks import Tasks
from runtime.store.harnesses import HarnessStore
from runtime.store.placement import PlacementStore
from runtime.store.pool import Pool
from runtime.wiring import Connections, Runtime, open_actor
from tests.integration.ground import settle
from tests.tenancy import VAULT, ours, sessions_in

PATIENCE_S = 10.0
HOLD = "SELECT pg_advisory_lock(1)"
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"


@pytest.fixture
async def runtime(database: str) -> AsyncIterator[Runtime]:
    """What a session actor stands on."""
    made, has_ended = await open_actor(Settings.load(), database, lambda _: VAULT), asyncio.Event()
    tasks = Tasks(has_ended.set)
    made.journal.start(tasks)
    yield made
    assert not has_ended.is_set()
    await tasks.close()
    await made.close()


@pytest.fixture
def journal(runtime: Runtime) -> Journal:
    return runtime.journal


@pytest.fixture
def connections(runtime: Runtime) -> Connections:
    return runtime.connections


async def new_session(db: Pool) -> str:
    harness = await HarnessStore(ours(db)).create(new_id("harness"), HarnessDefinition())
    new = NewSession(
        id=new_id("session"),
        harness_id=harness.id,
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(),
    )
    created = await sessions_in(db).create(new)
    await settle(PlacementStore(db), {created.id: "here"})
    return created.id


async def append(journal: Journal, session_id: str, body: bytes = b"{}", title: str | None = None) -> str:
    """Append an event, and return the code of what came of it."""
    heard: asyncio.Future[PerdureError | None] = asyncio.get_running_loop().create_future()
    line = Line(1, new_id("event"), "test.event", None, body)
    journal.append(Batch(session_id, 1, [line], Head("active", 0, None, title, None, None)), heard.set_result)
    async with asyncio.timeout(PATIENCE_S):
        error = await heard
    return error.stable_code if error else "committed"


@pytest.mark.parametrize(
    ("body", "title", "code"),
    [
        (b"{}", "nul \x00", "invalid_input"),
        (b"{}", "half \ud83d", "store_refused"),
        (b"{", None, "store_refused"),
    ],
    ids=["NUL", "lone surrogate", "no JSON"],
)
async def test_what_the_tables_cannot_hold_fails_its_own_session_only(
    db: Pool, journal: Journal, body: bytes, title: str | None, code: str
) -> None:
    sessions = [await new_session(db) for _ in range(3)]
    heard = await asyncio.gather(
        append(journal, sessions[0]), append(journal, sessions[1], body, title), append(journal, sessions[2])
    )
    assert list(heard) == ["committed", code, "committed"]
    assert await append(journal, await new_session(db)) == "committed"


async def test_append_commits_while_every_other_connection_is_held(
    db: Pool, connections: Connections, journal: Journal
) -> None:
    """Promised: whatever tools and loads do, no commit waits for them."""
    session_id = await new_session(db)
    async with db.acquire() as holder:
        await holder.execute(HOLD)
        others = [pool for pool in (connections.loads, connections.tools) for _ in range(pool.get_max_size() + 1)]
        held = [asyncio.ensure_future(pool.execute(HOLD)) for pool in others]
        async with asyncio.timeout(PATIENCE_S):
            while await db.fetchval(BUSY) < connections.loads.get_max_size() + connections.tools.get_max_size():
                pass
        assert await append(journal, session_id) == "committed"
        assert not any(task.done() for task in held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        await holder.execute("SELECT pg_advisory_unlock(1)")


async def test_tools_that_hold_their_connection_hold_up_no_load(db: Pool, runtime: Runtime, workspace_id: str) -> None:
    session_id, services = await new_session(db), runtime.services
    async with runtime.connections.tools.acquire():
        waiting = [
            asyncio.ensure_future(services.workspace(DEFAULT_ORG, workspace_id).stat("/")),
            asyncio.ensure_future(services.keys(DEFAULT_ORG, session_id).get("key")),
        ]
        async with asyncio.timeout(PATIENCE_S):
            loaded = await services.store.load(session_id, "version")
        assert loaded is not None
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)


async def test_journal_has_a_new_connection_after_its_own_was_cut(
    db: Pool, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_FIRST_S", 0.0)
    sessions = [await new_session(db) for _ in range(2)]
    assert await append(journal, sessions[0]) == "committed"
    async with db.acquire() as own:
        await own.execute(CUT, await own.fetchval("SELECT pg_backend_pid()"))
    assert await append(journal, sessions[1]) == "committed"


async def test_only_what_may_be_lost_is_written_without_waiting_for_the_disk(connections: Connections) -> None:
    """Promised: accepted is durable. A snapshot is a cache, and turns that read must not wait for its commit."""
    pools = (connections.appends, connections.loads, connections.tools)
    assert [await pool.fetchval("SHOW synchronous_commit") for pool in pools] == ["on", "off", "on"]


async def test_process_holds_three_connections_at_most(connections: Connections) -> None:
    pools = (connections.appends, connections.loads, connections.tools)
    assert sum(pool.get_max_size() for pool in pools) == 3
    assert [pool.get_size() for pool in pools] == [1, 1, 0], "what a turn needs is there before it"
