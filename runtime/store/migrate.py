"""The schema: numbered plain SQL files, applied once each, forward only. No server applies them by itself.

A file whose first line is `-- no-transaction` holds statements, an empty line between any two, that Postgres runs in
no transaction, such as concurrent index builds. Where one fails, all are run again the next time, so write them to
allow that: a build that breaks off leaves an index behind that is of no use.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg

from runtime.core.errors import SchemaMismatchError, StoreUnavailableError
from runtime.process.log import get_logger
from runtime.store.pool import connect, translate

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_FILE_NAME: Final = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_LOCK_KEY: Final = 0x7065_7264  # "perd": any constant of ours
_LOCK_TIMEOUT_S: Final = 60.0
_LOCK_POLL_S: Final = 0.05
_UNTIL_DONE_S: Final = 3_600.0  # index builds and rewrites of large tables
# For a table that somebody reads, a backup say: who waits for one holds up all that come after, readers too.
_TABLE_PATIENCE: Final = "SET LOCAL lock_timeout = '1s'"
_TABLE_PAUSE_S: Final = 2.0

_MAKE_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
_TABLE_EXISTS: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL"
_READ: Final = "SELECT number, name, sha256 FROM schema_migrations ORDER BY number"
_RECORD: Final = "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)"
_OLDEST: Final = """
SELECT pid, application_name, xact_start::text AS since FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1
"""
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
_UNLOCK: Final = "SELECT pg_advisory_unlock($1)"

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """A migration, as a file has it or as the database remembers it."""

    number: int
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Migration:
    """A file, ready to run."""

    step: Step
    sql: str

    @property
    def is_transactional(self) -> bool:
        """Whether it runs in a transaction, together with its own record."""
        return self.sql.partition("\n")[0].strip() != "-- no-transaction"


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the files in order.

    Raises:
        SchemaMismatchError: a name is malformed, or the numbers are not 1, 2, 3 …
    """
    migrations = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        parts = _FILE_NAME.fullmatch(path.name)
        if parts is None or int(parts["number"]) != number:
            message = f"Migration file {path.name} should be named {number:04}_<what_it_does>.sql."
            raise SchemaMismatchError(message)
        content = path.read_bytes()
        step = Step(number, parts["name"], hashlib.sha256(content).hexdigest())
        migrations.append(Migration(step, content.decode()))
    return migrations


def pending(migrations: Sequence[Migration], applied: Sequence[Step]) -> Sequence[Migration]:
    """Return what is still to be applied.

    Raises:
        SchemaMismatchError: the database is newer than this code, or an applied file has changed since.
    """
    if len(applied) > len(migrations):
        newest = applied[-1]
        message = (
            f"The database has schema {newest.number} ({newest.name}), this version of Perdure knows "
            f"{len(migrations)}: use the newer version that upgraded it."
        )
        raise SchemaMismatchError(message)
    for done, migration in zip(applied, migrations, strict=False):
        if done != migration.step:
            message = (
                f"Migration {done.number:04}_{done.name} was applied to this database, but its file has changed: "
                "restore the file, and put the change in a new migration."
            )
            raise SchemaMismatchError(message)
    return migrations[len(applied) :]


async def migrate(dsn: str, folder: Path = MIGRATIONS) -> list[Step]:
    """Apply what is missing and return it; several may call this at once.

    Raises:
        SchemaMismatchError: see `pending` and `_check_encoding`, nothing was applied; or one failed, then those
            before it stay.
        StoreUnavailableError: the database does not answer, or another migration takes too long.
    """
    migrations = await asyncio.to_thread(read_migrations, folder)
    async with _connected(dsn) as connection:
        return await _migrate(connection, migrations)


async def migrate_if_new(dsn: str, folder: Path = MIGRATIONS) -> None:
    """Apply all to a database that has no schema yet, and `check` one that has: it may be one that servers work with.

    Raises:
        SchemaMismatchError: see `migrate` and `check`.
        StoreUnavailableError: see `migrate`.
    """
    async with _connected(dsn) as connection:
        is_new = not await _applied(connection)
    await (migrate(dsn, folder) if is_new else check(dsn, folder))


