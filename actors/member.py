"""Session actors, as the supervisor knows them; all of Ray's words about them are here."""

import asyncio
import contextlib
import os
import signal
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import ray
import structlog
from ray.exceptions import ActorDiedError, RayError
from ray.util import list_named_actors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.connection import NOBODY_THERE, dial
from actors.death import death_of
from actors.session import SessionActor
from actors.site import SUPERVISOR, Site
from runtime.core.errors import OverloadedError
from runtime.core.metrics.counts import Counts, add
from runtime.core.placement.directory import Address
from runtime.core.placement.residency import Company
from runtime.ports.gateway import ActorInfo
from runtime.process.mint import timestamp
from runtime.wire.codec import VITALS
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import Adoption, Vitals

log = structlog.get_logger(__name__)

START_TIMEOUT_S: Final = 120.0
CLOSE_TIMEOUT_S: Final = 5.0
REDIAL_PAUSE_S: Final = 0.02
NAME_PREFIX: Final = "session-"
DEATHS: Final = frozenset({NOBODY_THERE, ActorDiedError.__name__})  # as told by the machine, or by Ray
ADOPTIONS_LIMIT: Final = 1_000_000  # that may wait for the connection to an actor


def new_name() -> str:
    """Return a name for a session actor."""
    return NAME_PREFIX + uuid.uuid4().hex[:12]


def spawn(site: Site, name: str, node_id: str | None = None) -> Any:
    """Start the process of a session actor, on a node if one is named, and return its handle at once.

    Not softly: Ray would send it on to a node that is being emptied. If the node is gone it does not start.
    """
    where = NodeAffinitySchedulingStrategy(node_id, soft=False) if node_id else "SPREAD"
    options = site.options(name, max_restarts=0) | {"scheduling_strategy": where}
    return ray.remote(SessionActor).options(**options).remote(name, site.for_tools())


def living(site: Site) -> list[tuple[str, Any]]:
    """Return name and handle of every session actor that Ray knows."""
    found = []
    for entry in list_named_actors(all_namespaces=True):
        name = entry["name"]
        if entry["namespace"] == site.namespace and name.startswith(NAME_PREFIX):
            try:
                found.append((name, ray.get_actor(name, namespace=site.namespace)))
            except ValueError:
                continue  # it died between the two questions
    return found


def _why(err: Exception) -> str:
    """Return the last line of what Ray says, which is what was raised; above it stands where."""
    lines = str(getattr(err, "cause", None) or err).strip().splitlines()
    return lines[-1][:500] if lines else type(err).__name__


