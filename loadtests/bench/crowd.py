"""Many at once: turns that are all in the model, and sessions that rest in memory."""

import asyncio
import json
import time
from statistics import median
from typing import Final

from loadtests.bench.figure import Aim, Figure, quantile
from loadtests.bench.run import Conversation, Run, conversation, many
from loadtests.client import ECHO, Client, Turn
from loadtests.server import Server

WORDS: Final = 20
WORDS_PER_S: Final = 2.0
SPEECH_S: Final = (WORDS - 1) / WORDS_PER_S  # from the first word to the last
SLOW: Final = "```sim\n" + json.dumps({"say": "word " * WORDS, "tokens_per_second": WORDS_PER_S}) + "\n```"
ARRIVALS_S: Final = 8.0  # all have begun before the first one ends
ACTORS: Final = 4
STEADY_S: Final = 3.0
TURNS_AT_ONCE: Final = 32


async def in_flight(run: Run) -> list[Figure]:
    """Have turns in the model all at once, each streaming for ten seconds to a client."""
    count = run.scale.in_flight
    async with run.server() as server, Client(server.url) as client:
        run.progress(f"in flight: opening {count} sessions ...")
        opened = await many(count, lambda: conversation(client, ECHO))
        run.progress(f"in flight: {count} turns at once, each {SPEECH_S:g} s in the model ...")
        peak = asyncio.create_task(_own_bytes_at_peak(server))
        turns = await asyncio.gather(*(_late(client, each, n / count * ARRIVALS_S) for n, each in enumerate(opened)))
        for _, stream in opened:
            stream.close()
        own, whole = await peak
    first = [turn.first_s * 1000 for turn in turns]
    added = [(turn.end_s - SPEECH_S) * 1000 for turn in turns]
    name = f"{count} turns in flight"
    return [
        Figure(f"{name}: first token p50", median(first), "ms"),
        Figure(f"{name}: first token p99", quantile(first, 0.99), "ms", aim=Aim(1000)),
        Figure(f"{name}: added to turn end p50", median(added), "ms"),
        Figure(f"{name}: added to turn end p99", quantile(added, 0.99), "ms", aim=Aim(1000)),
        Figure(f"{name}: memory of its own", own / 1e6, "MB"),
        Figure(f"{name}: memory in all, Ray and Postgres included", whole / 1e6, "MB", aim=Aim(4000)),
    ]


async def _late(client: Client, opened: Conversation, delay_s: float) -> Turn:
    await asyncio.sleep(delay_s)
    return await client.turn(*opened, SLOW)


async def _own_bytes_at_peak(server: Server) -> tuple[int, int]:
    await asyncio.sleep(ARRIVALS_S)
    usage = await server.usage()
    return usage.own_bytes, sum(usage.memory_bytes.values())


async def resting(run: Run) -> list[Figure]:
    """Keep sessions in memory that have said something and rest. The pool of actors is full before they come."""
    count = run.scale.resting
    settings = {"PERDURE_ACTORS__MAX_ACTORS": str(ACTORS), "PERDURE_ACTORS__IDLE_PASSIVATE_S": "86400"}
    async with run.server(settings) as server, Client(server.url) as client:
        run.progress(f"resting: {count} sessions, one turn each ...")
        for _ in range(ACTORS):
            await many(ACTORS * TURNS_AT_ONCE, lambda: _one_turn(client), TURNS_AT_ONCE)
            await asyncio.sleep(STEADY_S)
        before = await server.usage()
        began = time.perf_counter()
        await many(count, lambda: _one_turn(client), TURNS_AT_ONCE)
        took = time.perf_counter() - began
        await asyncio.sleep(STEADY_S)
        after = await server.usage()
        actors = (await client.get("/api/v1/durable/actors"))["data"]
    live = sum(actor["sessions"] for actor in actors if actor["role"] == "session")
    return [
        Figure(f"{count} sessions at rest: memory of each", (after.own_bytes - before.own_bytes) / count / 1e3, "KB",
               aim=Aim(60)),
        Figure(f"{count} sessions at rest: in memory", live, "sessions", aim=Aim(count), is_high_good=True),
        Figure(f"{count} sessions at rest: opened and answered", count / took, "/s", is_high_good=True),
    ]  # fmt: skip


async def _one_turn(client: Client) -> None:
    session_id, stream = await conversation(client)
    await client.turn(session_id, stream, "Say something")
    stream.close()
