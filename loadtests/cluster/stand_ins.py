"""A process of stand-ins for session actors: each takes connections and has a heart, and none runs a session.

python -m loadtests.cluster.stand_ins PLAN NUMBER
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from typing import Final

from actors.connection import Connection, Reception
from actors.session import Started
from loadtests.cluster.line import listen
from loadtests.cluster.plan import Plan, actor_name
from loadtests.cluster.played_ray import COMPANY_SOCKET
from loadtests.cluster.process import play
from runtime.process.settings import ActorSettings
from runtime.wire.codec import ADOPTIONS
from runtime.wire.protocol import Adoption, Vitals

BEATS: Final = 50  # times in a heartbeat's interval at which some of the hearts beat, so that not all do at once
RSS_BYTES: Final = 150 << 20
STRANGER_PID: Final = 0  # nobody's: no stand-in is killed by number


class StandIn:
    """A session actor, as far as the supervisor can see."""

    def __init__(self, name: str, node_id: str, company: "Company") -> None:
        self.node_id = node_id
        self._name = name
        self._company = company
        self._reception = Reception(self._obey)
        self._connections: set[Connection] = set()
        self.port = 0

    async def start(self) -> Started:
        """Take connections, on a port of its own."""
        address = await self._reception.open("127.0.0.1")
        self.port = address.port
        return Started(self._name, self.node_id, STRANGER_PID, address)

    async def _obey(self, _caller: str, connection: Connection) -> None:
        self._connections.add(connection)
        async for adoptions in connection.batches(ADOPTIONS):
            self._company.heard(adoptions)
            await connection.send([Vitals(RSS_BYTES, tuple(adoption.session_id for adoption in adoptions))])
        self._connections.discard(connection)

    async def beat(self) -> None:
        """Give a sign of life."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                await connection.send([Vitals(RSS_BYTES)])

    def end(self) -> None:
        """Die, so that everybody sees it."""
        self._reception.close()
        for connection in self._connections:
            connection.close()


class Company:
    """All stand-ins of a process."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._actors: dict[str, StandIn] = {}
        self._adopted: dict[str, float] = {}  # sessions, and when they were last handed over: the system's own clock
        self._started: dict[str, asyncio.Task[Started]] = {}
        nodes = {actor_name(a): plan.node_of(a) for a in range(plan.scale.actors)}
        for name, node_id in nodes.items():
            if plan.company_of(node_id) == number:
                self._actors[name] = StandIn(name, node_id, self)

    # ------------------------------------------------------------ what the supervisor asks, by Ray

    async def start(self, name: str, node_id: str) -> Started:
        """Return where an actor is; it is made if it is new."""
        if name not in self._started:
            actor = self._actors.setdefault(name, StandIn(name, node_id, self))
            self._started[name] = asyncio.create_task(actor.start())
        return await self._started[name]

    async def close(self, name: str, _node_id: str) -> None:
        """End one."""
        if name in self._actors:
            self._actors.pop(name).end()

    async def drain(self, name: str, node_id: str, _timeout_s: float) -> None:
        """End one: nothing runs here that could come to rest."""
        await self.close(name, node_id)

    async def forget(self, _name: str, _node_id: str, _front_door: str) -> None:
        """Hear that a front door has died."""

    async def living(self) -> dict[str, str]:
        """Return the node of each actor."""
        return {name: actor.node_id for name, actor in self._actors.items()}

    # ------------------------------------------------------------ what the benchmark asks

    async def end_node(self, node_id: str) -> tuple[float, list[int]]:
        """Have all actors of a node hang up; return when, and the ports on which they are no more.

        What was handed over before is forgotten.
        """
        self._adopted.clear()
        dying = [name for name, actor in self._actors.items() if actor.node_id == node_id]
        began = time.monotonic()
        ports = [self._actors[name].port for name in dying]
        for name in dying:
            self._actors.pop(name).end()
        return began, ports

    async def adopted(self) -> dict[str, float]:
        """Return which sessions were handed over, and when."""
        return self._adopted

    def heard(self, adoptions: Sequence[Adoption]) -> None:
        """Hear of sessions that one of them is to bring to life."""
        now = time.monotonic()
        self._adopted.update((adoption.session_id, now) for adoption in adoptions)

    async def live(self) -> None:
        """Have all hearts beat, for ever."""
        pause_s = ActorSettings().heartbeat_interval_s / BEATS
        at = time.monotonic()
        while True:
            for share in range(BEATS):
                for actor in list(self._actors.values())[share::BEATS]:
                    await actor.beat()
                at += pause_s
                await asyncio.sleep(max(0.0, at - time.monotonic()))


async def main(plan: Plan, number: int) -> None:
    """Play."""
    company = Company(plan, number)
    calls = await listen(plan.socket(COMPANY_SOCKET.format(number)), company)
    await asyncio.gather(calls.serve_forever(), company.live())


if __name__ == "__main__":
    play(main(Plan.read(sys.argv[1]), int(sys.argv[2])))
