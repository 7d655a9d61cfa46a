"""Who lives where, decided in one place: for clients that ask, and for sessions that must go on by themselves.

The rules are in `runtime.core.placement`, the truth is in Postgres, and what is remembered here is a cache of it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import structlog

from actors.doors import Doors
from actors.pool import Pool
from runtime.core.errors import StoreUnavailableError
from runtime.core.placement.directory import Directory, Placement
from runtime.core.placement.residency import Company
from runtime.core.placement.supervision import Intensity, Record, Standing, company, judge
from runtime.process.failpoint import FailPoint, reach
from runtime.process.mint import now
from runtime.process.tasks import Tasks
from runtime.store.placement import Case, Move, PlacementStore
from runtime.wire.protocol import Adoption, Departure, Want

log = structlog.get_logger(__name__)

DECIDED_AT_ONCE: Final = 200
QUEUE_PATIENCE_S: Final = 5.0  # with those who wait for an actor, and are not heard of any more
_WORDS: Final = {
    Standing.FREE: "session_released",
    Standing.QUARANTINED: "session_quarantined",
    Standing.GIVEN_UP: "session_given_up",
}


class Placer:
    """Belongs to one event loop."""

    def __init__(self, pool: Pool, directory: Directory, doors: Doors, intensity: Intensity, tasks: Tasks) -> None:
        self._pool = pool
        self._directory = directory
        self._doors = doors
        self._intensity = intensity
        self._tasks = tasks
        self._deciding = asyncio.Lock()  # held from a choice until its sessions count as residents
        self._reviving = asyncio.Lock()
        self._vacated_after = -1  # deaths, after which nobody dead is noted as the home of an idle session
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
        unknown = [s for s, want in asked.items() if self._known(s, want) is None]
        found: dict[str, Placement | None] = {}
        if unknown:
            async with self._deciding:
                found = await self._place({s: asked[s] for s in unknown})
        known = {s: self._directory.get(s) for s in asked if s not in unknown}
        return known | found

    async def leave(self, departures: Sequence[Departure]) -> None:
        """Hear that actors let sessions go; those with something unfinished go on elsewhere."""
        left = await self._store.leave(departures)
        self._settle([Placement(d.session_id, d.epoch, None) for d in departures if d.session_id in left])
        if any(left.values()):
            await self.revive()

    async def learn(self, actors: Collection[str]) -> None:
        """Read who lives in actors, and hand over what must go on there: nobody may have been told yet."""
        found, unfinished = [], []
        for case in await self._store.residents(list(actors)):
            known = self._directory.get(case.session_id)
            if known is None or known.epoch < case.epoch:
                found.append(_placement(case))
                self._keep(case.actor or "", self._judged(case, has_crashed=False))
            if case.is_unfinished and (known is None or known.epoch <= case.epoch):
                unfinished.append(_placement(case))
        self._hand_over(unfinished)
        self._settle(found)

    def excuse(self, unheard: Mapping[str, int]) -> None:
        """Hear of sessions, with their epochs, that were given to a dying actor: its death is none of their doing."""
        self._excused.update(unheard)

    def doubt(self, actors: Iterable[str]) -> None:
        """Have the next revival learn anew who lives there."""
        self._doubted.update(actors)

    async def revive(self) -> None:
        """Find the sessions whose actor is gone, and let those with something unfinished go on."""
        async with self._reviving:
            if self._doubted:
                doubted, self._doubted = self._doubted, set()
                with self._doubting(doubted):
                    await self.learn(doubted & self._pool.members.keys())
            members = list(self._pool.members)
            deaths = self._pool.deaths
            await self._decide_all(await self._store.orphans(members))
            if deaths != self._vacated_after:  # who has nothing unfinished keeps nobody waiting
                await self._decide_all(await self._store.stillborn(members))
                await self._store.vacate(members)
                self._vacated_after = deaths

    async def acquit(self) -> None:
        """Let neighbours in where suspects have got on, or have left."""
        async with self._reviving, self._deciding:  # or a suspect moves in between question and answer
            kept = self._pool.kept()
            empty = [actor for actor in kept if not self._directory.count(actor)]
            for actor in [*empty, *(await self._store.calm(kept) if kept else ())]:
                self._pool.open(actor)

    def look_at_queue(self) -> None:
        """Forget those who wait no more, and tell of those who do."""
        self._pool.queue.forget(asyncio.get_running_loop().time() - QUEUE_PATIENCE_S)
        waiting = Counter(map(str, self._pool.queue.companies()))
        if waiting:
            log.warning("sessions_wait_for_actor", **waiting)

    # ------------------------------------------------------------ deciding

    def _known(self, session_id: str, want: Want) -> Placement | None:
        known = self._directory.get(session_id)
        return known if known is not None and known.epoch > want.void_epoch else None

    async def _place(self, asked: Mapping[str, Want]) -> dict[str, Placement | None]:
        """Decide for sessions that are not known to live anywhere, or not there any more."""
        cases = await self._store.cases(list(asked))
        self._settle([_placement(c) for c in cases if self._is_home(c, asked[c.session_id])])
        homeless = [c for c in cases if self._known(c.session_id, asked[c.session_id]) is None]
        taken: Counter[str] = Counter()
        moves = [m for m in (self._decide(c, taken, asked[c.session_id]) for c in homeless) if m is not None]
        await self._carry_out(moves)
        barred = {m.case.session_id: _nowhere(m) for m in moves if m.record.standing is not Standing.FREE}
        return {c.session_id: self._directory.get(c.session_id) for c in cases} | barred

    async def _decide_all(self, cases: Sequence[Case]) -> None:
        cases = self._pool.queue.in_order(cases, lambda case: case.session_id)
        cases.sort(key=self._may_live_anywhere)  # whoever needs an empty actor chooses before those that need none
        for start in range(0, len(cases), DECIDED_AT_ONCE):
            async with self._deciding:
                taken: Counter[str] = Counter()
                moves = [self._decide(case, taken) for case in cases[start : start + DECIDED_AT_ONCE]]
                await self._carry_out([move for move in moves if move is not None])

    def _is_home(self, case: Case, want: Want) -> bool:
        """Whether it lives where its row says, though that was not known here."""
        return case.actor in self._pool.members and case.epoch > want.void_epoch

    def _decide(self, case: Case, taken: "Counter[str]", want: Want | None = None) -> Move | None:
        """Return what becomes of a session that lives nowhere; None while it waits for an actor, or if nothing does.

        `taken` counts what this round has given away.
        """
        record = self._judged(case, has_crashed=self._has_crashed(case))
        if want is not None and want.may_release and case.record.standing is not Standing.FREE:
            record = Record()
        if record.standing is Standing.GIVEN_UP or not (case.is_unfinished or _may_wake(want, record)):
            return Move(case, None, record)
        neighbours = company(record.crashes, self._intensity)
        actor = self._pool.choose(taken, neighbours)
        if actor is None:
            self._pool.queue.join(case.session_id, neighbours, asyncio.get_running_loop().time())
            return None
        taken[actor] += 1
        self._pool.queue.leave(case.session_id)
        self._keep(actor, record)
        return Move(case, actor, record)

    def _has_crashed(self, case: Case) -> bool:
        return case.is_at_work and self._excused.get(case.session_id) != case.epoch

    def _may_live_anywhere(self, case: Case) -> bool:
        record = self._judged(case, has_crashed=self._has_crashed(case))
        return company(record.crashes, self._intensity) is Company.ANYBODY

    def _judged(self, case: Case, *, has_crashed: bool) -> Record:
        return judge(case.record, now().timestamp(), case.steps, self._intensity, has_crashed=has_crashed)

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
        moved = [move for move in moves if move.case.session_id in epochs]
        places = [Placement(m.case.session_id, epochs[m.case.session_id], m.actor) for m in moved]
        self.excuse({p.session_id: p.epoch for p in places if self._is_dead(p.actor)})
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
        places = [p for p in places if not self._is_dead(p.actor)]
        self._doors.announce([p for p in places if self._directory.note(p)])

    def _is_dead(self, actor: str | None) -> bool:
        return actor is not None and actor not in self._pool.members


def _may_wake(want: Want | None, record: Record) -> bool:
    """Whether a session at rest is brought to life: when somebody asks for it, and it is not in quarantine."""
    return want is not None and record.standing is Standing.FREE


def _placement(case: Case) -> Placement:
    return Placement(case.session_id, case.epoch, case.actor)


def _nowhere(move: Move) -> Placement:
    return Placement(move.case.session_id, move.case.epoch, None)


def _tell(moves: Sequence[Move], revived: int) -> None:
    if revived:
        log.info("sessions_revived", sessions=revived)
    for move in moves:
        if move.record.standing is not move.case.record.standing:
            say = log.info if move.record.standing is Standing.FREE else log.error
            crashes = len(move.record.crashes)
            say(_WORDS[move.record.standing], session_id=move.case.session_id, crashes=crashes)
