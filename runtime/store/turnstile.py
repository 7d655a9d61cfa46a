"""Calls of models that wait for their turn. The clock is the database's alone."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final

from runtime.ports.turnstile import CallLimits
from runtime.store.pool import Pool, translate
from runtime.store.tenant import Connection

LEASE_S: Final = 30.0

_ADMIT: Final = "SELECT admit_model_calls($1, $2::bigint, $3::float8, $4::float8)"
_ENTER: Final = """
INSERT INTO model_tickets (provider, flow, alive_until) VALUES ($1, $2, now() + make_interval(secs => $3)) RETURNING id
"""
_IS_ADMITTED: Final = "SELECT is_admitted FROM model_tickets WHERE id = $1"
# Of tickets that somebody just admits nothing is waited for: they have time.
_RENEW: Final = """
WITH free AS (SELECT id FROM model_tickets WHERE id = ANY($1::bigint[]) FOR UPDATE SKIP LOCKED)
UPDATE model_tickets t SET alive_until = now() + make_interval(secs => $2) FROM free WHERE t.id = free.id
"""
_ALIVE: Final = "SELECT id, is_admitted FROM model_tickets WHERE id = ANY($1::bigint[])"
_LEAVE: Final = "DELETE FROM model_tickets WHERE id = $1"
# Admitting changes tickets of other processes too: so whoever changes some takes the lock before, and none waits for
# another that waits for it.
_LOCK: Final = "SELECT FROM model_allowances WHERE provider = $1 FOR UPDATE"
# Who only asks whose turn it is leaves admitting to the lock's holder, if there is one. No row is no lock.
_TRY_LOCK: Final = """
WITH mine AS (SELECT FROM model_allowances WHERE provider = $1 FOR UPDATE SKIP LOCKED)
SELECT EXISTS (SELECT FROM mine) OR NOT EXISTS (SELECT FROM model_allowances WHERE provider = $1)
"""
# At the rate at which the row was counted last: whoever knows of a new limit counts it again.
_CHARGE: Final = """
UPDATE model_allowances
SET tokens_at = greatest(tokens_at, clock_timestamp()) + make_interval(secs => $2::float8 * 60 / tokens_rate)
WHERE provider = $1 AND tokens_rate IS NOT NULL
"""


# A ticket that a crash of the server loses is taken again, and locks behind which all processes queue are not held
# through a pause of one.
_BRIEFLY: Final = "SET LOCAL synchronous_commit = off; SET LOCAL idle_in_transaction_session_timeout = '5s'"


class CallQueueStore:
    """The queue of all processes. Raises StoreUnavailableError."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        with translate():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_BRIEFLY)
                yield connection

    async def enter(self, provider: str, flow: str, limits: CallLimits) -> tuple[int, bool]:
        """Take a ticket; return its number and whether the call may be made at once."""
        async with self._transaction() as connection:
            ticket: int = await connection.fetchval(_ENTER, provider, flow, LEASE_S)
            await connection.execute(_ADMIT, provider, *_numbers(limits))
            return ticket, bool(await connection.fetchval(_IS_ADMITTED, ticket))

    async def alive(self, provider: str, tickets: Collection[int], limits: CallLimits) -> Mapping[int, bool]:
        """Keep tickets alive for another while; return whether their calls may be made. Lapsed ones are left out.

        Whoever admits meanwhile is not waited for.
        """
        async with self._transaction() as connection:
            admits = await connection.fetchval(_TRY_LOCK, provider)
            await connection.execute(_RENEW, list(tickets), LEASE_S)
            if admits:
                await connection.execute(_ADMIT, provider, *_numbers(limits))
            rows = await connection.fetch(_ALIVE, list(tickets))
            return {row["id"]: row["is_admitted"] for row in rows}

    async def leave(self, provider: str, ticket: int, tokens: int, limits: CallLimits) -> None:
        """Give a ticket back after a call that took so many tokens, and let others go on."""
        async with self._transaction() as connection:
            await connection.execute(_LOCK, provider)
            await connection.execute(_LEAVE, ticket)
            if limits.tokens_per_minute is not None and tokens:
                await connection.execute(_CHARGE, provider, tokens)
            await connection.execute(_ADMIT, provider, *_numbers(limits))


def _numbers(limits: CallLimits) -> tuple[int | None, int | None, int | None]:
    return limits.concurrent, limits.requests_per_minute, limits.tokens_per_minute
