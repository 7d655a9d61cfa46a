"""A session whose log cannot be read any more is nobody's trouble but its own client's."""

import os
import signal

import pytest

from runtime.store.pool import connect
from tests.client import Client, script, text_of
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


async def test_front_door_outlives_a_session_that_cannot_be_replayed(stage: ServerProcess, client: Client) -> None:
    """Promised: its neighbours never notice, and those who listen to it cost the others nothing."""
    server = stage.process
    broken, neighbour = await client.open(), await client.open()
    async with client.listen(broken) as stream:
        await client.send(broken, script({"say": "Never said.", "delay_ms": 60_000}))
        await stream.wait_for("reason.started")
        await tear(stage.database, broken)
        os.kill(await client.pid(broken), signal.SIGKILL)
        await client.until(lambda c: is_stopped(c, broken), "the session to be stopped")
    await client.send(neighbour, "Still there?")
    await client.until_idle(neighbour)
    assert text_of((await client.messages(neighbour))[-1]).endswith("Still there?")
    assert server.is_running()


async def tear(address: str, session_id: str) -> None:
    """Take an event out of a log, past the rule that nobody may."""
    database = await connect(address)
    try:
        await database.execute("SET session_replication_role = replica")
        hexadecimal = session_id.removeprefix("session_")
        await database.execute("DELETE FROM events WHERE session_id = $1 AND sequence = 3", hexadecimal)
    finally:
        await database.close()


async def is_stopped(client: Client, session_id: str) -> bool:
    return bool((await client.place(session_id))["quarantined"])
