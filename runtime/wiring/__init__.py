"""Builds a process's runtime from its settings: the only place where adapters are chosen."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from runtime.agents.capability import Registry, installed
from runtime.capabilities.catalogue import BUILT_IN
from runtime.core.access.principal import Principal
from runtime.core.files.quotas import MAX_IMAGE_BYTES
from runtime.engine.services import Services, Tunables
from runtime.fetch.outbound import WayOut
from runtime.host.journal import Journal
from runtime.models.breakers import Breakers
from runtime.models.catalogue import Catalogue
from runtime.models.desk import ProviderDesk
from runtime.models.directory import Directory
from runtime.models.gates import Gates
from runtime.models.router import Models
from runtime.models.turnstile import Turnstile
from runtime.ports.secrets import Kind
from runtime.ports.stores import Stores
from runtime.ports.turnstile import CallLimits
from runtime.ports.vault import Vault
from runtime.process.mint import now
from runtime.process.settings import Settings
from runtime.store.agents import AgentStore
from runtime.store.breakers import BreakerStore
from runtime.store.definitions import Definitions
from runtime.store.endpoints import EndpointStore
from runtime.store.events import EventLog
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore, reconcile
from runtime.store.images import ImageStore, ShownImageStore
from runtime.store.journal import PostgresJournal
from runtime.store.keys import SessionKeys
from runtime.store.layer_secrets import ConnectionsInSession, DefinitionSecrets, SecretsOfSession
from runtime.store.migrate import check
from runtime.store.pool import DatabaseRole, Pool, open_pool, ping
from runtime.store.providers import ProviderStore
from runtime.store.quarantine import QuarantineStore
from runtime.store.rates import RateStore
from runtime.store.rehearsal import rehearse_appends, rehearse_loads
from runtime.store.secrets import OwnedSecrets, SecretKeys
from runtime.store.sessions import SessionStore
from runtime.store.tenant import Tenant
from runtime.store.turnstile import CallQueueStore
from runtime.store.workspaces import WorkspaceStore


@dataclass(frozen=True, slots=True)
class Connections:
    """A process's connections to Postgres, by who may hold them up: nobody the journal, and tools only each other.

    What is written through `loads` are snapshots: a lost one costs time, and turns need not wait for its commit. Calls
    of models that wait for each other, because their provider has limits, do so where tools do.
    """

    appends: Pool
    loads: Pool
    tools: Pool

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Connect. Raises StoreUnavailableError."""
        async with contextlib.AsyncExitStack() as undo:
            appends = await open_pool(dsn, role=DatabaseRole.ENGINE, max_size=1, rehearse=rehearse_appends)
            undo.push_async_callback(appends.close)
            loads = await open_pool(
                dsn, role=DatabaseRole.ENGINE, max_size=1, rehearse=rehearse_loads, awaits_disk=False
            )
            undo.push_async_callback(loads.close)
            tools = await open_pool(dsn, role=DatabaseRole.ENGINE, min_size=0, max_size=1)
            undo.pop_all()
            return cls(appends, loads, tools)

    async def close(self) -> None:
        """Close them all."""
        await asyncio.gather(*(pool.close() for pool in (self.appends, self.loads, self.tools)))


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a session actor stands on."""

    connections: Connections
    journal: Journal
    models: Models
    directory: Directory
    gates: Gates
    way_out: WayOut
    registry: Registry
    services: Services

    async def close(self) -> None:
        """Close connections to models, the Internet and the database."""
        await self.models.aclose()
        await self.way_out.aclose()
        await self.connections.close()


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """What a front door stands on, beside its gateway."""

    pool: Pool
    vault: Vault
    image_bytes: int = MAX_IMAGE_BYTES

    def stores(self, principal: Principal) -> Stores:
        """Return what a principal may see."""
        return stores_of(Tenant(self.pool, principal.org_id), principal.user_id, self.vault, self.image_bytes)

    @property
    def breakers(self) -> BreakerStore:
        """What operators see and do of circuit breakers."""
        return BreakerStore(self.pool)

    @property
    def rates(self) -> RateStore:
        """What clients have used of their rates."""
        return RateStore(self.pool)

    async def check(self) -> None:
        """Pass if the database answers. Raises StoreUnavailableError."""
        await ping(self.pool)

    async def close(self) -> None:
        """Close the connections to the database."""
        await self.pool.close()


async def open_front_door(dsn: str, vault: Vault, image_bytes: int) -> FrontDoor:
    """Connect, and bring the built-in harnesses to what this version says of them.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    await reconcile(dsn)
    return FrontDoor(await open_pool(dsn, role=DatabaseRole.API), vault, image_bytes)


