"""The server: starts everything side by side, serves, and ends everything it started.

Entry point behind `perdure serve`; the only place besides the command line that knows actors and adapters.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn
from fastapi import FastAPI

from actors import deployment
from actors.cluster import Cluster, LocalRay, connect
from actors.gateway import RayGateway
from actors.site import Site, front_door_name
from api.app import create_app
from api.deps import Deps, Health
from runtime import heap
from runtime.capabilities.catalogue import BUILT_IN
from runtime.capability import Registry, installed
from runtime.core.errors import InvalidInputError, PerdureError, StoreUnavailableError
from runtime.failpoint import arm
from runtime.mint import now, timestamp
from runtime.models.catalogue import Catalogue
from runtime.ports import ActorInfo
from runtime.settings import Settings
from runtime.store.agents import AgentStore
from runtime.store.deployment import deployment_id
from runtime.store.embedded import EmbeddedPostgres
from runtime.store.events import EventLog
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore
from runtime.store.migrate import migrate
from runtime.store.pool import Pool, open_pool
from runtime.store.sessions import SessionStore
from runtime.store.workspaces import WorkspaceStore
from runtime.vitals import rss_bytes

log = structlog.get_logger(__name__)

Progress = Callable[[str], None]

HEALTH_TIMEOUT_S: Final = 2.0
DRAIN_TIMEOUT_S: Final = 5
KEEP_ALIVE_S: Final = (
    75  # of an idle connection; longer than clients and balancers keep theirs, or they meet a closed one
)
DATABASE_PATIENCE_S: Final = 60.0
DATABASE_RETRY_S: Final = 2.0
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

    A second signal ends the wait for clients and actors: nothing is lost, but the next start has more to do.

    Raises:
        ConflictError: another server uses the data dir, or another program the port.
        PerdureError: something that it stands on could not be started; the words say what.
    """
    hurry = asyncio.Event()
    serving = asyncio.create_task(_serve(settings, progress, up, lambda: _take_signals(stop), hurry))
    is_told = False

    def stop() -> None:
        nonlocal is_told
        signal.alarm(0)  # should Ray have heard it first: it would abort us in three seconds
        progress("Stopping at once" if is_told else "Stopping: clients, actors, Ray, Postgres")
        if is_told:
            hurry.set()
        else:
            is_told = True
            serving.cancel()

    _take_signals(stop)
    try:
        await serving
    except asyncio.CancelledError:
        if not is_told:
            raise