async def check(dsn: str, folder: Path = MIGRATIONS) -> None:
    """Pass if the database has all that this code needs.

    A newer schema has it too: migrations only add, so that what runs goes on beside the newer code that is to replace
    it. Only `migrate`, with which a server starts, refuses that.

    Raises:
        SchemaMismatchError: it has an older or another one; the message says what to do.
        StoreUnavailableError: it does not answer.
    """
    migrations = await asyncio.to_thread(read_migrations, folder)
    async with _connected(dsn) as connection:
        applied = await _applied(connection)
    missing = pending(migrations, applied[: len(migrations)])
    if missing:
        have = len(migrations) - len(missing)
        message = (
            f"The database has schema {have}, this version of Perdure needs {len(migrations)}: run `perdure migrate`."
        )
        raise SchemaMismatchError(message)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[_Connection]:
    connection = await connect(dsn)
    try:
        with translate():
            _check_encoding(connection.get_settings().server_encoding)
            yield connection
    finally:
        await connection.close()


def _check_encoding(encoding: str) -> None:
    """Pass if the database can hold every text. It has its encoding for life."""
    if encoding == "UTF8":
        return
    message = (
        f"The database's encoding is {encoding}, which cannot hold every text: use a database that was made with "
        "`CREATE DATABASE perdure ENCODING 'UTF8' TEMPLATE template0`."
    )
    raise SchemaMismatchError(message)


async def _migrate(connection: _Connection, migrations: Sequence[Migration]) -> list[Step]:
    await _lock(connection)
    try:
        await connection.execute(_MAKE_TABLE)
        missing = pending(migrations, await _applied(connection))
        for migration in missing:
            try:
                await _apply(connection, migration)
            except (asyncpg.DataError, asyncpg.SyntaxOrAccessError, asyncpg.IntegrityConstraintViolationError) as err:
                message = f"Migration {migration.step.number} ({migration.step.name}) failed: {err}. None of it stays."
                raise SchemaMismatchError(message) from err
            _log.debug("migration_applied", number=migration.step.number, name=migration.step.name)
        return [migration.step for migration in missing]
    finally:
        if not connection.is_closed():
            await connection.fetchval(_UNLOCK, _LOCK_KEY)


async def _lock(connection: _Connection) -> None:
    # Polled: a statement that waits for the lock would hold a snapshot, and a concurrent index build waits for those.
    try:
        async with asyncio.timeout(_LOCK_TIMEOUT_S):
            while not await connection.fetchval(_TRY_LOCK, _LOCK_KEY):  # noqa: ASYNC110  see above
                await asyncio.sleep(_LOCK_POLL_S)
    except TimeoutError:
        raise StoreUnavailableError(reason="another migration is still running") from None


async def _applied(connection: _Connection) -> list[Step]:
    if not await connection.fetchval(_TABLE_EXISTS):
        return []
    return [Step(row["number"], row["name"], row["sha256"]) for row in await connection.fetch(_READ)]


async def _apply(connection: _Connection, migration: Migration) -> None:
    step = migration.step
    if migration.is_transactional:
        await _outlast_readers(connection, migration)
    else:
        for statement in migration.sql.split("\n\n"):  # for what is sent together runs in a transaction, asked or not
            await connection.execute(statement, timeout=_UNTIL_DONE_S)
        await connection.execute(_RECORD, step.number, step.name, step.sha256)


async def _outlast_readers(connection: _Connection, migration: Migration) -> None:
    """Run it in a transaction, again and again as long as somebody uses a table that it changes."""
    step = migration.step
    try:
        async with asyncio.timeout(_UNTIL_DONE_S):
            while True:
                try:
                    async with connection.transaction():
                        await connection.execute(_TABLE_PATIENCE)
                        await connection.execute(migration.sql, timeout=_UNTIL_DONE_S)
                        await connection.execute(_RECORD, step.number, step.name, step.sha256)
                except asyncpg.LockNotAvailableError:
                    oldest = await connection.fetchrow(_OLDEST)
                    told = dict(oldest) if oldest is not None else None
                    _log.warning("migration_waits", number=step.number, name=step.name, oldest_transaction=told)
                    await asyncio.sleep(_TABLE_PAUSE_S)
                else:
                    return
    except TimeoutError:
        raise StoreUnavailableError(reason=f"others use what migration {step.number} changes") from None
