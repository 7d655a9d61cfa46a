"""Forgetting: what was deleted leaves the tables after its grace time, a little at a time (0011, 0027, 0029)."""

from typing import Final

from runtime.core.ids import hex_of
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id

SESSIONS_AT_ONCE: Final = 100
LOGINS_AT_ONCE: Final = 1_000
EVENTS_AT_ONCE: Final = 5_000  # some tens of milliseconds, so that nobody waits for the disk behind them

DUE: Final = "SELECT id FROM sessions_to_forget($1, $2) AS due (id)"
FORGET: Final = "SELECT forget_session($1, $2)"
EMPTY: Final = "SELECT empty_organization($1, $2)"
FORGET_LOGINS: Final = "SELECT forget_logins($1)"
DELETE_OUTDATED: Final = "SELECT delete_outdated_sessions($1)"


class Forgetting:
    """Sessions of every organisation whose time is over. Raises StoreUnavailableError when the database is away."""

    def __init__(self, pool: Pool, grace_days: int) -> None:
        self._pool = pool
        self._grace_days = grace_days

    async def due(self) -> list[str]:
        """Return some of the sessions that were deleted longer ago than their organisation waits, the first first."""
        with translate():
            rows = await self._pool.fetch(DUE, self._grace_days, SESSIONS_AT_ONCE)
        return [public_id("session", row["id"]) for row in rows]

    async def forget(self, session_id: str) -> None:
        """Take all that is kept of a deleted session out of the tables. Broken off, it is begun again where it was."""
        is_gone = False
        while not is_gone:
            with translate():
                is_gone = await self._pool.fetchval(FORGET, hex_of(session_id), EVENTS_AT_ONCE)

    async def delete_outdated(self) -> int:
        """Delete some of the sessions that rest for longer than their organisation keeps them; return how many.

        It looks at the next few thousand sessions, wherever the last look ended, so 0 says nothing of all the others.
        """
        with translate():
            deleted: int = await self._pool.fetchval(DELETE_OUTDATED, SESSIONS_AT_ONCE)
        return deleted

    async def empty_organization(self) -> int:
        """Take some of what an organisation left behind in which nobody is left; return 0 once there is nothing now."""
        with translate():
            taken: int = await self._pool.fetchval(EMPTY, self._grace_days, SESSIONS_AT_ONCE)
        return taken

    async def forget_logins(self) -> int:
        """Take some of the logins that have been over for a month out of the table; return how many."""
        with translate():
            forgotten: int = await self._pool.fetchval(FORGET_LOGINS, LOGINS_AT_ONCE)
        return forgotten
