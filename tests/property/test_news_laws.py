"""News of placements: whatever is delayed, lost or dies, whoever listens misses nothing and every command is answered.

Here are real front doors and the supervisor's real memory of them. What lies between, and the owners of sessions, is
played: every question, answer and piece of news waits until the example lets it go on, and an owner that died is
silent, as on a machine that was lost.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from ray.exceptions import RayActorError

from actors import channels, gateway, link, locator, reconciler, stub
from actors.doors import Doors
from actors.gateway import RayGateway
from actors.link import Link
from runtime.core.access.principal import ANONYMOUS
from runtime.core.errors import StaleEpochError
from runtime.core.placement.directory import Directory, Placement
from runtime.ports.gateway import ActorInfo, Frame
from runtime.process.tasks import Tasks
from runtime.wire.broadcast import Listener
from runtime.wire.protocol import Answer, Beliefs, Command, Delivery, Unwatch, Want, Watch, Watching
from tests.fakes import addressed, front_door

DOORS: Final = ("a", "b")
SESSIONS: Final = ("s", "t")
CALM: Final = 60  # turns of the loop in a row in which nothing waits to go on
PAUSES: Final = [
    (module, name)
    for module in (channels, gateway, locator, reconciler, stub)
    for name in ("PAUSE_S", "PAUSE_MOST_S", "RELEASE_PAUSE_S", "ROOM_PAUSE_S")
    if hasattr(module, name)
]


class Method:
    """A method as a Ray handle has it."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call

    def options(self, **_: object) -> "Method":
        return self


class World:
    """The database, the owners, and the supervisor, whose memory is lost with it."""

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.epochs: Counter[str] = Counter()
        self.homes: dict[str, Placement] = {}
        self.heads: Counter[str] = Counter()
        self.watchers: defaultdict[Placement, dict[str, Link]] = defaultdict(dict)
        self.living: set[str] = set()
        self.gates: list[asyncio.Future[bool]] = []
        self.streams: dict[str, Stream] = {}
        self.start()

    def start(self) -> None:
        """Have a supervisor that has read the database, and no more."""
        self.directory = Directory()
        for home in self.homes.values():
            self.directory.note(home)
        self.doors = Doors(self.directory, addressed, self.tasks)

    async def gate(self) -> None:
        """Wait until it may go on; what is lost is asked again by the door."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.gates.append(future)
        if await future:
            raise RayActorError

    # ------------------------------------------------------------ the supervisor's methods

    async def place(self, wants: dict[str, Want], front_door: str) -> dict[str, Placement | None]:
        await self.gate()
        for session_id, want in wants.items():
            known = self.directory.get(session_id)
            if known is None or known.epoch <= want.void_epoch:
                self.move(session_id)
        placed = {session_id: self.directory.get(session_id) for session_id in wants}
        self.doors.hold(front_door, placed.values())
        await self.gate()
        return {s: place and addressed(place) for s, place in placed.items()}

    async def locate(self, beliefs: Beliefs) -> list[Placement]:
        await self.gate()
        answer = await self.doors.locate(beliefs)
        await self.gate()
        return answer

    def watch(self, info: ActorInfo) -> "Stream":
        stream = self.streams[info.name] = Stream(self, info)
        return stream

    # ------------------------------------------------------------ sessions

    def move(self, session_id: str, *, is_told: bool = True) -> None:
        """Place a session anew, and tell whoever is interested."""
        self.end(session_id)
        self.epochs[session_id] += 1
        epoch = self.epochs[session_id]
        home = self.homes[session_id] = Placement(session_id, epoch, f"{session_id}-{epoch}")
        self.living.add(home.actor or "")
        if is_told:
            self.settle(home)

    def leave(self, session_id: str) -> None:
        home = self.end(session_id)
        if home is not None:
            self.settle(Placement(session_id, home.epoch, None))

    def end(self, session_id: str) -> Placement | None:
        """End a session's life where it is; its owner may not know."""
        return self.homes.pop(session_id, None)

    def settle(self, placement: Placement) -> None:
        if self.directory.note(placement):
            self.doors.announce([placement])

    def commit(self, session_id: str, *, is_heard: bool = True) -> None:
        home = self.homes.get(session_id)
        if home is None:
            return
        self.heads[session_id] += 1
        if is_heard:
            frame = Frame(self.heads[session_id], "turn.started", "event", b"{}")
            for way in self.watchers[home].values():
                way._deliver(Delivery(session_id, home.epoch, (frame,)))

    def obey(self, way: "StageLink", command: Command) -> None:
        """Do what a session's owner is asked; one that died says nothing."""
        home = self.homes.get(command.session_id)
        if home is None or (home.actor, home.epoch) != (way.actor, command.epoch):
            if way.actor in self.living:
                way._take(Answer(command.number, None, StaleEpochError(command.session_id, command.epoch)))
            return
        value: Any = True
        match command.ask:
            case Watch():
                self.watchers[home][way.front_door] = way
                value = Watching(self.heads[command.session_id], None)
            case Unwatch():
                self.watchers[home].pop(way.front_door, None)
            case _:
                self.commit(command.session_id)
        way._take(Answer(command.number, value))


