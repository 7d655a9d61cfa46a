"""At rest: what heartbeats cost the supervisor, and what it remembers."""

import asyncio

from loadtests.bench.figure import Figure
from loadtests.cluster.cluster import Cluster


async def measure(cluster: Cluster) -> list[Figure]:
    """Look at a supervisor of whom nobody asks anything."""
    scale = cluster.plan.scale
    cluster.progress(f"resting: {scale.seconds:.0f} s of heartbeats ...")
    before = await cluster.read()
    await asyncio.sleep(scale.seconds)
    after = await cluster.read()
    share = (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s)
    who = f"at rest, {scale.actors:,} actors, {scale.placed:,} placed"
    return [
        Figure(f"{who}: CPU of the supervisor", share * 100, "% of a core"),
        Figure(f"{who}: memory of the supervisor", after.memory_bytes / 1e6, "MB"),
        Figure(f"{who}: loop held, longest", after.held_cpu_ms, "ms"),
    ]
