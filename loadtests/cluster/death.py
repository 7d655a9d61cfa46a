"""A node dies: all its actors hang up at once, and their sessions must go on elsewhere."""

import asyncio
import math
import time
from statistics import median
from typing import Final

from loadtests.bench.figure import Aim, Figure
from loadtests.cluster.cluster import Cluster
from loadtests.cluster.placing import HELD
from loadtests.cluster.plan import session_id

POLL_S: Final = 0.1
TAKEOVER: Final = Aim(1.0)


async def measure(cluster: Cluster) -> list[Figure]:
    """End the first node, on which every session is in a turn."""
    plan = cluster.plan
    orphans = {session_id(number) for number in range(plan.dying)}
    node_id = plan.node_of(0)
    actors = sum(plan.node_of(actor) == node_id for actor in range(plan.scale.actors))
    who = f"node of {actors} actors dies, {len(orphans):,} turns"
    cluster.progress(f"death: {who} ...")
    await cluster.read()
    ended = await cluster.companies("end_node", node_id)
    began = min(at for at, ports in ended if ports)
    await cluster.halls("hang_up", [port for _, ports in ended for port in ports])
    adopted = await _adopted(cluster, orphans)
    reading = await cluster.read()
    took = [adopted.get(session, math.inf) - began for session in orphans]
    return [
        Figure(f"{who}: last handed over", max(took), "s", aim=TAKEOVER),
        Figure(f"{who}: handed over p50", median(took), "s"),
        Figure(f"{who}: loop held, longest", reading.held_cpu_ms, "ms", aim=HELD),
    ]


async def _adopted(cluster: Cluster, orphans: set[str]) -> dict[str, float]:
    """Wait until all are adopted, or patience is at its end; return when each was."""
    deadline = time.monotonic() + cluster.plan.scale.patience_s
    while True:
        adopted = {s: at for heard in await cluster.companies("adopted") for s, at in heard.items() if s in orphans}
        if len(adopted) == len(orphans) or time.monotonic() > deadline:
            return adopted
        await asyncio.sleep(POLL_S)