def _take_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _unless(hurry: asyncio.Event, work: Awaitable[None]) -> None:
    """Wait for work, but not when there is no time for it."""
    working, hurrying = asyncio.ensure_future(work), asyncio.create_task(hurry.wait())
    done, _ = await asyncio.wait({working, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    if working in done:
        working.result()
    else:
        working.cancel()
        await asyncio.wait({working})


async def _serve(
    settings: Settings,
    progress: Progress,
    up: Callable[[Running], None],
    take_signals: Callable[[], None],
    hurry: asyncio.Event,
) -> None:
    began = time.monotonic()
    arm(settings.fail_points)
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(_listener(settings))
        model = Catalogue(settings.model, settings.environment, now()).default()
        own_ray = None if settings.ray_address else LocalRay(settings.data_dir)
        cluster, site = await _foundation(settings, own_ray, stack, progress)
        take_signals()  # Ray's native code has put itself in the way
        progress("Starting the supervisor and its first session actors")
        supervisor = await _supervisor(site, stack, hurry, owns_cluster=own_ray is not None)
        gateway = await _gateway(supervisor, stack)
        app = await _application(site, gateway, stack)
        await stack.enter_async_context(_listening(app, listener, hurry))
        heap.freeze()
        database = "DATABASE_URL" if settings.database_url else f"PostgreSQL 18 in {settings.data_dir / 'postgres'}"
        port = listener.getsockname()[1]
        up(
            Running(
                url=f"http://{settings.http.host}:{port}",
                database=database,
                dashboard_url=cluster.dashboard_url,
                dashboard_token=cluster.token_path,
                default_model=f"{model.provider}:{model.name}",
                started_in_s=time.monotonic() - began,
            )
        )
        await _until_ray_is_lost(own_ray, gateway)
        progress("Ray died. Starting again from the journal")
        if own_ray is not None:
            own_ray.abandon()
        # The way back is that of a kill -9: this process is of no use to a Ray that is gone, nor the other way round.
        os.execv(sys.executable, [*sys.orig_argv, "--port", str(port)])  # noqa: S606  our own command line


async def _until_ray_is_lost(own_ray: LocalRay | None, gateway: RayGateway) -> None:
    if own_ray is not None:
        log.error("ray_lost", process=await own_ray.until_lost())
        return
    silences = 0
    while silences < RAY_SILENCES:
        await asyncio.sleep(RAY_CHECK_S)
        try:
            await gateway.actors()
            silences = 0
        except PerdureError as err:  # after the gateway's own patience
            silences += 1
            log.warning("ray_not_reached", reason=str(err))
    log.error("ray_lost", silences=silences)


# ---------------------------------------------------------------- what it stands on


@contextlib.contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """Take the port first: a conflict must show before anything is started."""
    host, port = settings.http.host, settings.http.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as err:
            way_out = "Choose another port with --port or PERDURE_HTTP__PORT."
            message = f"Cannot listen on {host}:{port}: {err.strerror}. {way_out}"
            raise InvalidInputError(message, "port_unavailable") from err
        yield listener


async def _foundation(
    settings: Settings, own_ray: LocalRay | None, stack: contextlib.AsyncExitStack, progress: Progress
) -> tuple[Cluster, Site]:
    """Start Postgres and Ray side by side, and bring the schema up to date."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    progress("Starting Ray and Postgres")
    ray_started = asyncio.create_task(_ray(settings, own_ray, stack))
    try:
        dsn = await _database(settings, stack)
        applied, identity = await _schema(dsn, progress)
        progress(f"Postgres is up{applied}; waiting for Ray")
    except BaseException:
        await asyncio.gather(ray_started, return_exceptions=True)
        raise
    cluster = await ray_started
    own = f"{socket.gethostname()}, data dir {settings.data_dir.resolve()}"
    return cluster, Site(identity, settings, dsn, own if own_ray else f"the Ray cluster at {cluster.address}")


async def _schema(dsn: str, progress: Progress) -> tuple[str, str]:
    """Bring the schema up to date; return what was done, in words, and the deployment's id.

    A database that is started beside us may take its time.
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
            if time.monotonic() > deadline:
                raise
            progress(f"Waiting for the database ({err.reason})")
            await asyncio.sleep(DATABASE_RETRY_S)


async def _database(settings: Settings, stack: contextlib.AsyncExitStack) -> str:
    if settings.database_url is not None:
        return str(settings.database_url.get_secret_value())
    postgres = EmbeddedPostgres(settings.data_dir)
    stack.push_async_callback(postgres.stop)
    return await postgres.start()


async def _ray(settings: Settings, own_ray: LocalRay | None, stack: contextlib.AsyncExitStack) -> Cluster:
    # A thread of its own that lives as long as the server: the kernel ends Ray's processes with the thread
    # that made them.
    thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
    loop = asyncio.get_running_loop()
    if own_ray is None:
        return await loop.run_in_executor(thread, connect, settings.ray_address or "auto")
    stack.push_async_callback(loop.run_in_executor, thread, own_ray.stop)
    return await asyncio.shield(loop.run_in_executor(thread, own_ray.start))


# ---------------------------------------------------------------- what runs on it


async def _supervisor(site: Site, stack: contextlib.AsyncExitStack, hurry: asyncio.Event, *, owns_cluster: bool) -> Any:
    """Return the supervisor of this deployment, ready to place sessions."""
    if owns_cluster:
        supervisor = await deployment.start(site)
        stack.push_async_callback(lambda: _unless(hurry, deployment.close(supervisor)))
    else:
        supervisor = await deployment.join(site)
    await supervisor.ready.remote()
    return supervisor


async def _gateway(supervisor: Any, stack: contextlib.AsyncExitStack) -> RayGateway:
    name = front_door_name()
    gateway = RayGateway(supervisor, name)
    await gateway.start(_front_door(name))
    stack.push_async_callback(gateway.close)
    return gateway


async def _application(site: Site, gateway: RayGateway, stack: contextlib.AsyncExitStack) -> FastAPI:
    settings = site.settings
    pool = await open_pool(site.dsn)
    stack.push_async_callback(pool.close)
    harnesses = HarnessStore(pool)
    await harnesses.reconcile()
    catalogue = Catalogue(settings.model, settings.environment, now())
    await asyncio.to_thread(catalogue.preload)
    return create_app(
        Deps(
            agents=AgentStore(pool),
            harnesses=harnesses,
            workspaces=WorkspaceStore(pool),
            sessions=SessionStore(pool),
            events=EventLog(pool),
            files=lambda workspace_id: WorkspaceFiles(pool, workspace_id),
            registry=Registry([*BUILT_IN, *installed()]),
            models=catalogue,
            gateway=gateway,
            http=settings.http,
            health=lambda: _health(pool, gateway),
            version=version("perdure"),
        )
    )


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


async def _health(pool: Pool, gateway: RayGateway) -> Health:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            await pool.fetchval("SELECT 1")
            await gateway.actors()
    except (PerdureError, OSError, TimeoutError) as err:
        return Health(is_ready=False, reason=str(err) or "no answer in time")
    return Health(is_ready=True)


class _Uvicorn(uvicorn.Server):
    """Leaves signals to `serve`, which has more to end than HTTP, and tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _listening(app: FastAPI, listener: socket.socket, hurry: asyncio.Event) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
    )
    server = _Uvicorn(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.wait({serving, asyncio.create_task(server.up.wait())}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        app.state.streams.close()
        server.should_exit = True
        await _unless(hurry, serving)
