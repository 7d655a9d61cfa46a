"""Which sessions live in this process, and how each stands: brought to life once, and let go in one way.

A session that goes is dropped, the supervisor is told, and until that has noted it whoever asks for the session waits.
Under the same epoch it never comes back (`runtime.host.residence` is the table).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

import structlog

from runtime.core.errors import NotFoundError, PerdureError, SnapshotUnreadableError, StaleEpochError
from runtime.core.failure import QUARANTINED
from runtime.core.session.snapshot import FORMAT, revive
from runtime.core.session.state import SessionState
from runtime.engine.engine import Engine
from runtime.engine.services import Services
from runtime.engine.session import LiveSession, Observer
from runtime.host.residence import Happening, Residence, after
from runtime.ports.journal import Loaded
from runtime.process.failpoint import FailPoint, reach
from runtime.process.redaction import held
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Departure

log = structlog.get_logger(__name__)

NO_SNAPSHOT: Final = ""  # the version of none


class Supervision(Protocol):
    """Who decides what becomes of sessions that a host let go."""

    async def leave(self, departures: Sequence[Departure]) -> None:
        """Hear of them, and return once their rows say so; outlasts whatever is in the way."""
        ...


@dataclass(slots=True, eq=False)
class _Resident:
    """One session under one epoch. It stands in the table while it is not absent."""

    session_id: str
    epoch: int
    residence: Residence = Residence.ABSENT
    waking: "asyncio.Task[Engine] | None" = None
    telling: "asyncio.Task[None] | None" = None  # the supervisor that it leaves
    asked_at: float = 0.0  # event-loop time


class Residents:
    """Belongs to one event loop. `dropped` hears of each session that was live and is not any more."""

    def __init__(
        self,
        services: Services,
        supervision: Supervision,
        observer: Observer,
        dropped: Callable[[str], None],
        tasks: Tasks,
    ) -> None:
        self._services = services
        self._supervision = supervision
        self._observer = observer
        self._dropped = dropped
        self._tasks = tasks
        self._residents: dict[tuple[str, int], _Resident] = {}
        self._live: dict[str, Engine] = {}

    def engines(self) -> list[Engine]:
        """Return those that are live."""
        return list(self._live.values())

    def get(self, session_id: str) -> Engine | None:
        """Return a session if it is live."""
        return self._live.get(session_id)

    @property
    def is_empty(self) -> bool:
        """Whether no session is live, and the supervisor has noted all that left."""
        return all(resident.residence is Residence.WAKING for resident in self._residents.values())

    def has_rested(self, engine: Engine, for_s: float) -> bool:
        """Whether a session is live, was not asked for in so many seconds, owes nothing, and is all on the disk."""
        session = engine.session
        if self._live.get(session.session_id) is not engine:
            return False
        quiet_s = asyncio.get_running_loop().time() - self._resident(session.session_id, session.epoch).asked_at
        return quiet_s >= for_s and engine.is_resting and session.is_settled

    # ------------------------------------------------------------ coming

    async def wake(self, session_id: str, epoch: int) -> Engine:
        """Return the live session, bringing it to life under an epoch that the supervisor has raised.

        Raises:
            StaleEpochError: it does not live here under this epoch; if it was let go, once the supervisor noted that.
            NotFoundError: there is no such session.
            StoreUnavailableError: it cannot be read now.
        """
        self._overtake(session_id, epoch)
        resident = self._resident(session_id, epoch)
        resident.asked_at = asyncio.get_running_loop().time()
        if resident.residence is Residence.LIVE:
            return self._live[session_id]
        if resident.residence is Residence.LEAVING:
            await _left(resident)
        if resident.waking is None:
            self._happens(resident, Happening.ASKED_FOR)
            resident.waking = self._tasks.owed(self._enter(resident), "waking", _unheard)
        return await asyncio.shield(resident.waking)

    def _overtake(self, session_id: str, epoch: int) -> None:
        """Drop what is held under an older epoch: it is the past. Raises StaleEpochError if this epoch is."""
        held = self._live.get(session_id)
        if held is None or held.session.epoch == epoch:
            return
        if held.session.epoch > epoch:
            raise StaleEpochError(session_id, epoch)
        self._drop(held)
        self._happens(self._resident(session_id, held.session.epoch), Happening.OVERTAKEN)

    async def _enter(self, resident: _Resident) -> Engine:
        try:
            engine = await self._read(resident.session_id, resident.epoch)
        except BaseException:
            if resident.residence is Residence.WAKING:
                self._happens(resident, Happening.NOT_READ)
            raise
        if resident.residence is not Residence.WAKING:  # let go meanwhile
            await _left(resident)
        self._happens(resident, Happening.READ)
        resident.waking = None  # whoever waits for it has it; a session that rests for days need not
        resident.asked_at = asyncio.get_running_loop().time()
        self._live[resident.session_id] = engine
        return engine

    async def _read(self, session_id: str, epoch: int) -> Engine:
        loaded, state = await self._revived(session_id, epoch)
        self._overtake(session_id, epoch)  # it may have been placed here anew meanwhile
        engine = Engine(LiveSession(loaded, state, self._services, self._observer), self._crashed)
        if loaded.is_quarantined and not engine.is_resting:
            await self._quarantine(engine)
        return engine

    async def _revived(self, session_id: str, epoch: int) -> tuple[Loaded, SessionState]:
        loaded = await self._load(session_id, epoch, FORMAT)
        reach(FailPoint.SESSION_LOADED)
        try:
            return loaded, revive(session_id, loaded.snapshot, loaded.tail)
        except SnapshotUnreadableError as err:  # a cache: the log has it all
            log.warning("snapshot_unreadable", session_id=session_id, reason=err.message)
        loaded = await self._load(session_id, epoch, NO_SNAPSHOT)
        return loaded, revive(session_id, None, loaded.tail)

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
        failure = None
        try:
            await engine.session.settled()
        except PerdureError as err:
            failure = f"it could not be written ({err.stable_code})"
        self._drop(engine)
        self._depart([_departure(engine, failure)])

    # ------------------------------------------------------------ going

    def let_go(self, engines: Sequence[Engine], failure: str | None = None) -> None:
        """Drop those that are live, and have the supervisor decide from their rows what becomes of them.

        `failure` is why, unless it is because they rest.
        """
        live = [engine for engine in engines if self._live.get(engine.session.session_id) is engine]
        for engine in live:
            self._drop(engine)
        self._depart([_departure(engine, failure) for engine in live])

    def give_up(self, session_id: str, epoch: int, error: BaseException) -> None:
        """Have the supervisor decide about a session that could not be brought to life here."""
        failure = f"it could not be brought to life ({type(error).__name__})"
        engine = self._live_under(session_id, epoch)
        if engine is not None:
            self.let_go([engine], failure)
        else:
            self._depart([Departure(session_id, epoch, has_failed=True, cause=failure)])

    def fail(self, session_id: str, epoch: int, error: BaseException) -> None:
        """Let a session go that hit a bug: the supervisor decides whether it may try again."""
        log.error("session_failed", session_id=session_id, epoch=epoch, exc_info=error)
        engine = self._live_under(session_id, epoch)
        if engine is not None:
            self.let_go([engine], f"it hit a bug ({type(error).__name__})")

    def _crashed(self, session: LiveSession, error: BaseException) -> None:
        self.fail(session.session_id, session.epoch, error)

    def lose(self, session: LiveSession, error: PerdureError) -> None:
        """Let a session go that may not write any more."""
        say = log.info if isinstance(error, StaleEpochError) else log.error
        say("session_lost", session_id=session.session_id, epoch=session.epoch, reason=str(error))
        engine = self._live.get(session.session_id)
        if engine is not None and engine.session is session:
            self.let_go([engine], f"it could not be written ({error.stable_code})")

    def _drop(self, engine: Engine) -> None:
        engine.stop()
        engine.session.is_lost = True
        session_id = engine.session.session_id
        if self._live.get(session_id) is engine:
            del self._live[session_id]
            held.drop(session_id)
            self._services.album.drop(session_id)
            self._dropped(session_id)

    def _depart(self, departures: Sequence[Departure]) -> None:
        """Tell the supervisor, once of each."""
        departures = [departure for departure in departures if not self._is_leaving(departure)]
        if not departures:
            return
        leaving = [self._resident(departure.session_id, departure.epoch) for departure in departures]
        telling = self._tasks.owed(self._supervision.leave(departures), "leave")
        for resident in leaving:
            self._happens(resident, Happening.LET_GO)
            resident.telling = telling

        def noted(_: "asyncio.Task[None]") -> None:
            for resident in leaving:
                self._happens(resident, Happening.NOTED)

        telling.add_done_callback(noted)

    # ------------------------------------------------------------ the table

    def _live_under(self, session_id: str, epoch: int) -> Engine | None:
        engine = self._live.get(session_id)
        return engine if engine is not None and engine.session.epoch == epoch else None

    def _is_leaving(self, departure: Departure) -> bool:
        return self._resident(departure.session_id, departure.epoch).residence is Residence.LEAVING

    def _resident(self, session_id: str, epoch: int) -> _Resident:
        return self._residents.get((session_id, epoch)) or _Resident(session_id, epoch)

    def _happens(self, resident: _Resident, happening: Happening) -> None:
        resident.residence = after(resident.residence, happening)
        key = resident.session_id, resident.epoch
        if resident.residence is Residence.ABSENT:
            del self._residents[key]
        else:
            self._residents[key] = resident


def _departure(engine: Engine, failure: str | None) -> Departure:
    return Departure(engine.session.session_id, engine.session.epoch, failure is not None, failure or "")


async def _left(resident: _Resident) -> NoReturn:
    """Raise StaleEpochError for a session that was let go, once the supervisor has noted it."""
    if resident.telling is not None:
        await asyncio.shield(resident.telling)
    raise StaleEpochError(resident.session_id, resident.epoch)


def _unheard(_: BaseException) -> None:
    """Whoever waits for the session hears of it; nobody may be left by then."""
