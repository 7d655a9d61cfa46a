import asyncio
from pathlib import Path

import pytest

from api.terminal.office import database as opened
from runtime.core.errors import SchemaMismatchError
from runtime.process.settings import Settings
from runtime.store import migrate as migrate_module
from runtime.store.migrate import check, migrate, migrate_if_new, read_migrations
from runtime.store.pool import connect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_make_users.sql").write_text("CREATE TABLE users (name text);\nINSERT INTO users VALUES ('ada');")
    (tmp_path / "0002_index_users.sql").write_text("-- no-transaction\nCREATE INDEX CONCURRENTLY ON users (name);")
    return tmp_path


async def tables(dsn: str) -> set[str]:
    connection = await connect(dsn)
    rows = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    await connection.close()
    return {row["relname"] for row in rows}


async def test_files_are_applied_once_each_in_order(empty_database: str, folder: Path) -> None:
    assert [step.number for step in await migrate(empty_database, folder)] == [1, 2]
    assert await migrate(empty_database, folder) == []
    assert {"users", "users_name_idx", "schema_migrations"} <= await tables(empty_database)


async def test_migrations_at_the_same_time_apply_each_file_once(empty_database: str, folder: Path) -> None:
    results = await asyncio.gather(*(migrate(empty_database, folder) for _ in range(4)))
    assert sorted(step.number for result in results for step in result) == [1, 2]


async def test_failing_file_leaves_no_trace_and_the_earlier_ones_in_place(empty_database: str, folder: Path) -> None:
    (folder / "0003_break.sql").write_text("CREATE TABLE half (x int);\nSELECT 1 / 0;")
    with pytest.raises(SchemaMismatchError, match="division by zero"):
        await migrate(empty_database, folder)
    assert "half" not in await tables(empty_database)
    (folder / "0003_break.sql").write_text("CREATE TABLE whole (x int);")
    assert [step.number for step in await migrate(empty_database, folder)] == [3]


async def test_who_reads_a_table_for_long_holds_up_the_migration_and_nobody_else(
    empty_database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "_TABLE_PATIENCE", "SET LOCAL lock_timeout = '100ms'")
    monkeypatch.setattr(migrate_module, "_TABLE_PAUSE_S", 0.01)
    await migrate(empty_database, folder)
    (folder / "0003_age.sql").write_text("ALTER TABLE users ADD COLUMN age int;")
    backup, reader = await connect(empty_database), await connect(empty_database)
    await backup.execute("BEGIN; SELECT * FROM users")
    migrating = asyncio.create_task(migrate(empty_database, folder))
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass)"
    while not await reader.fetchval(waits):  # noqa: ASYNC110  another connection tells
        await asyncio.sleep(0.01)
    assert await reader.fetchval("SELECT name FROM users", timeout=10) == "ada"
    await backup.execute("COMMIT")
    assert [step.number for step in await migrating] == [3]
    await backup.close()
    await reader.close()


async def test_changed_file_stops_everything_after_it(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0001_make_users.sql").write_text("CREATE TABLE users (name text, age int);")
    (folder / "0003_more.sql").write_text("CREATE TABLE more (x int);")
    with pytest.raises(SchemaMismatchError, match="0001_make_users"):
        await migrate(empty_database, folder)
    assert "more" not in await tables(empty_database)


async def test_what_runs_goes_on_with_a_newer_schema_but_does_not_start_with_it(
    empty_database: str, folder: Path
) -> None:
    with pytest.raises(SchemaMismatchError, match=r"schema 0, .* needs 2: run `perdure migrate`"):
        await check(empty_database, folder)
    await migrate(empty_database, folder)
    await check(empty_database, folder)
    (folder / "0002_index_users.sql").unlink()
    await check(empty_database, folder)
    with pytest.raises(SchemaMismatchError, match="use the newer version"):
        await migrate(empty_database, folder)


async def test_commands_migrate_a_new_database_and_none_that_servers_may_work_with(
    empty_database: str, database: str, folder: Path
) -> None:
    await migrate_if_new(empty_database, folder)
    (folder / "0003_more.sql").write_text("CREATE TABLE more (x int);")
    with pytest.raises(SchemaMismatchError, match="run `perdure migrate`"):
        await migrate_if_new(empty_database, folder)
    assert "more" not in await tables(empty_database)

    connection = await connect(database)
    await connection.execute("DELETE FROM schema_migrations WHERE number = $1", len(read_migrations()))
    with pytest.raises(SchemaMismatchError, match="run `perdure migrate`"):
        async with opened(Settings.load(database_url=database)):
            pass
    assert await connection.fetchval("SELECT max(number) FROM schema_migrations") == len(read_migrations()) - 1
    await connection.close()


async def test_check_changes_nothing(empty_database: str, folder: Path) -> None:
    with pytest.raises(SchemaMismatchError):
        await check(empty_database, folder)
    assert await tables(empty_database) == set()


@pytest.mark.parametrize("name", ["2_short.sql", "0004_gap.sql", "0002_Upper.sql"])
def test_misnamed_file_is_refused(folder: Path, name: str) -> None:
    (folder / "0002_index_users.sql").rename(folder / name)
    with pytest.raises(SchemaMismatchError, match=name):
        read_migrations(folder)


def test_shipped_files_are_well_formed() -> None:
    assert [migration.step.number for migration in read_migrations()] == list(range(1, len(read_migrations()) + 1))


async def test_database_that_cannot_hold_every_text_is_refused(latin_database: str, folder: Path) -> None:
    for use in (migrate, check):
        with pytest.raises(SchemaMismatchError, match=r"encoding is LATIN1.*CREATE DATABASE .* ENCODING 'UTF8'"):
            await use(latin_database, folder)
    assert await tables(latin_database) == set()
