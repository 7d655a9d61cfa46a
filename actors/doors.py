"""The front doors, as the supervisor knows them: each hears of the sessions in which it is interested."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from runtime.core.placement.directory import Directory, Placement
from runtime.core.placement.interests import Interests
from runtime.ports.gateway import ActorInfo
from runtime.process.tasks import Tasks
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import Beliefs

NEWS_LIMIT: Final = 1_000_000
STEP: Final = 1_000  # sessions, a few milliseconds: then others have their turn


@dataclass(slots=True)
class _Door:
    """One stream of news. `bit` names it among those who are interested; `number` is that of its last beliefs.

    `streams` is how many clients listen there, as it said last.
    """

    info: ActorInfo
    bit: int
    box: Outbox[list[Placement]]
    number: int = 0
    streams: int = 0


class Doors:
    """Belongs to one event loop. `addressed` adds to a placement where its actor is reached.

    Whoever is told where a session lives is noted as interested in the same step, so that no change falls between the
    answer and the news. A door that no stream of news leads to is answered, and tells what it believes once one does.
    """

    def __init__(self, directory: Directory, addressed: Callable[[Placement], Placement], tasks: Tasks) -> None:
        self._directory = directory
        self._addressed = addressed
        self._tasks = tasks
        self._doors: dict[str, _Door] = {}
        self._boxes: dict[int, Outbox[list[Placement]]] = {}  # the same doors, by bit
        self._interests = Interests()
        self._stepping = asyncio.Lock()  # so that one door's step, not one of each door, is between two other events

    def infos(self) -> list[ActorInfo]:
        """Return those that listen."""
        return [door.info for door in self._doors.values()]

    @property
    def streams(self) -> int:
        """How many clients listen at all of them together."""
        return sum(door.streams for door in self._doors.values())

    def report(self, front_door: str, streams: int) -> None:
        """Hear how many clients listen at a door."""
        door = self._doors.get(front_door)
        if door is not None:
            door.streams = streams

    # ------------------------------------------------------------ what they are told

    def announce(self, placements: Sequence[Placement]) -> None:
        """Tell where sessions live now, in the order in which it came about."""
        news: defaultdict[int, list[Placement]] = defaultdict(list)
        for placement in placements:
            bits = self._interests.told(placement.session_id, lives=placement.actor is not None)
            if bits:
                told = self._addressed(placement)
                for bit in bits:
                    news[bit].append(told)
        for bit, told_there in news.items():
            if bit in self._boxes:
                self._boxes[bit].put(told_there)

    def hold(self, front_door: str, placements: Iterable[Placement | None]) -> None:
        """Note that a door is told, in this step, where sessions live."""
        door = self._doors.get(front_door)
        if door is not None:
            living = (placement for placement in placements if placement is not None and placement.actor is not None)
            self._interests.hold(door.bit, (placement.session_id for placement in living))

    async def locate(self, beliefs: Beliefs) -> list[Placement]:
        """Return where sessions live, or that they live nowhere, of those of which a door believes something else."""
        self._release(beliefs)
        differing: list[Placement] = []
        for believed, is_watched in ((beliefs.watched, True), (beliefs.held, False)):
            for step in _steps(believed):
                async with self._stepping:
                    door = self._doors.get(beliefs.front_door)  # it may have gone meanwhile, or begun anew
                    differing += self._correct(door, step, is_watched=is_watched)
                    await asyncio.sleep(0)
        return differing

    def _release(self, beliefs: Beliefs) -> None:
        door = self._doors.get(beliefs.front_door)
        if door is not None and beliefs.number >= door.number:
            door.number = beliefs.number
            for session_id in beliefs.left:
                self._interests.unwatch(door.bit, session_id)

    def _correct(self, door: _Door | None, believed: Iterable[tuple[str, int]], *, is_watched: bool) -> list[Placement]:
        """Return where sessions live of which something else is believed, and note who is interested."""
        differing: list[Placement] = []
        living: list[str] = []
        nowhere: list[str] = []
        for session_id, epoch in believed:
            place = self._directory.get(session_id)
            if place is None:
                nowhere.append(session_id)
                if epoch:
                    differing.append(Placement(session_id, epoch, None))
                continue
            living.append(place.session_id)  # not the id that came: one string for all who know it
            if place.epoch > epoch:
                differing.append(self._addressed(place))
        if door is not None and is_watched:
            self._interests.watch(door.bit, living, lives=True)
            self._interests.watch(door.bit, nowhere, lives=False)
        elif door is not None:
            self._interests.hold(door.bit, living)
        return differing

    # ------------------------------------------------------------ coming and going

    async def watch(self, info: ActorInfo) -> AsyncGenerator[list[Placement], None]:
        """Yield what a door is interested in from now on, in batches; first an empty one.

        Of a door that comes again nothing is known: what it was told last may not have come.
        """
        self._leave(info.name)
        door = self._doors[info.name] = _Door(info, self._interests.join(), Outbox(NEWS_LIMIT))
        self._boxes[door.bit] = door.box
        try:
            yield []
            while not door.box.is_closed:
                yield [placement for news in await door.box.take() for placement in news]
        finally:
            if self._doors.get(info.name) is door:
                self._leave(info.name)

    def forget(self, is_gone: Callable[[str], bool]) -> list[str]:
        """Tell nothing more to those that are gone, and return their names.

        Their stream is left hanging: one that ends has Ray wait for its reader, and all of the supervisor with it.
        """
        gone = [name for name in self._doors if is_gone(name)]
        for name in gone:
            self._leave(name)
        return gone

    def _leave(self, name: str) -> None:
        door = self._doors.pop(name, None)
        if door is not None:
            del self._boxes[door.bit]
            self._tasks.owed(self._drop(door.bit), "drop")

    async def _drop(self, bit: int) -> None:
        is_left = True
        while is_left:
            is_left = self._interests.forget(bit, STEP)
            await asyncio.sleep(0)


def _steps(believed: Mapping[str, int]) -> Iterator[list[tuple[str, int]]]:
    items = iter(believed.items())
    while step := list(islice(items, STEP)):
        yield step
