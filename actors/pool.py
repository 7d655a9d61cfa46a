"""The pool: which session actors there are, how many more are started, and who may move into which.

The rules are in `runtime.core.placement.residency`; here they are carried out with Ray's processes.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec

from actors.member import Member, MemberState, spawn
from actors.nodes import Nodes
from actors.site import Site
from runtime.core.errors import OverloadedError
from runtime.core.placement.directory import Placement
from runtime.core.placement.residency import Company, Limits, Queue, Room, choose, max_actors, missing_standbys, surplus
from runtime.core.retry import backoff_s
from runtime.process.tasks import Tasks

STARTING_AT_ONCE: Final = 2  # processes: each start costs more than a second of a core
HEAD_START_S: Final = 0.3  # of sessions that were given a place, before a process starts in their stead
START_PAUSE_S: Final = 0.5  # after a process that did not start; doubles with each one
START_PAUSE_MOST_S: Final = 30.0
FAILED_STARTS_MOST: Final = 3  # in a row, before whoever waits for the first actor is told
NOBODY_YET: Final[Mapping[str, int]] = Counter[str]()


class Pool:
    """Belongs to one event loop. `occupancy` tells how many sessions live in an actor; `tend` sees to each.

    Somebody must `look` at the nodes before anything else, and tell what becomes of each actor: it is `ready`, `gone`
    or did not start at all (`failed`).
    """

    def __init__(
        self,
        site: Site,
        occupancy: Callable[[str], int],
        tend: Callable[[Member], Coroutine[Any, Any, None]],
        tasks: Tasks,
    ) -> None:
        self.members: dict[str, Member] = {}
        self.nodes = Nodes()
        self.queue = Queue()  # of sessions that wait for an actor
        self._site = site
        self._occupancy = occupancy
        self._tend = tend
        self._tasks = tasks
        self.deaths = 0  # of actors, so far
        self._starts: list[str] = []  # under way in a thread, not members yet: the nodes to which they were sent
        self._news = asyncio.Condition()
        self._failed_starts = 0  # in a row
        self._failure = ""  # why the last one did not start
        self._start_after = 0.0  # event-loop time
        self._is_closed = False

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
        starting = len(self._starts) + sum(m.state is MemberState.STARTING for m in self.members.values())
        bare_nodes = self.nodes.bare(self._taken_nodes())
        missing = missing_standbys(self._rooms(), self._limits, self.queue.companies(), bare_nodes)
        for _ in range(min(missing, STARTING_AT_ONCE - starting)):
            node_id = self.nodes.choose(self._taken_nodes())
            self._starts.append(node_id or "")
            self._tasks.owed(self._start(node_id), "spawn")

    async def _start(self, node_id: str | None) -> None:
        """Start one process, in a thread, for Ray holds up whoever asks for it by some 20 ms."""
        try:
            name, handle = await asyncio.to_thread(spawn, self._site, node_id)
        finally:
            self._starts.remove(node_id or "")
        self.add(name, handle, node_id or "")
        await self._tell()

    async def all_started(self) -> None:
        """Return once whatever is being started is a member."""
        async with self._news:
            await self._news.wait_for(lambda: not self._starts)

    def _taken_nodes(self) -> list[str]:
        return [*self._starts, *(member.node_id for member in self.members.values())]

    def top_up_soon(self) -> None:
        """The same, but leave the processor first to sessions that go on in an actor that is warm, if there is one."""
        pause_s = 0.0 if self.choose() is None else HEAD_START_S
        asyncio.get_running_loop().call_later(pause_s, self.top_up)

    def add(self, name: str, handle: Any, node_id: str = "") -> None:
        """Take in an actor. `node_id` is where it was sent, until it says where it is."""
        actors = self._site.settings.actors
        member = self.members[name] = Member(name, handle, actors.lease_s, actors.heartbeat_interval_s)
        member.node_id = node_id
        self._tasks.owed(self._tend(member), "tend")

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

    def gone(self, member: Member) -> None:
        """Hear that an actor is no more. Unless it was asked to leave, its node is doubted."""
        if member.state is not MemberState.DRAINING:
            self.nodes.doubt(member.node_id)
        member.state = MemberState.DEAD
        self.members.pop(member.name, None)
        self.deaths += 1

    def surplus(self) -> list[Member]:
        """Return the actors that may end, for they are empty and too many."""
        return [self.members[name] for name in surplus(self._rooms(), self._limits)]

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

    def choose(self, taken: Mapping[str, int] = NOBODY_YET, company: Company = Company.ANYBODY) -> str | None:
        """Return the actor for one more session, or None; `taken` counts what was given away since the last look."""
        return choose(self._rooms(taken), self._limits, company)

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
            member.kept_for = company
            member.kept_until = asyncio.get_running_loop().time() + for_s

    def kept(self) -> list[str]:
        """Return the actors that are kept."""
        now_s = asyncio.get_running_loop().time()
        return [name for name, member in self.members.items() if member.kept_until > now_s]

    def open(self, actor: str) -> None:
        """Let anybody in again."""
        if actor in self.members:
            self.members[actor].kept_until = 0.0

    def _rooms(self, taken: Mapping[str, int] = NOBODY_YET) -> list[Room]:
        now_s = asyncio.get_running_loop().time()
        starting = [Room("", 0, is_ready=False) for _ in self._starts]
        return starting + [
            Room(
                name,
                self._occupancy(name) + taken.get(name, 0),
                is_ready=member.state is MemberState.READY,
                open_to=member.open_to(now_s),
            )
            for name, member in self.members.items()
        ]
