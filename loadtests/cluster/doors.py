"""A process of front doors: real gateways, whose links to session actors end in this process.

What is asked of an actor is done at once, for it is not what is measured: `dial` is played.

python -m loadtests.cluster.doors PLAN NUMBER
"""

import asyncio
import math
import pickle
import re
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final

from actors import link
from actors.gateway import RayGateway
from loadtests.cluster.line import Handle, Line, listen
from loadtests.cluster.plan import HALLS, Plan, session_id
from loadtests.cluster.played_ray import SUPERVISOR_SOCKET
from loadtests.cluster.process import play
from runtime.core.access.principal import ANONYMOUS
from runtime.core.errors import OverloadedError
from runtime.core.placement.directory import Address
from runtime.ports.gateway import ActorInfo
from runtime.process import heap
from runtime.process.mint import timestamp
from runtime.wire.broadcast import Listener
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import Answer, Command, Watch, Watching

HALL_SOCKET: Final = "hall-{}"
SESSION: Final = re.compile(rb"session_[0-9a-f]{32}")
LISTENERS_AT_ONCE: Final = 1_000  # that a door takes in
QUIET_S: Final = (
    1.0  # without an open question, and a door is taken to know all; it pauses for less before it asks anew
)
POLL_S: Final = 0.05
ANSWERS_LIMIT: Final = 1_000_000


class News:
    """What a door is told, whatever the form: which sessions the messages name."""

    def __init__(self, watched: Iterable[str]) -> None:
        self.concern = set(watched)  # what somebody here listens to, or has asked something of
        self.strangers = 0
        self._awaited: set[str] | None = None
        self.complete_at = math.inf

    def expect(self, changed: Iterable[str]) -> None:
        """Begin to count; of those that change all that concern the door should be heard."""
        self._awaited = self.concern.intersection(changed)
        self.strangers = 0
        self.complete_at = math.inf if self._awaited else 0.0

    def hear(self, item: object) -> None:
        """Take one message."""
        if self._awaited is None:
            return
        named = {found.decode() for found in SESSION.findall(pickle.dumps(item))}
        self.strangers += len(named - self.concern)
        self._awaited -= named
        if not self._awaited:
            self.complete_at = min(self.complete_at, time.monotonic())


class DoorLine(Line):
    """A door's way to the supervisor, which knows what is being asked and hears what is told."""

    def __init__(self, path: str, news: News) -> None:
        super().__init__(path)
        self._news = news
        self._open = 0
        self.begun = 0  # streams of news
        self.last_at = 0.0  # that an answer came, or a stream began

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being asked, and has not been for a while."""
        return not self._open and time.monotonic() - self.last_at > QUIET_S

    async def call(self, method: str, *arguments: Any) -> Any:
        """See Line."""
        self._open += 1
        try:
            return await super().call(method, *arguments)
        finally:
            self._open -= 1
            self.last_at = time.monotonic()

    async def stream(self, method: str, *arguments: Any) -> AsyncGenerator[Any, None]:
        """See Line."""
        is_first = True
        async with aclosing(super().stream(method, *arguments)) as items:
            async for item in items:
                if is_first:
                    self.begun, self.last_at, is_first = self.begun + 1, time.monotonic(), False
                self._news.hear(item)
                yield item


class Door:
    """One front door."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._name = f"front-door-{number:03d}"
        self._watched = plan.watched_by(number)
        self._listeners: dict[str, Listener] = {}
        self._marked = 0
        self.news = News(self._watched)
        self.line = DoorLine(plan.socket(SUPERVISOR_SOCKET), self.news)
        self._gateway = RayGateway(Handle(self.line), self._name)

    async def open(self) -> None:
        """Follow the supervisor."""
        info = ActorInfo(
            name=self._name, role="front_door", actor_id=None, node_id=None, pid=None, state="live", sessions=0,
            rss_bytes=0, started_at=timestamp(),
        )  # fmt: skip
        await self._gateway.start(info)
        await _until(lambda: self.line.begun > 0, math.inf)

    async def watch(self) -> None:
        """Listen to all that is to be watched here; who was sent to the journal listens anew."""
        while missing := [s for s in self._watched if s not in self._listeners or self._listeners[s].lagged]:
            for start in range(0, len(missing), LISTENERS_AT_ONCE):
                await asyncio.gather(*(self._listen(s) for s in missing[start : start + LISTENERS_AT_ONCE]))

    async def _listen(self, session: str) -> None:
        if session in self._listeners:
            self._listeners.pop(session).close()
        with suppress(OverloadedError):  # who is told to try again does
            self._listeners[session] = await self._gateway.subscribe(ANONYMOUS, session)

    async def ask(self, sessions: Sequence[str], at_once: int) -> list[float]:
        """Ask something of sessions, so many at once; return how long each took, in milliseconds.

        One for which there was no patience took for ever.
        """
        self.news.concern.update(sessions)
        queue, took = iter(sessions), list[float]()
        await asyncio.gather(*(self._ask_one_by_one(queue, took) for _ in range(at_once)))
        return took

    async def _ask_one_by_one(self, queue: Iterator[str], took: list[float]) -> None:
        for session in queue:
            began = time.perf_counter()
            try:
                await self._gateway.rename(ANONYMOUS, session, "a title")
            except OverloadedError:
                took.append(math.inf)
            else:
                took.append((time.perf_counter() - began) * 1000)

    def mark(self) -> None:
        """Note that the supervisor is about to die."""
        self._marked = self.line.begun

    @property
    def is_settled(self) -> bool:
        """Whether it hears another supervisor's news, and has no more questions."""
        return self.line.begun > self._marked and self.line.is_quiet


