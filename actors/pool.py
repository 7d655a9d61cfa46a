"""The pool: which session actors there are, how many more are started, and who may move into which.

The rules are in `runtime.core.placement.residency`; here they are carried out with Ray's processes.
"""

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from actors.member import DEATHS, Member, MemberState, new_name, spawn
from actors.nodes import DOUBT_S, SHORT_DOUBT_S, Nodes
from actors.site import Site
from runtime.core.errors import OverloadedError
from runtime.core.metrics.counts import Counts
from runtime.core.placement.directory import Placement
from runtime.core.placement.residency import Company, Limits, Queue, Room, Rooms, max_actors
from runtime.core.retry import backoff_s
from runtime.process.tasks import Tasks

STARTING_AT_ONCE: Final = 2  # processes: each start costs more than a second of a core
HEAD_START_S: Final = 0.3  # of sessions that were given a place, before a process starts in their stead
START_PAUSE_S: Final = 0.5  # after a process that did not start; doubles with each one
START_PAUSE_MOST_S: Final = 30.0
FAILED_STARTS_MOST: Final = 3  # in a row, before whoever waits for the first actor is told


class Pool:
    """Belongs to one event loop. `occupancy` tells how many sessions live in an actor; `tend` sees to each.

    `counted` hears what they count.

    Somebody must `look` at the nodes before anything else, and tell what becomes of each actor: it is `ready`, `gone`,
    did not start at all (`failed`), or has more or fewer sessions than before (`refile`).
    """

    def __init__(
        self,
        site: Site,
        occupancy: Callable[[str], int],
        tend: Callable[[Member], Coroutine[Any, Any, None]],
        counted: Callable[[Counts], object],
        tasks: Tasks,
    ) -> None:
        self.members: dict[str, Member] = {}
        self.nodes = Nodes()
        self.queue = Queue()  # of sessions that wait for an actor
        self._site = site
        self._occupancy = occupancy
        self._tend = tend
        self._counted = counted
        self._tasks = tasks
        self._rooms = Rooms()
        self._reserved: Counter[str] = Counter()  # sessions that are about to count as residents, by actor
        self._kept: set[str] = set()  # actors into which not everybody may move
        self._expiries: list[tuple[float, str]] = []  # a heap: when who is kept may be kept no more
        self._starts: set[str] = set()  # under way in a thread, not members yet
        self._warming: set[str] = set()  # members that have not started yet
        self._news = asyncio.Condition()
        self._failed_starts = 0  # in a row
        self._failure = ""  # why the last one did not start
        self._start_after = 0.0  # event-loop time
        self._is_closed = False

    @property
    def limits(self) -> Limits:
        """How much there is room for."""
        return self._limits

    async def look(self) -> None:
        """Learn which nodes there are, and so how much there is room for."""
        await self.nodes.look()
        actors = self._site.settings.actors
        most = actors.max_actors or max_actors(self.nodes.total("memory"), self.nodes.total("CPU"))
        self._limits = Limits(most, min(actors.warm_standbys, most), actors.sessions_per_actor)

    # ------------------------------------------------------------ processes

    def top_up(self) -> None:
        """Start as many processes as are missing, few at a time."""
        if self._is_closed or asyncio.get_running_loop().time() < self._start_after:
            return
        self._let_in()
        starting = len(self._starts) + len(self._warming)
        missing = self._rooms.missing(self._limits, self.queue.companies, self.nodes.bare())
        for _ in range(min(missing, STARTING_AT_ONCE - starting)):
            name, node_id = new_name(), self.nodes.choose()
            self._starts.add(name)
            self._rooms.put(name, Room())
            self.nodes.settle(name, node_id or "")
            self._tasks.owed(self._start(name, node_id), "spawn")

    async def _start(self, name: str, node_id: str | None) -> None:
        """Start one process, in a thread, for Ray holds up whoever asks for it by some 20 ms."""
        try:
            handle = await asyncio.to_thread(spawn, self._site, name, node_id)
        finally:
            self._starts.remove(name)
        self.add(name, handle, node_id or "")
        await self._tell()

    async def all_started(self) -> None:
        """Return once whatever is being started is a member."""
        async with self._news:
            await self._news.wait_for(lambda: not self._starts)

    def top_up_soon(self) -> None:
        """The same, but leave the processor first to sessions that go on in an actor that is warm, if there is one."""
        pause_s = 0.0 if self.choose() is None else HEAD_START_S
        asyncio.get_running_loop().call_later(pause_s, self.top_up)

    def add(self, name: str, handle: Any, node_id: str = "") -> None:
        """Take in an actor. `node_id` is where it was sent, until it says where it is."""
        actors = self._site.settings.actors
        member = Member(name, handle, actors.lease_s, actors.heartbeat_interval_s, self._refile, self._counted)
        member.node_id = node_id
        self.members[name] = member
        self._refile(member)
        self._tasks.owed(self._tend(member), "tend")

    def tick(self) -> None:
        """Hear that a heartbeat of every actor is due. One clock is for all: a timer for each of thousands is dear."""
        for member in self.members.values():
            member.tick()

    async def ready(self) -> None:
        """Hear that an actor is warm."""
        self._failed_starts, self._start_after = 0, 0.0
        self.top_up()
        await self._tell()

    async def failed(self, reason: str) -> None:
        """Hear that a process did not even start: others wait, for the fault is hardly theirs."""
        self._failure = reason
        pause = backoff_s(self._failed_starts, START_PAUSE_S, START_PAUSE_MOST_S, 0.5)
        self._failed_starts += 1
        self._start_after = asyncio.get_running_loop().time() + pause
        await self._tell()

    def gone(self, member: Member, reason: str) -> None:
        """Hear that an actor is no more, and why. Unless it was asked to leave, its node is doubted."""
        if member.state is not MemberState.DRAINING:
            self.nodes.doubt(member.node_id, SHORT_DOUBT_S if reason in DEATHS else DOUBT_S)
        self.members.pop(member.name, None)
        self._kept.discard(member.name)
        self._warming.discard(member.name)
        self._rooms.drop(member.name)
        self.nodes.leave(member.name)

    def retire(self) -> list[Member]:
        """Let nobody in any more where actors are empty and too many, and return those: they may end."""
        self._let_in()
        members = [self.members[name] for name in self._rooms.surplus(self._limits)]
        for member in members:
            member.enter(MemberState.DRAINING)
        return members

    async def close(self) -> None:
        """End every actor, where it stands, and start no others."""
        self._is_closed = True
        await self.all_started()
        await asyncio.gather(*(m.close() for m in self.members.values()))

    def addressed(self, placement: Placement) -> Placement:
        """Return a placement with its actor's address, as far as that is known."""
        member = self.members.get(placement.actor or "")
        return msgspec.structs.replace(placement, address=member.address) if member is not None else placement

    # ------------------------------------------------------------ room

    def choose(self, company: Company = Company.ANYBODY) -> str | None:
        """Return the actor for one more session, or None."""
        self._let_in()
        return self._rooms.choose(self._limits, company)

    def reserve(self, actor: str) -> None:
        """Count one more session as a resident of an actor, until `release_reserved`."""
        self._reserved[actor] += 1
        self.refile(actor)

    def release_reserved(self) -> None:
        """Hear that whoever was given a place counts as a resident there by now, or has not got it."""
        reserved, self._reserved = self._reserved, Counter()
        for actor in reserved:
            self.refile(actor)

    async def wait_for_first(self, timeout_s: float) -> None:
        """Return once a session can live somewhere.

        Raises:
            OverloadedError: no actor has come up in time, or several did not start; the words say why.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: self.choose() or self._failed_starts >= FAILED_STARTS_MOST)
        if self.choose() is None:
            raise OverloadedError(1.0, f"session actors do not start: {self._failure or 'none answers yet'}")

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def keep(self, actor: str, company: Company, for_s: float) -> None:
        """Let only fitting neighbours into an actor for a while."""
        member = self.members.get(actor)
        if member is not None and company is not Company.ANYBODY:
            until = asyncio.get_running_loop().time() + for_s
            self._kept.add(actor)
            heapq.heappush(self._expiries, (until, actor))
            member.keep(company, until)

    def kept(self) -> list[str]:
        """Return the actors that are kept."""
        self._let_in()
        return list(self._kept)

    def open(self, actor: str) -> None:
        """Let anybody in again."""
        self._kept.discard(actor)
        if actor in self.members:
            self.members[actor].keep(Company.ANYBODY, 0.0)

    def _let_in(self) -> None:
        """Open the actors that were kept long enough."""
        now_s = asyncio.get_running_loop().time()
        while self._expiries and self._expiries[0][0] <= now_s:
            _, actor = heapq.heappop(self._expiries)
            member = self.members.get(actor)
            if member is not None and member.kept_until <= now_s:
                self.open(actor)

    def refile(self, actor: str | None) -> None:
        """Hear that an actor has more or fewer sessions than before."""
        member = self.members.get(actor or "")
        if member is not None:
            self._refile(member)

    def _refile(self, member: Member) -> None:
        if self.members.get(member.name) is not member:
            return  # it has died
        self.nodes.settle(member.name, member.node_id)
        if member.state is MemberState.STARTING:
            self._warming.add(member.name)
        else:
            self._warming.discard(member.name)
        room = Room(
            self._occupancy(member.name) + self._reserved[member.name],
            is_ready=member.state is MemberState.READY,
            open_to=member.open_to(asyncio.get_running_loop().time()),
        )
        self._rooms.put(member.name, room)
