"""The supervisor: places sessions, watches their actors, and revives what an actor's death cut off.

Its truth is Postgres and its memory a cache, so its own death costs nothing but a moment: Ray restarts
it, it finds the living actors by name and the unfinished sessions in the database. The rules are in
`runtime.core.supervision` and `runtime.core.residency`; here they are carried out.
"""

import asyncio
import math
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, Final

import msgspec
import ray
import structlog
from ray.exceptions import RayError

from actors.connection import Address
from actors.doors import Doors
from actors.member import Member, MemberState, living
from actors.pool import Pool
from actors.site import SUPERVISOR, Site
from actors.tenure import RIVAL_PATIENCE_S, Tenure, await_database
from runtime import log as logging
from runtime.core.errors import StoreUnavailableError
from runtime.core.residency import Company
from runtime.core.supervision import Crash, Intensity, Verdict, company, judge
from runtime.directory import Directory
from runtime.failpoint import FailPoint, arm, reach
from runtime.mint import now, timestamp
from runtime.ports import ActorInfo
from runtime.protocol import Adoption, Placement
from runtime.store.deployment import Claim
from runtime.store.placement import Orphan, PlacementStore, Revival
from runtime.vitals import rss_bytes

log = structlog.get_logger(__name__)

CONNECTIONS: Final = 4
ROOM_TIMEOUT_S: Final = 10.0
UPKEEP_INTERVAL_S: Final = 1.0
LOOK_INTERVAL_S: Final = 2.0  # at the nodes: Ray answers slowly, and tells of deaths late
HEAD_START_S: Final = 0.3  # of sessions that are revived, before a process starts in place of the one that died
REVIVED_AT_ONCE: Final = 200


