"""What clients have used of their rates, at all front doors together. It is worth nothing after a crash of Postgres."""

from collections.abc import Mapping
from typing import Final

from runtime.store.pool import Pool, translate

# The clock is the database's alone. Rows are locked in the order of their keys, lest front doors wait for each other.
EXCHANGE: Final = """
INSERT INTO rate_usage AS r (key, full_at)
SELECT u.key, now() + make_interval(secs => u.used_s)
FROM unnest($1::text[], $2::float8[]) AS u (key, used_s)
ORDER BY u.key
ON CONFLICT (key) DO UPDATE SET full_at = greatest(r.full_at, now()) + (excluded.full_at - now())
RETURNING r.key, extract(epoch FROM r.full_at - now())::float8 AS owed_s
"""

FORGET_FULL: Final = """
DELETE FROM rate_usage WHERE key IN (
    SELECT key FROM rate_usage WHERE full_at <= now() ORDER BY key FOR UPDATE SKIP LOCKED
)
"""


class RateStore:
    """The buckets that front doors share. Raises StoreUnavailableError when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def exchange(self, used_s: Mapping[str, float]) -> dict[str, float]:
        """Add what was taken from buckets, in seconds of filling; return how far each is from being full now."""
        with translate():
            rows = await self._pool.fetch(EXCHANGE, list(used_s), list(used_s.values()))
        return {row["key"]: row["owed_s"] for row in rows}

    async def forget_full(self) -> None:
        """Drop the buckets that have filled."""
        with translate():
            await self._pool.execute(FORGET_FULL)
