"""Connections to session actors break, while both ends live on; the client stays connected."""

import asyncio
from functools import partial

import pytest

from loadtests.chaos.sever import can_sever, sever
from tests.client import Client, Stream, check, script, text_of
from tests.server import ServerProcess

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not can_sever(), reason="cutting another process's connections is refused here"),
]

WORDS = "one two three four five six seven eight nine ten"
CUTS = 3
TURNS = 10


async def test_a_turn_streams_on_when_its_connection_is_cut(client: Client, stage: ServerProcess) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 4}))
        for number in range(1, CUTS + 1):
            await stream.wait_for("output.message.delta", number)
            await client.until(partial(_sever, stage.process.pid, session_id), "a connection to cut")
        assert (await stream.wait_for_end()).type == "turn.completed"
        check(stream, await client.events(session_id))
        assert stream.connections == 1
        assert text_of((await client.messages(session_id))[-1]) == WORDS
        place = await client.place(session_id)
        assert (place["epoch"], place["recoveries"]) == (1, 0)  # its actor never noticed


async def test_an_actor_whose_connection_to_the_supervisor_is_cut_keeps_its_sessions(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 4}))
        await stream.wait_for("output.message.delta")
        (supervisor,) = await client.actors("supervisor")
        for number in range(2, CUTS + 2):
            await client.until(partial(_sever, supervisor["pid"], session_id), "a connection to cut")
            await stream.wait_for("output.message.delta", number)
        assert (await stream.wait_for_end()).type == "turn.completed"
        check(stream, await client.events(session_id))
        place = await client.place(session_id)
        assert (place["epoch"], place["recoveries"]) == (1, 0)


async def test_what_is_asked_while_connections_are_cut_is_done_once(client: Client, stage: ServerProcess) -> None:
    session_ids = [await client.open() for _ in range(4)]
    are_over = asyncio.Event()
    cutting = asyncio.create_task(_cut(client, stage, are_over))
    try:
        streams = await asyncio.gather(*(_converse(client, session_id) for session_id in session_ids))
    finally:
        are_over.set()
    assert await cutting > TURNS
    for session_id, stream in zip(session_ids, streams, strict=True):
        events = await client.events(session_id)
        check(stream, events)
        assert sum(event["type"] == "input.message" for event in events) == TURNS


async def _sever(pid: int, session_id: str, client: Client) -> int:
    """Cut the connections to a session's actor, if there are any: the one that was cut before may not be made anew."""
    return sever(pid, [await client.pid(session_id)])


async def _converse(client: Client, session_id: str) -> Stream:
    async with client.listen(session_id) as stream:
        for number in range(1, TURNS + 1):
            await client.send(session_id, script({"say": WORDS, "tokens_per_second": 30}))
            assert (await stream.wait_for_end(number)).type == "turn.completed"
    return stream


async def _cut(client: Client, stage: ServerProcess, are_over: asyncio.Event) -> int:
    cut = 0
    while not are_over.is_set():
        cut += sever(stage.process.pid, [actor["pid"] for actor in await client.actors()])
        await asyncio.sleep(0.1)
    return cut
