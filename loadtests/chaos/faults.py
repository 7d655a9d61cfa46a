"""Carrying out the plan: each fault returns what it hit and when, for the report to say how long recovery took."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from loadtests.chaos.blow import Blow
from loadtests.chaos.board import Board
from loadtests.chaos.bystander import Bystander
from loadtests.chaos.plan import Fault, Kind
from loadtests.chaos.sever import sever
from loadtests.chaos.stumbles import Stumbles
from loadtests.chaos.vendor import Mood
from loadtests.chaos.witness import Witness, now
from loadtests.chaos.world import World

MOMENT_TIMEOUT_S: Final = 4.0
CALM_TIMEOUT_S: Final = 30.0
SETTLE_S: Final = 0.1
ATTEMPTS: Final = 10
RETRY_S: Final = 0.5
MOOD_S: Final = 2.0
PAUSE_TIMEOUT_S: Final = 15.0
RECOVERY_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.05

_ALONE: Final = (Kind.POSTGRES, Kind.RAY, Kind.EVERYTHING, Kind.DOOR_STUMBLE, Kind.PAUSE, Kind.DATABASE_CUT,
                 Kind.DATABASE_SILENT)  # fmt: skip

Nap = Callable[[], Awaitable[float]]
Seclude = Callable[[Fault], Awaitable[Blow]]


class Injector:
    """Breaks things.

    `bystander` opens sessions of its own; `nap` has clients stop reading for so many seconds; `seclude` strikes a
    deployment of its own.
    """

    def __init__(
        self, world: World, board: Board, witness: Witness, bystander: Bystander, nap: Nap, seclude: Seclude
    ) -> None:
        self._world = world
        self._board = board
        self._witness = witness
        self._probe = bystander.probe
        self._napping = nap
        stumbles = Stumbles(world, board, self._actor, bystander.probe)
        self._ways: dict[Kind, Callable[[Fault], Awaitable[Blow | None]]] = {
            Kind.ACTOR: self._actor,
            Kind.PAIR: self._pair,
            Kind.SUPERVISOR: self._supervisor,
            Kind.BOTH: self._both,
            Kind.DOOR: self._door,
            Kind.POSTGRES: self._postgres,
            Kind.RAY: self._ray,
            Kind.EVERYTHING: self._everything,
            Kind.POISON: bystander.poison,
            Kind.MINE: bystander.mine,
            Kind.TOOL_GARBAGE: bystander.babble,
            Kind.STUMBLE: stumbles.inside,
            Kind.DOOR_STUMBLE: stumbles.at_the_door,
            Kind.UNREAPED: seclude,
            Kind.PAUSE: self._pause,
            Kind.USURPER: self._usurp,
            Kind.DATABASE_CUT: self._cut_database,
            Kind.DATABASE_SLOW: self._slow_database,
            Kind.DATABASE_SILENT: self._silence_database,
            Kind.LINK_CUT: self._cut_links,
            Kind.CLIENT_CUT: self._cut_clients,
            Kind.CLIENT_ASLEEP: self._nap,
        }

    async def carry_out(self, fault: Fault) -> Blow | None:
        """Wait for the moment, strike, and see to it that what was struck comes back; None if there was no target."""
        await self.calm()
        await asyncio.sleep(fault.pause_s)
        if fault.kind not in self._ways:
            return await self._upset_model(fault)
        blow = await self._ways[fault.kind](fault)
        for _ in range(ATTEMPTS):
            if blow is not None:
                break
            await asyncio.sleep(RETRY_S)  # its target had just died
            blow = await self._ways[fault.kind](fault)
        if blow is not None and blow.kind in _ALONE:
            await self._moved_on(blow)
        return blow

    async def _moved_on(self, blow: Blow) -> None:
        """Wait until each turn that was hit has got further: else the next blow would be in its time, too."""
        heads = {s: self._board.rows[s].last_sequence for s in blow.victims}
        rows = self._board.rows
        await _until(
            lambda: all(rows[s].last_sequence > heads[s] or rows[s].status != "active" for s in heads),
            RECOVERY_TIMEOUT_S,
        )

    async def calm(self) -> None:
        """Wait until actors are warm: how fast a takeover is, and not how fast processes start, is to be measured."""
        deadline = now() + CALM_TIMEOUT_S
        while now() < deadline:
            await asyncio.sleep(SETTLE_S)  # so that what died is no longer listed
            actors = await self._world.actors()
            if sum(actor["role"] == "session" for actor in actors) >= self._world.calm_actors:
                return

    # ------------------------------------------------------------ actors

    async def _target(self, fault: Fault) -> tuple[str, str] | None:
        """Return a session and its actor: of the one where the moment came, or of any with a running turn."""
        session_id = await self._witness.next(fault.moment, MOMENT_TIMEOUT_S) if fault.moment else None
        if session_id not in self._reachable():
            await _until(lambda: bool(self._reachable()), CALM_TIMEOUT_S)
            found = sorted(self._reachable())
            session_id = found[int(fault.chance * len(found))] if found else None
        actor = self._board.rows[session_id].actor if session_id is not None else None
        return (session_id, actor) if session_id is not None and actor is not None else None

    def _reachable(self) -> set[str]:
        """Return the sessions with a running turn whose actor is known to live."""
        living = {actor["name"] for actor in self._board.of_role("session")}
        return {s for s in self._board.active() if self._board.rows[s].actor in living}

    def _kill_actors(self, kind: Kind, names: set[str], detail: str) -> Blow | None:
        victims = self._board.residents(names)
        at = now()
        pids = [pid for name in names if (pid := self._board.pid_of(name)) is not None]
        killed = sum(self._world.send(pid, signal.SIGKILL) for pid in pids)
        return Blow(kind, at, detail, killed, victims) if killed else None

    async def _actor(self, fault: Fault) -> Blow | None:
        target = await self._target(fault)
        if target is None:
            return None
        return self._kill_actors(Kind.ACTOR, {target[1]}, f"at {fault.moment}" if fault.moment else "at any time")

    async def _pair(self, fault: Fault) -> Blow | None:
        names = sorted({row.actor for row in self._board.rows.values() if row.actor and row.status == "active"})
        if not names:
            return None
        first = int(fault.chance * len(names))
        return self._kill_actors(Kind.PAIR, {names[first], names[first - 1]}, "at one blow")

    async def _supervisor(self, fault: Fault) -> Blow | None:
        at = now()
        killed = self._kill_role("supervisor")
        if not killed:
            return None
        return Blow(Kind.SUPERVISOR, at, "then a new session", killed, probe_s=await self._probe())

    async def _both(self, fault: Fault) -> Blow | None:
        target = await self._target(fault)
        killed = self._kill_role("supervisor")
        blow = self._kill_actors(Kind.BOTH, {target[1]}, "at one blow") if target else None
        if blow is not None:
            blow.kills += killed
            blow.probe_s = await self._probe()
        return blow

    def _kill_role(self, role: str) -> int:
        return sum(self._world.send(actor["pid"], signal.SIGKILL) for actor in self._board.of_role(role))

    async def _pause(self, fault: Fault) -> Blow | None:
        """Stop an actor until its sessions have moved, and let it go on then."""
        target = await self._target(fault)
        pid = self._board.pid_of(target[1]) if target else None
        if target is None or pid is None:
            return None
        victims = self._board.residents({target[1]})
        at = now()
        if not self._world.send(pid, signal.SIGSTOP):
            return None
        await _until(lambda: not self._board.residents({target[1]}), PAUSE_TIMEOUT_S)
        lived_on = self._world.send(pid, signal.SIGCONT)
        detail = f"moved after {now() - at:.1f} s, " + ("then let go on" if lived_on else "and was dead by then")
        return Blow(Kind.PAUSE, at, detail, victims=victims)

    async def _usurp(self, fault: Fault) -> Blow | None:
        """Give a session to somebody else while its owner works on: what fencing is for."""
        target = await self._target(fault)
        head = await self._board.raise_epoch(target[0]) if target else None
        if target is None or head is None:
            return None
        active = self._board.active().get(target[0])
        return Blow(Kind.USURPER, now(), f"of one session at {head.last_sequence}",
                    victims={target[0]: head.epoch} if active else {})  # fmt: skip

    # ------------------------------------------------------------ what they stand on

    async def _door(self, fault: Fault) -> Blow | None:
        door = self._world.doors[1]
        victims, at = self._board.active(), now()
        await door.kill()
        await asyncio.sleep(fault.chance)
        await self._world.start_second_door()
        return Blow(Kind.DOOR, at, f"started again after {now() - at:.1f} s", 1, victims, door=1)

    async def _postgres(self, fault: Fault) -> Blow | None:
        victims, at = self._board.active(), now()
        self._world.postgres.kill()
        await asyncio.sleep(3 * fault.chance)
        await self._world.postgres.start()
        ready_at = now()
        return Blow(Kind.POSTGRES, at, f"up again after {ready_at - at:.1f} s", 1, victims, ready_at)

    async def _ray(self, fault: Fault) -> Blow | None:
        """Kill Ray; the server starts it anew, and whoever runs the second door starts that."""
        victims, at = self._board.active(), now()
        first, second = self._world.doors
        self._world.kill_ray()
        await second.kill()
        await _until(lambda: not self._board.actors, CALM_TIMEOUT_S)
        await first.healthy(self._world.http)
        ready_at = now()
        await self._world.start_second_door()
        return Blow(Kind.RAY, at, f"healthy after {ready_at - at:.1f} s", 2, victims, ready_at)

    async def _everything(self, fault: Fault) -> Blow | None:
        victims, at = self._board.active(), now()
        await self._world.kill_everything()
        ready_at = await self._world.start_everything()
        return Blow(Kind.EVERYTHING, at, f"healthy after {ready_at - at:.1f} s", 1, victims, ready_at)

    # ------------------------------------------------------------ wires, clients, models

    async def _cut_database(self, fault: Fault) -> Blow | None:
        victims, at = self._board.active(), now()
        cut = self._world.database_wire.cut()
        return Blow(Kind.DATABASE_CUT, at, f"{cut} connections", victims=victims, ready_at=at)

    async def _slow_database(self, fault: Fault) -> Blow | None:
        at = now()
        self._world.database_wire.delay_s = delay_s = 0.05 + 0.2 * fault.chance
        await asyncio.sleep(3)
        self._world.database_wire.delay_s = 0.0
        return Blow(Kind.DATABASE_SLOW, at, f"{delay_s * 1000:.0f} ms each way for 3 s")

    async def _silence_database(self, fault: Fault) -> Blow | None:
        victims, at = self._board.active(), now()
        silenced = self._world.database_wire.silence()
        return Blow(Kind.DATABASE_SILENT, at, f"{silenced} connections", victims=victims, ready_at=at)

    async def _cut_links(self, fault: Fault) -> Blow | None:
        victims, at = self._board.active(), now()
        door = self._world.doors[int(fault.chance * len(self._world.doors))].process
        cut = sever(door.pid, [actor["pid"] for actor in self._board.of_role("session")]) if door else 0
        return Blow(Kind.LINK_CUT, at, f"{cut} connections", victims=victims, ready_at=at) if cut else None

    async def _cut_clients(self, fault: Fault) -> Blow | None:
        victims, at = self._board.active(), now()
        cut = self._world.client_wire.cut_in_mid_frame()
        return Blow(Kind.CLIENT_CUT, at, f"{cut} connections", victims=victims, door=2)

    async def _nap(self, fault: Fault) -> Blow | None:
        at = now()
        return Blow(Kind.CLIENT_ASLEEP, at, f"for {await self._napping():.0f} s")

    async def _upset_model(self, fault: Fault) -> Blow | None:
        moods = {
            Kind.MODEL_BUSY: Mood.BUSY,
            Kind.MODEL_BREAKS: Mood.BREAKS,
            Kind.MODEL_DRIPS: Mood.DRIPS,
            Kind.MODEL_GARBAGE: Mood.GARBAGE,
            Kind.MODEL_BABBLES: Mood.BABBLES,
        }
        vendor, at = self._world.vendor, now()
        before = len(vendor.requests)
        vendor.mood = moods[fault.kind]
        await asyncio.sleep(MOOD_S)
        await _until(lambda: len(vendor.requests) > before, CALM_TIMEOUT_S)
        vendor.mood = Mood.WELL
        return Blow(fault.kind, at, f"for {now() - at:.0f} s, {len(vendor.requests) - before} requests")


async def _until(is_so: Callable[[], bool], timeout_s: float) -> None:
    deadline = now() + timeout_s
    while not is_so() and now() < deadline:  # noqa: ASYNC110  the board has no events, it is polled itself
        await asyncio.sleep(POLL_S)
