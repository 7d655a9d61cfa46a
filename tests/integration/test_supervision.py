"""The supervisor on real Postgres, over actors that are no processes: whatever dies in whatever order."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
import ray
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from ray.exceptions import RayActorError

from actors import claim, forgetter, member, placer, pool, supervisor
from actors.connection import Connection, Reception
from actors.nodes import Nodes
from actors.session import Started
from actors.site import SUPERVISOR, Site
from actors.supervisor import SupervisorActor
from runtime.core.errors import StoreUnavailableError
from runtime.core.ids import hex_of
from runtime.core.placement.directory import Address
from runtime.core.placement.residency import Company
from runtime.core.placement.supervision import Crash, Intensity, company
from runtime.ports.gateway import STARTING
from runtime.ports.journal import Batch, Head, Line
from runtime.process import log
from runtime.process.failpoint import FailPoint
from runtime.process.mint import new_id
from runtime.process.settings import Settings
from runtime.store.deployment import ClaimStore
from runtime.store.placement import Move, PlacementStore
from runtime.wire.codec import ADOPTIONS
from runtime.wire.protocol import Adoption, Departure, Vitals, Want
from tests.integration.ground import PostgresGround, SkewedLoop, settle, standing
from tests.laws import share
from tests.play import Run
from tests.stage import PATIENCE_S
from tests.tenancy import sessions_in

RESTARTS: Final = 3
WINDOW_S: Final = 60.0
ACTORS: Final = {
    "max_actors": 3,
    "warm_standbys": 1,
    "sessions_per_actor": 4,
    "restart_intensity": RESTARTS,
    "restart_window_s": WINDOW_S,
}
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
A_BUG: Final = "it hit a bug (ValueError)"
ROW: Final = "SELECT epoch, actor, status, steps, last_sequence, crashes, quarantined FROM sessions WHERE id = $1"
FORGET: Final = "UPDATE sessions SET deleted_at = now()"
RESIDENT_TASKS: Final = ("tend", "upkeep", "nodes", "leases", "claim", "forgetting")
HEARTBEAT_S: Final = 0.1
ADOPT: Final = member.Member.adopt
CALM: Final = 5  # looks in a row at which nothing moved


class Method:
    """A method as a Ray handle has it."""

    def __init__(self, call: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self.remote = call


class StandIn:
    """A session actor without a process, but with a heart. It notes which sessions it was given, under which epoch."""

    def __init__(self, name: str, adopted: Callable[["StandIn", Adoption], None]) -> None:
        self.name = name
        self.is_warm = asyncio.Event()
        self.death = asyncio.Event()
        self._adopted = adopted
        self._reception = Reception(self._obey)
        self._address: Address | None = None
        self.is_connected = self.is_deaf = False  # the deaf hang up on the next sessions that they are given
        self.is_dying = False  # and whoever is dying never hears of them
        self.is_draining = False
        self.taken = 0  # sessions that came to it, heard or not
        self.start, self.alive, self.close = Method(self._start), Method(self._alive), Method(self._close)

    async def _start(self) -> Started:
        waits = [asyncio.ensure_future(self.is_warm.wait()), asyncio.ensure_future(self.death.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._check()
        self._address = self._address or await self._reception.open("127.0.0.1")
        return Started(self.name, "node", 0, self._address, self.is_draining)

    async def _alive(self) -> None:
        await self.death.wait()
        self._check()

    async def _obey(self, _caller: str, connection: Connection) -> None:
        self.is_connected = True
        beating = asyncio.create_task(self._beat(connection))
        async for adoptions in connection.batches(ADOPTIONS):
            self.taken += len(adoptions)
            if self.is_dying:
                self.end()
                break
            if self.is_deaf:
                self.is_deaf = self.is_connected = False
                break
            for adoption in adoptions:
                self._adopted(self, adoption)
            await connection.send([Vitals(0, tuple(a.session_id for a in adoptions))])
        beating.cancel()

    async def _beat(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            while not self.death.is_set():
                await connection.send([Vitals(0)])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.death.wait(), HEARTBEAT_S)
        connection.close()

    async def _close(self) -> None:
        self.end()

    def end(self) -> None:
        self.death.set()
        self._reception.close()

    def _check(self) -> None:
        if self.death.is_set():
            raise RayActorError


class Context:
    """What Ray says of the process in which the supervisor runs."""

    def get_actor_id(self) -> str:
        return "supervisor"

    def get_node_id(self) -> str:
        return "node"


class Life:
    """What is known of a session beside its row: who owns it, and the deaths that it went through."""

    def __init__(self) -> None:
        self.epoch = 0
        self.owner: StandIn | None = None
        self.was_lost = False  # its owner died under it, or it hit a bug
        self.was_released = False  # by an operator, where it lives
        self.deaths: list[tuple[float, int]] = []  # since a message let it go on: when, and the steps by then


class Supervision(RuleBasedStateMachine):
    """Three sessions, some actors, and a supervisor that dies too."""

    def __init__(self, ground: PostgresGround, run: Run, site: Site, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._ground, self._run, self._site, self._patch = ground, run, site, patch
        self._living: dict[str, StandIn] = {}
        self._owners: dict[tuple[str, int], str] = {}
        self._adoptions: list[tuple[str, int, int]] = []  # with the crashes that count against it
        self._handed: Counter[str] = Counter()  # sessions handed over, by actor
        self._broken: list[AssertionError] = []
        self._sessions: list[str] = [run(ground.open()) for _ in range(3)]
        self._lives = {s: Life() for s in self._sessions}
        self._rows: dict[str, Any] = {}
        self._is_doomed = self._is_cut_off = self._is_fatal = False
        self._begun_at = 0.0  # the supervisor's life; what it reserved before is forgotten
        self._supervisor: SupervisorActor = run(self._begin())
        self._look()

    # ------------------------------------------------------------ what supervisor and actors call

    def spawn(self, _site: Site, name: str, _node_id: str | None = None) -> StandIn:
        made = self._living[name] = StandIn(name, self._adopted)
        return made

    def living(self, _site: Site) -> list[tuple[str, StandIn]]:
        return list(self._living.items())

    def now(self) -> datetime:
        return START + timedelta(seconds=self._time())

    def _time(self) -> float:
        return SkewedLoop.skew_s

    def _adopted(self, actor: StandIn, adoption: Adoption) -> None:
        try:
            self._check_adoption(actor, adoption)
        except AssertionError as err:
            self._broken.append(err)

    def _check_adoption(self, actor: StandIn, adoption: Adoption) -> None:
        life, row = self._lives[adoption.session_id], self._rows[adoption.session_id]
        if life.was_lost:
            life.deaths.append((self._time(), row["steps"]))
        self._own(adoption.session_id, adoption.epoch, actor)
        recent = [at for at, steps in life.deaths if self._time() - at < WINDOW_S and steps == row["steps"]]
        self._adoptions.append((adoption.session_id, adoption.epoch, len(recent)))

    def _own(self, session_id: str, epoch: int, actor: StandIn) -> None:
        owner = self._owners.setdefault((session_id, epoch), actor.name)
        assert owner == actor.name, "an epoch has one owner"
        life = self._lives[session_id]
        life.was_released = life.was_released and life.epoch == epoch
        life.epoch, life.owner, life.was_lost = epoch, actor, False

    # ------------------------------------------------------------ sessions

    @initialize(warm=st.integers(1, 4))
    def sessions_are_at_work(self, warm: int) -> None:
        for number in range(4):
            if number < warm and self._warm() != set(self._living):
                self.an_actor_gets_warm()
            self.somebody_speaks(number % 3)

    @rule(which=st.integers(0, 2))
    def somebody_speaks(self, which: int) -> None:
        session_id = self._sessions[which]
        self._run(self._speak(session_id))
        self._look()

    async def _speak(self, session_id: str) -> None:
        row: Any = await self._ground.pool.fetchrow(ROW, hex_of(session_id))
        placed = await self._supervisor.place({session_id: Want(may_release=True)})
        place = placed.get(session_id)
        if place is None or place.actor not in self._living:
            return  # there is no room, or it died meanwhile; who speaks asks again
        life = self._lives[session_id]
        if place.epoch != life.epoch:
            self._place_anew(life, row)
        self._own(session_id, place.epoch, self._living[place.actor])
        await self._write(session_id, "active", steps=0)

    def _place_anew(self, life: Life, row: Any) -> None:
        """Whoever asks, a crash counts, unless a new message releases the session."""
        if row["quarantined"]:
            life.deaths.clear()
        elif life.was_lost:
            life.deaths.append((self._time(), row["steps"]))

    @rule(which=st.integers(0, 2))
    def a_session_gets_on(self, which: int) -> None:
        self._act(self._sessions[which], "active", steps=1)

    @rule(which=st.integers(0, 2))
    def a_turn_ends(self, which: int) -> None:
        self._act(self._sessions[which], "idle", steps=1)

    def _act(self, session_id: str, status: str, steps: int) -> None:
        if self._is_owned(session_id) and self._rows[session_id]["status"] == "active":
            self._run(self._write(session_id, status, steps))
            self._look()

    @rule(which=st.integers(0, 2))
    def a_session_rests(self, which: int) -> None:
        session_id = self._sessions[which]
        if self._is_owned(session_id) and self._rows[session_id]["status"] == "idle":
            self._lives[session_id].owner = None
            self._run(self._leave(session_id, has_failed=False))
            self._look()

    async def _leave(self, session_id: str, *, has_failed: bool) -> None:
        cause = A_BUG if has_failed else ""
        await self._supervisor.leave([Departure(session_id, self._lives[session_id].epoch, has_failed, cause)])

    @rule(which=st.integers(0, 2))
    def a_session_hits_a_bug(self, which: int) -> None:
        session_id = self._sessions[which]
        if self._is_owned(session_id) and self._rows[session_id]["status"] == "active":
            life = self._lives[session_id]
            life.owner, life.was_lost = None, True
            self._run(self._leave(session_id, has_failed=True))
            self._look()

    @rule(which=st.integers(0, 2), deaths=st.integers(2, 2 * RESTARTS + 3), is_pulled_along=st.booleans())
    def a_session_kills_its_actors(self, which: int, deaths: int, *, is_pulled_along: bool) -> None:
        """One after the other, until it is stopped; a neighbour may speak between two deaths."""
        self.somebody_speaks(which)
        for _ in range(deaths):
            owner = self._lives[self._sessions[which]].owner
            if owner is None or owner.name not in self._living:
                return
            self._end_actor(owner)
            self._look()
            if any(not actor.is_warm.is_set() for actor in self._living.values()):
                self.an_actor_gets_warm()
            if is_pulled_along:
                self.somebody_speaks((which + 1) % 3)

    @rule(which=st.integers(0, 2))
    def a_session_at_rest_kills_whoever_wakes_it(self, which: int) -> None:
        self.wake_and_die(which)

    def wake_and_die(self, which: int) -> str | None:
        """Have a session at rest brought to life, which kills its actor before it writes; return that actor, if any."""
        session_id = self._sessions[which]
        row = self._rows[session_id]
        if row["status"] == "active" or row["actor"] in self._living:
            return None
        while any(not actor.is_warm.is_set() for actor in self._living.values()):
            self.an_actor_gets_warm()
        place = self._run(self._supervisor.place({session_id: Want()})).get(session_id)
        if place is None or place.actor is None:
            self._look()
            return None
        actor = self._living[place.actor]
        self._end_actor(actor)
        self._look()
        return actor.name

    def its_actor_dies(self, which: int) -> None:
        owner = self._lives[self._sessions[which]].owner
        assert owner is not None
        self._end_actor(owner)
        self._look()

    def its_actor_is_drained(self, which: int) -> None:
        """By the word of a supervisor that dies then."""
        owner = self._lives[self._sessions[which]].owner
        assert owner is not None
        self._run(self._end())
        owner.is_draining = True
        self._begin_again()

    def everybody_is_dying(self) -> None:
        for actor in self._living.values():
            actor.is_dying = True

    @rule()
    def the_next_move_is_fatal(self) -> None:
        self._is_fatal = True

    def causes(self, which: int) -> list[str]:
        return [crash.cause for crash in self._crashes(self._sessions[which])]

    def crashes(self, which: int) -> int:
        return len(self._crashes(self._sessions[which]))

    def is_owned(self, which: int) -> bool:
        return self._is_owned(self._sessions[which])

    def live_together(self, *which: int) -> bool:
        return len({self._lives[self._sessions[w]].owner for w in which}) == 1

    def is_quarantined(self, which: int) -> bool:
        return bool(self._rows[self._sessions[which]]["quarantined"])

    @rule(which=st.integers(0, 2))
    def an_operator_releases_a_session(self, which: int) -> None:
        session_id = self._sessions[which]
        self._run(sessions_in(self._ground.pool).acquit(session_id))
        self._lives[session_id].deaths.clear()
        self._lives[session_id].was_released = True
        self.the_supervisor_looks_around()

    def _is_owned(self, session_id: str) -> bool:
        owner = self._lives[session_id].owner
        return owner is not None and not owner.death.is_set()

    async def _write(self, session_id: str, status: str, steps: int) -> None:
        row: Any = await self._ground.pool.fetchrow(ROW, hex_of(session_id))
        line = Line(row["last_sequence"] + 1, new_id("event"), "test.event", None, b"{}")
        head = Head(status, row["steps"] + steps, None, None, None, None)
        batch = Batch(session_id, self._lives[session_id].epoch, [line], head)
        assert await self._ground.store.append([batch]), "the owner may write"

    # ------------------------------------------------------------ actors

    @precondition(lambda self: any(not a.is_warm.is_set() for a in self._living.values()))
    @rule()
    def an_actor_gets_warm(self) -> None:
        next(a for a in self._living.values() if not a.is_warm.is_set()).is_warm.set()
        self._look()

    @precondition(lambda self: self._living)
    @rule(data=st.data())
    def an_actor_dies(self, data: st.DataObject) -> None:
        self._kill(data)
        self._look()

    @precondition(lambda self: any(a.is_warm.is_set() for a in self._living.values()))
    @rule(data=st.data(), which=st.integers(0, 2))
    def an_actor_dies_while_a_session_is_placed(self, data: st.DataObject, which: int) -> None:
        speaking = self._run(_started(self._speak(self._sessions[which])))
        self._kill(data)
        with contextlib.suppress(AssertionError):
            self._run(_ended(speaking))
        self._look()

    def _kill(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self._living) - 1))
        self._end_actor(list(self._living.values())[number])

    def _end_actor(self, actor: StandIn) -> None:
        del self._living[actor.name]
        self._bury(actor)
        actor.end()

    def _bury(self, actor: StandIn) -> None:
        for session_id, life in self._lives.items():
            if life.owner is actor:
                life.was_lost = self._rows[session_id]["status"] == "active"

    # ------------------------------------------------------------ the supervisor

    @rule(seconds=st.sampled_from([1.0, 25.0, WINDOW_S + 1]))
    def time_passes(self, seconds: float) -> None:
        SkewedLoop.skew_s += seconds
        self._look()

    @rule()
    def the_supervisor_looks_around(self) -> None:
        self._run(self._upkeep())
        self._look()

    @rule(data=st.data(), is_lonely=st.booleans())
    def the_supervisor_starts_again(self, data: st.DataObject, *, is_lonely: bool) -> None:
        """Alone, or together with an actor whose death so goes unseen."""
        self._run(self._end())
        if not is_lonely and self._living:
            self._kill(data)
        self._begin_again()

    @rule(which=st.integers(0, 2), is_cut_off=st.booleans())
    def nobody_is_told_of_a_revival(self, which: int, *, is_cut_off: bool) -> None:
        """The sessions of a dead actor are placed anew; then the answer of the database is lost, or the supervisor."""
        self.somebody_speaks(which)
        owner = self._lives[self._sessions[which]].owner
        if owner is None or owner.name not in self._living:
            return
        if is_cut_off:
            self._is_cut_off = True
            self._end_actor(owner)
            self._run(self._calm())
            self._is_cut_off = False
            self.the_supervisor_looks_around()
        else:
            self._is_doomed = True
            self._end_actor(owner)
            self._run(self._end())
            self._is_doomed = False
            self._begin_again()
        self._check_knowledge()

    def _check_knowledge(self) -> None:
        for session_id, row in self._rows.items():
            is_placed = row["status"] == "active" and row["actor"] in self._warm()
            assert not is_placed or self._is_owned(session_id), "whoever was given a session knows of it"

    def reach(self, _point: FailPoint) -> None:
        if self._is_doomed:
            raise asyncio.CancelledError

    async def _move(self, moves: Sequence[Move]) -> dict[str, int]:
        epochs = await PlacementStore(self._ground.pool).move(moves)
        if self._is_fatal:
            self._is_fatal = False
            await self._see_dead({move.actor for move in moves if move.actor is not None})
        if self._is_cut_off:
            raise StoreUnavailableError(reason="cut off")
        return epochs

    async def _see_dead(self, actors: set[str]) -> None:
        """Have actors die to which sessions are just given, and the supervisor see it before it knows they are."""
        for name in actors & self._living.keys():
            self._end_actor(self._living[name])
            async with asyncio.timeout(PATIENCE_S):
                while name in self._supervisor._pool.members:  # noqa: ASYNC110  a connection's end makes it true
                    await asyncio.sleep(0)

    @rule(which=st.integers(0, 2))
    def a_connection_breaks_as_sessions_are_handed_over(self, which: int) -> None:
        """What was on its way when it broke has not come, and nobody knows."""
        self.somebody_speaks(which)
        owner = self._lives[self._sessions[which]].owner
        if owner is None or owner.name not in self._living:
            return
        for actor in self._living.values():
            actor.is_deaf = True
        self._end_actor(owner)
        self._look()
        for actor in self._living.values():
            actor.is_deaf = False
        self._check_knowledge()

    def _counted(self) -> Callable[[member.Member, Iterable[Adoption]], None]:
        def adopt(actor: member.Member, adoptions: Iterable[Adoption]) -> None:
            given = list(adoptions)
            self._handed[actor.name] += len(given)
            ADOPT(actor, given)

        return adopt

    def _begin_again(self) -> None:
        self._begun_at = self._time()
        self._supervisor = self._run(self._begin())
        self._look()

    async def _begin(self) -> SupervisorActor:
        await asyncio.sleep(0)
        self._patch.setattr(pool, "spawn", self.spawn)
        self._patch.setattr(supervisor, "living", self.living)
        self._handed.clear()
        for actor in self._living.values():
            actor.taken = 0
        self._patch.setattr(member.Member, "adopt", self._counted())
        for name in ("now", "reach"):
            self._patch.setattr(placer, name, getattr(self, name))
        made = SupervisorActor(self._site)
        await made._starting
        made._store.move = self._move  # type: ignore[method-assign]
        return made

    async def _end(self) -> None:
        await self._calm()
        await self._supervisor._tasks.close()
        await self._supervisor._store._pool.close()

    async def _still(self) -> None:
        for actor in self._living.values():
            actor.end()
        await asyncio.gather(*(task for task in asyncio.all_tasks() if _name(task) == "Reception._take"))

    async def _upkeep(self) -> None:
        await asyncio.sleep(0)
        self._supervisor._tasks.owed(self._supervisor._look_after(), "look after")

    async def _calm(self) -> None:
        looks = 0
        async with asyncio.timeout(PATIENCE_S):
            while looks < CALM:
                await asyncio.sleep(0)
                looks = looks + 1 if self._is_calm() else 0

    def _is_calm(self) -> bool:
        boss = self._supervisor
        if not boss._starting.done() or boss._placer.is_busy:
            return False
        boss._starting.result()
        tasks = Counter(boss._tasks.running)
        if not set(tasks) <= set(RESIDENT_TASKS):
            return False  # a thread may be starting an actor, so nobody counts those that live
        for name in [n for n, actor in self._living.items() if actor.death.is_set()]:
            self._bury(self._living.pop(name))  # closed by the supervisor
        is_settled = tasks[RESIDENT_TASKS[0]] == len(boss._pool.members)
        heard = all(self._living[n].taken >= count for n, count in self._handed.items() if n in self._living)
        heard = heard and not any(m.unheard for m in boss._pool.members.values())
        if not heard or not all(a.is_connected for a in self._living.values() if a.is_warm.is_set()):
            return False
        warm = {n for n, m in boss._pool.members.items() if m.state is not member.MemberState.STARTING}
        return is_settled and set(boss._pool.members) == set(self._living) and warm == self._warm()

    def _warm(self) -> set[str]:
        return {name for name, actor in self._living.items() if actor.is_warm.is_set()}

    # ------------------------------------------------------------ laws

    def _look(self) -> None:
        self._run(self._read())
        while self._adoptions:
            self._run(self._live(*self._adoptions.pop()))
        if self._broken:
            raise self._broken[0]
        homes: defaultdict[str, list[str]] = defaultdict(list)
        for session_id, row in self._rows.items():
            place = self._supervisor._directory.get(session_id)
            if place is not None:
                assert (place.epoch, place.actor) == (row["epoch"], row["actor"]), "the cache is true"
                assert place.actor in self._living, "nobody is sent to the dead"
                homes[place.actor].append(session_id)
        for sessions in homes.values():
            wanted = {self._company(s) for s in sessions}
            assert len(sessions) == 1 or Company.NOBODY not in wanted, "who has one restart left lives alone"
            is_apart = Company.SUSPECTS not in wanted or all(map(self._may_meet_suspects, sessions))
            assert is_apart, "suspects have suspects for neighbours"

    def _may_meet_suspects(self, session_id: str) -> bool:
        return len(self._crashes(session_id)) > 1 or self._lives[session_id].was_released

    def _company(self, session_id: str) -> Company:
        row, crashes = self._rows[session_id], self._crashes(session_id)
        if not crashes or row["status"] != "active" or row["steps"] > crashes[-1].steps:
            return Company.ANYBODY
        last = crashes[-1].at - START.timestamp()
        is_recent = last >= self._begun_at and self._time() - last < WINDOW_S
        return company(crashes, Intensity(RESTARTS, WINDOW_S)) if is_recent else Company.ANYBODY

    def _crashes(self, session_id: str) -> tuple[Crash, ...]:
        return msgspec.json.decode(self._rows[session_id]["crashes"], type=tuple[Crash, ...])

    async def _read(self) -> None:
        await self._read_rows()
        await self._calm()
        await self._read_rows()

    async def _read_rows(self) -> None:
        for session_id in self._sessions:
            self._rows[session_id] = await self._ground.pool.fetchrow(ROW, hex_of(session_id))

    async def _live(self, session_id: str, epoch: int, crashes: int) -> None:
        """Go on, or fail the turn and let the session go if its row says so, as a host does."""
        life, row = self._lives[session_id], self._rows[session_id]
        if row["epoch"] != epoch or life.epoch != epoch:
            return
        if not row["quarantined"]:
            assert crashes <= RESTARTS, "no more restarts without progress than the intensity allows"
        elif self._is_owned(session_id) and row["status"] == "active":
            await self._write(session_id, "idle", steps=0)
            life.owner = None
            await self._leave(session_id, has_failed=False)
        await self._read()

    def teardown(self) -> None:
        """When nothing dies any more, every session with unfinished work is tended again, or at rest with a reason."""
        try:
            for _ in range(2 * RESTARTS + 4):
                SkewedLoop.skew_s += WINDOW_S + 1
                for actor in self._living.values():
                    actor.is_warm.set()
                self._run(self._upkeep())
                self._look()
            for session_id, row in self._rows.items():
                assert row["status"] != "active" or self._is_owned(session_id), "nobody is left behind"
        finally:
            self._run(self._end())
            self._run(self._still())
            self._run(self._ground.pool.execute(FORGET))


def _name(task: "asyncio.Task[Any]") -> str:
    return getattr(task.get_coro(), "__qualname__", "")


async def _started(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Let work begin, as far as it comes without the database."""
    task = asyncio.create_task(work)
    for _ in range(CALM):
        await asyncio.sleep(0)
    return task


