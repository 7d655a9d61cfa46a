"""The server: starts everything side by side, serves, and ends everything it started.

Entry point behind `perdure serve`; the only place besides the command line that knows actors and adapters.
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
import structlog
from fastapi import FastAPI

from actors import deployment
from actors.cluster import Cluster, LocalRay, connect, disconnect, require_answer
from actors.gateway import RayGateway
from actors.site import SUPERVISOR, Site, front_door_name
from api.app import create_app
from api.ending import Ending
from api.http.deps import Health, House
from api.http.limits import Allowances
from api.http.reporting import report
from api.listening import listening, take_port, url_of
from api.preflight import Cleared, clear, require_reach
from runtime.core.errors import InvalidInputError, PerdureError, StoreUnavailableError
from runtime.core.placement.residency import max_actors
from runtime.ports.gateway import ActorInfo
from runtime.process import heap
from runtime.process.failpoint import arm
from runtime.process.log import relay
from runtime.process.mint import timestamp
from runtime.process.settings import ActorSettings, Settings
from runtime.process.tasks import Tasks
from runtime.process.vitals import rss_bytes
from runtime.store.deployment import deployment_id
from runtime.store.embedded import EmbeddedPostgres
from runtime.store.migrate import migrate
from runtime.store.pool import is_refusal, open_pool
from runtime.vault.keyring import Keyring
from runtime.vault.local import LocalVault
from runtime.wiring import FrontDoor, catalogue, desk, open_front_door
from runtime.wiring.access import open_access
from runtime.wiring.secrets import check_secrets, withhold_stored

log = structlog.get_logger(__name__)

Progress = Callable[[str], None]

HEALTH_TIMEOUT_S: Final = 2.0
DATABASE_PATIENCE_S: Final = 60.0
DATABASE_RETRY_S: Final = 2.0
# Of a Postgres of our own, where each costs 50 KB. An actor has three, and so has for a moment the one it replaces.
CONNECTIONS: Final = 200
CONNECTIONS_PER_ACTOR: Final = 4
CONNECTIONS_MOST: Final = 10_000
JOIN_PATIENCE_S: Final = 60.0
RAY_CHECK_S: Final = 5.0
RAY_SILENCES: Final = 2  # checks of a joined Ray without an answer, each after the gateway's patience


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is up, for its banner."""

    url: str
    database: str
    dashboard_url: str | None
    dashboard_token: Path | None
    default_model: str
    started_in_s: float


async def serve(settings: Settings, progress: Progress, up: Callable[[Running], None]) -> None:
    """Serve until SIGTERM or SIGINT; tells `progress` of each long step and `up` once a message can be served.

    A second signal ends the wait for clients and actors: nothing is lost, but the next start has more to do. What has
    not ended soon after it, or at a third one, is killed, and this process with it.

    Raises:
        ConflictError: another server uses the data dir, or another program the port.
        PerdureError: something that it stands on could not be started; the words say what.
    """
    ending = Ending(progress)
    await ending.run(_serve(settings, progress, up, ending))


async def _serve(settings: Settings, progress: Progress, up: Callable[[Running], None], ending: Ending) -> None:
    began = time.monotonic()
    arm(settings.fail_points)
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(take_port(settings.http))
        if settings.ray_address:
            await asyncio.to_thread(require_answer, settings.ray_address)
        cleared = await asyncio.to_thread(clear, settings, catalogue(settings))
        # What lists of models need takes seconds to load, and Ray takes longer.
        loading = asyncio.create_task(asyncio.to_thread(cleared.catalogue.preload))
        stack.callback(loading.cancel)
        own_ray = None if settings.ray_address else _own_ray(settings)
        starting = ending.keep_hearing(_ray(settings, own_ray, stack))
        if settings.model.default_model is not None:  # as whoever runs turns finds it, knowing no list of models
            settings = settings.with_default_model(cleared.default_model.key)
        cluster, site = await _foundation(settings, cleared.keys, starting, stack, progress)
        site.hold()
        progress("Starting the supervisor and its first session actors")
        supervisor = await _supervisor(site, stack, ending, owns_cluster=own_ray is not None)
        gateway = await _gateway(supervisor, site, stack)
        await loading
        app = await _application(site, gateway, cleared, stack, cluster.dashboard_url)
        await stack.enter_async_context(listening(app, settings.http, listener, ending))
        heap.freeze()
        database = "DATABASE_URL" if settings.database_url else f"PostgreSQL 18 in {settings.data_dir / 'postgres'}"
        port = listener.getsockname()[1]
        up(
            Running(
                url=url_of(settings.http, port),
                database=database,
                dashboard_url=cluster.dashboard_url,
                dashboard_token=cluster.token_path,
                default_model=f"{cleared.default_model.provider}:{cleared.default_model.name}",
                started_in_s=time.monotonic() - began,
            )
        )
        await _until_ray_is_lost(own_ray, gateway)
        progress("Ray died. Starting again from the journal")
        if own_ray is not None:
            own_ray.abandon()
        # The way back is that of a kill -9: this process is of no use to a Ray that is gone, nor the other way round.
        os.execv(sys.executable, [*sys.orig_argv, "--port", str(port)])  # noqa: S606  our own command line


