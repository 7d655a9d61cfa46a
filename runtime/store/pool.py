"""The connection pool, and the translation of what can go wrong with it. Retrying is for the callers to decide."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeAlias

import asyncpg

from runtime.core.errors import InvalidInputError, StoreRefusedError, StoreUnavailableError

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

COMMAND_TIMEOUT_S: Final = 10.0
_CONNECT_TIMEOUT_S: Final = 10.0
_ACQUIRE_TIMEOUT_S: Final = 10.0
_RELEASE_TIMEOUT_S: Final = 1.0  # for the answer to a statement that is being cancelled
_IDLE_LIFETIME_S: Final = 300.0
_QUERIES_PER_CONNECTION: Final = 1_000_000
_CACHED_STATEMENTS: Final = 200
# What a greeting may say through PgBouncer too, which knows these and refuses the rest, or drops it in silence.
_GREETING: Final = {"application_name": "perdure", "timezone": "UTC"}
_SETTINGS: Final = "SET idle_in_transaction_session_timeout = '60s'"  # a paused process must not hold locks for ever

# While the server is away it says so with a traceback, again and again; our callers say it in their own words.
logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)

# The same statement may succeed later (PostgreSQL's manual, appendix A: classes 08, 40, 53, 57, 58).
_TRANSIENT: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, after a failover
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # the wire broke in the middle of an answer
    OSError,  # includes TimeoutError
)


class DatabaseRole(StrEnum):
    """As whom a running server acts, whoever it connects as: what each may do is in 0010_organizations.sql."""

    API = "perdure_api"
    ENGINE = "perdure_engine"


class _Connection(asyncpg.Connection):
    """A connection that keeps no state of its own between statements, so that there is nothing to reset."""

    def get_reset_query(self) -> str:
        """Return no query: asyncpg's own would double the round trips."""
        return ""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's own
        """Come to rest, also where a transaction was left: asyncpg would report whoever was cancelled in one."""
        async with asyncio.timeout(timeout):
            if self.is_in_transaction():
                await self.execute("ROLLBACK")
            await super().reset()


class _BoundedPool(asyncpg.Pool):
    """A pool that nobody waits for without end, and that learns from one silent connection about all the others."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        """Return a connection, as asyncpg does. Raises TimeoutError when none becomes free in time."""
        return super().acquire(timeout=timeout or _ACQUIRE_TIMEOUT_S)

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's own
        """Take a connection back; one that does not come to rest in time is cut."""
        try:
            await super().release(connection, timeout=timeout or _RELEASE_TIMEOUT_S)
        except TimeoutError:
            await self.expire_connections()
            raise


async def open_pool(
    dsn: str,
    *,
    role: DatabaseRole | None = None,
    min_size: int = 1,
    max_size: int = 8,
    rehearse: Callable[[Any], Coroutine[Any, Any, None]] | None = None,
    awaits_disk: bool = True,
) -> Pool:
    """Connect to Postgres. Each new connection is given to `rehearse` before anybody uses it.

    Without a role it acts as the owner of the tables, whom no policy stops: what changes all organisations does.

    A commit without `awaits_disk` may be lost if the server crashes within a second, and takes no time.

    JSON columns are read and written as text: the bytes are the interface, and msgspec makes them.

    Raises:
        StoreUnavailableError: it does not answer.
    """
    settings = [_SETTINGS]
    if not awaits_disk:
        settings.append("SET synchronous_commit = off")
    if role is not None:
        settings.append(f"SET ROLE {role.value}")
    with translate():
        return await _BoundedPool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            max_queries=_QUERIES_PER_CONNECTION,
            max_inactive_connection_lifetime=_IDLE_LIFETIME_S,
            connect=partial(_connect, settings="; ".join(settings)),
            init=rehearse,
            loop=None,
            connection_class=_Connection,
            record_class=asyncpg.Record,
            command_timeout=COMMAND_TIMEOUT_S,
            statement_cache_size=_CACHED_STATEMENTS,
        )


async def connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection outside any pool, for locks and listening. Raises StoreUnavailableError."""
    with translate():
        return await _connect(dsn, settings=_SETTINGS)


def is_refusal(err: StoreUnavailableError) -> bool:
    """Tell whether Postgres was there and let nobody in: for a moment, or, at a start, because the address is wrong."""
    return isinstance(err.__cause__, asyncpg.PostgresError) and not isinstance(err.__cause__, _TRANSIENT)


async def _connect(dsn: str, *, settings: str, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Make a connection as asyncpg does, and set it up.

    Whatever Postgres has against it, a password that is being changed or a role that may not log in now, is no fault
    of the statement that somebody wants to run, and may be over in a moment.

    Raises:
        StoreUnavailableError: it answered, and gave none.
    """
    connection: asyncpg.Connection[asyncpg.Record]
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_S, server_settings=_GREETING, **options)
        try:
            await connection.execute(settings, timeout=_CONNECT_TIMEOUT_S)
        except BaseException:
            connection.terminate()
            raise
    except asyncpg.PostgresError as err:
        raise StoreUnavailableError(reason=f"{_reason(err)}, SQLSTATE {err.sqlstate}") from err
    return connection


async def ping(pool: Pool) -> None:
    """Pass if the database answers. Raises StoreUnavailableError."""
    with translate():
        await pool.fetchval("SELECT 1")


@contextmanager
def translate() -> Iterator[None]:
    """Turn what Postgres and the connection may raise into errors of ours; wrong use of asyncpg stays a bug.

    Raises:
        StoreUnavailableError: the database is away, or too busy.
        InvalidInputError: a text holds a character that Postgres cannot store.
        StoreRefusedError: it answered, and refused the statement.
    """
    try:
        yield
    except (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError) as err:
        message = "A text contains a character that cannot be stored, such as NUL."
        raise InvalidInputError(message) from err
    except _TRANSIENT as err:
        raise StoreUnavailableError(reason=_reason(err)) from err
    except asyncpg.InterfaceError as err:
        # asyncpg has one class for a closed connection and for wrong use of its own functions.
        if not str(err).endswith((" is closed", " is closing")):
            raise
        raise StoreUnavailableError(reason=str(err)) from err
    except asyncpg.PostgresError as err:
        raise StoreRefusedError(err.sqlstate or "unknown") from err


def _reason(err: Exception) -> str:
    # Not the message: callers read this, and a server's message may quote values.
    if isinstance(err, OSError) and err.strerror:
        return err.strerror
    return type(err).__name__.removesuffix("Error")
