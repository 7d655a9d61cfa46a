"""Sessions with a past: a turn of a long one, and one that is brought back to memory to take it."""

import asyncio
from collections.abc import Sequence
from statistics import mean, median
from typing import Any, Final

from loadtests.bench.figure import Aim, Figure, Floor
from loadtests.bench.run import Conversation, Run, conversation
from loadtests.bench.talk import SAY, Counters
from loadtests.client import Client, Turn
from loadtests.server import Server

WINDOW: Final = 40  # turns: several snapshots fall into each window
FIRST_TURNS: Final = 4  # left out: they warm what the others find warm
PAST_EVENTS: Final = 1_000
IDLE_S: Final = 0.5
RETURNS: Final = 9


async def long_session(run: Run) -> list[Figure]:
    """Compare a session's last turns to its first, in time and in bytes of the write-ahead log."""
    turns = run.scale.turns
    async with run.server() as server, Client(server.url) as client:
        run.progress(f"long session: {turns} turns ...")
        opened = await conversation(client)
        await _turns(client, opened, FIRST_TURNS)
        early, early_bytes = await _window(server, client, opened)
        await _turns(client, opened, max(0, turns - FIRST_TURNS - 2 * WINDOW))
        late, late_bytes = await _window(server, client, opened)
        opened[1].close()
    name, tenth = f"turns up to the {turns}th", f"turns {FIRST_TURNS + 1} to {FIRST_TURNS + WINDOW}"
    return [
        Figure(f"{name}: turn end p50", _p50(late), "ms", Floor(_p50(early), tenth), Aim(1.2, of_ratio=True)),
        Figure(f"{name}: turn end mean", _mean(late), "ms", Floor(_mean(early), tenth), Aim(1.2, of_ratio=True)),
        Figure(f"{name}: bytes written per turn", late_bytes / 1e3, "KB", Floor(early_bytes / 1e3, tenth),
               Aim(1.2, of_ratio=True)),
    ]  # fmt: skip


async def _turns(client: Client, opened: Conversation, count: int) -> list[Turn]:
    return [await client.turn(*opened, SAY) for _ in range(count)]


async def _window(server: Server, client: Client, opened: Conversation) -> tuple[list[Turn], float]:
    """Return the turns of a window, and the bytes written for each. The lag of counters lets snapshots land."""
    before = await Counters.read(server)
    turns = await _turns(client, opened, WINDOW)
    after = await Counters.read(server)
    return turns, (after.wal_bytes - before.wal_bytes) / WINDOW


def _p50(turns: Sequence[Turn]) -> float:
    return median(turn.end_s for turn in turns) * 1000


def _mean(turns: Sequence[Turn]) -> float:
    return mean(turn.end_s for turn in turns) * 1000


async def revival(run: Run) -> list[Figure]:
    """Send a message to a session that has left memory, and to the same one right after."""
    async with (
        run.server({"PERDURE_ACTORS__IDLE_PASSIVATE_S": str(IDLE_S)}) as server,
        Client(server.url) as client,
    ):
        run.progress(f"revival: a session of {PAST_EVENTS} events, {RETURNS} times ...")
        session_id, stream = await conversation(client)
        while int((await _durable(client, session_id))["last_sequence"]) < PAST_EVENTS:
            await client.turn(session_id, stream, SAY)
        stream.close()
        back, warm = [], []
        for _ in range(RETURNS):
            await _out_of_memory(client, session_id)
            back.append(await client.turn_from_afar(session_id, SAY))
            warm.append(await client.turn_from_afar(session_id, SAY))
    name = f"passivated session of {PAST_EVENTS} events"
    added = _p50(back) - _p50(warm)
    return [
        Figure(f"{name}: turn end p50", _p50(back), "ms", Floor(_p50(warm), "the same, warm")),
        Figure(f"{name}: added by its return p50", added, "ms", aim=Aim(30)),
    ]


async def _out_of_memory(client: Client, session_id: str) -> None:
    while (await _durable(client, session_id))["actor"] is not None:  # noqa: ASYNC110  another process tells
        await asyncio.sleep(IDLE_S / 5)


async def _durable(client: Client, session_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await client.get(f"/api/v1/durable/sessions/{session_id}")
    return found