class MemberState(StrEnum):
    """Where an actor stands."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Member:
    """Watches over one session actor: its connection ends when it dies, and goes silent when it hangs."""

    def __init__(
        self,
        name: str,
        handle: Any,
        lease_s: float,
        heartbeat_interval_s: float,
        changed: Callable[["Member"], object],
        counted: Callable[[Counts], object],
    ) -> None:
        self.name = name
        self.handle = handle
        self._changed = changed  # hears that it stands otherwise than before
        self._counted = counted  # hears what it has counted since the last time
        self.counts = Counts()  # all that it has told of
        self._state = MemberState.STARTING
        self.was_draining = False  # already when it was found: by the word of a supervisor that is no more
        self.kept_for = Company.ANYBODY
        self.kept_until = 0.0  # event-loop time
        self.vitals = Vitals(0)
        self.actor_id = ""
        self.node_id = ""
        self.pid: int | None = None
        self.started_at = timestamp()
        self.address: Address | None = None  # where it is reached, once it has started
        self._heartbeats_per_lease = int(lease_s / heartbeat_interval_s) - 1  # the first is missed somewhat later
        self._missed = 0  # heartbeats, in a row
        self._is_silent = False
        self._has_lapsed = asyncio.Event()
        self._adoptions: Outbox[Adoption] = Outbox(ADOPTIONS_LIMIT)
        self.unheard: dict[str, int] = {}  # epochs of sessions that were handed over, and of which it has not heard

    @property
    def state(self) -> MemberState:
        """Where it stands."""
        return self._state

    def enter(self, state: MemberState) -> None:
        """Stand otherwise from now on."""
        self._state = state
        self._changed(self)

    @property
    def key(self) -> bytes:
        """The key that it and those who talk to it know.

        Raises:
            OverloadedError: nothing has been heard of it yet, as when the supervisor has just been started again.
        """
        if self.address is None:
            raise OverloadedError(1.0, f"{self.name} has not been heard of yet")
        return self.address.key

    def keep(self, company: Company, until: float) -> None:
        """Let only such neighbours in until then."""
        self.kept_for, self.kept_until = company, until
        self._changed(self)

    def open_to(self, now: float) -> Company:
        """Return who may move in; `now` is event-loop time."""
        if self.state is MemberState.DRAINING:
            return Company.NOBODY
        return self.kept_for if self.kept_until > now else Company.ANYBODY

    async def watch(self, ready: Callable[["Member"], object], doubted: Callable[["Member"], object]) -> str:
        """Start the actor, tell when it is ready, and return why it is no more.

        `doubted` hears of it when what was handed over may not have come.
        """
        try:
            started = await asyncio.wait_for(self.handle.start.remote(), START_TIMEOUT_S)
        except (RayError, TimeoutError) as err:
            return _why(err)
        self.actor_id, self.node_id, self.pid = started.actor_id, started.node_id, started.pid
        self.address = started.address
        self.was_draining = started.is_draining
        is_staying = self.state is MemberState.STARTING and not started.is_draining  # by now it may be drained
        self.enter(MemberState.READY if is_staying else MemberState.DRAINING)
        ready(self)
        ways = (death_of(self.handle), self._keep_in_touch(started.address, doubted), self._until_silent())
        guards = [asyncio.create_task(way) for way in ways]
        try:
            done, _ = await asyncio.wait(guards, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for guard in guards:
                guard.cancel()

    async def _keep_in_touch(self, address: Address, doubted: Callable[["Member"], object]) -> str:
        """Hear heartbeats and hand sessions over, on one connection after another, until no such process is there.

        The system hangs up for a process that dies, which is seen well before Ray tells of it.
        """
        is_first = True
        while True:
            pause_s = REDIAL_PAUSE_S
            try:
                async with dial(address, SUPERVISOR) as connection, asyncio.TaskGroup() as group:
                    if not is_first:
                        doubted(self)
                    is_first = False
                    telling = group.create_task(connection.tell(self._adoptions))
                    async for beats in connection.batches(VITALS):
                        self._hear(beats)
                        pause_s = 0.0  # where it answered, it is asked again at once: most often it has died
                    telling.cancel()
            except ConnectionRefusedError:
                return NOBODY_THERE
            except (OSError, EOFError, TimeoutError) as err:
                log.info("actor_not_reached", actor=self.name, reason=repr(err))
            await asyncio.sleep(pause_s)

    def _hear(self, beats: Sequence[Vitals]) -> None:
        """Take signs of life."""
        self.vitals, self._is_silent = beats[-1], False
        if self.vitals.is_draining and self.state is not MemberState.DRAINING:
            self.enter(MemberState.DRAINING)
        for beat in beats:
            for session_id in beat.heard:
                self.unheard.pop(session_id, None)
            if beat.counts is not None:
                add(self.counts, beat.counts)
                self._counted(beat.counts)

    def tick(self) -> None:
        """Hear that a heartbeat is due; an actor that has missed as many as its lease has is no more.

        They are counted, and not time, of which this process may have slept through any amount.
        """
        if self.pid is None:
            return  # it is still starting
        self._missed = self._missed + 1 if self._is_silent else 0
        self._is_silent = True
        if self._missed >= self._heartbeats_per_lease:
            self._has_lapsed.set()

    async def _until_silent(self) -> str:
        await self._has_lapsed.wait()
        return "lease expired"

    def adopt(self, adoptions: Iterable[Adoption]) -> None:
        """Hand over sessions that must go on."""
        for adoption in adoptions:
            self._adoptions.put(adoption)
            self.unheard[adoption.session_id] = adoption.epoch

    async def forget(self, front_door: str) -> None:
        """Tell the actor that a front door has died."""
        with contextlib.suppress(RayError):
            await self.handle.forget.remote(front_door)

    async def drain(self, timeout_s: float) -> None:
        """Let the actor's turns come to rest, and end it."""
        await self._end(self.handle.drain.remote(timeout_s), timeout_s + CLOSE_TIMEOUT_S)

    async def close(self) -> None:
        """Ask the actor to stop where it stands, and end it."""
        await self._end(self.handle.close.remote(), CLOSE_TIMEOUT_S)

    async def _end(self, call: Awaitable[None], timeout_s: float) -> None:
        self.enter(MemberState.DRAINING)
        with contextlib.suppress(RayError, TimeoutError):
            await asyncio.wait_for(call, timeout_s)
        self.kill()

    def kill(self) -> None:
        """End the process, also one that hangs: what is stopped hears no request, but dies of SIGKILL."""
        with contextlib.suppress(RayError):
            ray.kill(self.handle, no_restart=True)
        if self.pid is not None and self.node_id == ray.get_runtime_context().get_node_id():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def info(self, sessions: int) -> ActorInfo:
        """Return what operators see."""
        busy = "live" if sessions else "standby"
        return ActorInfo(
            name=self.name,
            role="session",
            actor_id=self.actor_id or None,
            node_id=self.node_id or None,
            pid=self.pid,
            state="draining" if self.state is MemberState.DRAINING else busy,
            sessions=sessions,
            rss_bytes=self.vitals.rss_bytes,
            started_at=self.started_at,
        )
