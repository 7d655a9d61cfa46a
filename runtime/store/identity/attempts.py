"""Attempts to log in, counted before they are made: a hundred at once are a hundred.

A subject is an account or an address. What nobody has tried for a quarter of an hour is forgotten.
"""

from collections.abc import Collection, Mapping
from typing import Final

from runtime.store.pool import Pool, translate

FORGOTTEN_AFTER_S: Final = 900.0
LONGEST_WAIT_S: Final = 300.0

# One that comes while its subject is blocked is not counted: whoever is patient meanwhile gets in. The last that is
# free blocks for a second, each further one twice as long.
BEGIN: Final = """
INSERT INTO login_attempts AS a (subject, beyond, last_at, blocked_until, is_admitted)
SELECT subject, 1 - free, now(), now(), true
FROM unnest($1::text[], $2::int[]) AS given (subject, free) ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET
    is_admitted = a.blocked_until <= now(),
    beyond = CASE
        WHEN a.blocked_until > now() THEN a.beyond
        WHEN a.last_at < now() - make_interval(secs => $3) THEN excluded.beyond
        ELSE a.beyond + 1 END,
    blocked_until = CASE
        WHEN a.blocked_until > now() THEN a.blocked_until
        WHEN a.last_at < now() - make_interval(secs => $3) OR a.beyond + 1 < 0 THEN now()
        ELSE now() + make_interval(secs => least($4::float8, power(2, least(a.beyond + 1, 20)))) END,
    last_at = CASE WHEN a.blocked_until > now() THEN a.last_at ELSE now() END
RETURNING is_admitted, extract(epoch FROM blocked_until - now())::float8 AS wait_s
"""
SUCCEEDED: Final = """
UPDATE login_attempts SET beyond = beyond - 1, blocked_until = now() WHERE subject = ANY($1::text[])
"""
FORGET: Final = "DELETE FROM login_attempts WHERE last_at < now() - make_interval(secs => $1)"


class AttemptStore:
    """The failed attempts to log in (`runtime.ports.identity.Attempts`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, free: Mapping[str, int]) -> float:
        """Count an attempt; return the seconds to wait before it is admitted, 0 if it is."""
        with translate():
            rows = await self._pool.fetch(BEGIN, list(free), list(free.values()), FORGOTTEN_AFTER_S, LONGEST_WAIT_S)
        return max((row["wait_s"] for row in rows if not row["is_admitted"]), default=0.0)

    async def succeeded(self, subjects: Collection[str]) -> None:
        """Take back an attempt, and drop what is old."""
        with translate():
            await self._pool.execute(SUCCEEDED, list(subjects))
            await self._pool.execute(FORGET, FORGOTTEN_AFTER_S)
