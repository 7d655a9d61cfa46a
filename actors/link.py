"""A front door's ways to session actors: commands out, answers and events in."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from actors.connection import NOBODY_THERE, Connection, dial
from runtime.core.access.principal import Principal
from runtime.core.errors import SessionMovingError
from runtime.core.placement.directory import Address, Placement
from runtime.process.failpoint import Loop, stumble
from runtime.process.tasks import Tasks
from runtime.wire.codec import ANSWERS
from runtime.wire.protocol import Answer, Ask, Command, Delivery

log = structlog.get_logger(__name__)

Heard = Callable[[Any], None]


@dataclass(slots=True)
class _Waiting:
    """Who waits for the answer to a command."""

    session_id: str
    epoch: int
    future: "asyncio.Future[Any]"
    heard: Heard | None


class Link:
    """The way to one actor.

    Commands that come while others are being sent go together with the next (ARCHITECTURE.md, "Three batchings").
    """

    def __init__(
        self, actor: str, address: Address, front_door: str, deliver: Callable[[Delivery], None], tasks: Tasks
    ) -> None:
        self.actor = actor
        self._address = address
        self._front_door = front_door
        self._deliver = deliver
        self._tasks = tasks
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._numbers_of: defaultdict[str, set[int]] = defaultdict(set)  # by session
        self._queue: list[Command] = []
        self._flushing: asyncio.Task[None] | None = None
        self._connected: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self.is_broken = False

    async def ask(self, by: Principal, placed: Placement, ask: Ask, heard: Heard | None = None) -> Any:
        """Send a command about a session that was placed here, and wait for its answer.

        `heard` takes that at its place in the stream of events.

        Raises:
            SessionMovingError: the actor died; it may have been done.
            StaleEpochError: the session is not there under this epoch.
            PerdureError: what the session answered.
        """
        session_id, epoch = placed.session_id, placed.epoch
        if self.is_broken:
            raise SessionMovingError(0.0, session_id)
        command = Command(next(self._numbers), session_id, epoch, ask, by)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[command.number] = _Waiting(session_id, epoch, future, heard)
        self._numbers_of[session_id].add(command.number)
        self._queue.append(command)
        if self._flushing is None:
            self._flushing = self._tasks.owed(self._flush(), "flush")
        try:
            return await future
        finally:
            del self._waiting[command.number]
            numbers = self._numbers_of[session_id]
            numbers.remove(command.number)
            if not numbers:
                del self._numbers_of[session_id]

    def moved(self, session_id: str, epoch: int) -> None:
        """Hear that a session is not here any more under this epoch or an older one: nobody need wait for an answer."""
        for number in self._numbers_of.get(session_id, ()):
            waiting = self._waiting[number]
            if waiting.epoch <= epoch and not waiting.future.done():
                waiting.future.set_exception(SessionMovingError(0.0, session_id))

    async def _flush(self) -> None:
        try:
            connection = await self._connected
            while self._queue:
                commands, self._queue = self._queue, []
                await connection.send(commands)
        except OSError:
            connection.close()  # `run` hears of it, and tells everyone who waits
        finally:
            self._flushing = None

    async def run(self) -> None:
        """Talk until the connection ends; then everything that waits is told so.

        A connection does not tell that a whole machine is lost: of that the supervisor tells (see `moved`).
        """
        try:
            reason = await self._talk()
            log.debug("session_actor_lost", actor=self.actor, reason=reason)
        finally:
            self.break_off()

    async def _talk(self) -> str:
        """Read what the actor has to say; return why it ended."""
        try:
            async with dial(self._address, self._front_door) as connection:
                self._connected.set_result(connection)
                async for items in connection.batches(ANSWERS):
                    stumble(Loop.LINK)
                    for item in items:
                        self._take(item)
        except ConnectionRefusedError:
            return NOBODY_THERE
        except (OSError, EOFError, TimeoutError) as err:
            return repr(err)
        return "the connection ended"

    def _take(self, item: Answer | Delivery) -> None:
        if isinstance(item, Delivery):
            self._deliver(item)
            return
        waiting = self._waiting.get(item.number)
        if waiting is None or waiting.future.done():
            return
        if item.error is not None:
            waiting.future.set_exception(item.error)
            return
        if waiting.heard is not None:
            waiting.heard(item.value)
        waiting.future.set_result(item.value)

    def break_off(self) -> None:
        """Give up on the actor."""
        if self.is_broken:
            return
        self.is_broken = True
        self._queue.clear()
        if not self._connected.done():
            self._connected.cancel()
        for waiting in list(self._waiting.values()):
            if not waiting.future.done():
                waiting.future.set_exception(SessionMovingError(0.0, waiting.session_id))


class Links:
    """A link to each actor that is talked to, made when first needed; `ended` hears whose has ended."""

    def __init__(
        self, front_door: str, deliver: Callable[[Delivery], None], ended: Callable[[str], None], tasks: Tasks
    ) -> None:
        self._front_door = front_door
        self._deliver = deliver
        self._ended = ended
        self._tasks = tasks
        self._links: dict[str, Link] = {}

    def get(self, actor: str | None) -> Link | None:
        """Return the link to an actor, if there is one."""
        return self._links.get(actor or "")

    def to(self, placement: Placement) -> Link:
        """Return the way to a session's actor. Raises SessionMovingError if nobody knows yet where that is."""
        actor = placement.actor or ""
        link = self._links.get(actor)
        if link is None or link.is_broken:
            if placement.address is None:
                raise SessionMovingError(0.0, placement.session_id)
            link = Link(actor, placement.address, self._front_door, self._deliver, self._tasks)
            self._links[actor] = link
            self._tasks.owed(self._run(link), "errand")
        return link

    async def _run(self, link: Link) -> None:
        try:
            await link.run()
        finally:
            if self._links.get(link.actor) is link:
                del self._links[link.actor]
            self._ended(link.actor)

    def moved(self, owner: str | None, moved: Placement) -> None:
        """Have what was asked of a session's former owner asked anew: on a silent node it might never be answered."""
        link = self.get(owner)
        if link is not None:
            link.moved(moved.session_id, moved.epoch if moved.actor is None else moved.epoch - 1)