async def _ended(task: "asyncio.Task[None]") -> None:
    await task


async def _no_news(_nodes: Nodes) -> None:
    """Learn nothing of Ray's nodes: the settings say how many actors there may be, and Ray where."""
    await asyncio.sleep(0)


@pytest.fixture
def site(database: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A deployment whose Ray is played, and whose supervisor looks around when it is told to."""
    monkeypatch.setattr(Nodes, "look", _no_news)
    monkeypatch.setattr(supervisor, "UPKEEP_INTERVAL_S", 1e9)
    monkeypatch.setattr(supervisor, "LOOK_INTERVAL_S", 1e9)
    monkeypatch.setattr(forgetter, "INTERVAL_S", 1e9)
    monkeypatch.setattr(pool, "HEAD_START_S", 0.0)
    monkeypatch.setattr(member, "START_TIMEOUT_S", 1e9)
    monkeypatch.setattr(member.Member, "kill", lambda _: None)
    monkeypatch.setattr(log, "set_up", lambda *_, **__: None)
    monkeypatch.setattr(SkewedLoop, "skew_s", 0.0)
    return Site("test", Settings.load(actors=ACTORS), database, "a cluster")


def test_no_session_is_left_behind_whatever_dies(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unfinished sessions go on elsewhere, suspects alone, and no oftener than the intensity allows."""
    with standing(site.dsn) as (ground, run):

        class Play(Supervision):
            def __init__(self) -> None:
                super().__init__(ground, run, site, monkeypatch)

        run_state_machine_as_test(Play, settings=share(0.15, steps=20))


def test_a_session_that_kills_whoever_wakes_it_is_stopped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised: though it was at rest and nothing is ever written, each death counts; a new message releases it."""
    with standing(site.dsn) as (ground, run):
        play = Supervision(ground, run, site, monkeypatch)
        try:
            assert all(play.wake_and_die(0) is not None for _ in range(RESTARTS + 1))
            assert play.is_quarantined(0)
            assert play.wake_and_die(0) is None
            play.somebody_speaks(0)
            assert not play.is_quarantined(0)
        finally:
            play.teardown()


def test_of_each_crash_is_kept_what_is_known_of_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with standing(site.dsn) as (ground, run):
        play = Supervision(ground, run, site, monkeypatch)
        try:
            play.an_actor_gets_warm()
            play.somebody_speaks(0)
            play.an_actor_gets_warm()
            play.a_session_hits_a_bug(0)
            play.its_actor_dies(0)
            first, second = play.causes(0)
            assert (first, second.startswith("its process ended (")) == (A_BUG, True)
        finally:
            play.teardown()


def test_a_suspect_need_not_wait_for_an_actor_that_others_could_do_without(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two lose their actor and one other is empty, it goes to the suspect, and the other lives with somebody."""
    with standing(site.dsn) as (ground, run):
        play = Supervision(ground, run, site, monkeypatch)
        try:
            play.an_actor_gets_warm()
            play.somebody_speaks(0)
            play.an_actor_gets_warm()
            play.its_actor_dies(0)
            play.somebody_speaks(1)
            assert play.live_together(0, 1)
            play.an_actor_gets_warm()
            play.somebody_speaks(2)
            play.an_actor_gets_warm()
            play.its_actor_dies(0)
            assert play.live_together(1, 2)
            assert play.is_owned(0)
        finally:
            play.teardown()


def test_a_drain_outlives_the_supervisor_that_was_asked_for_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised: whoever is drained takes on nothing new, and what is left when it ends has not crashed."""
    with standing(site.dsn) as (ground, run):
        play = Supervision(ground, run, site, monkeypatch)
        try:
            play.an_actor_gets_warm()
            play.somebody_speaks(0)
            play.its_actor_is_drained(0)
            play.somebody_speaks(1)
            assert not play.is_owned(1)
            play.an_actor_gets_warm()
            play.its_actor_dies(0)
            assert play.is_owned(0)
            assert play.crashes(0) == 0
        finally:
            play.teardown()


@pytest.mark.parametrize("next_ones", [Supervision.everybody_is_dying, Supervision.the_next_move_is_fatal])
def test_a_session_that_is_given_to_dying_actors_has_crashed_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, next_ones: Callable[[Supervision], None]
) -> None:
    """When a whole node dies, its sessions may be given to actors that die with it, before anybody knows."""
    with standing(site.dsn) as (ground, run):
        play = Supervision(ground, run, site, monkeypatch)
        try:
            play.an_actor_gets_warm()
            play.somebody_speaks(0)
            play.an_actor_gets_warm()
            next_ones(play)
            play.its_actor_dies(0)
            play.an_actor_gets_warm()
            assert play.is_owned(0)
            assert play.crashes(0) == 1
        finally:
            play.teardown()


def test_whoever_waits_for_the_database_answers_and_moves_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another cluster's until then, whatever becomes of actors here; and front doors must not think Ray gone."""
    monkeypatch.setattr(claim, "PAUSE_S", 0.01)
    monkeypatch.setattr(pool, "spawn", lambda _site, name, _node_id=None: StandIn(name, lambda *_: None))
    monkeypatch.setattr(supervisor, "living", lambda _: [])
    monkeypatch.setattr(ray, "get_runtime_context", Context)
    with standing(site.dsn) as (ground, run):
        run(_wait_for_the_claim(site, ground))


async def _state(boss: SupervisorActor) -> str | None:
    info = await boss.actor(SUPERVISOR)
    return None if info is None else info.state


async def _wait_for_the_claim(site: Site, ground: PostgresGround) -> None:
    await ClaimStore(ground.pool, site.cluster).release()
    theirs = ClaimStore(ground.pool, "another cluster")
    assert await theirs.take() == theirs.cluster
    session_id = await ground.open()
    homes = await settle(ground.placements, {session_id: "session-theirs"})
    boss = SupervisorActor(site)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (boss._claim._rival and boss._pool.members):  # noqa: ASYNC110  a thread makes it true
                await asyncio.sleep(0.001)
            assert await _state(boss) == STARTING
            news = [boss._look_again(next(iter(boss._pool.members.values()))), boss._move_out([], was_asked=False)]
            tending = [asyncio.create_task(work) for work in news]
            await asyncio.wait(tending, timeout=0.2)
            [case] = await ground.placements.cases([session_id])
            assert (case.actor, case.epoch) == ("session-theirs", homes[session_id])
            await theirs.release()
            await asyncio.gather(*tending)
            assert [case.actor for case in await ground.placements.cases([session_id])] == [None]
            assert await _state(boss) == "live"
    finally:
        await boss._tasks.close()
        await boss._store._pool.close()
        await ground.pool.execute(FORGET)
