"""Events to many readers: all of one session, and each of a session of its own."""

import asyncio
import json
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from loadtests.bench.figure import Aim, Figure, Floor
from loadtests.bench.run import Run, many
from loadtests.bench.talk import SAY, conversations, talk
from loadtests.client import ECHO, Client, Stream
from loadtests.server import beside

OFFERED_PER_S: Final = 40_000  # deltas, by the models of all sessions together
WORDS: Final = 100
DRAIN_S: Final = 20.0
DRAIN_CHECK_S: Final = 0.02
AIM: Final = Aim(20_000)
FAIR: Final = Aim(0.5)


async def measure(run: Run) -> list[Figure]:
    """Let the server and a bare uvicorn feed the same readers."""
    count = run.scale.listeners
    settings = {"PERDURE_HTTP__SSE_PER_SESSION": str(count + 1), "PERDURE_DELTA_INTERVAL_MS": "0"}
    speech = "```sim\n" + json.dumps({"say": "word " * WORDS, "tokens_per_second": OFFERED_PER_S / count}) + "\n```"
    async with (
        beside("loadtests.bench.bare_app") as url,
        Client(url) as bare,
        run.server(settings) as server,
        Client(server.url) as client,
    ):
        run.progress(f"readers: {count} of one session ...")
        floor, _ = await _one_session(bare, count, run.scale.seconds / 2)
        one, fair_one = await _one_session(client, count, run.scale.seconds)
        run.progress(f"readers: of {count} sessions, one each ...")
        floors, _ = await _own_sessions(bare, count, run.scale.seconds / 2, SAY)
        each, fair_each = await _own_sessions(client, count, run.scale.seconds, speech)
    return [
        Figure(f"{count} readers of one session: events", one, "/s", Floor(floor, "bare uvicorn"), AIM,
               is_high_good=True),
        Figure(f"{count} readers of one session: slowest over median", fair_one, "", aim=FAIR, is_high_good=True),
        Figure(f"{count} sessions, a reader each: events", each, "/s", Floor(floors, "bare uvicorn"), AIM,
               is_high_good=True),
        Figure(f"{count} sessions, a reader each: slowest over median", fair_each, "", aim=FAIR, is_high_good=True),
    ]  # fmt: skip


async def _one_session(client: Client, count: int, seconds: float) -> tuple[float, float]:
    """Return events a second until all have everything, and how fair it was when the talking ended."""
    async with conversations(client, 1) as opened:
        session_id, own = opened[0]
        readers: list[Stream] = await many(count, lambda: client.listen(session_id))
        counting = [asyncio.create_task(reader.count()) for reader in readers]
        before, began = own.events, time.perf_counter()
        await talk(client, opened, seconds)
        fair = _fair([reader.events for reader in readers])
        await _drain(readers, own.events - before)
        took = time.perf_counter() - began
        for task, reader in zip(counting, readers, strict=True):
            task.cancel()
            reader.close()
        return sum(reader.events for reader in readers) / took, fair


async def _drain(readers: Sequence[Stream], least: int) -> None:
    """Wait until nothing more comes, each reader having at least what the talker saw but coalesced deltas."""
    deadline, seen = time.perf_counter() + DRAIN_S, -1
    while time.perf_counter() < deadline:
        now = sum(reader.events for reader in readers)
        if now == seen and min(reader.events for reader in readers) >= least * 0.9:
            return
        seen = now
        await asyncio.sleep(DRAIN_CHECK_S)


async def _own_sessions(client: Client, count: int, seconds: float, text: str) -> tuple[float, float]:
    async with conversations(client, count, ECHO) as opened:
        before = {session_id: stream.events for session_id, stream in opened}
        talked = await talk(client, opened, seconds, text)
        events = [stream.events - before[session_id] for session_id, stream in opened]
        return sum(events) / talked.took_s, _fair(events)


def _fair(events: Sequence[int]) -> float:
    return min(events) / (median(events) or 1)
