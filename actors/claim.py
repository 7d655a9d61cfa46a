"""The claim: while it lasts, this Ray cluster's supervisor is the one that places a database's sessions."""

import asyncio
import os
import signal
from typing import Final

import structlog

from runtime.core.errors import ConflictError, StoreUnavailableError
from runtime.process.failpoint import Loop, stumble
from runtime.store.deployment import CLAIM_LIFETIME_S, ClaimStore
from runtime.store.pool import DatabaseRole, Pool, open_pool

log = structlog.get_logger(__name__)

RIVAL_PATIENCE_S: Final = CLAIM_LIFETIME_S + 2.0  # with another cluster, which may have died a moment ago
PAUSE_S: Final = 1.0


async def await_database(dsn: str, max_size: int) -> Pool:
    """Return connections to the database, once it is there."""
    while True:
        try:
            return await open_pool(dsn, role=DatabaseRole.ENGINE, max_size=max_size)
        except StoreUnavailableError as err:
            log.warning("database_awaited", reason=err.reason)
            await asyncio.sleep(PAUSE_S)


class Claim:
    """Begins when no other cluster serves the database, and ends the process should one serve it all the same."""

    def __init__(self) -> None:
        self._store: ClaimStore | None = None  # while it is ours
        self._rival = ""

    async def begin(self, store: ClaimStore) -> None:
        """Wait until the database is ours."""
        while True:
            try:
                holder = await store.take()
            except StoreUnavailableError as err:
                log.warning("database_awaited", reason=err.reason)
            else:
                if holder == store.cluster:
                    self._store, self._rival = store, ""
                    return
                self._rival = holder
                log.warning("database_served_by_another_cluster", cluster=holder)
            await asyncio.sleep(PAUSE_S)

    def refuse(self) -> None:
        """Raise ConflictError if another cluster stands in the way."""
        if self._rival:
            message = (
                f"Another Perdure serves this database: {self._rival}. Join its Ray with RAY_ADDRESS, "
                "or give this one a database of its own."
            )
            raise ConflictError(message, "database_in_use")

    async def hold(self) -> None:
        """Renew it until the end; the process dies if another cluster has it: what it knows is the past then."""
        while True:
            await asyncio.sleep(PAUSE_S)
            stumble(Loop.CLAIM)
            store = self._store
            if store is None:
                continue  # left, and about to end
            try:
                holder = await store.take()
            except StoreUnavailableError as err:
                log.warning("claim_not_renewed", reason=err.reason)
                continue
            if holder != store.cluster:
                log.error("database_taken_by_another_cluster", cluster=holder)
                os.kill(os.getpid(), signal.SIGKILL)

    async def end(self) -> None:
        """Leave the database to whoever comes next."""
        store, self._store = self._store, None
        if store is not None:
            await store.release()
