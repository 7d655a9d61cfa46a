"""The supervisor dies and is started again, as by Ray: how long until it can place, and until all doors know again."""

import asyncio
import math
import time
from typing import Final

from loadtests.bench.figure import Aim, Figure, Floor, quantile
from loadtests.cluster.cluster import Cluster

KNOWN: Final = Aim(10.0)


async def measure(cluster: Cluster) -> list[Figure]:
    """Kill it while people listen at all doors."""
    await cluster.watch()
    scale = cluster.plan.scale
    cluster.progress("restart: kill -9 of the supervisor ...")
    await cluster.halls("mark")
    killed_at = await cluster.kill_supervisor()
    await cluster.start_supervisor()
    up_s = time.monotonic() - killed_at
    settled = asyncio.create_task(cluster.halls("settled", scale.patience_s))
    try:
        await cluster.until_ready(scale.patience_s)
        ready_s = time.monotonic() - killed_at
    except TimeoutError:
        ready_s = math.inf
    known = [at - killed_at for hall in await settled for at in hall]
    reading = await cluster.read()
    floor = Floor(up_s, "its process")
    who = f"supervisor killed, {scale.doors} doors x {scale.watched:,}"
    return [
        Figure(f"{who}: ready again", ready_s, "s", floor),
        Figure(f"{who}: every door knows again", max(known), "s", floor, KNOWN),
        Figure(f"{who}: a door knows again p50", quantile(known, 0.5), "s"),
        Figure(f"{who}: CPU of the new one by then", reading.cpu_s, "s"),
        Figure(f"{who}: loop held, longest", reading.held_cpu_ms, "ms"),
        Figure(f"{who}: memory of the new one", reading.memory_bytes / 1e6, "MB"),
    ]
