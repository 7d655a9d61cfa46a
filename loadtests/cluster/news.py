"""News of placements: sessions come to rest and live nowhere, and whoever listens to them must hear of it."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from loadtests.bench.figure import Aim, Figure
from loadtests.cluster.cluster import Cluster
from loadtests.cluster.plan import session_id
from runtime.wire.protocol import Departure

TOGETHER: Final = 20  # sessions that an actor lets go at a time
ACTORS_AT_ONCE: Final = 50
FIRST_EPOCH: Final = 1


async def measure(cluster: Cluster) -> list[Figure]:
    """Let sessions go, and wait until every door has heard what concerns it."""
    await cluster.watch()
    scale = cluster.plan.scale
    gone = list(islice(_at_rest(cluster), scale.changes))
    who = f"news, {scale.doors} doors x {scale.watched:,}"
    cluster.progress(f"news: {len(gone):,} sessions come to rest ...")
    await cluster.halls("expect", gone)
    await cluster.read()
    began = time.monotonic()
    calls = iter(range(0, len(gone), TOGETHER))
    await asyncio.gather(*(_let_go(cluster, gone, calls) for _ in range(ACTORS_AT_ONCE)))
    heard = await cluster.halls("news", scale.patience_s)
    reading = await cluster.read()
    took_s = max(at for at, _ in heard) - began
    return [
        Figure(f"{who}: changes told", len(gone) / took_s, "/s", is_high_good=True),
        Figure(f"{who}: told to doors that they do not concern", sum(s for _, s in heard), "", aim=Aim(0)),
        Figure(f"{who}: loop held, longest", reading.held_cpu_ms, "ms"),
    ]


def _at_rest(cluster: Cluster) -> Iterator[int]:
    """Yield sessions at rest in actors that live, from all over the cluster."""
    plan = cluster.plan
    placed = range(plan.dying, plan.scale.placed)
    stride = max(1, len(placed) // (2 * plan.scale.changes))
    return (number for start in range(stride) for number in placed[start::stride] if not plan.is_in_turn(number))


async def _let_go(cluster: Cluster, gone: list[int], calls: Iterator[int]) -> None:
    for start in calls:
        together = gone[start : start + TOGETHER]
        departures = [Departure(session_id(number), FIRST_EPOCH, has_failed=False) for number in together]
        await cluster.supervisor.leave.remote(departures)
