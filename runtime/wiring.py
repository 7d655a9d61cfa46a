"""Builds a process's runtime from its settings: the only place where adapters are chosen."""

from dataclasses import dataclass
from typing import Final

from runtime.capabilities.catalogue import BUILT_IN
from runtime.capability import Registry, installed
from runtime.journal import Journal
from runtime.mint import now
from runtime.models.catalogue import Catalogue
from runtime.models.router import Models
from runtime.services import Services, Tunables
from runtime.settings import Settings
from runtime.store.definitions import Definitions
from runtime.store.files import WorkspaceFiles
from runtime.store.journal import PostgresJournal
from runtime.store.keys import SessionKeys
from runtime.store.migrate import check
from runtime.store.pool import Pool, open_pool
from runtime.store.rehearsal import rehearse

WARM_CONNECTIONS: Final = 2  # one writes while the other reads


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a session actor stands on."""

    pool: Pool
    journal: Journal
    models: Models
    registry: Registry
    services: Services

    async def close(self) -> None:
        """Close connections to models and database."""
        await self.models.aclose()
        await self.pool.close()


async def open_runtime(settings: Settings, dsn: str) -> Runtime:
    """Connect and build.

    Raises:
        StoreUnavailableError: the database does not answer.
        SchemaMismatchError: its schema is not this code's.
    """
    await check(dsn)
    pool = await open_pool(dsn, min_size=WARM_CONNECTIONS, rehearse=rehearse)
    capabilities = Registry([*BUILT_IN, *installed()])
    models = Models(settings.model, settings.environment)
    store = PostgresJournal(pool)
    journal = Journal(store, settings.journal.queue_limit_bytes)
    services = Services(
        journal=journal,
        store=store,
        agents=Definitions(pool, capabilities),
        models=Catalogue(settings.model, settings.environment, now()),
        model=models,
        workspace=lambda workspace_id: WorkspaceFiles(pool, workspace_id),
        keys=lambda session_id: SessionKeys(pool, session_id),
        tunables=tunables(settings),
    )
    return Runtime(pool, journal, models, capabilities, services)


def tunables(settings: Settings) -> Tunables:
    """Return the engine's numbers."""
    return Tunables(
        delta_interval_s=settings.delta_interval_ms / 1000,
        client_tool_timeout_s=settings.client_tool_timeout_s,
        decision_timeout_s=settings.decision_timeout_s,
        model_attempts=settings.model.max_attempts,
        retry_first_s=settings.model.retry_base_s,
        retry_most_s=settings.model.retry_cap_s,
        snapshot_every_events=settings.journal.snapshot_every_events,
    )
