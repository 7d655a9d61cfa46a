"""Choosing a place: sessions at rest, for which all doors ask at once."""

import math
import time
from statistics import median
from typing import Final

from loadtests.bench.figure import Aim, Figure, quantile
from loadtests.cluster.cluster import Cluster

HELD: Final = Aim(20)
RATE: Final = Aim(5_000)
FEW: Final = 4


async def measure(cluster: Cluster) -> list[Figure]:
    """Ask for few sessions at a time, then for many."""
    scale = cluster.plan.scale
    many = max(1, scale.asked // scale.doors)
    return [figure for at_once in (FEW, many) for figure in await _ask(cluster, at_once)]


async def _ask(cluster: Cluster, at_once: int) -> list[Figure]:
    scale = cluster.plan.scale
    who = f"{scale.doors} doors x {at_once} at a time"
    cluster.progress(f"placing: {who} ...")
    asked = cluster.unasked(scale.asked)
    await cluster.read()
    began = time.monotonic()
    answered = await cluster.halls("ask", asked.start, asked.stop, at_once)
    took = [ms for _, one in answered for ms in one]
    reading = await cluster.read()
    rate = sum(map(math.isfinite, took)) / (max(ended for ended, _ in answered) - began)
    return [
        Figure(f"{who}: placements", rate, "/s", aim=RATE, is_high_good=True),
        Figure(f"{who}: loop held, longest", reading.held_cpu_ms, "ms", aim=HELD),
        Figure(f"{who}: placed p50", median(took), "ms"),
        Figure(f"{who}: placed p99", quantile(took, 0.99), "ms"),
    ]