def _own_ray(settings: Settings) -> LocalRay:
    return LocalRay(settings.data_dir, has_dashboard=settings.ray_dashboard, hear=relay)


async def _until_ray_is_lost(own_ray: LocalRay | None, gateway: RayGateway) -> None:
    if own_ray is not None:
        log.error("ray_lost", process=await own_ray.until_lost())
        return
    silences = 0
    while silences < RAY_SILENCES:
        await asyncio.sleep(RAY_CHECK_S)
        try:
            await gateway.actor(SUPERVISOR)
            silences = 0
        except PerdureError as err:  # after the gateway's own patience
            silences += 1
            log.warning("ray_not_reached", reason=str(err))
    log.error("ray_lost", silences=silences)


# ---------------------------------------------------------------- what it stands on


async def _foundation(
    settings: Settings,
    keys: Keyring,
    starting: Coroutine[Any, Any, Cluster],
    stack: contextlib.AsyncExitStack,
    progress: Progress,
) -> tuple[Cluster, Site]:
    """Start Postgres and Ray side by side, bring the schema up to date, and see that stored secrets open."""
    progress("Starting Ray and Postgres")
    ray_started = asyncio.create_task(starting)
    try:
        dsn = await _database(settings, stack)
        applied, identity = await _schema(dsn, progress)
        await check_secrets(dsn, keys)
        await withhold_stored(dsn, keys)
        progress(f"Postgres is up{applied}; waiting for Ray")
        cluster = await asyncio.shield(ray_started)
        require_reach(settings, await asyncio.to_thread(deployment.node_count))
    except BaseException:
        if settings.ray_address:  # a Ray that does not answer, and of which nothing is ours
            ray_started.cancel()
        await asyncio.gather(ray_started, return_exceptions=True)
        raise
    own = f"{socket.gethostname()}, data dir {settings.data_dir.resolve()}"
    place = f"the Ray cluster at {cluster.address}" if settings.ray_address else own
    return cluster, Site(identity, settings, dsn, place, keys)


async def _schema(dsn: str, progress: Progress) -> tuple[str, str]:
    """Bring the schema up to date; return what was done, in words, and the deployment's id.

    A database that is started beside us may take its time, but one that is there and lets nobody in will go on so.
    """
    deadline = time.monotonic() + DATABASE_PATIENCE_S
    while True:
        try:
            steps = await migrate(dsn)
            pool = await open_pool(dsn, max_size=1)
            try:
                return f", {len(steps)} migrations applied" if steps else "", await deployment_id(pool)
            finally:
                await pool.close()
        except StoreUnavailableError as err:
            if is_refusal(err) or time.monotonic() > deadline:
                raise
            progress(f"Waiting for the database ({err.reason})")
            await asyncio.sleep(DATABASE_RETRY_S)


async def _database(settings: Settings, stack: contextlib.AsyncExitStack) -> str:
    if settings.database_url is not None:
        return str(settings.database_url.get_secret_value())
    postgres = EmbeddedPostgres(settings.data_dir, max_connections=_connections(settings.actors))
    stack.push_async_callback(postgres.stop)
    return await postgres.start()


