import asyncio
import socket

import anyio
import asyncpg
import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.errors import InvalidInputError, StoreRefusedError, StoreUnavailableError
from runtime.store import pool as pools
from runtime.store.pool import DatabaseRole, connect, is_refusal, open_pool, translate
from runtime.store.rehearsal import rehearse_loads
from tests.tenancy import ours

AT_WORK = "SELECT state = 'active' AND query LIKE '%sleep%' FROM pg_stat_activity WHERE pid = $1"


async def test_json_is_passed_through_as_text(postgres: str) -> None:
    pool = await open_pool(postgres)
    assert await pool.fetchval("SELECT '{\"a\": 1}'::jsonb") == '{"a": 1}'
    await pool.close()


async def test_new_connection_has_run_the_statements_of_a_turn(database: str) -> None:
    pool = await open_pool(database, rehearse=rehearse_loads)
    assert await pool.fetchval("SELECT count(*) FROM pg_prepared_statements") >= 3
    await pool.close()


async def test_killed_connection_is_a_transient_failure(postgres: str) -> None:
    victim, killer = await connect(postgres), await connect(postgres)
    pid = victim.get_server_pid()
    waiting = asyncio.create_task(victim.execute("SELECT pg_sleep(30)"))
    async with asyncio.timeout(10):
        while not await killer.fetchval(AT_WORK, pid):
            pass
    await killer.execute("SELECT pg_terminate_backend($1)", pid)
    with pytest.raises(StoreUnavailableError), translate():
        await waiting
    with pytest.raises(StoreUnavailableError), translate():
        await victim.execute("SELECT 1")
    await killer.close()


async def test_whoever_is_cancelled_in_a_transaction_leaves_none_and_nothing_is_reported(database: str) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    pool, watcher = await open_pool(database, max_size=1), await connect(database)
    pid = await pool.fetchval("SELECT pg_backend_pid()")
    async with asyncio.timeout(10), anyio.create_task_group() as reader:  # as a reader is one who hangs up
        reader.start_soon(ours(pool, DEFAULT_ORG).fetch, "SELECT pg_sleep(30)")
        while not await watcher.fetchval(AT_WORK, pid):
            pass
        reader.cancel_scope.cancel()
    assert (
        await pool.fetchval("SELECT pg_backend_pid() WHERE coalesce(current_setting('perdure.org', true), '') = ''")
        == pid
    )
    assert reported == []
    await pool.close()
    await watcher.close()


async def test_server_that_is_not_there_is_a_transient_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(StoreUnavailableError):
            await open_pool(f"postgresql://nobody@127.0.0.1:{port}/none")


async def test_server_that_lets_nobody_in_is_a_transient_failure(postgres: str, database: str) -> None:
    pool = await open_pool(database, min_size=0)
    name = database.rpartition("/")[2]
    admin = await connect(postgres)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    refused = pytest.raises(StoreUnavailableError, match="ObjectNotInPrerequisiteState, SQLSTATE 55000")
    with refused as caught, translate():
        await pool.fetchval("SELECT 1")
    assert is_refusal(caught.value)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert await pool.fetchval("SELECT 1") == 1
    for opened in (connect, open_pool):
        with pytest.raises(StoreUnavailableError, match="InvalidCatalogName"):
            await opened(f"{database}_gone")
    await pool.close()
    await admin.close()


async def test_a_pooler_of_sessions_need_know_no_setting_of_ours(database: str) -> None:
    """PgBouncer refuses a greeting that names others, or leaves them out: the role, too."""
    pool = await open_pool(database, role=DatabaseRole.ENGINE, awaits_disk=False)
    greeted = await pool.fetch("SELECT name FROM pg_settings WHERE source = 'client'")
    assert {row["name"] for row in greeted} <= {"application_name", "client_encoding", "TimeZone"}
    assert await pool.fetchval("SELECT current_user::text") == DatabaseRole.ENGINE
    settings = ("synchronous_commit", "idle_in_transaction_session_timeout", "timezone", "application_name")
    found = [await pool.fetchval("SELECT current_setting($1)", name) for name in settings]
    assert found == ["off", "1min", "UTC", "perdure"]
    await pool.close()


async def test_slow_statement_is_a_transient_failure(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "COMMAND_TIMEOUT_S", 0.05)
    pool = await open_pool(postgres)
    with pytest.raises(StoreUnavailableError), translate():
        await pool.execute("SELECT pg_sleep(30)")
    await pool.close()


async def test_refused_statement_is_told_by_its_code_and_wrong_use_stays_a_bug(postgres: str) -> None:
    connection = await connect(postgres)
    with pytest.raises(StoreRefusedError, match="42P01"), translate():
        await connection.execute("SELECT * FROM nowhere")
    with pytest.raises(InvalidInputError), translate():
        await connection.execute("SELECT $1::text", "nul \x00")
    with pytest.raises(asyncpg.InterfaceError), translate():
        await connection.execute("SELECT $1::int", 1, 2)
    await connection.close()


async def test_closed_pool_is_a_transient_failure(postgres: str) -> None:
    pool = await open_pool(postgres)
    await pool.close()
    with pytest.raises(StoreUnavailableError), translate():
        await pool.fetchval("SELECT 1")
