"""What people read, over HTTP, from one front door."""

import asyncio
import time
from collections import Counter
from statistics import median
from typing import Final

import aiohttp

from loadtests.bench.figure import Aim, Figure, quantile
from loadtests.cluster.cluster import Cluster
from loadtests.cluster.plan import Plan, agent_id, session_id
from loadtests.cluster.rows import RARE
from loadtests.server import free_port

P95: Final = Aim(50)
PAGE: Final = 50
OK: Final = 200
MOST_S: Final = 10.0  # for all requests of a kind; the slow ones are fewer
POLL_S: Final = 0.1


async def measure(cluster: Cluster) -> list[Figure]:
    """Read everything again and again, one request at a time."""
    port = free_port()
    await cluster.launch("front-door", "front_door", str(port))
    timeout = aiohttp.ClientTimeout(cluster.plan.scale.patience_s)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as http:
        await _until_healthy(http, cluster)
        reads = [await _read(cluster, http, what, paths) for what, paths in _reads(cluster.plan).items()]
    return [figure for figures in reads for figure in figures]


async def _until_healthy(http: aiohttp.ClientSession, cluster: Cluster) -> None:
    async with asyncio.timeout(cluster.plan.scale.patience_s):
        while True:
            try:
                async with http.get("/health") as response:
                    if response.ok:
                        return
            except aiohttp.ClientConnectionError:
                cluster.check()
            await asyncio.sleep(POLL_S)


def _reads(plan: Plan) -> dict[str, list[str]]:
    """Return what is read, by what it is called."""
    scale, page = plan.scale, f"/api/v1/sessions?limit={PAGE}"
    placed = [session_id(number * scale.placed // scale.reads) for number in range(scale.reads)]
    return {
        "sessions, first page": [page],
        "sessions of an agent": [f"{page}&agent_id={agent_id(1)}"],
        "sessions, a frequent word": [f"{page}&search=parcel"],
        "sessions, a rare word": [f"{page}&search={RARE.replace(' ', '+')}"],
        "sessions, a deep page": [f"{page}&offset={scale.sessions // 10}"],
        "a session": [f"/api/v1/sessions/{session}" for session in placed],
        "who holds a session": [f"/api/v1/durable/sessions/{session}" for session in placed],
        "all actors": ["/api/v1/durable/actors"],
        "health": ["/health"],
    }


async def _read(cluster: Cluster, http: aiohttp.ClientSession, what: str, paths: list[str]) -> list[Figure]:
    cluster.progress(f"reads: {what} ...")
    took, answers = list[float](), Counter[int]()
    deadline = time.monotonic() + MOST_S
    while len(took) < cluster.plan.scale.reads and time.monotonic() < deadline:
        began = time.perf_counter()
        async with http.get(paths[len(took) % len(paths)]) as response:
            await response.read()
        took.append((time.perf_counter() - began) * 1000)
        answers[response.status] += 1
    figures = [Figure(f"{what}: p95", quantile(took, 0.95), "ms", aim=P95), Figure(f"{what}: p50", median(took), "ms")]
    refused = len(took) - answers[OK]
    return [*figures, Figure(f"{what}: refused", refused / len(took) * 100, "%", aim=Aim(0))] if refused else figures
