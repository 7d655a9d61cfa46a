"""Many live sessions in one process: what is asked of them, and what comes of it.

A front door talks to a host in two ways: it sends commands, many in one call, and it reads one stream
that carries the answers and the events of all the sessions that it watches here, in batches.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import structlog

from runtime.core.errors import (
    NotFoundError,
    NotUnderstoodError,
    PerdureError,
    SessionMovingError,
    StaleEpochError,
    StoreUnavailableError,
)
from runtime.core.session.snapshot import FORMAT
from runtime.engine.engine import LOAD_RETRY_S, Engine
from runtime.engine.services import Services
from runtime.engine.session import LiveSession
from runtime.host import asks
from runtime.host.doors import Doors
from runtime.host.residents import Residents, Supervision
from runtime.ports.gateway import Frame
from runtime.process.failpoint import FailPoint, reach
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Adoption, Answer, Close, Command, Unknown, Unwatch, Watch, Watching, needed

log = structlog.get_logger(__name__)

ADOPTIONS_AT_ONCE: Final = 8  # a storm of them must leave the database and the event loop to others
DRAIN_CHECK_S: Final = 0.1


class Host:
    """The sessions of one process, its `residents`, and the front doors that listen. Belongs to one event loop."""

    def __init__(self, services: Services, supervision: Supervision, tasks: Tasks) -> None:
        self.doors = Doors()
        self.residents = Residents(services, supervision, self, self.doors.leave, tasks)
        self._services = services
        self._tasks = tasks
        self._adopting = asyncio.Semaphore(ADOPTIONS_AT_ONCE)
        self._is_closing = False

    # ------------------------------------------------------------ what front doors ask

    def execute(self, front_door: str, commands: Sequence[Command]) -> None:
        """Start each command; its answer comes through the front door's outbox."""
        for command in commands:
            self._tasks.owed(self._answer(front_door, command), "command")

    async def _answer(self, front_door: str, command: Command) -> None:
        value: Any = None
        error: PerdureError | None = None
        try:
            value = await self._perform(front_door, command)
        except PerdureError as err:
            error = err
        except Exception as bug:  # noqa: BLE001  it is answered, and ends the session's life here: who knows what it left
            error = PerdureError()
            self.residents.fail(command.session_id, command.epoch, bug)
        self.doors.answer(front_door, Answer(command.number, value, error))

    async def _perform(self, front_door: str, command: Command) -> Any:
        if isinstance(command.ask, Unknown):
            log.warning("command_not_understood", session_id=command.session_id, reason=command.ask.reason)
            raise NotUnderstoodError
        if isinstance(command.ask, Unwatch):
            return self.doors.unwatch(command.session_id, front_door)
        if self._is_closing:  # nothing is begun here any more
            raise SessionMovingError(0.0, command.session_id)
        engine = await self.residents.wake(command.session_id, command.epoch)
        if engine.session.org_id != command.by.org_id:
            raise NotFoundError("session", command.session_id)
        command.by.require(needed(command.ask))
        match command.ask:
            case Watch():
                return self._watch(engine, front_door)
            case Close():
                return await self._close(engine)
            case ask:
                return await asks.perform(engine, ask, command.by)

    def _watch(self, engine: Engine, front_door: str) -> Watching:
        session = engine.session
        if not engine.is_resting:
            engine.kick()
        self.doors.watch(session.session_id, front_door)
        partial = engine.partial
        frame = session.ephemeral(*partial) if partial and session.is_settled else None
        return Watching(session.committed_sequence, frame)

    async def _close(self, engine: Engine) -> None:
        await asks.landed(engine.cancel())
        self.residents.let_go([engine])

    # ------------------------------------------------------------ what the supervisor asks

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
        except Exception as err:  # whatever it is, the session cannot live here, and the supervisor must know
            log.exception("adoption_failed", session_id=session_id, epoch=epoch)
            self.residents.give_up(session_id, epoch, err)
        else:
            engine.kick()

    async def _loaded(self, session_id: str, epoch: int) -> Engine:
        """Return the live session, outlasting a database that is away."""
        while True:
            try:
                return await self.residents.wake(session_id, epoch)
            except StoreUnavailableError as err:
                log.warning("adoption_waits", session_id=session_id, reason=err.reason)
                await asyncio.sleep(LOAD_RETRY_S)

    # ------------------------------------------------------------ what comes of sessions

    def published(self, session: LiveSession, frames: Sequence[Frame]) -> None:
        """Take frames that clients may see now, and a snapshot if one is due."""
        self.doors.deliver(session.session_id, session.epoch, frames)
        due = session.due_snapshot(self._services.tunables.snapshot_every_events)
        if due is not None:
            self._tasks.owed(self._save(session.session_id, *due), "snapshot")

    def lost(self, session: LiveSession, error: PerdureError) -> None:
        """Hear that a session may not write any more."""
        self.residents.lose(session, error)

    async def _save(self, session_id: str, sequence: int, state: bytes) -> None:
        reach(FailPoint.SNAPSHOT_SAVING)
        try:
            await self._services.store.save_snapshot(session_id, sequence, FORMAT, state)
        except PerdureError as err:
            log.warning("snapshot_not_saved", session_id=session_id, sequence=sequence, reason=str(err))

    # ------------------------------------------------------------ rest

    async def passivate(self, idle_s: float) -> None:
        """Write snapshots of the sessions that have rested for `idle_s` seconds, and let them go."""
        rested = [engine for engine in self.residents.engines() if self.residents.has_rested(engine, idle_s)]
        for engine in rested:
            due = engine.session.due_snapshot(1)
            if due is not None:
                await self._save(engine.session.session_id, *due)
        rested = [engine for engine in rested if self.residents.has_rested(engine, idle_s)]
        if rested:
            reach(FailPoint.SESSION_LEAVING)
            self.residents.let_go(rested)

    async def drain(self, timeout_s: float) -> None:
        """Let sessions go as they come to rest; returns when none is left, or in `timeout_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self.residents.is_empty:
                    await self.passivate(0.0)
                    await asyncio.sleep(DRAIN_CHECK_S)

    async def close(self) -> None:
        """Stop every turn where it stands, commit what was appended, and end the streams."""
        self._is_closing = True
        for engine in self.residents.engines():
            engine.stop()
        await self._services.journal.flush()
        self.doors.close()