def stores_of(tenant: Tenant, user_id: str, vault: Vault, image_bytes: int = MAX_IMAGE_BYTES) -> Stores:
    """Return the stores of one organisation, as one of its users sees them."""
    return Stores(
        agents=AgentStore(tenant),
        harnesses=HarnessStore(tenant),
        workspaces=WorkspaceStore(tenant),
        sessions=SessionStore(tenant, user_id),
        quarantine=QuarantineStore(tenant),
        events=EventLog(tenant),
        providers=ProviderStore(tenant, vault),
        files=lambda workspace_id: WorkspaceFiles(tenant, workspace_id),
        images=ImageStore(tenant, image_bytes),
        session_keys=lambda session_id: SessionKeys(tenant, session_id),
        session_secrets=lambda session_id: OwnedSecrets(tenant, vault, Kind.SESSION, session_id),
        connections=OwnedSecrets(tenant, vault, Kind.CONNECTION, user_id),
        layer_secrets=lambda kind, owner_id: DefinitionSecrets(tenant, vault, kind, owner_id),
        secret_keys=SecretKeys(tenant),
        together=tenant.together,
    )


def capabilities() -> Registry:
    """Return what agents can be given here. Imports the packages of capabilities, which may take its time.

    Raises:
        InvalidInputError: one of them cannot be loaded.
    """
    return Registry([*BUILT_IN, *installed()])


def catalogue(settings: Settings) -> Catalogue:
    """Return what is known of the models that can be called here."""
    return Catalogue(settings.model, settings.environment, now())


def desk(settings: Settings) -> ProviderDesk:
    """Return who knows types of providers, and tries them."""
    return ProviderDesk(settings.model, settings.environment, settings.outbound.inside, now())


async def open_actor(settings: Settings, dsn: str, vault: Callable[[str], Vault]) -> Runtime:
    """Connect and build. `vault` seals and opens on behalf of a session.

    Raises:
        StoreUnavailableError: the database does not answer.
        SchemaMismatchError: its schema is not this code's.
    """
    await check(dsn)
    connections = await Connections.open(dsn)
    registry = capabilities()
    gates = Gates(
        Breakers(BreakerStore(connections.loads), settings.model),
        Turnstile(CallQueueStore(connections.tools), call_limits(settings)),
    )
    models = Models(settings.model, settings.environment, settings.outbound.inside, gates)
    directory = Directory(
        catalogue(settings),
        EndpointStore(connections.loads),
        lambda org_id, session_id, provider_id: OwnedSecrets(
            Tenant(connections.loads, org_id), vault(session_id), Kind.PROVIDER, provider_id
        ),
        gates.turnstile.limit,
    )
    await directory.catch_up()
    way_out = WayOut(settings.outbound)
    store = PostgresJournal(connections.appends, connections.loads)
    journal = Journal(store, settings.journal.queue_limit_bytes)
    services = Services(
        journal=journal,
        store=store,
        composer=Definitions(connections.loads, registry),
        models=directory,
        model=models,
        workspace=lambda org_id, workspace_id: WorkspaceFiles(Tenant(connections.tools, org_id), workspace_id),
        images=lambda org_id, session_id: ShownImageStore(
            Tenant(connections.tools, org_id), session_id, settings.limits.image_bytes
        ),
        keys=lambda org_id, session_id: SessionKeys(Tenant(connections.tools, org_id), session_id),
        secrets=lambda org_id, session_id: SecretsOfSession(
            Tenant(connections.tools, org_id), vault(session_id), session_id
        ),
        connections=lambda org_id, session_id, user_id: ConnectionsInSession(
            Tenant(connections.tools, org_id), vault(session_id), session_id, user_id
        ),
        outbound=way_out.of,
        tunables=tunables(settings),
    )
    return Runtime(connections, journal, models, directory, gates, way_out, registry, services)


def call_limits(settings: Settings) -> dict[str, CallLimits]:
    """Return the limits of providers that have any."""
    given = settings.model.limits.items()
    return {name: CallLimits(of.concurrent, of.requests_per_minute, of.tokens_per_minute) for name, of in given}


def tunables(settings: Settings) -> Tunables:
    """Return the engine's numbers."""
    return Tunables(
        delta_interval_s=settings.delta_interval_ms / 1000,
        client_tool_timeout_s=settings.client_tool_timeout_s,
        decision_timeout_s=settings.decision_timeout_s,
        tool_timeout_s=settings.tool.timeout_s,
        tool_result_bytes=settings.tool.result_limit_bytes,
        tools_at_once=settings.tool.at_once,
        calls_per_answer=settings.tool.calls_per_answer,
        answer_limit_bytes=settings.model.answer_limit_bytes,
        model_call_s=settings.model.call_timeout_s,
        model_attempts=settings.model.max_attempts,
        attempts_before_fallback=settings.model.attempts_before_fallback,
        fallback_models=settings.model.fallback_models,
        retry_first_s=settings.model.retry_base_s,
        retry_most_s=settings.model.retry_cap_s,
        snapshot_every_events=settings.journal.snapshot_every_events,
    )