class Stream:
    """News on their way to one door."""

    def __init__(self, world: World, info: ActorInfo) -> None:
        self._world = world
        self._info = info
        self._news: Any = None
        self.is_cut = asyncio.Event()

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> "asyncio.Future[list[Placement]]":
        await self._world.gate()
        self._news = self._news or self._world.doors.watch(self._info)
        item: asyncio.Future[list[Placement]] = asyncio.ensure_future(anext(self._news))
        cut = asyncio.ensure_future(self.is_cut.wait())
        both: list[asyncio.Future[Any]] = [item, cut]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        cut.cancel()
        if self.is_cut.is_set():
            item.cancel()
            raise RayActorError
        return item


class StageLink(Link):
    """A link that ends at a world's owners."""

    world: World

    @property
    def front_door(self) -> str:
        return self._front_door

    async def _flush(self) -> None:
        await asyncio.sleep(0)
        commands, self._queue, self._flushing = self._queue, [], None
        for command in commands:
            self.world.obey(self, command)

    async def run(self) -> None:
        await asyncio.Event().wait()


class Ear:
    """A client that listens at a door, from the journal on (see api.http.sse)."""

    def __init__(self, world: World, door: RayGateway, session_id: str) -> None:
        self._world, self._door, self._session_id = world, door, session_id
        self.seen = 0
        self.task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        while True:
            listener = await self._door.subscribe(ANONYMOUS, self._session_id)
            try:
                await self._read(listener)
            finally:
                listener.close()

    async def _read(self, listener: Listener) -> None:
        self.seen = self._world.heads[self._session_id]
        listener.reached(self.seen)
        while not listener.lagged:
            for frame in await listener.next():
                if frame.sequence > self.seen + 1:
                    return  # a hole, which the journal fills
                self.seen = max(self.seen, frame.sequence)


