"""Parts of the server die, or all of it, or its database; whoever was promised something gets it."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from actors.reaper import named
from runtime.store.pool import connect
from tests.client import Client, check, script, text_of
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

WORDS = "one two three four five six seven eight nine ten eleven twelve"
CROWD = 200
LEASE_S = 2.5
ASK = {"type": "client_side", "name": "ask", "description": "Asks.", "parameters": {"type": "object"}}
EPOCHS = "SELECT epoch FROM events WHERE session_id = $1 ORDER BY sequence"
TAKE_AWAY = "UPDATE sessions SET epoch = epoch + 1, actor = 'session-elsewhere' WHERE id = $1"


def hex_of(session_id: str) -> str:
    return session_id.removeprefix("session_")


def has_begun(diary: Path) -> bool:
    return diary.exists() and bool(diary.read_text())


async def has_another(client: Client, pid: int) -> bool:
    return any(actor["pid"] not in (pid, None) for actor in await client.actors())


async def test_unfinished_turns_finish_by_themselves_after_the_whole_server_was_killed(
    client: Client, stage: ServerProcess, tmp_path: Path
) -> None:
    speaking = await client.open()
    working = await client.open(capabilities=["saboteur"])
    waiting = await client.open(tools=[ASK])
    diary, gate = tmp_path / "diary", tmp_path / "gate"
    call = {"call": [{"name": "work", "arguments": {"diary": str(diary), "gate": str(gate)}}]}
    async with client.listen(speaking) as first, client.listen(waiting) as third:
        await client.send(working, script(call, {"say": WORDS}))
        await client.send(waiting, script({"call": [{"name": "ask"}]}, {"say": WORDS}))
        call_id = (await third.wait_for("tool.call_requested")).data["tool_calls"][0]["id"]
        await client.until(lambda _: asyncio.to_thread(has_begun, diary), "the tool to begin")
        await client.send(speaking, script({"say": WORDS, "tokens_per_second": 5}))  # last: it ends by itself
        await first.wait_for("output.message.delta", 2)
        await asyncio.to_thread(stage.kill9)
        gate.touch()
        await asyncio.to_thread(stage.start)
        for session_id in (speaking, working):  # nobody asks for them but us, and we only look
            place = await client.until_idle(session_id)
            assert place["recoveries"] == 1
            assert text_of((await client.messages(session_id))[-1]) == WORDS
        assert len(diary.read_text().splitlines()) == 3  # began, began again, ended
        await client.submit(waiting, **{call_id: "yes"})
        assert (await third.wait_for_end()).type == "turn.completed"
        for stream, session_id in ((first, speaking), (third, waiting)):
            await stream.wait_for_end()
            assert stream.connections > 1
            check(stream, await client.events(session_id))


async def test_death_of_the_supervisor_disturbs_no_turn(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 6}))
        await stream.wait_for("output.message.delta")
        before = await client.place(session_id)
        homes = {actor["pid"] for actor in await client.actors() if actor["sessions"]}
        supervisor = (await client.actors("supervisor"))[0]["pid"]
        os.kill(supervisor, signal.SIGKILL)
        newcomer = await client.open()
        async with client.listen(newcomer) as other:
            await client.send(newcomer, script({"say": "here"}))
            assert (await other.wait_for_end()).type == "turn.completed"
        assert (await stream.wait_for_end()).type == "turn.completed"
        after = await client.place(session_id)
        assert (after["epoch"], after["recoveries"], after["actor"]) == (before["epoch"], 0, before["actor"])
        assert stream.of_type("reason.recovered") == []
        assert stream.connections == 1
        check(stream, await client.events(session_id))
        assert (await client.actors("supervisor"))[0]["pid"] != supervisor
        assert homes <= {actor["pid"] for actor in await client.actors()}  # an empty one may leave at any time


async def test_supervisor_that_stood_still_takes_no_sessions_away(client: Client) -> None:
    """It heard no heartbeat for longer than a lease, but that was its own doing."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 1.5}))
        await stream.wait_for("output.message.delta")
        supervisor = psutil.Process((await client.actors("supervisor"))[0]["pid"])
        supervisor.suspend()
        await asyncio.sleep(2 * LEASE_S)
        supervisor.resume()
        assert (await stream.wait_for_end()).type == "turn.completed"
        place = await client.place(session_id)
        assert (place["epoch"], place["recoveries"]) == (1, 0)
        check(stream, await client.events(session_id))


async def test_events_still_arrive_when_supervisor_and_actor_die_together(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 6}))
        await stream.wait_for("output.message.delta")
        actor, supervisor = await client.pid(session_id), (await client.actors("supervisor"))[0]["pid"]
        os.kill(supervisor, signal.SIGKILL)
        os.kill(actor, signal.SIGKILL)
        assert (await stream.wait_for_end()).type == "turn.completed"
        assert stream.connections == 1
        check(stream, await client.events(session_id))


async def test_stopped_actor_loses_its_sessions_within_its_lease_and_never_comes_back(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 5}))
        await stream.wait_for("output.message.delta")
        stopped = psutil.Process(await client.pid(session_id))
        await client.until(lambda c: has_another(c, stopped.pid), "an actor that can take over")
        began = time.monotonic()
        stopped.suspend()
        await stream.wait_for("reason.recovered")
        assert time.monotonic() - began < 4 * LEASE_S  # 3 s, and what a busy machine takes
        with suppress(psutil.NoSuchProcess):
            stopped.resume()
        assert (await stream.wait_for_end()).type == "turn.completed"
        await client.until(lambda _: asyncio.to_thread(lambda: not stopped.is_running()), "the zombie to leave")
        check(stream, await client.events(session_id))


