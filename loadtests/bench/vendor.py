"""Turns through the vendors' real protocols, whose endpoint answers at once, beside the same calls alone."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from statistics import mean, median
from typing import Final, NamedTuple

from loadtests.bench.call_alone import KEY
from loadtests.bench.endpoint import MODELS, PROVIDERS, SLOW_S
from loadtests.bench.figure import Aim, Figure, Floor, quantile
from loadtests.bench.run import Conversation, Run, conversation, many
from loadtests.bench.talk import SAY, Talk
from loadtests.client import LOREM, Client, Turn
from loadtests.protocols import environment
from loadtests.server import Server, beside, told

NAMES: Final = {
    "responses": "OpenAI Responses",
    "chat": "Chat Completions",
    "anthropic": "Anthropic Messages",
    "gemini": "Gemini",
}
ROUNDS: Final = {1: 20, 8: 6, 64: 3}  # conversations of each user, by sessions at once
TURNS: Final = 10  # of a conversation
LONG: Final = 200  # turns
SETTLE_S: Final = 8.0  # a standby comes up in place of one that has answered
RATE_AIMS: Final = {1: Aim(80), 8: Aim(220), 64: Aim(400)}
FIRST_AIMS: Final = {1: Aim(8), 64: Aim(100)}


class Spoken(NamedTuple):
    """What was said, and the milliseconds of CPU that all server processes together took for each turn."""

    talk: Talk
    cpu_ms: float


class Alone(NamedTuple):
    """Milliseconds of CPU of one call, by protocol: through our port, with pydantic-ai, with aiohttp and msgspec."""

    lean: dict[str, float]
    pydantic_ai: dict[str, float]
    bare: dict[str, float]


async def measure(run: Run) -> list[Figure]:
    """Measure calls alone, then whole turns in each protocol."""
    figures: list[Figure] = []
    async with beside("loadtests.bench.endpoint") as url:
        run.progress("vendor: calls alone ...")
        alone = Alone(*[await _alone(way, url) for way in ("lean", "pydantic-ai", "bare")])
        figures += await _long(url)
        run.progress("vendor: a start without keys, and with ...")
        async with run.server() as plain, Client(plain.url) as client:
            without = await _at_rest(plain, client, [LOREM] * len(NAMES))
        async with run.server(environment(url, KEY)) as server, Client(server.url) as client:
            models = [f"{PROVIDERS[protocol]}:{MODELS[protocol]}" for protocol in NAMES]
            figures += _resting(await _at_rest(server, client, models), without)
            simulated = await _converse(run, server, client, LOREM, 64)
            for (protocol, name), model in zip(NAMES.items(), models, strict=True):
                for users in ROUNDS:
                    run.progress(f"vendor: {name}, {users} sessions ...")
                    spoken = await _converse(run, server, client, model, users)
                    figures += _speed(name, users, spoken.talk)
                figures += _costs(name, protocol, spoken, simulated, alone)
                run.progress(f"vendor: {name}, with two tools ...")
                figures.append(await _tools(run, client, name, model))
            figures += await _in_flight(run, client, [f"{model}-slow" for model in models])
    return figures


async def _at_rest(server: Server, client: Client, models: Sequence[str]) -> tuple[float, float]:
    """Return the seconds that the start took, and the MB of all actors at rest after a turn of each model."""
    started_s = time.perf_counter() - server.started_at
    for model in models:
        opened = await conversation(client, model)
        await client.turn(*opened, SAY)
        opened[1].close()
    await asyncio.sleep(SETTLE_S)
    return started_s, (await server.usage()).memory_bytes["actors"] / 1e6


def _resting(found: tuple[float, float], without: tuple[float, float]) -> list[Figure]:
    started_s, actors_mb = found
    return [
        Figure("start to healthy, with the keys of all vendors", started_s, "s", Floor(without[0], "without keys")),
        Figure("memory of actors after a turn in each protocol", actors_mb, "MB", Floor(without[1], "without keys")),
    ]


async def _alone(way: str, url: str) -> dict[str, float]:
    """Measure on every core, and as many conversations at once as the server has: both make a call dearer."""
    cores = os.cpu_count() or 1
    command = ("loadtests.bench.call_alone", way, url, "--turns", str(TURNS), "--at-once", str(max(1, 64 // cores)))
    printed = await asyncio.gather(*(told(*command) for _ in range(cores)))
    costs = [json.loads(each.splitlines()[-1]) for each in printed]
    return {protocol: mean(mean(each[protocol]) for each in costs) * 1000 for protocol in NAMES}


async def _long(url: str) -> list[Figure]:
    """Compare calls late in a conversation with early ones."""
    printed = await told("loadtests.bench.call_alone", "lean", url, "--turns", str(LONG))
    costs: dict[str, list[float]] = json.loads(printed.splitlines()[-1])
    return [
        Figure(f"{name}: CPU of a call, turns {LONG - 9} to {LONG}", median(costs[protocol][-10:]) * 1000, "ms",
               Floor(median(costs[protocol][5:15]) * 1000, "turns 6 to 15"), Aim(1.2, of_ratio=True))
        for protocol, name in NAMES.items()
    ]  # fmt: skip


async def _converse(run: Run, server: Server, client: Client, model: str, users: int) -> Spoken:
    """Let users hold conversations; the first turn of each is not counted."""
    turns: list[Turn] = []
    took_s = cpu_s = 0.0
    for _ in range(ROUNDS[users]):
        await run.give_way()
        opened = await many(users, lambda: conversation(client, model))
        await asyncio.gather(*(client.turn(session_id, stream, SAY) for session_id, stream in opened))
        before, began = await server.usage(), asyncio.get_running_loop().time()
        for each in await asyncio.gather(*(_user(client, each) for each in opened)):
            turns += each
        took_s += asyncio.get_running_loop().time() - began
        cpu_s += sum((await server.usage()).cpu_since(before).values())
        for _, stream in opened:
            stream.close()
    return Spoken(Talk(turns, took_s), cpu_s * 1000 / len(turns))


async def _user(client: Client, opened: Conversation) -> list[Turn]:
    return [await client.turn(*opened, SAY) for _ in range(TURNS)]


def _speed(name: str, users: int, spoken: Talk) -> list[Figure]:
    name = f"{name}, {users} session{'s' if users > 1 else ''}"
    figures = [Figure(f"{name}: turns", spoken.per_s, "/s", aim=RATE_AIMS[users], is_high_good=True)]
    if users in FIRST_AIMS:
        figures.append(Figure(f"{name}: first token p50", median(spoken.firsts_ms), "ms", aim=FIRST_AIMS[users]))
    if users == 1:
        figures.append(Figure(f"{name}: turn end p50", median(spoken.ends_ms), "ms", aim=Aim(11)))
        figures.append(Figure(f"{name}: turn end p99", quantile(spoken.ends_ms, 0.99), "ms", aim=Aim(20)))
    return figures


def _costs(name: str, protocol: str, spoken: Spoken, simulated: Spoken, alone: Alone) -> list[Figure]:
    return [
        Figure(f"{name}, 64 sessions: CPU per turn, all processes", spoken.cpu_ms, "ms",
               Floor(simulated.cpu_ms, "simulated model"), Aim(5)),
        Figure(f"{name}: CPU of a call, aiohttp included", alone.lean[protocol], "ms",
               Floor(alone.bare[protocol], "aiohttp and msgspec alone"), Aim(1.5)),
        Figure(f"{name}: CPU of a call with pydantic-ai", alone.pydantic_ai[protocol], "ms",
               Floor(alone.bare[protocol], "aiohttp and msgspec alone")),
    ]  # fmt: skip


async def _tools(run: Run, client: Client, name: str, model: str) -> Figure:
    """Take plain turns and tool turns by turns, so that both see the same machine."""
    ends: dict[str, list[float]] = {model: [], f"{model}-tools": []}
    for _ in range(ROUNDS[8]):
        for each, found in ends.items():
            await run.give_way()
            session_id = await client.open_session(each, ["test_math"])
            opened = session_id, await client.listen(session_id)
            await client.turn(*opened, SAY)
            found += [turn.end_s * 1000 for turn in await _user(client, opened)]
            opened[1].close()
    plain, tools = map(median, ends.values())
    return Figure(f"{name}, tool turn (model, two tools, model): turn end p50", tools, "ms",
                  Floor(plain, "the same without tools"), Aim(2, of_ratio=True))  # fmt: skip


async def _in_flight(run: Run, client: Client, models: Sequence[str]) -> list[Figure]:
    """Have turns in a slow model all at once, each streaming, each user beginning at another moment."""
    count = run.scale.vendor_in_flight
    run.progress(f"vendor: {count} turns at once, each {SLOW_S:g} s in the model ...")
    numbers = iter(range(count))
    opened = await many(count, lambda: conversation(client, models[next(numbers) % len(models)]))
    turns = await asyncio.gather(*(_late(client, each, n / count * SLOW_S) for n, each in enumerate(opened)))
    for _, stream in opened:
        stream.close()
    added_ms = [(turn.end_s - SLOW_S) * 1000 for each in turns for turn in each]
    name = f"{count} turns in flight through an endpoint"
    return [
        Figure(f"{name}: added to the model's own time p50", median(added_ms), "ms", aim=Aim(500)),
        Figure(f"{name}: added to the model's own time p99", quantile(added_ms, 0.99), "ms", aim=Aim(1500)),
    ]


async def _late(client: Client, opened: Conversation, delay_s: float) -> list[Turn]:
    await asyncio.sleep(delay_s)
    return [await client.turn(*opened, SAY) for _ in range(2)]
