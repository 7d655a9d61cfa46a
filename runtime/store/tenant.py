"""The database as one organisation sees it.

Each statement runs in a transaction that says whose rows it may see, and says it for no longer than that (`SET LOCAL`):
connections are pooled and keep nothing between two requests. Statements name `current_org()`, and where the
connection's role is one of a running server's, policies do so as well.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from runtime.core.ids import hex_of
from runtime.store.pool import Pool, translate

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_BEGIN: Final = "BEGIN; SET LOCAL perdure.org = '{}'"  # one round trip; the value is a UUID, made here from its digits


class Tenant:
    """One organisation's view of a database; cheap to make. Methods are those of a pool, each a transaction."""

    def __init__(self, pool: Pool, org_id: str) -> None:
        self.org_id = org_id
        self._pool = pool
        self._begin = _BEGIN.format(UUID(hex_of(org_id)))
        self._joined: Connection | None = None

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Make one transaction of all that is asked of this view in the block, one thing after the other.

        A statement that fails ends the block: Postgres takes no other in that transaction.

        Raises:
            StoreUnavailableError: the database is away, or too busy.
        """
        with translate():
            async with self.transaction() as connection:
                self._joined = connection
                try:
                    yield
                finally:
                    self._joined = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a connection whose statements are committed together, or not at all if the block raises.

        What was not committed is rolled back as the connection returns to its pool, whoever is cancelled meanwhile.
        """
        if self._joined is not None:
            yield self._joined
            return
        async with self._pool.acquire() as connection:
            await connection.execute(self._begin)
            yield connection
            await connection.execute("COMMIT")

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Return all rows."""
        async with self.transaction() as connection:
            return await connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """Return the first row, if there is one."""
        async with self.transaction() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """Return the first value of the first row, None if there is none."""
        async with self.transaction() as connection:
            return await connection.fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: Any) -> str:
        """Run a statement; return what it did, in Postgres's words."""
        async with self.transaction() as connection:
            return await connection.execute(statement, *arguments)
