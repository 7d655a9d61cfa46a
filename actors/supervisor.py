"""The supervisor: places sessions, watches their actors, and revives what an actor's death cut off.

Its truth is Postgres and its memory a cache, so its own death costs nothing but a moment: Ray restarts
it, it finds the living actors by name and the unfinished sessions in the database. Who lives where is decided in
`actors.placer`; here is who asks for it, and what must not stop while the process lives.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import msgspec
import ray
import structlog
from ray.exceptions import RayError

from actors.census import Census
from actors.claim import RIVAL_PATIENCE_S, Claim, await_database
from actors.doors import Doors
from actors.forgetter import forget_for_ever
from actors.keyholder import Keyholder
from actors.member import Member, MemberState, living
from actors.meter import Meter
from actors.placer import Placer
from actors.pool import Pool
from actors.site import SUPERVISOR, Site
from actors.vault import Keeper
from runtime.core.errors import ForbiddenError, SecretUnreadableError, StoreUnavailableError
from runtime.core.metrics.counts import Counts
from runtime.core.placement.directory import Directory, Placement
from runtime.core.placement.supervision import Intensity
from runtime.ports.gateway import STARTING, ActorInfo
from runtime.ports.operations import Overview, Worker
from runtime.process import heap
from runtime.process import log as logging
from runtime.process.failpoint import Loop, arm, stumble
from runtime.process.metrics import counts
from runtime.process.mint import timestamp
from runtime.process.tasks import Tasks
from runtime.process.vitals import rss_bytes
from runtime.store.deployment import ClaimStore
from runtime.store.forgetting import Forgetting
from runtime.store.metric_points import MetricStore
from runtime.store.placement import PlacementStore
from runtime.vault.local import LocalVault
from runtime.wire.protocol import Beliefs, Departure, Want

log = structlog.get_logger(__name__)

CONNECTIONS: Final = 4
START_PATIENCE_S: Final = 120.0  # with the first session actor
UPKEEP_INTERVAL_S: Final = 1.0
LOOK_INTERVAL_S: Final = 2.0  # at the nodes: Ray answers slowly, and tells of deaths late
PAUSE_S: Final = 1.0  # before a database that is away is asked again


class SupervisorActor:
    """See `actors.site` for its Ray options."""

    def __init__(self, site: Site) -> None:
        logging.set_up(site.settings.log_level, as_json=True)
        site.hold()
        arm(site.settings.fail_points)
        self._site = site
        actors = site.settings.actors
        self._tasks = Tasks()
        self._directory = Directory()
        self._meter = Meter()
        self._pool = Pool(site, self._directory.count, self._tend, self._meter.count, self._tasks)
        self._doors = Doors(self._directory, self._pool.addressed, self._tasks)
        intensity = Intensity(actors.restart_intensity, actors.restart_window_s)
        self._placer = Placer(self._pool, self._directory, self._doors, intensity)
        self._claim = Claim()
        self._keeper: Keeper | None = None
        self._keys = Keyholder(site.keys)
        self._is_closing = False
        self._started_at = timestamp()
        self._census = Census(self._pool, self._directory, self._doors, self._started_at)
        self._starting = self._tasks.owed(self._start(), "start")

    async def _start(self) -> None:
        heap.freeze(collect=False, young=heap.MANY)  # clients may be waiting for a successor
        await self._look_at_nodes()
        found = await asyncio.to_thread(living, self._site)
        log.info("actors_found", actors=len(found))
        for name, handle in found:
            self._pool.add(name, handle)
        self._pool.top_up()
        self._tasks.essential(self._follow_leases(), "leases")
        pool = await await_database(self._site.dsn, CONNECTIONS)
        self._store = PlacementStore(pool)
        self._placer.begin(self._store)
        await self._claim.begin(ClaimStore(pool, self._site.cluster))
        await _outlast(lambda: self._placer.learn(list(self._pool.members)))
        await _outlast(lambda: self._meter.begin(MetricStore(pool)))
        heap.freeze(collect=False)
        self._tasks.essential(self._upkeep(), "upkeep")
        self._tasks.essential(self._follow_nodes(), "nodes")
        self._tasks.essential(self._claim.hold(), "claim")
        forgetting = Forgetting(pool, self._site.settings.deletion_grace_days)
        self._tasks.essential(forget_for_ever(forgetting), "forgetting")

    # ------------------------------------------------------------ what front doors ask

    async def ready(self) -> None:
        """Return once a session can be placed.

        Raises:
            ConflictError: another Ray cluster serves the database.
            OverloadedError: no actor comes up.
        """
        await asyncio.wait([self._starting], timeout=RIVAL_PATIENCE_S)
        if not self._starting.done():
            self._claim.refuse()
        await self._starting
        await self._pool.wait_for_first(START_PATIENCE_S)

    async def place(self, asked: Mapping[str, Want], front_door: str = "") -> dict[str, Placement | None]:
        """See Placer.place; the door hears of every change. Raises StoreUnavailableError: the database is away."""
        await self._starting
        placed = await self._placer.place(asked)
        # Anew, for it may have moved since it was placed, and of that the door was not told.
        places = {s: self._directory.get(s) if place and place.actor else place for s, place in placed.items()}
        self._doors.hold(front_door, places.values())
        return {s: place and self._pool.addressed(place) for s, place in places.items()}

    async def locate(self, beliefs: Beliefs) -> list[Placement]:
        """See Doors.locate."""
        await self._starting
        return await self._doors.locate(beliefs)

    async def watch(self, info: ActorInfo) -> AsyncIterator[list[Placement]]:
        """See Doors.watch; the caller is a front door."""
        await self._starting
        async with aclosing(self._doors.watch(info)) as news:
            async for placements in news:
                yield placements

    async def actors(self, offset: int, limit: int) -> tuple[list[ActorInfo], int]:
        """Return some of the deployment's actors, and how many there are: thousands at once would hold all else up."""
        await self._starting
        started = [member for member in self._pool.members.values() if member.pid is not None]
        everyone: list[ActorInfo | Member] = [self._info(), *self._doors.infos(), *started]
        return [self._shown(actor) for actor in everyone[offset : offset + limit]], len(everyone)

    async def actor(self, name: str) -> ActorInfo | None:
        """Return the actor of that name, if there is one; the supervisor itself, if only to see that it answers.

        That it does also while it waits for the database: who asks would think that Ray is gone.
        """
        if name == SUPERVISOR:
            return self._info()
        await self._starting
        member = self._pool.members.get(name)
        if member is not None and member.pid is not None:
            return self._shown(member)
        return next((info for info in self._doors.infos() if info.name == name), None)

    async def overview(self) -> Overview:
        """Return the cluster at a glance."""
        await self._starting
        try:
            quarantined = await self._store.quarantined()
        except StoreUnavailableError:
            quarantined = None
        return self._census.overview(quarantined)

    async def workers(self, offset: int, limit: int, *, is_draining: bool | None) -> tuple[list[Worker], int]:
        """See Census.workers."""
        await self._starting
        return self._census.workers(offset, limit, is_draining=is_draining)

    async def series(self, after: int) -> bytes:
        """See Meter.series."""
        return self._meter.series(after)

    async def report(self, front_door: str, counted: bytes, streams: int) -> None:
        """Hear what a front door has counted, and how many clients listen there."""
        self._meter.count(msgspec.json.decode(counted, type=Counts | None))
        self._doors.report(front_door, streams)

    def _shown(self, actor: ActorInfo | Member) -> ActorInfo:
        return actor.info(self._directory.count(actor.name)) if isinstance(actor, Member) else actor

    def _info(self) -> ActorInfo:
        context = ray.get_runtime_context()
        return ActorInfo(
            name=SUPERVISOR,
            role="supervisor",
            actor_id=context.get_actor_id(),
            node_id=context.get_node_id(),
            pid=os.getpid(),
            state="live" if self._starting.done() else STARTING,
            sessions=0,
            rss_bytes=rss_bytes(),
            started_at=self._started_at,
            waiting=len(self._pool.queue),
        )

    # ------------------------------------------------------------ what session actors tell

    async def leave(self, departures: Sequence[Departure]) -> None:
        """Hear that an actor let sessions go; returns once their rows say so."""
        await self._starting
        await self._placer.leave(departures)

    async def unlock(self, actor: str, asked: bytes) -> bytes:
        """Seal or open a secret for a session actor (see Keeper.answer).

        Raises:
            OverloadedError: no keys are known yet, or nothing of that actor.
        """
        await self._starting
        await self._keys.first()
        try:
            return await self._answer(actor, asked)
        except SecretUnreadableError:
            if not await self._keys.newer():
                raise
        return await self._answer(actor, asked)

    async def _answer(self, actor: str, asked: bytes) -> bytes:
        member, ring = self._pool.members.get(actor), self._keys.ring
        if member is None or ring is None:
            message = f"There are no secrets for {actor} here."
            raise ForbiddenError(message, "vault_closed")
        self._keeper = self._keeper or Keeper(LocalVault(ring), self._directory, self._store)
        return await self._keeper.answer(actor, member.key, asked)

    async def equip(self, site: Site) -> None:
        """Take the keys of a front door that has just come: after a rotation they are newer than those of the start."""
        if self._keys.take(site.keys):
            log.info("keys_taken", current=site.keys.current.key_id if site.keys else None)
            self._keeper = None
            site.hold()

    async def close(self) -> None:
        """End every session actor, where it stands."""
        self._is_closing = True
        await self._pool.close()
        for member in self._pool.members.values():
            await self._strike_out(self._directory.clear(member.name))
        await self._claim.end()

    async def drain(self, actor: str | None, node_id: str | None) -> list[ActorInfo]:
        """Begin to empty an actor, or all those of a node, and return them; others take their place."""
        await self._starting
        if node_id is not None:
            self._pool.nodes.doubt(node_id, math.inf)
            await self._pool.all_started()  # what was sent there before is emptied too
        chosen = [m for m in self._pool.members.values() if m.name == actor or (m.node_id and m.node_id == node_id)]
        for member in chosen:
            if member.state is not MemberState.DRAINING:
                member.enter(MemberState.DRAINING)
                self._tasks.owed(member.drain(self._site.settings.actors.drain_timeout_s), "drain")
        self._pool.top_up()
        return [member.info(self._directory.count(member.name)) for member in chosen]

    async def _strike_out(self, placements: Sequence[Placement]) -> None:
        """Note that sessions were left on purpose, so that going on elsewhere does not count as a crash."""
        if placements:
            await self._store.strike_out([(p.session_id, p.epoch) for p in placements])

    # ------------------------------------------------------------ tending

    async def _tend(self, member: Member) -> None:
        reason = await member.watch(
            lambda member: self._tasks.owed(self._is_ready(member), "ready"),
            lambda member: self._tasks.owed(self._look_again(member), "look again"),
        )
        stumble(Loop.TENDING)
        if self._is_closing:
            return
        was_asked = member.state is MemberState.DRAINING
        if member.pid is None and not was_asked:
            log.warning("actor_not_started", actor=member.name, reason=reason)
            await self._pool.failed(reason)
        self._pool.gone(member, reason)
        counts.actor_deaths += not was_asked
        self._placer.lost(member.name, member.unheard, f"its process ended ({reason})")
        homeless = self._directory.clear(member.name)
        log.warning("actor_died", actor=member.name, reason=reason, sessions=len(homeless))
        if homeless or self._placer.is_busy:  # sessions may just be given to it
            await self._move_out(homeless, was_asked=was_asked)
        else:
            self._pool.top_up()
        await asyncio.to_thread(member.kill)  # what hangs or is cut off writes nothing by now; Ray takes its time

    async def _move_out(self, homeless: Sequence[Placement], *, was_asked: bool) -> None:
        self._pool.top_up_soon()
        await self._starting  # until then the database may be another cluster's
        if was_asked:
            await _outlast(lambda: self._strike_out(homeless))
            self._placer.seek(place.session_id for place in homeless)
        await self._revive()
        nowhere = [p for p in homeless if self._directory.get(p.session_id) is None]
        self._doors.announce([Placement(p.session_id, p.epoch, None) for p in nowhere])

    async def _revive(self) -> None:
        """Let sessions go on that lost their actor; whoever is missed now is found by the upkeep."""
        try:
            await self._placer.revive()
        except StoreUnavailableError as err:
            log.warning("revival_postponed", reason=str(err))

    async def _is_ready(self, member: Member) -> None:
        if self._starting.done():  # of those that it finds there may be thousands
            log.info("actor_ready", actor=member.name, pid=member.pid)
        self._pool.nodes.heed(member.node_id, is_leaving=member.was_draining)
        await self._pool.ready()
        if self._pool.queue:
            await self._revive()

    async def _look_again(self, member: Member) -> None:
        await self._starting  # until then the database may be another cluster's
        self._placer.doubt([member.name])
        await self._revive()

    async def _look_at_nodes(self) -> None:
        """Learn what came and went: how much there is room for, and which front doors need to be told nothing more."""
        await self._pool.look()
        for name in self._doors.forget(self._pool.nodes.is_gone):
            for member in self._pool.members.values():
                self._tasks.owed(member.forget(name), "forget")

    async def _follow_nodes(self) -> None:
        """Beside the upkeep, for Ray may be slow to answer."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            stumble(Loop.NODES)
            try:
                await self._look_at_nodes()
            except (RayError, RuntimeError) as err:  # as what Ray says that its head is away
                log.warning("nodes_not_seen", reason=str(err)[:500])

    async def _follow_leases(self) -> None:
        while True:
            await asyncio.sleep(self._site.settings.actors.heartbeat_interval_s)
            stumble(Loop.LEASES)
            self._pool.tick()
            self._meter.tick(self._census.levels)

    async def _upkeep(self) -> None:
        """Look again for what slipped through: a revival that failed, a standby that is missing."""
        while True:
            stumble(Loop.UPKEEP)
            await self._look_after()
            await asyncio.sleep(UPKEEP_INTERVAL_S)

    async def _look_after(self) -> None:
        try:
            await self._placer.acquit()
            await self._placer.revive()
        except StoreUnavailableError as err:
            log.warning("upkeep_postponed", reason=str(err))
        await self._meter.save()
        self._placer.look_at_queue()
        self._pool.top_up()
        for member in self._pool.retire():
            self._tasks.owed(member.close(), "close")


async def _outlast(work: Callable[[], Awaitable[None]]) -> None:
    """Do what must be done, as soon as the database is there for it."""
    while True:
        try:
            return await work()
        except StoreUnavailableError as err:
            log.warning("database_awaited", reason=err.reason)
        await asyncio.sleep(PAUSE_S)
