"""Exceptions that nobody foresaw, in the loops that must not end: whoever meets one ends, and is seen to.

The loops go by the names of docs/crash-windows.md: to a file of that name in the deployment's folder of fail points the
first process that comes by adds its number, and stumbles.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests.chaos.blow import Blow
from loadtests.chaos.board import Board, Row
from loadtests.chaos.checker import Finding, Promise
from loadtests.chaos.door import Door, is_alive
from loadtests.chaos.plan import Fault, Kind
from loadtests.chaos.witness import now
from loadtests.chaos.world import World

OF_ACTORS: Final = ("loop.journal", "loop.sweep", "loop.models", "loop.breakers", "loop.turnstile")
OF_SUPERVISOR: Final = ("loop.upkeep", "loop.nodes", "loop.leases", "loop.claim", "loop.tending")
OF_DOORS: Final = ("loop.follower", "loop.link")
TENDING: Final = "loop.tending"  # a turn of it is an actor's death
EXIT_CODE: Final = 70
TURN_S: Final = 60.0  # in which each loop comes by, on a machine that does much else
END_S: Final = 10.0
POLL_S: Final = 0.02

Kill = Callable[[Fault], Awaitable[Blow | None]]
Probe = Callable[[], Coroutine[Any, Any, float]]


class Stumbles:
    """`kill` ends a session actor; `probe` opens a session, speaks to it and returns the seconds to its answer."""

    def __init__(self, world: World, board: Board, kill: Kill, probe: Probe) -> None:
        self._world = world
        self._board = board
        self._kill = kill
        self._probe = probe

    async def inside(self, fault: Fault) -> Blow | None:
        """Have a session actor or the supervisor stumble; the deployment itself sees to it that it is replaced."""
        loop = _choice(fault, (*OF_ACTORS, *OF_SUPERVISOR))
        role = "session" if loop in OF_ACTORS else "supervisor"
        blow = Blow(Kind.STUMBLE, now(), loop)
        file = self._arm(loop)
        if loop == TENDING:
            killed = await self._kill(fault)
            if killed is None:
                file.unlink(missing_ok=True)
                return None
            blow.kills, blow.victims = killed.kills, killed.victims
        rows = await self._passed(loop, blow)
        if not blow.findings:
            await self._end(self._taker(loop), rows, blow)
        if role == "supervisor":
            blow.probe_s = await self._probe()
        return blow

    async def at_the_door(self, fault: Fault) -> Blow:
        """Have a front door stumble; whoever runs the server starts it again, as after a kill."""
        loop = _choice(fault, OF_DOORS)
        blow = Blow(Kind.DOOR_STUMBLE, now(), loop)
        self._arm(loop)
        asking = asyncio.create_task(self._probe())  # so that a session is placed, and something is said about it
        try:
            await self._passed(loop, blow)
            if not blow.findings:
                await self._start_again(blow)
            blow.probe_s = await asking
        finally:
            asking.cancel()
        return blow

    def _arm(self, loop: str) -> Path:
        file = self._world.fail_points / loop
        file.touch()
        return file

    async def _passed(self, loop: str, blow: Blow) -> dict[str, Row]:
        """Wait until a process came by; return where sessions lived a moment before."""
        file = self._world.fail_points / loop
        rows = self._board.rows
        while file.exists():
            rows = dict(self._board.rows)
            if now() > blow.at + TURN_S:
                file.unlink(missing_ok=True)
                blow.findings.append(Finding(Promise.LOOP_OVER, "-", f"{loop} did not turn within {TURN_S:.0f} s"))
                break
            await asyncio.sleep(POLL_S)
        if not blow.victims:
            blow.at = now()
        return rows

    def _taker(self, loop: str) -> int:
        """Return the number of the process that came by, and clear its mark away."""
        (mark,) = self._world.fail_points.glob(f"{loop}.*")
        mark.unlink()
        return int(mark.suffix[1:])

    async def _end(self, pid: int, rows: dict[str, Row], blow: Blow) -> None:
        """See whoever stumbled end."""
        while _is_running(pid):
            if now() > blow.at + END_S:
                blow.findings.append(_lived_on(blow.detail))
                return
            await asyncio.sleep(POLL_S)
        blow.kills += 1
        name = self._board.name_of(pid)
        blow.victims |= {s: row.epoch for s, row in rows.items() if row.actor == name and row.status == "active"}

    async def _start_again(self, blow: Blow) -> None:
        blow.victims = self._board.active()
        first, second = self._world.doors
        while not (over := [door for door in (first, second) if door.is_over]):
            if now() > blow.at + END_S:
                blow.findings.append(_lived_on(blow.detail))
                return
            await asyncio.sleep(POLL_S)
        blow.kills = 1
        if (code := _code_of(over[0])) != EXIT_CODE:
            blow.findings.append(Finding(Promise.LOOP_OVER, "-", f"{over[0].name} ended with {code} at {blow.detail}"))
        await second.kill()
        if over[0] is first:
            await self._world.start_first_door()
            blow.ready_at = now()
        else:
            blow.door = 1
        await self._world.start_second_door()
        blow.detail += f" of {over[0].name}, which ended with {code} and was up again after {now() - blow.at:.1f} s"


def _choice(fault: Fault, loops: tuple[str, ...]) -> str:
    return loops[int(fault.chance * len(loops))]


def _is_running(pid: int) -> bool:
    try:
        return is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _code_of(door: Door) -> int | None:
    return door.process.returncode if door.process is not None else None


def _lived_on(loop: str) -> Finding:
    return Finding(Promise.LOOP_OVER, "-", f"whoever met an exception in {loop} lives on {END_S:.0f} s later")
