"""Turns of the simulated model: how fast, how many, and what Postgres has to do for one."""

import json
from statistics import median
from typing import Final

from loadtests.bench.figure import Aim, Figure, Floor, quantile
from loadtests.bench.run import Run
from loadtests.bench.talk import Counters, Talk, conversations, talk
from loadtests.client import ECHO, Client
from loadtests.floors import commit_s
from loadtests.server import beside

SESSIONS: Final = (1, 8, 64)
FIRST_AIMS: Final = {1: Aim(8), 64: Aim(60)}
END_AIMS: Final = {1: Aim(10)}
END_P99_AIMS: Final = {1: Aim(25)}
RATE_AIMS: Final = {64: Aim(600)}
ROUNDS: Final = 4
SPEECH: Final = json.dumps(
    {
        "say": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et "
        "dolore magna aliqua veniam."
    }
)
ADDING: Final = json.dumps({"call": [{"name": "add", "arguments": {"a": 1, "b": b}} for b in (2, 3)]})
PLAIN_TURN: Final = f"```sim\n{SPEECH}\n```"
TOOL_TURN: Final = f"```sim\n{ADDING}\n{SPEECH}\n```"


async def measure(run: Run) -> list[Figure]:
    """Talk at 1, 8 and 64 sessions, then with tools."""
    call_ms = (await run.ray()).call_s * 1000
    figures: list[Figure] = []
    async with run.server() as server, Client(server.url) as client, beside("loadtests.bench.bare_app") as bare:
        commit_ms = await commit_s(server.database) * 1000
        figures += [Figure("bare actor call", call_ms, "ms"), Figure("bare commit", commit_ms, "ms")]
        latency = Floor(2 * call_ms + 2 * commit_ms, "2 calls + 2 commits")
        async with Client(bare) as bare_client:
            for count in SESSIONS:
                await run.give_way()
                run.progress(f"turns: {count} sessions for {run.scale.seconds:g} s ...")
                async with conversations(bare_client, count) as opened:
                    floor = await talk(bare_client, opened, run.scale.seconds / 4)
                async with conversations(client, count) as opened:
                    before = await Counters.read(server)
                    spoken = await talk(client, opened, run.scale.seconds)
                    after = await Counters.read(server)
                figures += _speed(count, spoken, floor, latency if count == 1 else None)
                figures += _costs(count, spoken, before, after)
        usage = await server.usage()
        figures.append(Figure(f"memory of its own after {max(SESSIONS)} sessions", usage.own_bytes / 1e6, "MB"))
        figures += await _tools(run, client)
    return figures


def _speed(count: int, spoken: Talk, bare: Talk, latency: Floor | None) -> list[Figure]:
    name = "1 session" if count == 1 else f"{count} sessions"
    first, end = (latency, latency) if latency else (_bare(bare.firsts_ms), _bare(bare.ends_ms))
    return [
        Figure(f"{name}: first token p50", median(spoken.firsts_ms), "ms", first, FIRST_AIMS.get(count)),
        Figure(f"{name}: first token p99", quantile(spoken.firsts_ms, 0.99), "ms"),
        Figure(f"{name}: turn end p50", median(spoken.ends_ms), "ms", end, END_AIMS.get(count)),
        Figure(f"{name}: turn end p99", quantile(spoken.ends_ms, 0.99), "ms", aim=END_P99_AIMS.get(count)),
        Figure(
            f"{name}: turns", spoken.per_s, "/s", Floor(bare.per_s, "bare uvicorn"), RATE_AIMS.get(count),
            is_high_good=True,
        ),
    ]  # fmt: skip


def _bare(times_ms: list[float]) -> Floor:
    return Floor(median(times_ms), "bare uvicorn")


def _costs(count: int, spoken: Talk, before: Counters, after: Counters) -> list[Figure]:
    name, turns = "1 session" if count == 1 else f"{count} sessions", len(spoken.turns)
    syncs = Figure(
        f"{name}: commits that reach the disk, per turn",
        (after.syncs - before.syncs) / turns, "", aim=Aim(2) if count == 1 else None,
    )  # fmt: skip
    statements = Figure(
        f"{name}: statements (each its own transaction) per turn",
        (after.commits - before.commits) / turns, "", aim=Aim(8) if count == 1 else None,
    )  # fmt: skip
    return [syncs, statements]


async def _tools(run: Run, client: Client) -> list[Figure]:
    """Take plain turns and tool turns by turns in one kind of session, so that both see the same machine."""
    run.progress("turns: with two tools ...")
    session_id = await client.open_session(ECHO, ["test_math"])
    opened = [(session_id, await client.listen(session_id))]
    plain, tools = [], []
    for _ in range(ROUNDS):
        await run.give_way()
        plain += (await talk(client, opened, run.scale.seconds / 2 / ROUNDS, PLAIN_TURN)).ends_ms
        tools += (await talk(client, opened, run.scale.seconds / 2 / ROUNDS, TOOL_TURN)).ends_ms
    opened[0][1].close()
    return [
        Figure("tool turn (model, two tools, model): turn end p50", median(tools), "ms",
               Floor(median(plain), "the same without tools"), Aim(2, of_ratio=True)),
    ]  # fmt: skip