class Hall:
    """All doors of a process."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._doors = [Door(plan, door) for door in range(number, plan.scale.doors, HALLS)]
        self._number = number

    async def open(self) -> None:
        """Have all doors follow the supervisor."""
        heap.freeze()  # as every front door does
        await asyncio.gather(*(door.open() for door in self._doors))

    async def watch(self) -> None:
        """Have somebody listen at each door to each of its sessions."""
        for door in self._doors:
            await door.watch()
        heap.freeze()  # a door walks its own listeners only; together these stop a hundred doors for seconds

    async def ask(self, first: int, end: int, at_once: int) -> tuple[float, list[float]]:
        """Ask for a share of a range of sessions; return when all were answered, and how long each took."""
        share = [session_id(number) for number in range(first + self._number, end, HALLS)]
        asking = [door.ask(share[i :: len(self._doors)], at_once) for i, door in enumerate(self._doors)]
        took = await asyncio.gather(*asking)
        return time.monotonic(), [ms for one in took for ms in one]

    async def expect(self, changed: Sequence[int]) -> None:
        """Begin to count what news come of these sessions, and of others."""
        names = {session_id(number) for number in changed}
        for door in self._doors:
            door.news.expect(names)

    async def news(self, patience_s: float) -> tuple[float, int]:
        """Return when the last door had heard what concerns it, and how often doors heard what does not."""
        await _until(lambda: all(d.news.complete_at < math.inf for d in self._doors), patience_s)
        return max(d.news.complete_at for d in self._doors), sum(d.news.strangers for d in self._doors)

    async def mark(self) -> None:
        """Note that the supervisor is about to die."""
        for door in self._doors:
            door.mark()

    async def settled(self, patience_s: float) -> list[float]:
        """Return when each door had its last answer, and so knew all again."""
        await _until(lambda: all(d.is_settled for d in self._doors), patience_s)
        return [d.line.last_at if d.is_settled else math.inf for d in self._doors]

    async def hang_up(self, ports: Sequence[int]) -> None:
        """End the connections to actors that have died."""
        for port in ports:
            for connection in list(Played.by_port[port]):
                connection.close()


class Played:
    """A connection to a session actor that is played here: it does whatever it is asked to, at once."""

    by_port: Final[defaultdict[int, "set[Played]"]] = defaultdict(set)

    def __init__(self) -> None:
        self._answers: Outbox[Answer] = Outbox(ANSWERS_LIMIT)

    async def send(self, commands: Sequence[Command]) -> None:
        """Take commands, and have their answers come."""
        if self._answers.is_closed:
            raise ConnectionResetError
        for command in commands:
            value = Watching(0, None) if isinstance(command.ask, Watch) else None
            self._answers.put(Answer(command.number, value))

    async def batches(self, _decoder: object) -> AsyncIterator[list[Answer]]:
        """Yield answers."""
        while answers := await self._answers.take():
            yield answers

    def close(self) -> None:
        """Hang up."""
        self._answers.close()


@asynccontextmanager
async def dial(address: Address, _caller: str) -> AsyncIterator[Played]:
    """Connect to an actor."""
    connection = Played()
    Played.by_port[address.port].add(connection)
    try:
        yield connection
    finally:
        Played.by_port[address.port].discard(connection)


async def _until(is_so: Callable[[], bool], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(POLL_S)


async def main(plan: Plan, number: int) -> None:
    """Keep the doors."""
    vars(link)["dial"] = dial
    calls = await listen(plan.socket(HALL_SOCKET.format(number)), Hall(plan, number))
    await calls.serve_forever()


if __name__ == "__main__":
    play(main(Plan.read(sys.argv[1]), int(sys.argv[2])))
