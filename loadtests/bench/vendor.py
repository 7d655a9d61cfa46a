"""The plain turn through a real vendor's protocol, beside the simulated model and beside pydantic-ai alone."""

import asyncio
import os
import time
from statistics import mean, median
from typing import Final

from loadtests.bench.figure import Aim, Figure, Floor
from loadtests.bench.run import Run, conversation, many
from loadtests.bench.talk import SAY, Talk
from loadtests.client import LOREM, Client, Stream, Turn
from loadtests.server import Server, beside, told

USERS: Final = 64
TURNS: Final = 10  # of a conversation, which the vendor is told anew each time
ROUNDS: Final = 3
VENDOR: Final = "openai_completions:gpt-4.1-mini"
MODELS: Final = {"endpoint": VENDOR, "simulated": LOREM}


async def measure(run: Run) -> list[Figure]:
    """Hold conversations with both models by turns, so that both see the same machine."""
    async with beside("loadtests.bench.endpoint") as url:
        run.progress("vendor: a streamed call of pydantic-ai alone ...")
        # On every core, and as many conversations at once as the server has: both make a call dearer.
        cores = os.cpu_count() or 1
        alone = (
            told("loadtests.bench.pydantic_ai_alone", url, str(TURNS), str(max(1, USERS // cores)))
            for _ in range(cores)
        )
        alone_s = mean(float(printed.splitlines()[-1]) for printed in await asyncio.gather(*alone))
        settings = {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": f"{url}/v1"}
        async with run.server(settings) as server, Client(server.url) as client:
            run.progress(f"vendor: {USERS} sessions through an OpenAI endpoint, and simulated ...")
            spoken: dict[str, list[Talk]] = {kind: [] for kind in MODELS}
            cpu_ms: dict[str, list[float]] = {kind: [] for kind in MODELS}
            for number in range(ROUNDS + 1):
                for kind, model in MODELS.items():
                    talked, cost_ms = await _converse(server, client, model)
                    if number > 0:  # the first one warms up
                        spoken[kind].append(talked)
                        cpu_ms[kind].append(cost_ms)
    return _figures(spoken, {kind: median(costs) for kind, costs in cpu_ms.items()}, alone_s * 1000)


async def _converse(server: Server, client: Client, model: str) -> tuple[Talk, float]:
    """Return the turns of some new sessions, and the milliseconds of CPU of all server processes for each turn."""
    opened = await many(USERS, lambda: conversation(client, model))
    before, began = await server.usage(), time.perf_counter()
    turns = await asyncio.gather(*(_user(client, session_id, stream) for session_id, stream in opened))
    took = time.perf_counter() - began
    used = (await server.usage()).cpu_since(before)
    for _, stream in opened:
        stream.close()
    talked = Talk([turn for each in turns for turn in each], took)
    return talked, sum(used.values()) * 1000 / len(talked.turns)


async def _user(client: Client, session_id: str, stream: Stream) -> list[Turn]:
    return [await client.turn(session_id, stream, SAY) for _ in range(TURNS)]


def _figures(spoken: dict[str, list[Talk]], cpu_ms: dict[str, float], alone_ms: float) -> list[Figure]:
    rates = {kind: median(talked.per_s for talked in talks) for kind, talks in spoken.items()}
    ends = {kind: [end for talked in talks for end in talked.ends_ms] for kind, talks in spoken.items()}
    alone = Floor(alone_ms, "pydantic-ai alone")
    return [
        Figure("vendor endpoint: CPU per turn, all processes", cpu_ms["endpoint"], "ms", alone,
               Aim(1.3, of_ratio=True)),
        Figure("vendor endpoint: CPU per turn beyond the simulated model's",
               cpu_ms["endpoint"] - cpu_ms["simulated"], "ms", alone),
        Figure("simulated model: CPU per turn, all processes", cpu_ms["simulated"], "ms"),
        Figure(f"vendor endpoint, {USERS} sessions: turns", rates["endpoint"], "/s",
               Floor(rates["simulated"], "simulated model"), is_high_good=True),
        Figure(f"vendor endpoint, {USERS} sessions: turn end p50", median(ends["endpoint"]), "ms",
               Floor(median(ends["simulated"]), "simulated model")),
    ]  # fmt: skip
