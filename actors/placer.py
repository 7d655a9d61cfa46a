"""Who lives where, decided in one place: for clients that ask, and for sessions that must go on by themselves.

The rules are in `runtime.core.placement`, the truth is in Postgres, and what is remembered here is a cache of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import structlog

from actors.doors import Doors
from actors.pool import Pool
from runtime.core.errors import StoreUnavailableError
from runtime.core.placement.causes import Causes
from runtime.core.placement.directory import Directory, Placement
from runtime.core.placement.supervision import Intensity, Record, Standing, company, judge
from runtime.process.failpoint import FailPoint, reach
from runtime.process.metrics import counts
from runtime.process.mint import now
from runtime.store.placement import Case, Move, PlacementStore
from runtime.wire.loader import Loader
from runtime.wire.protocol import Adoption, Departure, Want

log = structlog.get_logger(__name__)

Item = TypeVar("Item")

DECIDED_AT_ONCE: Final = 200  # sessions: others have their turn in between
CALLS_AT_ONCE: Final = 1_000_000  # for a revival: one is for all
LEARNED_AT_ONCE: Final = 16  # actors, with hundreds of sessions each
SWEEP_INTERVAL_S: Final = 30.0  # a slow net below what is told of each death
QUEUE_PATIENCE_S: Final = 5.0  # with those who wait for an actor, and are not heard of any more
NOBODY_ASKS: Final[Mapping[str, Want]] = {}
_WORDS: Final = {
    Standing.FREE: "session_released",
    Standing.QUARANTINED: "session_quarantined",
    Standing.GIVEN_UP: "session_given_up",
}


class Placer:
    """Belongs to one event loop."""

    def __init__(self, pool: Pool, directory: Directory, doors: Doors, intensity: Intensity) -> None:
        self._pool = pool
        self._directory = directory
        self._doors = doors
        self._intensity = intensity
        self._deciding = asyncio.Lock()  # held from a choice until its sessions count as residents
        self._reviving = asyncio.Lock()
        self._places = Loader(self._place, DECIDED_AT_ONCE, len)
        self._revivals = Loader(self._revive_for_all, CALLS_AT_ONCE)
        self._dead: set[str] = set()  # actors whose sessions have not been looked for yet
        self._homeless: dict[str, None] = {}  # sessions that must go on and are nowhere, in the order of their turn
        self._sweep_after = 0.0  # event-loop time
        self._causes = Causes()  # why actors died, and why sessions failed that were let go, by name and id
        self._excused: dict[str, int] = {}  # sessions whose last actor never heard of them, under that epoch
        self._doubted: set[str] = set()  # actors that may own sessions of which somebody does not know

    def begin(self, store: PlacementStore) -> None:
        """Stand on a database; nothing else may be asked before."""
        self._store = store

    @property
    def is_busy(self) -> bool:
        """Whether a decision is being made."""
        return self._deciding.locked() or self._reviving.locked()

    # ------------------------------------------------------------ what is asked and told

    async def place(self, asked: Mapping[str, Want]) -> dict[str, Placement | None]:
        """Return where sessions live, giving a place to those that have none; unknown ones are left out.

        None says that it waits for an actor; a placement without an actor, that it is in quarantine.
        """
        unknown = {s: want for s, want in asked.items() if self._known(s, want) is None}
        found = {s: self._directory.get(s) for s in asked if s not in unknown}
        return found | await self._places.load(unknown) if unknown else found

    async def leave(self, departures: Sequence[Departure]) -> None:
        """Hear that actors let sessions go; those with something unfinished go on elsewhere."""
        try:
            left = await self._store.leave(departures)
        except StoreUnavailableError:
            self._sweep_after = 0.0  # they may have left, and are told of once
            raise
        self._settle([Placement(d.session_id, d.epoch, None) for d in departures if d.session_id in left])
        for departure in departures:
            if departure.has_failed and departure.session_id in left:
                self._causes.note(departure.session_id, departure.cause)
        astray = [d.session_id for d in departures if left.get(d.session_id, True)]  # or somebody else has moved it
        if astray:
            self.seek(astray)
            await self.revive()

    async def learn(self, actors: Collection[str]) -> None:
        """Read who lives in actors, and hand over what must go on there: nobody may have been told yet."""
        for some in _batches(list(actors), LEARNED_AT_ONCE):
            residents, tended = await asyncio.gather(self._store.residents(some), self._store.tended(some))
            for case in tended:
                if self._is_news(_placement(case)):
                    self._keep(case.actor or "", self._judged(case, has_crashed=False))
            unfinished = [_placement(case) for case in tended if case.is_unfinished]
            self._hand_over([place for place in unfinished if not self._is_past(place)])
            self._settle([place for place in residents if self._is_news(place)])

    def lost(self, actor: str, unheard: Mapping[str, int], cause: str = "") -> None:
        """Hear that an actor is no more, and why: whoever lived there is looked for by the next revival.

        `unheard` are sessions, with their epochs, that were handed to it and of which it has not heard: its death is
        none of their doing.
        """
        self._excused.update(unheard)
        self._causes.note(actor, cause)
        self._dead.add(actor)

    def seek(self, session_ids: Iterable[str]) -> None:
        """Hear of sessions that may have something unfinished and live nowhere; the next revival sees to them."""
        self._homeless.update(dict.fromkeys(session_ids))

    def doubt(self, actors: Iterable[str]) -> None:
        """Have the next revival learn anew who lives there."""
        self._doubted.update(actors)

    async def revive(self) -> None:
        """Find the sessions whose actor is gone, and let those with something unfinished go on."""
        await self._revivals.load(None)

    async def _revive_for_all(self, calls: Sequence[None]) -> Sequence[None]:
        async with self._reviving:
            if self._doubted:
                doubted, self._doubted = self._doubted, set()
                with self._doubting(doubted):
                    await self.learn(doubted & self._pool.members.keys())
            if asyncio.get_running_loop().time() >= self._sweep_after:
                await self._sweep()
            if self._dead:
                await self._follow_dead()
            await self._house()
        return calls

    async def _sweep(self) -> None:
        """Look for whoever is dead or abandoned without anybody having been told, as while there was no supervisor."""
        self._dead.update(owner for owner in await self._store.owners() if self._is_dead(owner))
        self.seek(await self._store.abandoned())
        self._sweep_after = asyncio.get_running_loop().time() + SWEEP_INTERVAL_S

    async def _follow_dead(self) -> None:
        """See to everybody who lived in actors that are dead: to what is unfinished in all of them first."""
        dead = list(self._dead)
        self.seek(await self._store.orphans(dead))
        await self._house()
        for some in _batches(dead, LEARNED_AT_ONCE):  # who has nothing unfinished keeps nobody waiting
            self._dead.difference_update(some)
            try:
                await self._vacate(some)
            except StoreUnavailableError:
                self._dead.update(some)
                raise

    async def _vacate(self, dead: Sequence[str]) -> None:
        """Let go of whoever rests in dead actors, and find who does so no more."""
        for some in _batches(await self._store.stillborn(dead), DECIDED_AT_ONCE):
            async with self._round():
                await self._carry_out(self._decide_all(some))
        while await self._store.vacate(dead):
            pass
        self.seek(await self._store.orphans(dead))  # if one that was only thought dead has begun something since

    async def acquit(self) -> None:
        """Let neighbours in where suspects have got on, or have left."""
        async with self._reviving, self._round():  # or a suspect moves in between question and answer
            kept = self._pool.kept()
            empty = [actor for actor in kept if not self._directory.count(actor)]
            for actor in [*empty, *(await self._store.calm(kept) if kept else ())]:
                self._pool.open(actor)

    def look_at_queue(self) -> None:
        """Forget those who wait no more, and tell of those who do."""
        self._pool.queue.forget(asyncio.get_running_loop().time() - QUEUE_PATIENCE_S)
        waiting = {str(company): count for company, count in self._pool.queue.companies.items() if count}
        if waiting:
            log.warning("sessions_wait_for_actor", **waiting)

    # ------------------------------------------------------------ deciding

    def _known(self, session_id: str, want: Want) -> Placement | None:
        known = self._directory.get(session_id)
        return known if known is not None and known.epoch > want.void_epoch else None

    def _is_news(self, place: Placement) -> bool:
        known = self._directory.get(place.session_id)
        return known is None or known.epoch < place.epoch

    def _is_past(self, place: Placement) -> bool:
        known = self._directory.get(place.session_id)
        return known is not None and known.epoch > place.epoch

    @asynccontextmanager
    async def _round(self) -> AsyncIterator[None]:
        """Decide: from a choice until its sessions count as residents nobody else does."""
        async with self._deciding:
            try:
                yield
            finally:
                self._pool.release_reserved()

    async def _place(self, asked: Sequence[Mapping[str, Want]]) -> list[dict[str, Placement | None]]:
        """Decide for sessions that are not known to live anywhere, or not there any more, as `place` answers."""
        wants: dict[str, Want] = {}
        for session_id, want in (item for one in asked for item in one.items()):
            wants[session_id] = want.also(wants.get(session_id, want))
        async with self._round():
            cases = await self._store.cases(list(wants))
            self._settle([_placement(c) for c in cases if self._is_home(c, wants[c.session_id])])
            moves = self._decide_all(
                [c for c in cases if self._known(c.session_id, wants[c.session_id]) is None], wants
            )
            await self._carry_out(moves)
        barred = {m.case.session_id: _nowhere(m) for m in moves if m.record.standing is not Standing.FREE}
        places = {c.session_id: barred.get(c.session_id) or self._directory.get(c.session_id) for c in cases}
        return [{s: places[s] for s in one if s in places} for one in asked]

    async def _house(self) -> None:
        """Find a place for whoever is homeless, those first that have waited longest."""
        session_ids = sorted(self._homeless, key=self._pool.queue.position)
        for some in _batches(session_ids, DECIDED_AT_ONCE):
            async with self._round():
                cases = [case for case in await self._store.cases(some) if self._must_go_on(case)]
                for session_id in {*some}.difference(case.session_id for case in cases):
                    self._homeless.pop(session_id, None)
                await self._carry_out(self._decide_all(cases))

    def _must_go_on(self, case: Case) -> bool:
        is_home = case.actor in self._pool.members
        return case.is_unfinished and not is_home and case.record.standing is not Standing.GIVEN_UP

    def _decide_all(self, cases: Iterable[Case], asked: Mapping[str, Want] = NOBODY_ASKS) -> list[Move]:
        return [move for case in cases if (move := self._decide(case, asked.get(case.session_id))) is not None]

    def _is_home(self, case: Case, want: Want) -> bool:
        """Whether it lives where its row says, though that was not known here."""
        return case.actor in self._pool.members and case.epoch > want.void_epoch

    def _decide(self, case: Case, want: Want | None = None) -> Move | None:
        """Return what becomes of a session that lives nowhere; None while it waits for an actor, or if nothing does."""
        record = self._judged(case, has_crashed=self._has_crashed(case))
        if want is not None and want.may_release and case.record.standing is not Standing.FREE:
            record = Record()
        if record.standing is Standing.GIVEN_UP or not (case.is_unfinished or _may_wake(want, record)):
            return Move(case, None, record)
        neighbours = company(record.crashes, self._intensity)
        actor = self._pool.choose(neighbours)
        if actor is None:
            self._pool.queue.join(case.session_id, neighbours, asyncio.get_running_loop().time())
            return None
        self._pool.reserve(actor)
        self._pool.queue.leave(case.session_id)
        self._keep(actor, record)
        return Move(case, actor, record)

    def _has_crashed(self, case: Case) -> bool:
        return case.is_at_work and self._excused.get(case.session_id) != case.epoch

    def _judged(self, case: Case, *, has_crashed: bool) -> Record:
        cause = self._causes.of(case.session_id) or self._causes.of(case.actor or "")
        return judge(case.record, now().timestamp(), case.steps, self._intensity, has_crashed=has_crashed, cause=cause)

    def _keep(self, actor: str, record: Record) -> None:
        self._pool.keep(actor, company(record.crashes, self._intensity), self._intensity.window_s)

    # ------------------------------------------------------------ carrying out

    async def _carry_out(self, moves: Sequence[Move]) -> None:
        if not moves:
            self._pool.top_up()
            return
        with self._doubting(move.actor for move in moves if move.actor is not None):
            epochs = await self._store.move(moves)
        for move in moves:
            self._excused.pop(move.case.session_id, None)
            self._causes.drop(move.case.session_id)
        moved = [move for move in moves if move.case.session_id in epochs]
        places = [Placement(m.case.session_id, epochs[m.case.session_id], m.actor) for m in moved]
        for place in places:
            self._homeless.pop(place.session_id, None)
            if place.actor is not None and self._is_dead(place.actor):  # since just now
                self.lost(place.actor, {place.session_id: place.epoch})
        unfinished = [p for m, p in zip(moved, places, strict=True) if m.case.is_unfinished and m.actor is not None]
        reach(FailPoint.SUPERVISOR_REVIVED if unfinished else FailPoint.SUPERVISOR_PLACED)
        self._hand_over(unfinished)
        self._settle(places)
        self._pool.top_up_soon()
        _tell(moved, len(unfinished))

    @contextmanager
    def _doubting(self, actors: Iterable[str]) -> Iterator[None]:
        """Note if the database did not answer: it may have placed sessions there, and nobody knows."""
        try:
            yield
        except StoreUnavailableError:
            self.doubt(actors)
            raise

    def _hand_over(self, unfinished: Sequence[Placement]) -> None:
        adoptions: defaultdict[str, list[Adoption]] = defaultdict(list)
        for place in unfinished:
            adoptions[place.actor or ""].append(Adoption(place.session_id, place.epoch))
        for actor, sessions in adoptions.items():
            member = self._pool.members.get(actor)
            if member is not None:
                member.adopt(sessions)

    def _settle(self, places: Sequence[Placement]) -> None:
        """Note and announce placements, but none in actors that died meanwhile: nobody would be sent on."""
        news = []
        touched: set[str | None] = set()
        for place in places:
            if place.actor is not None and self._is_dead(place.actor):
                continue
            before = self._directory.get(place.session_id)
            if self._directory.note(place):
                news.append(place)
                touched.add(place.actor)
                if before is not None:
                    touched.add(before.actor)
        for actor in touched:
            self._pool.refile(actor)
        self._doors.announce(news)

    def _is_dead(self, actor: str) -> bool:
        return actor not in self._pool.members


def _batches(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + most] for start in range(0, len(items), most))


def _may_wake(want: Want | None, record: Record) -> bool:
    """Whether a session at rest is brought to life: when somebody asks for it, and it is not in quarantine."""
    return want is not None and record.standing is Standing.FREE


def _placement(case: Case) -> Placement:
    return Placement(case.session_id, case.epoch, case.actor)


def _nowhere(move: Move) -> Placement:
    return Placement(move.case.session_id, move.case.epoch, None)


def _tell(moves: Sequence[Move], revived: int) -> None:
    counts.recoveries += revived
    if revived:
        log.info("sessions_revived", sessions=revived)
    for move in moves:
        if move.record.standing is not move.case.record.standing:
            counts.quarantines += move.record.standing is Standing.QUARANTINED
            say = log.info if move.record.standing is Standing.FREE else log.error
            crashes = len(move.record.crashes)
            say(_WORDS[move.record.standing], session_id=move.case.session_id, crashes=crashes)