class SupervisorActor:
    """See `actors.site` for its Ray options."""

    def __init__(self, site: Site) -> None:
        logging.set_up(site.settings.log_level, as_json=True)
        arm(site.settings.fail_points)
        self._site = site
        actors = site.settings.actors
        self._intensity = Intensity(actors.restart_intensity, actors.restart_window_s)
        self._directory = Directory()
        self._pool = Pool(site, self._directory.count, lambda member: self._spawn(self._tend(member)))
        self._doors = Doors()
        self._placing = asyncio.Lock()
        self._reviving = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._given_up: set[str] = set()
        self._vacated: list[str] = []  # the actors beside which nobody is noted as the home of an idle session
        self._tenure = Tenure()
        self._is_unsure = False  # whether the database may hold placements that are not known here
        self._is_closing = False
        self._started_at = timestamp()
        self._starting = self._spawn(self._start())

    async def _start(self) -> None:
        await self._look_at_nodes()
        for name, handle in await asyncio.to_thread(living, self._site):
            self._pool.add(name, handle)
        self._pool.top_up()
        pool = await await_database(self._site.dsn, CONNECTIONS)
        self._store = PlacementStore(pool)
        await self._tenure.begin(Claim(pool, self._site.cluster))
        await self._take_over()
        self._spawn(self._upkeep())
        self._spawn(self._follow_nodes())
        self._spawn(self._tenure.hold())

    async def _take_over(self) -> None:
        """Learn who lives in the living actors, and hand over what must go on there: nobody may have been told yet."""
        adoptions: defaultdict[str, list[Adoption]] = defaultdict(list)
        found = []
        for resident in await self._store.residents(list(self._pool.members)):
            session_id, epoch, actor = msgspec.structs.astuple(resident.placement)
            known = self._directory.get(session_id)
            if known is not None and known.epoch >= epoch:
                continue
            found.append(resident.placement)
            if resident.is_unfinished:
                adoptions[actor].append(Adoption(session_id, epoch, resident.is_quarantined))
            crashes = resident.crashes
            if crashes and now().timestamp() - crashes[-1].at < self._intensity.window_s:
                self._pool.keep(actor, company(crashes, self._intensity), self._intensity.window_s)
        self._hand_over(adoptions)
        self._settle(found)

    # ------------------------------------------------------------ what front doors ask

    async def ready(self) -> None:
        """Return once a session can be placed.

        Raises:
            ConflictError: another Ray cluster serves the database.
            OverloadedError: no actor comes up.
        """
        await asyncio.wait([self._starting], timeout=RIVAL_PATIENCE_S)
        if not self._starting.done():
            self._tenure.refuse()
        await self._starting
        await self._pool.wait_for_room(timeout_s=120.0)

    async def place(self, asked: Mapping[str, int]) -> dict[str, Placement]:
        """Return where sessions live, giving a place to those that have none; unknown ones are left out.

        Each comes with the epoch that the asker knows to be void, or 0: what is remembered here may be that too.

        Raises:
            OverloadedError: no actor can take another session.
            StoreUnavailableError: the database is away.
        """
        await self._starting
        wanted = self._homeless(asked)
        while wanted:
            await self._pool.wait_for_room(ROOM_TIMEOUT_S)
            async with self._placing:
                wanted = await self._place(self._homeless({s: asked[s] for s in wanted}))
        return await self.locate(list(asked))

    async def locate(self, session_ids: Sequence[str]) -> dict[str, Placement]:
        """Return where sessions live now; those that live nowhere are left out."""
        await self._starting
        found = {s: self._directory.get(s) for s in session_ids}
        return {s: p for s, p in found.items() if p is not None}

    async def contact(self, actor: str) -> tuple[Any, Address] | None:
        """Return the handle of an actor and where it takes connections, or None if it is no more."""
        await self._starting
        member = self._pool.members.get(actor)
        address = await member.address() if member else None
        return (member.handle, address) if member and address else None

    async def watch(self, info: ActorInfo) -> AsyncIterator[list[Placement]]:
        """Yield every change of placement from now on, in batches; the caller is a front door."""
        await self._starting
        async with aclosing(self._doors.watch(info)) as news:
            async for placements in news:
                yield placements

    async def actors(self) -> list[ActorInfo]:
        """Return every actor of the deployment."""
        await self._starting
        context = ray.get_runtime_context()
        own = ActorInfo(
            name=SUPERVISOR,
            role="supervisor",
            actor_id=context.get_actor_id(),
            node_id=context.get_node_id(),
            pid=os.getpid(),
            state="live",
            sessions=0,
            rss_bytes=rss_bytes(),
            started_at=self._started_at,
        )
        members = [m.info(self._directory.count(m.name)) for m in self._pool.members.values() if m.pid is not None]
        return [own, *self._doors.infos(), *members]

    # ------------------------------------------------------------ what session actors tell

    async def crashed(self, session_id: str, epoch: int) -> None:
        """Hear that a session hit a bug and was let go; its actor lives on."""
        await self._starting
        if await self._store.disown(session_id, epoch):
            self._directory.remove(session_id)
            await self._revive_orphans()

    async def released(self, residents: Sequence[tuple[str, int]]) -> set[str]:
        """Hear that sessions were passivated; return those that are gone, for others may have gone on meanwhile."""
        await self._starting
        gone = await self._store.release(residents)
        placements = []
        for session_id, epoch in residents:
            known = self._directory.get(session_id)
            if session_id in gone and known is not None and known.epoch == epoch:
                self._directory.remove(session_id)
                placements.append(Placement(session_id, epoch, None))
        self._doors.announce(placements)
        return gone

    async def close(self) -> None:
        """End every session actor, where it stands."""
        self._is_closing = True
        await self._pool.close()
        for member in self._pool.members.values():
            await self._strike_out(self._directory.clear(member.name))
        await self._tenure.end()

    async def drain(self, actor: str | None, node_id: str | None) -> list[ActorInfo]:
        """Begin to empty an actor, or all those of a node, and return them; others take their place."""
        await self._starting
        if node_id is not None:
            self._pool.nodes.doubt(node_id, math.inf)
        chosen = [m for m in self._pool.members.values() if m.name == actor or (m.node_id and m.node_id == node_id)]
        for member in chosen:
            if member.state is not MemberState.DRAINING:
                member.state = MemberState.DRAINING
                self._spawn(member.drain(self._site.settings.actors.drain_timeout_s))
        self._pool.top_up()
        return [member.info(self._directory.count(member.name)) for member in chosen]

    async def _strike_out(self, placements: Sequence[Placement]) -> None:
        """Note that sessions were left on purpose, so that going on elsewhere does not count as a crash."""
        if placements:
            await self._store.strike_out([(p.session_id, p.epoch) for p in placements])

    # ------------------------------------------------------------ placing

    def _homeless(self, asked: Mapping[str, int]) -> list[str]:
        known = {s: self._directory.get(s) for s in asked}
        return [s for s, void in asked.items() if (place := known[s]) is None or place.epoch <= void]

    async def _place(self, session_ids: Sequence[str]) -> list[str]:
        """Give sessions a place; return those that still need one: there was no more room, or it died meanwhile."""
        chosen: dict[str, str] = {}
        taken: Counter[str] = Counter()
        for session_id in session_ids:
            actor = self._pool.choose(taken)
            if actor is None:
                break
            taken[actor] += 1
            chosen[session_id] = actor
        with self._doubting():
            epochs = await self._store.place(list(chosen.items())) if chosen else {}
        reach(FailPoint.SUPERVISOR_PLACED)
        self._settle([Placement(s, epoch, chosen[s]) for s, epoch in epochs.items()])
        self._pool.top_up()
        return [s for s in session_ids if s not in chosen or (s in epochs and self._directory.get(s) is None)]

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Note if the database did not answer: it may have placed sessions all the same, and nobody knows of it."""
        try:
            yield
        except StoreUnavailableError:
            self._is_unsure = True
            raise

    def _settle(self, placements: Sequence[Placement]) -> None:
        """Note placements, except in actors that died while the database was asked: nobody would be sent on."""
        placements = [p for p in placements if p.actor in self._pool.members]
        self._directory.put_all(placements)
        self._doors.announce(placements)

    # ------------------------------------------------------------ reviving

    async def _revive_orphans(self) -> None:
        """Find the sessions whose actor is gone, and let those with something unfinished go on."""
        async with self._reviving:
            if self._is_unsure:
                self._is_unsure = False
                with self._doubting():
                    await self._take_over()
            members = list(self._pool.members)
            orphans = await self._store.orphans(members)
            wanted: list[Company] = []
            for start in range(0, len(orphans), REVIVED_AT_ONCE):
                await self._revive(orphans[start : start + REVIVED_AT_ONCE], wanted)
            self._pool.wanted = wanted
            if wanted:
                self._pool.top_up()
            if members != self._vacated:
                await self._store.vacate(members)
                self._vacated = members

    async def _revive(self, orphans: Sequence[Orphan], wanted: list[Company]) -> None:
        """Let orphans go on; to `wanted` is added what those need for whom there is no actor yet."""
        async with self._placing:
            taken: Counter[str] = Counter()
            revivals = [r for r in (self._judge(orphan, taken, wanted) for orphan in orphans) if r is not None]
            if revivals:
                await self._carry_out(revivals)

    async def _carry_out(self, revivals: Sequence[Revival]) -> None:
        with self._doubting():
            epochs = await self._store.revive(revivals)
        reach(FailPoint.SUPERVISOR_REVIVED)
        adoptions: defaultdict[str, list[Adoption]] = defaultdict(list)
        placements = []
        for revival in revivals:
            session_id = revival.orphan.session_id
            if session_id in epochs:
                placements.append(Placement(session_id, epochs[session_id], revival.actor))
                adoption = Adoption(session_id, epochs[session_id], revival.is_quarantined)
                adoptions[revival.actor].append(adoption)
        self._hand_over(adoptions)
        self._settle(placements)
        log.info("sessions_revived", sessions=len(placements), actors=len(adoptions))

    def _hand_over(self, adoptions: Mapping[str, list[Adoption]]) -> None:
        for actor, sessions in adoptions.items():
            member = self._pool.members.get(actor)
            if member is not None:
                self._spawn(member.adopt(sessions))

    def _judge(self, orphan: Orphan, taken: "Counter[str]", wanted: list[Company]) -> Revival | None:
        """Return where an orphan goes on, None if it does not yet; `taken` counts what this round has given away."""
        crashes, verdict = orphan.crashes, Verdict.RESTART
        if orphan.has_crashed:
            crashes, verdict = judge(crashes, Crash(now().timestamp(), orphan.steps), self._intensity)
        if verdict is Verdict.GIVE_UP:
            if orphan.session_id not in self._given_up:
                self._given_up.add(orphan.session_id)
                log.error("session_given_up", session_id=orphan.session_id, crashes=len(crashes))
            return None
        self._given_up.discard(orphan.session_id)
        neighbours = company(crashes, self._intensity)
        actor = self._pool.choose(taken, neighbours)
        if actor is None:
            wanted.append(neighbours)
            return None  # tried again as soon as another actor is ready
        taken[actor] += 1
        self._pool.keep(actor, neighbours, self._intensity.window_s)
        if verdict is Verdict.QUARANTINE:
            log.error("session_quarantined", session_id=orphan.session_id, crashes=len(crashes))
        return Revival(orphan, actor, crashes, verdict is Verdict.QUARANTINE)

    async def _acquit(self) -> None:
        """Let neighbours in where suspects have got on."""
        async with self._reviving:  # or a suspect moves in between question and answer
            kept = self._pool.kept()
            for actor in await self._store.calm(kept) if kept else ():
                self._pool.open(actor)

    # ------------------------------------------------------------ tending

    async def _tend(self, member: Member) -> None:
        reason = await member.watch(lambda member: self._spawn(self._is_ready(member)))
        if self._is_closing:
            return
        if member.pid is None:
            self._pool.failed()
        was_asked = member.state is MemberState.DRAINING
        self._pool.gone(member)
        homeless = self._directory.clear(member.name)
        log.warning("actor_died", actor=member.name, reason=reason, sessions=len(homeless))
        if homeless:
            self._spawn(self._top_up_later(0.0 if self._pool.choose() is None else HEAD_START_S))
            try:
                if was_asked:
                    await self._strike_out(homeless)
                await self._revive_orphans()
            except StoreUnavailableError as err:
                log.warning("revival_postponed", reason=str(err))
            self._doors.announce([Placement(p.session_id, p.epoch, None) for p in homeless])
        else:
            self._pool.top_up()

    async def _top_up_later(self, pause_s: float) -> None:
        """Leave the processor to sessions that go on in an actor that is warm, before another one starts."""
        await asyncio.sleep(pause_s)
        self._pool.top_up()

    async def _is_ready(self, member: Member) -> None:
        log.info("actor_ready", actor=member.name, pid=member.pid)
        await self._pool.ready()
        if self._pool.wanted:
            try:
                await self._revive_orphans()
            except StoreUnavailableError as err:
                log.warning("revival_postponed", reason=str(err))

    async def _look_at_nodes(self) -> None:
        """Learn what came and went: how much there is room for, and which front doors need to be told nothing more."""
        await self._pool.look()
        for name in self._doors.forget(self._pool.nodes.is_gone):
            for member in self._pool.members.values():
                self._spawn(member.forget(name))

    async def _follow_nodes(self) -> None:
        """Beside the upkeep, for Ray may be slow to answer."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            try:
                await self._look_at_nodes()
            except (RayError, RuntimeError) as err:  # as what Ray says that its head is away
                log.warning("nodes_not_seen", reason=str(err)[:500])

    async def _upkeep(self) -> None:
        """Look again for what slipped through: a revival that failed, a standby that is missing."""
        while True:
            try:
                await self._acquit()
                await self._revive_orphans()
            except StoreUnavailableError as err:
                log.warning("upkeep_postponed", reason=str(err))
            self._pool.top_up()
            for member in self._pool.surplus():
                self._spawn(member.close())
            await self._pool.tell()
            await asyncio.sleep(UPKEEP_INTERVAL_S)

    def _spawn(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("supervisor_task_failed", exc_info=task.exception())