def _connections(actors: ActorSettings) -> int:
    most = actors.max_actors or max_actors(psutil.virtual_memory().total, os.cpu_count() or 1)
    return min(CONNECTIONS + CONNECTIONS_PER_ACTOR * most, CONNECTIONS_MOST)


async def _ray(settings: Settings, own_ray: LocalRay | None, stack: contextlib.AsyncExitStack) -> Cluster:
    # A thread of its own that lives as long as the server: the kernel ends Ray's processes with the thread
    # that made them.
    thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
    loop = asyncio.get_running_loop()
    if own_ray is None:
        joining = loop.run_in_executor(thread, connect, settings.ray_address or "auto")
        cluster = await _joined(joining, settings.ray_address)
        stack.push_async_callback(loop.run_in_executor, thread, disconnect)
        return cluster
    stack.push_async_callback(loop.run_in_executor, thread, own_ray.stop)
    return await asyncio.shield(loop.run_in_executor(thread, own_ray.start))


async def _joined(joining: Awaitable[Cluster], address: str | None) -> Cluster:
    try:
        async with asyncio.timeout(JOIN_PATIENCE_S):
            return await joining
    except TimeoutError:
        message = f"What listens at RAY_ADDRESS={address} did not answer as Ray within {JOIN_PATIENCE_S:.0f} s."
        raise InvalidInputError(message, "ray_unreachable") from None


# ---------------------------------------------------------------- what runs on it


async def _supervisor(site: Site, stack: contextlib.AsyncExitStack, ending: Ending, *, owns_cluster: bool) -> Any:
    """Return the supervisor of this deployment, ready to place sessions."""
    if owns_cluster:
        supervisor = await deployment.start(site)
        stack.push_async_callback(lambda: ending.unless_in_a_hurry(deployment.close(supervisor)))
    else:
        supervisor = await deployment.join(site)
    await deployment.ready(supervisor)
    return supervisor


async def _gateway(supervisor: Any, site: Site, stack: contextlib.AsyncExitStack) -> RayGateway:
    name = front_door_name()
    gateway = RayGateway(supervisor, name)
    await gateway.start(_front_door(name), site)
    stack.push_async_callback(gateway.close)
    return gateway


async def _application(
    site: Site, gateway: RayGateway, cleared: Cleared, stack: contextlib.AsyncExitStack, dashboard_url: str | None
) -> FastAPI:
    front_door = await open_front_door(site.dsn, LocalVault(cleared.keys), site.settings.limits.image_bytes)
    stack.push_async_callback(front_door.close)
    access = await open_access(front_door.pool, site.settings)
    stack.push_async_callback(access.close)
    providers = desk(site.settings)
    stack.push_async_callback(providers.aclose)
    app = create_app(
        House(
            stores=front_door.stores,
            registry=cleared.registry,
            models=cleared.catalogue,
            desk=providers,
            gateway=gateway,
            authenticator=access.authenticator,
            identity=access.identity,
            http=site.settings.http,
            health=lambda: _health(front_door, gateway),
            version=version("perdure"),
            breakers=front_door.breakers,
            operations=gateway.operations,
            dashboard_url=dashboard_url,
            key_ids=cleared.keys.ids,
            allowances=Allowances.of(site.settings),
        )
    )
    tasks = Tasks()
    if access.watched is not None:
        tasks.essential(access.watched.watch(), "access")
    tasks.essential(app.state.limits.share(front_door.rates), "rates")
    tasks.essential(report(gateway.operations, front_door_name(), app.state.streams), "report")
    stack.push_async_callback(tasks.close)
    return app


def _front_door(name: str) -> ActorInfo:
    return ActorInfo(
        name=name,
        role="front_door",
        actor_id=None,
        node_id=deployment.node_id(),
        pid=os.getpid(),
        state="live",
        sessions=0,
        rss_bytes=rss_bytes(),
        started_at=timestamp(),
    )


async def _health(front_door: FrontDoor, gateway: RayGateway) -> Health:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            await front_door.check()
            await gateway.check()
    except (PerdureError, OSError, TimeoutError) as err:
        return Health(is_ready=False, reason=str(err) or "no answer in time")
    return Health(is_ready=True)
