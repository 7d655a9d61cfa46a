"""The Ray actor that owns sessions: one of its own, or many when packed. Thin: `runtime.host` does the work."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Final

import msgspec
import ray
import structlog
from ray.exceptions import RayError

from actors.connection import Connection, Reception
from actors.site import SUPERVISOR, Site, find_supervisor
from actors.vault import ActorVault
from runtime.core.metrics.counts import add, take
from runtime.core.placement.directory import Address
from runtime.core.retry import backoff_s
from runtime.core.wire import Wire
from runtime.host.host import Host
from runtime.process import heap
from runtime.process import log as logging
from runtime.process.failpoint import Loop, arm, stumble
from runtime.process.metrics import counts, here
from runtime.process.scrubbing import scrub
from runtime.process.tasks import Tasks
from runtime.process.vitals import rss_bytes
from runtime.wire.codec import ADOPTIONS, COMMANDS
from runtime.wire.protocol import Departure, Vitals
from runtime.wiring import Runtime, open_actor

log = structlog.get_logger(__name__)

SWEEPS_PER_IDLE_TIME: Final = 10
SWEEP_MOST_S: Final = 30.0
TELL_PAUSE_S: Final = 0.1  # before the supervisor is told again; doubles each time
TELL_PAUSE_MOST_S: Final = 5.0
PARTING_S: Final = 1.0  # for the answer to whoever closes the actor


class Started(Wire, frozen=True):
    """What an actor tells of itself once it is warm: what Ray calls it, and where it takes connections.

    `is_draining` as in Vitals.
    """

    actor_id: str
    node_id: str
    pid: int
    address: Address
    is_draining: bool = False


class SessionActor:
    """See `actors.site` for its Ray options: never restarted by Ray, for the supervisor decides."""

    def __init__(self, name: str, site: Site) -> None:
        scrub()
        site.hold()
        self._name = name
        self._site = site
        self._settings = site.settings
        self._tasks = Tasks()
        self._starting: asyncio.Task[Started] | None = None
        self._runtime: Runtime | None = None
        self._host: Host | None = None
        self._reception = Reception(self._serve)
        self._is_draining = False

    async def start(self) -> Started:
        """Connect and load what a turn needs. Warm after that; may be repeated."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        started = await asyncio.shield(self._starting)
        return msgspec.structs.replace(started, is_draining=self._is_draining)

    async def _start(self) -> Started:
        logging.set_up(self._settings.log_level, as_json=True)
        structlog.contextvars.bind_contextvars(actor=self._name)
        arm(self._settings.fail_points)
        vault = ActorVault(self._name, self._reception.key, self._site)
        self._runtime = await open_actor(self._settings, self._site.dsn, vault.of)
        await asyncio.to_thread(self._runtime.models.preload)
        self._runtime.journal.start(self._tasks)
        self._host = Host(self._runtime.services, self, self._tasks)
        address = await self._reception.open(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
        self._tasks.essential(self._sweep(), "sweep")
        self._tasks.essential(self._runtime.directory.watch(), "models")
        self._tasks.essential(self._runtime.gates.breakers.share(), "breakers")
        self._tasks.essential(self._runtime.gates.turnstile.keep(), "turnstile")
        heap.freeze()
        context = ray.get_runtime_context()
        return Started(context.get_actor_id() or "", context.get_node_id(), os.getpid(), address)

    async def alive(self) -> None:
        """Never return: whoever waits for this learns of the actor's death at once."""
        await asyncio.Event().wait()

    async def _serve(self, caller: str, connection: Connection) -> None:
        if caller == SUPERVISOR:
            await self._obey(connection)
        else:
            await self._talk(caller, connection)

    async def _obey(self, connection: Connection) -> None:
        """Bring sessions to life that the supervisor hands over, and give it signs of life, until it hangs up."""
        beating = self._tasks.owed(self._beat(connection), "beat")
        try:
            async for adoptions in connection.batches(ADOPTIONS):
                heard = tuple(adoption.session_id for adoption in adoptions)
                await connection.send([Vitals(rss_bytes(), heard, None, here.running, self._is_draining)])
                self._hosting().adopt(adoptions)
        finally:
            beating.cancel()

    async def _beat(self, connection: Connection) -> None:
        """Give signs of life, which a hung process does not."""
        with contextlib.suppress(OSError):
            while True:
                await self._tell_vitals(connection)
                await asyncio.sleep(self._settings.actors.heartbeat_interval_s)

    async def _tell_vitals(self, connection: Connection) -> None:
        counted = take(counts)
        try:
            await connection.send([Vitals(rss_bytes(), (), counted, here.running, self._is_draining)])
        except BaseException:
            if counted is not None:
                add(counts, counted)  # nobody has heard it
            raise

    async def _talk(self, front_door: str, connection: Connection) -> None:
        """Take a front door's commands, and tell it what there is, until either side ends it."""
        host = self._hosting()
        box = host.doors.attach(front_door)
        telling = self._tasks.owed(connection.tell(box), "tell")
        try:
            async for commands in connection.batches(COMMANDS):
                host.execute(front_door, commands)
        finally:
            host.doors.detach(front_door, box)
            telling.cancel()

    async def drain(self, timeout_s: float) -> None:
        """Let sessions go as they come to rest, then stop."""
        self._is_draining = True
        await self._hosting().drain(timeout_s)
        await self.close()

    async def forget(self, front_door: str) -> None:
        """Hear that a front door has died, which its stream does not tell."""
        self._hosting().doors.forget(front_door)

    async def close(self) -> None:
        """Stop every turn where it stands and commit whatever was appended; whoever asked for it ends the process.

        Should that die before, the process ends by itself. It does not do so at once: Ray needs a second to tell of it.
        """
        self._is_draining = True
        self._reception.close()
        await self._hosting().close()
        await self._tasks.close()
        if self._runtime is not None:
            await self._runtime.close()
        asyncio.get_running_loop().call_later(PARTING_S, os._exit, 0)

    def _hosting(self) -> Host:
        if self._host is None:
            message = "the actor was not started"
            raise RuntimeError(message)
        return self._host

    async def leave(self, departures: Sequence[Departure]) -> None:
        """Tell the supervisor, outlasting its death and the database's: nobody else knows (see Supervision)."""
        attempt = 0
        while True:
            try:
                supervisor = await asyncio.to_thread(find_supervisor, self._site)
                await supervisor.leave.remote(departures)
            except (RayError, ValueError) as err:
                reason = str(getattr(err, "cause", None) or type(err).__name__)[:500]
            else:
                return
            log.warning("supervisor_not_reached", reason=reason)
            await asyncio.sleep(backoff_s(attempt, TELL_PAUSE_S, TELL_PAUSE_MOST_S, 0.5))
            attempt += 1

    async def _sweep(self) -> None:
        """Passivate what has rested long enough."""
        idle_s = self._settings.actors.idle_passivate_s
        while True:
            await asyncio.sleep(min(idle_s / SWEEPS_PER_IDLE_TIME, SWEEP_MOST_S))
            stumble(Loop.SWEEP)
            await self._hosting().passivate(idle_s)
