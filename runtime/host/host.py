"""Many live sessions in one process: who is here, who listens, and what is asked of them.

A front door talks to a host in two ways: it sends commands, many in one call, and it reads one stream
that carries the answers and the events of all the sessions that it watches here, in batches.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog

from runtime.core.errors import (
    NotFoundError,
    OverloadedError,
    PerdureError,
    SnapshotUnreadableError,
    StaleEpochError,
    StoreUnavailableError,
)
from runtime.core.failure import QUARANTINED
from runtime.core.session.snapshot import FORMAT, revive
from runtime.engine.engine import LOAD_RETRY_S, Engine
from runtime.engine.services import Services
from runtime.engine.session import LiveSession
from runtime.ports.gateway import Frame
from runtime.ports.journal import Loaded
from runtime.process.failpoint import FailPoint, reach
from runtime.process.tasks import Tasks
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import (
    Adoption,
    Answer,
    Cancel,
    Close,
    Command,
    Decide,
    Delivery,
    Departure,
    Rename,
    Send,
    Submit,
    Unwatch,
    Watch,
    Watching,
)

log = structlog.get_logger(__name__)

ADOPTIONS_AT_ONCE: Final = 8  # a storm of them must leave the database and the event loop to others
DRAIN_CHECK_S: Final = 0.1
NO_SNAPSHOT: Final = ""  # the version of none
OUTBOX_LIMIT: Final = 100_000  # items that a front door may leave unread before it is cut off

Item = Answer | Delivery


class HostStats(msgspec.Struct, frozen=True):
    """What a host holds now, and what its journal has done since the start."""

    sessions: int
    resting: int
    commits: int
    events: int
    queued: int


class Supervision(Protocol):
    """Who decides what becomes of sessions that a host let go."""

    async def leave(self, departures: Sequence[Departure]) -> None:
        """Hear of them, and return once their rows say so; outlasts whatever is in the way."""
        ...


class Host:
    """The sessions of one process. Belongs to one event loop.

    A session leaves it in one way, whatever the reason: it is dropped, the supervisor is told, and until that has
    noted it whoever asks for the session waits. Under the same epoch it never comes back.
    """

    def __init__(self, services: Services, supervision: Supervision, tasks: Tasks) -> None:
        self._services = services
        self._supervision = supervision
        self._tasks = tasks
        self._engines: dict[str, Engine] = {}
        self._waking: dict[tuple[str, int], asyncio.Task[Engine]] = {}
        self._leaving: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._outboxes: dict[str, Outbox[Item]] = {}
        self._watchers: defaultdict[str, set[str]] = defaultdict(set)
        self._touched_at: dict[str, float] = {}
        self._adopting = asyncio.Semaphore(ADOPTIONS_AT_ONCE)

    def stats(self) -> HostStats:
        """Return the counters."""
        journal = self._services.journal.stats()
        resting = sum(engine.is_resting for engine in self._engines.values())
        return HostStats(len(self._engines), resting, journal.commits, journal.events, journal.queued)

    # ------------------------------------------------------------ front doors

    def attach(self, front_door: str) -> Outbox[Item]:
        """Open the outbox of a front door; an older one of the same name ends."""
        old = self._outboxes.get(front_door)
        if old is not None:
            self.detach(front_door, old)
        box = self._outboxes[front_door] = Outbox(OUTBOX_LIMIT)
        return box

    def detach(self, front_door: str, box: Outbox[Item]) -> None:
        """Forget a front door and what it watched, unless it has attached anew."""
        box.close()
        if self._outboxes.get(front_door) is box:
            self.forget(front_door)

    def forget(self, front_door: str) -> None:
        """Put nothing more into the outbox of a front door that has died: nobody will ever take it out."""
        box = self._outboxes.pop(front_door, None)
        if box is not None:
            box.clear()
        for session_id in [s for s, doors in self._watchers.items() if front_door in doors]:
            self._unwatch(session_id, front_door)

    def execute(self, front_door: str, commands: Sequence[Command]) -> None:
        """Start each command; its answer comes through the front door's outbox."""
        for command in commands:
            self._tasks.owed(self._answer(front_door, command), "command")

    def adopt(self, adoptions: Sequence[Adoption]) -> None:
        """Bring sessions to life that have something unfinished, and let them go on."""
        for adoption in adoptions:
            self._tasks.owed(self._adopt(adoption), "adoption")

    async def _adopt(self, adoption: Adoption) -> None:
        session_id, epoch = adoption.session_id, adoption.epoch
        try:
            async with self._adopting:  # whom a client waits for is woken by what the client asks, ahead of these
                engine = await self._loaded(session_id, epoch)
        except (StaleEpochError, NotFoundError):
            log.info("adoption_overtaken", session_id=session_id, epoch=epoch)
        except Exception:  # whatever it is, the session cannot live here, and the supervisor must know
            log.exception("adoption_failed", session_id=session_id, epoch=epoch)
            self._depart([Departure(session_id, epoch, has_failed=True)])
        else:
            engine.kick()

    async def _loaded(self, session_id: str, epoch: int) -> Engine:
        """Return the live session, outlasting a database that is away."""
        while True:
            try:
                return await self._engine(session_id, epoch)
            except StoreUnavailableError as err:
                log.warning("adoption_waits", session_id=session_id, reason=err.reason)
                await asyncio.sleep(LOAD_RETRY_S)

    async def _answer(self, front_door: str, command: Command) -> None:
        value: Any = None
        error: PerdureError | None = None
        try:
            value = await self._perform(front_door, command)
        except PerdureError as err:
            error = err
        except Exception as bug:  # noqa: BLE001  it is answered, and ends the session's life here: who knows what it left
            error = PerdureError()
            self._fail(command.session_id, command.epoch, bug)
        box = self._outboxes.get(front_door)
        if box is not None:
            box.put(Answer(command.number, value, error))

    async def _perform(self, front_door: str, command: Command) -> Any:
        if isinstance(command.ask, Unwatch):
            return self._unwatch(command.session_id, front_door)
        engine = await self._engine(command.session_id, command.epoch)
        self._touch(engine.session.session_id)
        match command.ask:
            case Watch():
                return self._watch(engine, front_door)
            case Close():
                await _landed(engine.cancel())
                self._let_go([engine])
                return None
            case ask:
                if not engine.is_resting:
                    engine.kick()  # brought to life by this, it goes on even if this is refused
                return await self._change(engine, ask)

    async def _change(self, engine: Engine, ask: Send | Cancel | Submit | Decide | Rename) -> Any:
        """Do what a client asks, let the turn go on with it, and answer after the commit."""
        session = engine.session
        if isinstance(ask, Send | Submit) and self._services.journal.is_full:
            raise OverloadedError(1.0, "the database does not keep up")
        match ask:
            case Send(given):
                message, landed = session.accept(given)
                reach(FailPoint.MESSAGE_TAKEN)
                engine.kick()
                await _landed(landed)
                return message
            case Cancel(note_id, is_repeated):
                is_done = is_repeated and session.has_cancelled(note_id)
                is_late = is_repeated and session.began_after(note_id)
                is_done = is_done or (not is_late and engine.cancel(note_id) is not None)
                await session.settled()
                return is_done
            case Submit(results, is_repeated):
                landed = None if is_repeated and session.has_taken(results) else session.submit(results)
                reach(FailPoint.RESULTS_TAKEN)
                status = str(session.state.status)
                engine.kick()
                await _landed(landed)
                return status
            case Decide(decision):
                decided = session.submit_decision(decision)
                if decided is not None:
                    engine.kick()
                await session.settled()  # also if it was decided already, perhaps a moment ago
                return decided is not None
            case Rename(title):
                is_another = session.rename(title)
                await session.settled()
                return is_another

    def _watch(self, engine: Engine, front_door: str) -> Watching:
        session = engine.session
        self._watchers[session.session_id].add(front_door)
        partial = engine.partial
        frame = session.ephemeral(*partial) if partial and session.is_settled else None
        return Watching(session.committed_sequence, frame)

    def _unwatch(self, session_id: str, front_door: str) -> None:
        doors = self._watchers.get(session_id, set())
        doors.discard(front_door)
        if not doors:
            self._watchers.pop(session_id, None)

    # ------------------------------------------------------------ sessions

    async def _engine(self, session_id: str, epoch: int) -> Engine:
        """Return the live session, bringing it to life under an epoch that the supervisor has raised."""
        engine = self._engines.get(session_id)
        if engine is not None and engine.session.epoch != epoch:
            if engine.session.epoch > epoch:
                raise StaleEpochError(session_id, epoch)
            self._drop(engine)  # placed here anew: what is held is the past
            engine = None
        if engine is not None:
            return engine
        await self._gone(session_id, epoch)
        task = self._waking.get((session_id, epoch))
        if task is None:
            task = self._waking[session_id, epoch] = self._tasks.owed(self._wake(session_id, epoch), "waking", _unheard)
            task.add_done_callback(lambda _: self._waking.pop((session_id, epoch), None))
        return await asyncio.shield(task)

    async def _gone(self, session_id: str, epoch: int) -> None:
        """Raise StaleEpochError for a session that was let go under this epoch, once the supervisor has noted it."""
        leaving = self._leaving.get((session_id, epoch))
        if leaving is not None:
            await asyncio.shield(leaving)
            raise StaleEpochError(session_id, epoch)

    async def _wake(self, session_id: str, epoch: int) -> Engine:
        loaded = await self._load(session_id, epoch, FORMAT)
        newer = self._engines.get(session_id)
        if newer is not None and newer.session.epoch > epoch:
            raise StaleEpochError(session_id, epoch)  # placed here anew while this was loading
        reach(FailPoint.SESSION_LOADED)
        try:
            state = revive(session_id, loaded.snapshot, loaded.tail)
        except SnapshotUnreadableError as err:  # a cache: the log has it all
            log.warning("snapshot_unreadable", session_id=session_id, reason=err.message)
            loaded = await self._load(session_id, epoch, NO_SNAPSHOT)
            state = revive(session_id, None, loaded.tail)
        engine = Engine(LiveSession(loaded, state, self._services, self), self._crashed)
        if loaded.is_quarantined and not engine.is_resting:
            await self._quarantine(engine)
            await self._gone(session_id, epoch)
        self._engines[session_id] = engine
        self._touch(session_id)
        return engine

    async def _load(self, session_id: str, epoch: int, version: str) -> Loaded:
        loaded = await self._services.store.load(session_id, version)
        if loaded is None:
            raise NotFoundError("session", session_id)
        if loaded.epoch != epoch:
            raise StaleEpochError(session_id, epoch)
        return loaded

    async def _quarantine(self, engine: Engine) -> None:
        """End the session's turn and let it go: whoever sends it a message has it placed anew, and so releases it."""
        engine.fail(QUARANTINED)
        try:
            await engine.session.settled()
        except PerdureError:
            self._let_go([engine], has_failed=True)
        else:
            self._let_go([engine])

    def _touch(self, session_id: str) -> None:
        self._touched_at[session_id] = asyncio.get_running_loop().time()

    # ------------------------------------------------------------ letting go

    def _let_go(self, engines: Sequence[Engine], *, has_failed: bool = False) -> None:
        """Drop sessions, and have the supervisor decide from their rows what becomes of them."""
        for engine in engines:
            self._drop(engine)
        self._depart([Departure(e.session.session_id, e.session.epoch, has_failed) for e in engines])

    def _drop(self, engine: Engine) -> None:
        engine.stop()
        engine.session.is_lost = True
        session_id = engine.session.session_id
        if self._engines.get(session_id) is engine:
            del self._engines[session_id]
            self._watchers.pop(session_id, None)
            self._touched_at.pop(session_id, None)

    def _depart(self, departures: Sequence[Departure]) -> None:
        keys = [(departure.session_id, departure.epoch) for departure in departures]
        telling = self._tasks.owed(self._supervision.leave(departures), "leave")
        self._leaving |= dict.fromkeys(keys, telling)

        def told(_: "asyncio.Task[None]") -> None:
            for key in keys:
                self._leaving.pop(key, None)

        telling.add_done_callback(told)

    def _fail(self, session_id: str, epoch: int, error: BaseException) -> None:
        """Let a session go that hit a bug: the supervisor decides whether it may try again."""
        log.error("session_failed", session_id=session_id, epoch=epoch, exc_info=error)
        engine = self._engines.get(session_id)
        if engine is not None and engine.session.epoch == epoch:
            self._let_go([engine], has_failed=True)

    def lost(self, session: LiveSession, error: PerdureError) -> None:
        """Let a session go that may not write any more."""
        say = log.info if isinstance(error, StaleEpochError) else log.error
        say("session_lost", session_id=session.session_id, epoch=session.epoch, reason=str(error))
        engine = self._engines.get(session.session_id)
        if engine is not None and engine.session is session:
            self._let_go([engine], has_failed=True)

    def _crashed(self, session: LiveSession, error: BaseException) -> None:
        self._fail(session.session_id, session.epoch, error)

    # ------------------------------------------------------------ what comes of sessions

    def published(self, session: LiveSession, frames: Sequence[Frame]) -> None:
        """Take frames that clients may see now, and a snapshot if one is due."""
        doors = self._watchers.get(session.session_id)
        if doors:
            delivery = Delivery(session.session_id, session.epoch, frames)
            for door in doors:
                box = self._outboxes.get(door)
                if box is not None:
                    box.put(delivery)
        due = session.due_snapshot(self._services.tunables.snapshot_every_events)
        if due is not None:
            self._tasks.owed(self._save(session.session_id, *due), "snapshot")

    async def _save(self, session_id: str, sequence: int, state: bytes) -> None:
        reach(FailPoint.SNAPSHOT_SAVING)
        try:
            await self._services.store.save_snapshot(session_id, sequence, FORMAT, state)
        except PerdureError as err:
            log.warning("snapshot_not_saved", session_id=session_id, sequence=sequence, reason=str(err))

    # ------------------------------------------------------------ rest

    async def passivate(self, idle_s: float) -> None:
        """Write snapshots of the sessions that have rested for `idle_s` seconds, and let them go."""
        idle = [engine for engine in self._engines.values() if self._is_idle(engine, idle_s)]
        for engine in idle:
            due = engine.session.due_snapshot(1)
            if due is not None:
                await self._save(engine.session.session_id, *due)
        idle = [engine for engine in idle if self._is_idle(engine, idle_s)]
        if idle:
            reach(FailPoint.SESSION_LEAVING)
            self._let_go(idle)

    def _is_idle(self, engine: Engine, idle_s: float) -> bool:
        session_id = engine.session.session_id
        rested = asyncio.get_running_loop().time() - self._touched_at.get(session_id, 0.0)
        is_here = self._engines.get(session_id) is engine
        return is_here and rested >= idle_s and engine.is_resting and engine.session.is_settled

    async def drain(self, timeout_s: float) -> None:
        """Let sessions go as they come to rest; returns when none is left, or in `timeout_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._engines or self._leaving:
                    await self.passivate(0.0)
                    await asyncio.sleep(DRAIN_CHECK_S)

    async def close(self) -> None:
        """Stop every turn where it stands, commit what was appended, and end the streams."""
        for engine in list(self._engines.values()):
            engine.stop()
        await self._services.journal.flush()
        for box in list(self._outboxes.values()):
            box.close()


def _unheard(_: BaseException) -> None:
    """Whoever waits for the session hears of it; nobody may be left by then."""


async def _landed(commit: "asyncio.Future[None] | None") -> None:
    if commit is not None:
        await asyncio.shield(commit)
