"""Where sessions live, asked for by many at once: what a front door remembers, else what the supervisor says.

Whatever it says comes with the promise of news of every change. They come by a stream of their own, so an answer may be
overtaken by them, and be old when it arrives.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import structlog

from actors.stub import SupervisorStub
from runtime.core.errors import ConflictError, NotFoundError, OverloadedError, PerdureError
from runtime.core.placement.directory import Directory, Placement
from runtime.process.tasks import Tasks
from runtime.wire.loader import Loader
from runtime.wire.protocol import Beliefs, Want

log = structlog.get_logger(__name__)

QUESTIONS_AT_ONCE: Final = 200
ROOM_PATIENCE_S: Final = 10.0
ROOM_PAUSE_S: Final = 0.1  # before an actor is asked for again that has room
RELEASE_PAUSE_S: Final = 5.0  # before the supervisor is told whom nobody listens to, unless it is asked something

Said = TypeVar("Said")


class Locator:
    """Belongs to one event loop. `learnt` puts what it is told into the directory."""

    def __init__(
        self,
        supervisor: SupervisorStub,
        directory: Directory,
        learnt: Callable[[Placement], object],
        front_door: str,
        tasks: Tasks,
    ) -> None:
        self._supervisor = supervisor
        self._directory = directory
        self._learnt = learnt
        self._front_door = front_door
        self._tasks = tasks
        self._places = Loader(self._ask_for_places, QUESTIONS_AT_ONCE)
        self._homes = Loader(self._ask_for_homes, QUESTIONS_AT_ONCE)
        self._streams = 0  # of news that have begun
        self._departures: list[dict[str, int]] = []  # for each question under way: who left since, under which epoch
        self._telling = asyncio.Lock()  # so that the supervisor hears in order who is listened to and who is not
        self._numbers = itertools.count(1)
        self._left: set[str] = set()
        self._sought: Counter[str] = Counter()  # who is listened to by words that are not through yet
        self._releasing: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ what is asked

    async def home(self, session_id: str, want: Want) -> Placement:
        """Return where a session lives or is to live from now on.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: it is in quarantine.
            OverloadedError: no actor has room for it in time.
        """
        known = self._directory.get(session_id)
        return known if known is not None else await self._placed(session_id, want)

    async def _placed(self, session_id: str, want: Want) -> Placement:
        try:
            async with asyncio.timeout(ROOM_PATIENCE_S):
                while True:
                    placement = await self._place(session_id, want)
                    if placement is not None:
                        return placement
                    await asyncio.sleep(ROOM_PAUSE_S)
        except TimeoutError:
            raise OverloadedError(1.0, "no session actor has room") from None

    async def _place(self, session_id: str, want: Want) -> Placement | None:
        """Have a session placed; those that are asked for meanwhile go together. None: it is not to be had yet."""
        exists, placement = await self._places.load((session_id, want))
        if not exists:
            raise NotFoundError("session", session_id)
        if placement is None:
            return None
        if placement.actor is None:
            raise ConflictError.quarantined()
        if placement.address is None:
            return None  # a supervisor that has just started has not heard from the actor yet
        return self._directory.get(session_id)

    async def _ask_for_places(self, asked: Sequence[tuple[str, Want]]) -> list[tuple[bool, Placement | None]]:
        wants: dict[str, Want] = {}
        for session_id, want in asked:
            wants[session_id] = want.also(wants.get(session_id, want))
        with self._overhearing() as left:
            placements = await self._with_news(lambda: self._supervisor.place(wants, self._front_door))
        self._learn([place for place in placements.values() if place is not None and place.address is not None], left)
        return [(s in placements, _unless_left(placements.get(s), left)) for s, _ in asked]

    async def locate(self, session_id: str) -> Placement | None:
        """Return where a session lives by the supervisor's word, for somebody who listens to it (see `release`).

        What is asked meanwhile goes together.
        """
        self._left.discard(session_id)
        self._sought[session_id] += 1
        lives = await self._homes.load(session_id)
        return self._directory.get(session_id) if lives else None

    async def _ask_for_homes(self, session_ids: Sequence[str]) -> list[bool]:
        try:
            with self._overhearing() as left:
                told = await self.correct(dict.fromkeys(session_ids, 0), {})
        finally:
            self._sought -= Counter(session_ids)
        self._learn(told, left)
        living = {placement.session_id for placement in told if _unless_left(placement, left)}
        return [session_id in living for session_id in session_ids]

    def _learn(self, placements: Iterable[Placement], left: Mapping[str, int]) -> None:
        """Remember what the supervisor believes is known here, also if whoever asked has given up."""
        for placement in placements:
            if placement.actor is not None and _unless_left(placement, left):
                self._learnt(placement)

    # ------------------------------------------------------------ what is told

    async def correct(self, watched: Mapping[str, int], held: Mapping[str, int]) -> list[Placement]:
        """Tell what is believed (see Beliefs), and return what is not so.

        Raises:
            OverloadedError: no supervisor is there in time.
        """
        self._sought += Counter(watched.keys())
        try:
            async with self._telling:
                return await self._tell(watched, held)
        finally:
            self._sought -= Counter(watched.keys())

    async def _tell(self, watched: Mapping[str, int], held: Mapping[str, int]) -> list[Placement]:
        left = {session_id for session_id in self._left if session_id not in self._sought}
        self._left -= left
        beliefs = Beliefs(self._front_door, next(self._numbers), watched, held, tuple(left))
        try:
            return await self._with_news(lambda: self._supervisor.locate(beliefs))
        except BaseException:
            self._left |= left
            raise

    def release(self, session_id: str) -> None:
        """Hear that nobody listens to a session any more; the supervisor is told with the next question, or soon."""
        self._left.add(session_id)
        if self._releasing is None:
            self._releasing = self._tasks.owed(self._release(), "release")

    async def _release(self) -> None:
        try:
            while self._left:
                await asyncio.sleep(RELEASE_PAUSE_S)
                try:
                    await self.correct({}, {})
                except PerdureError as err:
                    log.info("release_postponed", reason=str(err))
        finally:
            self._releasing = None

    # ------------------------------------------------------------ what is heard beside the answers

    def begin(self) -> None:
        """Hear that a stream of news has begun: whatever was asked before is asked again."""
        self._streams += 1

    def leave(self, departure: Placement) -> None:
        """Hear that a session lives nowhere, also if an answer is still to come that says where it lived."""
        for left in self._departures:
            left[departure.session_id] = max(departure.epoch, left.get(departure.session_id, 0))

    @contextmanager
    def _overhearing(self) -> Iterator[Mapping[str, int]]:
        left: dict[str, int] = {}
        self._departures.append(left)
        try:
            yield left
        finally:
            self._departures = [other for other in self._departures if other is not left]

    async def _with_news(self, ask: Callable[[], Awaitable[Said]]) -> Said:
        """Return the answer to what was asked within one stream of news: none comes of what was answered before it."""
        while True:
            stream = self._streams
            said = await ask()
            if stream == self._streams:
                return said


def _unless_left(placement: Placement | None, left: Mapping[str, int]) -> Placement | None:
    """Return where a session lives, unless it has left there since it was asked for."""
    if placement is None or placement.actor is None or left.get(placement.session_id, 0) < placement.epoch:
        return placement
    return None
