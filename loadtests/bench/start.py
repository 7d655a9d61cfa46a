"""From the command to the first reply, and what a server takes that has nothing to do."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from loadtests.bench.figure import Aim, Figure, Floor
from loadtests.bench.run import Run, conversation
from loadtests.client import Client
from loadtests.floors import RayAlone
from loadtests.server import OURS, Server

BEYOND_RAY_S: Final = 3.0
SETTLE_S: Final = 8.0  # a standby comes up in place of the one that has answered
IDLE_S: Final = 10.0
PERCENT: Final = "% of a core"
BARE: Final = "bare Ray processes"


async def measure(run: Run) -> list[Figure]:
    """Start, say hello, then leave it alone."""
    ray = await run.ray()
    run.progress("start: perdure serve ...")
    async with run.server() as server, Client(server.url) as client:
        healthy_s = time.perf_counter() - server.started_at
        reply_s = await _first_reply(server, client)
        run.progress(f"idle: {IDLE_S:g} s ...")
        await asyncio.sleep(SETTLE_S)
        before, began = await server.usage(), time.perf_counter()
        await asyncio.sleep(IDLE_S)
        after, took = await server.usage(), time.perf_counter() - began
    alone = Floor(ray.start_s, "Ray alone")
    return [
        Figure("start to healthy", healthy_s, "s", alone),
        Figure("start to first reply", reply_s, "s", alone, Aim(ray.start_s + BEYOND_RAY_S)),
        *_idle({kind: used / took for kind, used in after.cpu_since(before).items()}, after.memory_bytes, ray),
    ]


async def _first_reply(server: Server, client: Client) -> float:
    session_id, stream = await conversation(client)
    await client.turn(session_id, stream, "Hello")
    took = time.perf_counter() - server.started_at
    stream.close()
    await client.delete(f"/api/v1/sessions/{session_id}")
    return took


def _idle(cpu: Mapping[str, float], memory: Mapping[str, int], ray: RayAlone) -> list[Figure]:
    rows = [
        Figure(
            "idle: CPU of its own processes", _own(cpu) * 100, PERCENT, Floor(_own(ray.idle_cpu) * 100, BARE), Aim(2)
        ),
        Figure(
            "idle: memory of its own", _own(memory) / 1e6, "MB", Floor(_own(ray.memory_bytes) / 1e6, BARE), Aim(500)
        ),
    ]
    for kind in sorted(cpu):
        floors = (ray.idle_cpu[kind] * 100, ray.memory_bytes[kind] / 1e6) if kind in ray.memory_bytes else None
        processor, size = (Floor(floor, BARE) for floor in floors) if floors else (None, None)
        rows.append(Figure(f"idle: CPU of {kind}", cpu[kind] * 100, PERCENT, processor))
        rows.append(Figure(f"idle: memory of {kind}", memory[kind] / 1e6, "MB", size))
    return rows


def _own(used: Mapping[str, float]) -> float:
    return sum(used.get(kind, 0.0) for kind in OURS)
