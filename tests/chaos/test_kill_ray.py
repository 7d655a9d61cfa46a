"""Ray's own processes die: the server notices, starts again, and every turn goes on."""

import asyncio

import pytest

from actors.reaper import named
from runtime.process.processes import is_alive
from tests.client import Client, check, script, text_of
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

WORDS = "one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
async def test_a_turn_outlives_a_vital_process_of_ray(name: str, client: Client, stage: ServerProcess) -> None:
    """Promised: whatever dies, the turn ends as if nothing had happened, for a client that comes back by cursor."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 5}))
        await stream.wait_for("output.message.delta", 2)
        children = await asyncio.to_thread(stage.process.children)
        (victim,) = [p for p, its in named(children) if its == name and is_alive(p)]  # none of a former life, unreaped
        victim.kill()
        assert (await stream.wait_for_end()).type == "turn.completed"
        check(stream, await client.events(session_id))
    assert text_of((await client.messages(session_id))[-1]) == WORDS
    assert stage.process.is_running()