async def test_owner_that_lost_its_session_without_noticing_commits_nothing_more(
    client: Client, stage: ServerProcess
) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 5}))
        await stream.wait_for("output.message.delta")
        database = await connect(stage.database)
        await database.execute(TAKE_AWAY, hex_of(session_id))
        assert (await stream.wait_for_end()).type == "turn.completed"
        epochs = [row["epoch"] for row in await database.fetch(EPOCHS, hex_of(session_id))]
        await database.close()
        assert epochs == sorted(epochs)
        assert set(epochs) == {1, 3}  # 2 was the one elsewhere, which never said anything
        check(stream, await client.events(session_id))


async def test_two_hundred_turns_outlive_the_death_of_every_actor(client: Client) -> None:
    """Promised: however many are revived at once, all turns end, each word said once."""
    session_ids = await asyncio.gather(*(client.open() for _ in range(CROWD)))
    await asyncio.gather(*(client.send(s, script({"say": WORDS, "tokens_per_second": 3})) for s in session_ids))
    async with client.listen(session_ids[0]) as stream:
        pids = [actor["pid"] for actor in await client.actors()]
        for blow in (signal.SIGSTOP, signal.SIGKILL):  # or one takes over what another leaves, and dies with it again
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, blow)
        assert (await stream.wait_for_end()).type == "turn.completed"
        check(stream, await client.events(session_ids[0]))
    for session_id in session_ids:
        await client.until_idle(session_id)
        assert [text_of(m) for m in await client.messages(session_id)][-1] == WORDS


async def test_tool_that_wants_more_memory_than_there_is_fails_alone(client: Client) -> None:
    """What eats memory until the system kills its process is poison like any other: see below, `crash`."""
    session_id = await client.open(capabilities=["saboteur"])
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"call": [{"name": "devour"}]}, {"say": "still here"}))
        assert (await stream.wait_for_end()).type == "turn.completed"
        assert [frame.data["success"] for frame in stream.of_type("tool.completed")] == [False]
        assert (await client.place(session_id))["recoveries"] == 0


@pytest.mark.parametrize("tool", ["crash", "block"])
async def test_poisoned_session_is_quarantined_and_its_neighbours_never_notice(client: Client, tool: str) -> None:
    poisoned = await client.open(capabilities=["saboteur"])
    neighbours = [await client.open() for _ in range(2)]
    listening = [client.listen(session_id) for session_id in (poisoned, *neighbours)]
    async with listening[0] as stream, listening[1] as one, listening[2] as two:
        for neighbour in neighbours:
            await client.send(neighbour, script({"say": WORDS, "tokens_per_second": 4}))
        await one.wait_for("output.message.delta")
        await two.wait_for("output.message.delta")
        await client.send(poisoned, script({"call": [{"name": tool}]}, {"say": "never"}))
        failed = await stream.wait_for_end()
        assert (failed.type, failed.data["error_code"]) == ("turn.failed", "session_quarantined")
        assert (await client.place(poisoned))["quarantined"]
        for neighbour, seen in zip(neighbours, (one, two), strict=True):
            assert (await seen.wait_for_end()).type == "turn.completed"
            check(seen, await client.events(neighbour))
        assert [message["role"] for message in await client.messages(poisoned)][:2] == ["user", "agent"]
        check(stream, await client.events(poisoned))
        [letter] = [one for one in (await client.http.get("/durable/dlq")).json()["data"] if one["id"] == poisoned]
        assert (letter["activity_type"], letter["attempts"]) == (f"tool:{tool}", 3)
        assert all(crash["error"].startswith("its process ended (") for crash in letter["error_history"])
        if tool == "block":  # it can be released by an operator, and by a message alone
            reply = await client.http.post(f"/durable/dlq/{poisoned}/retry")
            assert (reply.status_code, reply.json()["id"]) == (200, poisoned)
        await client.send(poisoned, script({"say": "well again"}))
        assert (await stream.wait_for_end(2)).type == "turn.completed"
        assert not (await client.place(poisoned))["quarantined"]
        check(stream, await client.events(poisoned))


async def test_nothing_accepted_is_lost_when_postgres_is_killed(client: Client, stage: ServerProcess) -> None:
    speaking = await client.open()
    others = [await client.open() for _ in range(4)]
    await client.send(others[0], "awake")
    postgres = next(p for p, name in named(stage.process.children()) if name == "postgres")
    async with client.listen(speaking) as stream:
        await client.send(speaking, script({"say": WORDS, "tokens_per_second": 10}))
        await stream.wait_for("output.message.delta")
        postgres.kill()
        sent = await asyncio.gather(*(client.send(s, script({"say": "heard"})) for s in others), return_exceptions=True)
        assert (await stream.wait_for_end()).type == "turn.completed"
        assert stream.of_type("reason.recovered") == []
        check(stream, await client.events(speaking))
    for session_id, message in zip(others, sent, strict=True):
        if isinstance(message, dict):
            await client.until_idle(session_id)
            said = await client.messages(session_id)
            assert [m["id"] for m in said if m["role"] == "user"][-1] == message["id"]
            assert text_of(said[-1]) == "heard"
    assert any(isinstance(message, dict) for message in sent)
    assert (await client.http.get(f"{stage.url}/health")).is_success
