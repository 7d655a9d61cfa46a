"""`kill -9` of a session's actor in the middle of its reply: how long its reader waits for the next event."""

import asyncio
import json
import os
import signal
import time
from statistics import median
from typing import Final

from loadtests.bench.figure import Aim, Figure, Floor, quantile
from loadtests.bench.run import Run
from loadtests.client import ECHO, FIRST, Client, Stream

SLOW: Final = "```sim\n" + json.dumps({"say": "word " * 40, "tokens_per_second": 20}) + "\n```"
POLL_S: Final = 0.1
QUIET_S: Final = 0.01


async def measure(run: Run) -> list[Figure]:
    """Kill again and again."""
    floor = Floor((await run.ray()).call_s * 4000, "4 calls")
    async with run.server() as server, Client(server.url) as client:
        run.progress(f"kills: {run.scale.kills} times kill -9 of a session's actor in mid-stream ...")
        gaps = [await _kill(client) * 1000 for _ in range(run.scale.kills)]
    return [
        Figure("kill -9 to next event p50", median(gaps), "ms", floor, Aim(100)),
        Figure("kill -9 to next event p90", quantile(gaps, 0.90), "ms"),
        Figure("kill -9 to next event p99", quantile(gaps, 0.99), "ms", aim=Aim(500)),
    ]


async def _kill(client: Client) -> float:
    await _until_warm(client)
    session_id = await client.open_session(ECHO)
    stream = await client.listen(session_id)
    await client.say(session_id, SLOW)
    await stream.until(FIRST)
    actor = (await client.get(f"/api/v1/durable/sessions/{session_id}"))["actor"]
    while not await _is_quiet(stream):
        pass
    os.kill(actor["pid"], signal.SIGKILL)
    killed = time.perf_counter()
    back, _ = await stream.until("reason.recovered")
    stream.close()
    await client.delete(f"/api/v1/sessions/{session_id}")
    return back - killed


async def _until_warm(client: Client) -> None:
    """Wait until two actors are empty, one to be killed and one to take over: what is measured is the takeover."""
    while True:
        actors = (await client.get("/api/v1/durable/actors"))["data"]
        if sum(actor["state"] == "standby" for actor in actors) > 1:
            return
        await asyncio.sleep(POLL_S)


async def _is_quiet(stream: Stream) -> bool:
    """Read what has come, so that the next event is the one after the kill."""
    try:
        async with asyncio.timeout(QUIET_S):
            await stream.until(FIRST)
    except TimeoutError:
        return True
    return False
