"""What people read, over HTTP, from one front door."""

import asyncio
import time
from collections import Counter
from statistics import median
from typing import Final, NamedTuple

import aiohttp

from loadtests.bench.figure import Aim, Figure, quantile
from loadtests.cluster.cluster import Cluster
from loadtests.cluster.plan import Plan, agent_id, session_id
from loadtests.ports import free_port

P95: Final = Aim(50)
PAGE: Final = 50
OK: Final = 200
MOST_S: Final = 10.0  # for all requests of a kind; the slow ones are fewer
POLL_S: Final = 0.1
TOLD_CHARS: Final = 500


class Read(NamedTuple):
    """Requests that are sent in turn, and what an answer must hold: one that is quick and wrong is no figure."""

    paths: list[str]
    finds: str


async def measure(cluster: Cluster) -> list[Figure]:
    """Read everything again and again, one request at a time."""
    port = free_port()
    await cluster.launch("front-door", "front_door", str(port))
    timeout = aiohttp.ClientTimeout(cluster.plan.scale.patience_s)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as http:
        await _until_healthy(http, cluster)
        reads = [await _read(cluster, http, what, read) for what, read in _reads(cluster.plan).items()]
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


def _reads(plan: Plan) -> dict[str, Read]:
    """Return what is read, by what it is called."""
    scale, page = plan.scale, f"/api/v1/sessions?limit={PAGE}"
    placed = [session_id(number * scale.placed // scale.reads) for number in range(scale.reads)]
    deep = scale.sessions // 10
    return {
        "sessions, first page": Read([page], session_id(0)),
        "sessions of an agent": Read([f"{page}&agent_id={agent_id(1)}"], agent_id(1)),
        "sessions, a frequent word": Read([f"{page}&search=parcel"], session_id(0)),
        "sessions, a rare word": Read([f"{page}&search=haystack"], session_id(scale.sessions // 2)),
        "sessions, a deep page": Read([f"{page}&after_id={session_id(deep)}"], session_id(deep + 1)),
        "a session": Read([f"/api/v1/sessions/{session}" for session in placed], "session_"),
        "who holds a session": Read([f"/api/v1/durable/sessions/{session}" for session in placed], "session_"),
        "a page of actors": Read(["/api/v1/durable/actors"], "next_url"),
        "health": Read(["/health"], ""),
    }


async def _read(cluster: Cluster, http: aiohttp.ClientSession, what: str, read: Read) -> list[Figure]:
    cluster.progress(f"reads: {what} ...")
    took, answers = list[float](), Counter[int]()
    deadline = time.monotonic() + MOST_S
    while len(took) < cluster.plan.scale.reads and time.monotonic() < deadline:
        began = time.perf_counter()
        async with http.get(read.paths[len(took) % len(read.paths)]) as response:
            answer = await response.text()
        took.append((time.perf_counter() - began) * 1000)
        answers[response.status] += 1
        if response.ok and read.finds not in answer:
            message = f"{response.url} does not find {read.finds}: {answer[:TOLD_CHARS]}"
            raise RuntimeError(message)
    figures = [Figure(f"{what}: p95", quantile(took, 0.95), "ms", aim=P95), Figure(f"{what}: p50", median(took), "ms")]
    refused = len(took) - answers[OK]
    return [*figures, Figure(f"{what}: refused", refused / len(took) * 100, "%", aim=Aim(0))] if refused else figures
