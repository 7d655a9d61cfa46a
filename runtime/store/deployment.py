"""Which deployment a database is, and which Ray cluster serves it."""

from typing import Final

from runtime.core.errors import SchemaMismatchError
from runtime.store.pool import Pool, translate

CLAIM_LIFETIME_S: Final = 5.0  # without a word from its holder

GET: Final = "SELECT id FROM deployment"

# Said every second: it need not outlive a crash of Postgres, so nobody waits for the disk.
CLAIM: Final = """
UPDATE deployment SET cluster = $1, seen_at = now()
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quickly
WHERE cluster IS NULL OR cluster = $1 OR seen_at < now() - make_interval(secs => $2)
RETURNING cluster
"""

HOLDER: Final = "SELECT cluster FROM deployment"
RELEASE: Final = "UPDATE deployment SET cluster = NULL WHERE cluster = $1"


async def deployment_id(pool: Pool) -> str:
    """Return the id that tells this deployment from others on the same Ray cluster."""
    with translate():
        value = await pool.fetchval(GET)
    if value is None:
        message = "The database holds no deployment id: its migrations were interrupted or its rows removed."
        raise SchemaMismatchError(message)
    return str(value.hex)


class ClaimStore:
    """The right of one Ray cluster to place a database's sessions: two would take them from each other for ever.

    It is renewed by being taken again. Its holder's death ends it after CLAIM_LIFETIME_S, for all but the holder
    itself, which takes up where it was. Methods raise StoreUnavailableError when the database is away.
    """

    def __init__(self, pool: Pool, cluster: str) -> None:
        self._pool = pool
        self.cluster = cluster

    async def take(self) -> str:
        """Take or renew it; return the cluster that has it now."""
        with translate():
            mine = await self._pool.fetchval(CLAIM, self.cluster, CLAIM_LIFETIME_S)
            return str(mine or await self._pool.fetchval(HOLDER))

    async def release(self) -> None:
        """Leave the database to whoever comes next."""
        with translate():
            await self._pool.execute(RELEASE, self.cluster)
