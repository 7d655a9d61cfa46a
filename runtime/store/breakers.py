"""Circuit breakers of endpoints of models. The clock is the database's alone."""

from collections.abc import Sequence
from typing import Any, Final

from runtime.core.errors import NotFoundError
from runtime.ports.breakers import Breaker, BreakerState
from runtime.store.pool import Pool, translate
from runtime.store.rows import rfc3339

# One that nobody has tried for so long is as good as closed: whoever calls again finds out for himself.
_LAPSED: Final = "NOT is_forced AND until < now() - interval '1 hour'"
_COLUMNS: Final = f"""provider, CASE WHEN {_LAPSED} THEN 'closed' ELSE state END AS state, is_forced,
failure_count, success_count, opened_at, half_open_at, last_failure_at, updated_at,
greatest(0, extract(epoch FROM until - now()))::float8 AS wait_s"""

NOT_CLOSED: Final = f"SELECT {_COLUMNS} FROM circuit_breakers WHERE state <> 'closed' AND ({_LAPSED}) IS NOT TRUE"
LISTED: Final = f"SELECT {_COLUMNS} FROM circuit_breakers ORDER BY provider"
ONE: Final = f"SELECT {_COLUMNS} FROM circuit_breakers WHERE provider = $1"

FAIL: Final = """
INSERT INTO circuit_breakers AS b (provider, state, failure_count, opened_at, until, last_failure_at)
VALUES ($1, 'open', $2, now(), now() + make_interval(secs => $3), now())
ON CONFLICT (provider) DO UPDATE SET
    state = 'open',
    failure_count = CASE b.state WHEN 'closed' THEN 0 ELSE b.failure_count END + excluded.failure_count,
    opened_at = CASE b.state WHEN 'closed' THEN now() ELSE b.opened_at END,
    until = excluded.until,
    last_failure_at = now(),
    updated_at = now()
"""

# While one tries, `until` is when it is taken for lost.
TRY: Final = """
UPDATE circuit_breakers
SET state = 'half_open', half_open_at = now(), until = now() + make_interval(secs => $2), updated_at = now()
WHERE provider = $1 AND state <> 'closed' AND NOT is_forced AND until <= now()
RETURNING true
"""

GIVE_UP: Final = """
UPDATE circuit_breakers SET state = 'open', until = now(), updated_at = now()
WHERE provider = $1 AND state = 'half_open' AND NOT is_forced
"""

SUCCEED: Final = """
UPDATE circuit_breakers
SET state = 'closed', success_count = success_count + 1, until = NULL, updated_at = now()
WHERE provider = $1 AND state <> 'closed' AND NOT is_forced
"""

FORCE: Final = f"""
INSERT INTO circuit_breakers (provider, state, is_forced, opened_at) VALUES ($1, 'open', true, now())
ON CONFLICT (provider) DO UPDATE SET
    state = 'open', is_forced = true, opened_at = now(), until = NULL, updated_at = now()
RETURNING {_COLUMNS}
"""

CLOSE: Final = f"""
UPDATE circuit_breakers SET state = 'closed', is_forced = false, failure_count = 0, until = NULL, updated_at = now()
WHERE provider = $1
RETURNING {_COLUMNS}
"""

FORGET: Final = "DELETE FROM circuit_breakers WHERE provider = $1 RETURNING true"


class BreakerStore:
    """Both what processes tell each other and what operators do. Raises StoreUnavailableError."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def not_closed(self) -> Sequence[Breaker]:
        """Return those that are not closed."""
        return await self._all(NOT_CLOSED)

    async def fail(self, provider: str, failures: int, open_s: float) -> None:
        """Open one after so many more failures, for so long. One that was forced open stays so."""
        with translate():
            await self._pool.execute(FAIL, provider, failures, open_s)

    async def try_now(self, provider: str, lease_s: float) -> bool:
        """Let the asker try an endpoint, if it is time and nobody else does; one that does not come back loses it."""
        with translate():
            return bool(await self._pool.fetchval(TRY, provider, lease_s))

    async def give_up(self, provider: str) -> None:
        """Let somebody else try at once what the asker tried, and broke off."""
        with translate():
            await self._pool.execute(GIVE_UP, provider)

    async def succeed(self, provider: str) -> None:
        """Close one after a trial that worked; one that was forced open stays so."""
        with translate():
            await self._pool.execute(SUCCEED, provider)

    async def listed(self) -> Sequence[Breaker]:
        """Return all that ever opened, by provider."""
        return await self._all(LISTED)

    async def get(self, provider: str) -> Breaker:
        """Return one. Raises NotFoundError("circuit_breaker")."""
        return await self._one(ONE, provider)

    async def force(self, provider: str) -> Breaker:
        """Open one until `close`."""
        return await self._one(FORCE, provider)

    async def close(self, provider: str) -> Breaker:
        """Close one, whoever opened it. Raises NotFoundError("circuit_breaker")."""
        return await self._one(CLOSE, provider)

    async def forget(self, provider: str) -> bool:
        """Drop one: it is closed, and its counts begin anew. Returns whether there was one."""
        with translate():
            return bool(await self._pool.fetchval(FORGET, provider))

    async def _all(self, query: str) -> Sequence[Breaker]:
        with translate():
            return [_breaker(row) for row in await self._pool.fetch(query)]

    async def _one(self, query: str, provider: str) -> Breaker:
        with translate():
            row = await self._pool.fetchrow(query, provider)
        if row is None:
            raise NotFoundError("circuit_breaker", provider)
        return _breaker(row)


def _breaker(row: Any) -> Breaker:
    times = ("opened_at", "half_open_at", "last_failure_at", "updated_at")
    fields = {**row, "state": BreakerState(row["state"]), "wait_s": row["wait_s"] or 0.0}
    return Breaker(**fields | {name: row[name] and rfc3339(row[name]) for name in times})
