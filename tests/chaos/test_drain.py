"""An actor is emptied on purpose, as in a rolling upgrade: turns come to rest, sessions go on elsewhere."""

import asyncio

import psutil
import pytest

from tests.client import Client, check, script, text_of

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

WORDS = "one two three four five six seven eight nine ten"


async def test_a_drained_actor_finishes_its_turns_and_leaves(client: Client) -> None:
    """Promised: nobody notices; the turn is not run twice, and the next one runs in another process."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 5}))
        await stream.wait_for("output.message.delta")
        actor = (await client.place(session_id))["actor"]
        reply = await client.http.post(f"/durable/actors/{actor['name']}/drain")
        assert (reply.status_code, reply.json()["state"]) == (202, "draining")
        assert (await stream.wait_for_end()).type == "turn.completed"
        await client.until(lambda _: _is_gone(actor["pid"]), "the drained actor to leave")
        place = await client.place(session_id)
        assert (place["recoveries"], place["actor"]) == (0, None)

        await client.send(session_id, "Who are you now?")
        assert (await stream.wait_for_end(2)).type == "turn.completed"
        assert await client.pid(session_id) != actor["pid"]
        check(stream, await client.events(session_id))
    assert text_of((await client.messages(session_id))[1]) == WORDS


async def test_unknown_actors_and_nodes_cannot_be_drained(client: Client) -> None:
    for path, code in (("actors/session-none", "actor_not_found"), ("nodes/none", "node_not_found")):
        reply = await client.http.post(f"/durable/{path}/drain")
        assert (reply.status_code, reply.json()["code"]) == (404, code)


async def _is_gone(pid: int) -> bool:
    return not await asyncio.to_thread(psutil.pid_exists, pid)