class Play:
    """Doors, who listens there, and what was asked."""

    def __init__(self) -> None:
        self.world = StageLink.world = World()
        handle = type("Handle", (), {name: Method(getattr(self.world, name)) for name in ("place", "locate", "watch")})
        self.doors = {name: RayGateway(handle, name) for name in DOORS}
        self.ears: dict[tuple[str, str], Ear] = {}
        self.asked: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        for name, door in self.doors.items():
            await door.start(front_door(name))

    async def listen(self, door: str, session_id: str) -> None:
        if (door, session_id) in self.ears:
            await self._stop(self.ears.pop((door, session_id)))
        else:
            self.ears[door, session_id] = Ear(self.world, self.doors[door], session_id)

    async def ask(self, door: str, session_id: str) -> None:
        self.asked.append(asyncio.ensure_future(self.doors[door].rename(ANONYMOUS, session_id, "title")))

    async def move(self, _door: str, session_id: str) -> None:
        """Its owner died in silence, and it goes on elsewhere."""
        self._die(session_id)
        self.world.commit(session_id, is_heard=False)
        self.world.move(session_id)

    async def rest(self, _door: str, session_id: str) -> None:
        self.world.leave(session_id)

    async def die(self, _door: str, session_id: str) -> None:
        """Its owner died in silence, when all was done."""
        self._die(session_id)
        self.world.commit(session_id, is_heard=False)
        self.world.leave(session_id)

    async def commit(self, _door: str, session_id: str) -> None:
        self.world.commit(session_id)

    async def restart(self, _door: str, _session_id: str) -> None:
        """The supervisor dies."""
        self.world.start()
        for stream in self.world.streams.values():
            stream.is_cut.set()

    async def place_and_restart(self, door: str, session_id: str) -> None:
        """The supervisor dies before it has told of a placement."""
        self._die(session_id)
        self.world.move(session_id, is_told=False)
        self.world.commit(session_id)
        await self.restart(door, session_id)

    async def live_and_restart(self, door: str, session_id: str) -> None:
        """The same, and before it is back that session's life is over."""
        self._die(session_id)
        self.world.move(session_id, is_told=False)
        self.world.commit(session_id)
        self._die(session_id)
        self.world.end(session_id)
        await self.restart(door, session_id)

    async def cut(self, door: str, _session_id: str) -> None:
        """A door's news are lost."""
        if door in self.world.streams:
            self.world.streams[door].is_cut.set()

    async def go_on(self, door: str, session_id: str) -> None:
        """Let something come that is on its way: not always the first."""
        gates = self.world.gates
        if gates:
            gates.pop((DOORS.index(door) + 2 * SESSIONS.index(session_id)) % len(gates)).set_result(False)
        await self._breathe()

    async def lose(self, door: str, session_id: str) -> None:
        """Lose it: for all that the door knows, it may have been done."""
        gates = self.world.gates
        if gates:
            gates.pop((DOORS.index(door) + 2 * SESSIONS.index(session_id)) % len(gates)).set_result(True)
        await self._breathe()

    async def come_to_rest(self) -> None:
        calm = 0
        while calm < CALM:
            await asyncio.sleep(0)
            calm = 0 if self.world.gates else calm + 1
            gates, self.world.gates = self.world.gates, []
            for gate in gates:
                if not gate.done():
                    gate.set_result(False)

    async def close(self) -> None:
        for ear in self.ears.values():
            await self._stop(ear)
        for door in self.doors.values():
            await door.close()
        await self.world.tasks.close()
        for task in self.asked:
            task.cancel()

    def _die(self, session_id: str) -> None:
        home = self.world.homes.get(session_id)
        if home is not None:
            self.world.living.discard(home.actor or "")

    async def _stop(self, ear: Ear) -> None:
        ear.task.cancel()
        await asyncio.gather(ear.task, return_exceptions=True)

    async def _breathe(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    # ------------------------------------------------------------ what holds when all has come

    def check(self) -> None:
        assert all(task.done() and task.exception() is None for task in self.asked), "every command is answered"
        for (name, session_id), ear in self.ears.items():
            assert not ear.task.done()
            assert ear.seen == self.world.heads[session_id], f"{name} has missed something of {session_id}"
            is_known = self.doors[name]._directory.get(session_id) is not None
            assert is_known == (session_id in self.world.homes), f"{name} cannot follow {session_id}"
        for name, door in self.doors.items():
            self._check_door(name, door)

    def _check_door(self, name: str, door: RayGateway) -> None:
        known = {s for s in SESSIONS if door._directory.get(s) is not None}
        for session_id in known:
            place, home = door._directory.get(session_id), self.world.directory.get(session_id)
            assert place == (home and addressed(home)), f"{name} believes what is not so"
        interests = self.world.doors._interests._doors[self.world.doors._doors[name].bit]
        listened = {session_id for at, session_id in self.ears if at == name}
        assert known <= interests.keys(), f"{name} would not hear of what it knows"
        assert listened <= interests.keys(), f"{name} would not hear of whom it listens to"
        assert interests.keys() <= known | listened, f"{name} would hear of what it does not know"


ACTIONS: Final = (
    "listen",
    "ask",
    "move",
    "rest",
    "die",
    "commit",
    "restart",
    "place_and_restart",
    "live_and_restart",
    "cut",
    *("go_on",) * 4,
    "lose",
)
acts = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(DOORS), st.sampled_from(SESSIONS))


@pytest.fixture(autouse=True, scope="module")
def no_pauses() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for module, name in PAUSES:
            patch.setattr(module, name, 0.0)
        patch.setattr(link, "Link", StageLink)
        yield


@given(st.lists(acts, max_size=60))
def test_whoever_listens_misses_nothing_and_every_command_is_answered(actions: list[tuple[str, str, str]]) -> None:
    note(repr(actions))

    async def check() -> None:
        play = Play()
        await play.open()
        try:
            for action, door, session_id in actions:
                await getattr(play, action)(door, session_id)
            async with asyncio.timeout(20):
                await play.come_to_rest()
            play.check()
        finally:
            await play.close()

    asyncio.run(check())
