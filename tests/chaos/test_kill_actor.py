"""A session's actor is killed in the middle of a turn, at every kind of moment; its client stays connected."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from runtime.store.pool import connect
from tests.client import Client, Stream, check, script, text_of
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

WORDS = "one two three four five six seven eight nine ten"
BLOCK = """
CREATE OR REPLACE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER gate BEFORE INSERT ON events FOR EACH ROW
WHEN (NEW.type = '{event_type}' AND NEW.session_id = '{session}') EXECUTE FUNCTION wait_at_the_gate();
"""
OUR_WORDS = re.compile(r'"logger":"(actors|runtime|api)\.')
WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"


async def kill(client: Client, session_id: str) -> None:
    pid = await client.pid(session_id)
    os.kill(pid, signal.SIGKILL)


async def is_recovered(client: Client, session_id: str, times: int) -> bool:
    return bool((await client.place(session_id))["recoveries"] == times)


async def check_outcome(client: Client, stream: Stream, session_id: str, answer: str, recoveries: int = 1) -> None:
    check(stream, await client.events(session_id))
    assert stream.connections == 1
    messages = await client.messages(session_id)
    assert text_of(messages[-1]) == answer
    place = await client.place(session_id)
    assert (place["status"], place["recoveries"], place["quarantined"]) == ("idle", recoveries, False)
    assert place["last_sequence"] == len(stream.durable)


async def test_turn_goes_on_when_its_actor_dies_before_the_model_answers(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "delay_ms": 2000}))
        await stream.wait_for("reason.started")
        await kill(client, session_id)
        assert (await stream.wait_for_end()).type == "turn.completed"
        await check_outcome(client, stream, session_id, WORDS)
        assert stream.of_type("reason.recovered") == []  # nobody had seen anything of the answer


async def test_turn_goes_on_when_its_actor_dies_in_the_middle_of_an_answer(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 5}))
        await stream.wait_for("output.message.delta", 2)
        await kill(client, session_id)
        recovered = await stream.wait_for("reason.recovered")
        assert (await stream.wait_for_end()).type == "turn.completed"
        since = stream.frames[stream.frames.index(recovered) :]
        assert "output.message.delta" in [frame.type for frame in since]
        await check_outcome(client, stream, session_id, WORDS)


async def test_a_chain_of_models_goes_on_where_it_was_when_its_actor_dies(client: Client) -> None:
    session_id = await client.open(fallback_models=["llmsim:sim-lorem"])
    throttled = {"status": 429, "times": 99, "model": "sim-echo"}
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"fail": throttled, "say": WORDS, "tokens_per_second": 5}))
        assert (await stream.wait_for("reason.retrying")).data["error_fields"]["status"] == 429
        assert (await stream.wait_for("reason.rerouted")).data["model"] == "sim-lorem"
        await stream.wait_for("output.message.delta", 2)
        await kill(client, session_id)
        assert (await stream.wait_for_end()).type == "turn.completed"
        await check_outcome(client, stream, session_id, WORDS)
        assert len(stream.of_type("reason.rerouted")) == 1
        [generation] = stream.of_type("llm.generation")
        assert generation.data["metadata"]["model"] == "sim-lorem"
        [tried] = generation.data["metadata"]["fallbacks"]
        assert (tried["model"], tried["error_code"], tried["attempts"]) == ("sim-echo", "provider_rate_limited", 2)


@pytest.mark.parametrize("deaths", [1, 3])
async def test_turn_goes_on_however_often_its_actors_die_between_steps(client: Client, deaths: int) -> None:
    session_id = await client.open(capabilities=["test_math"])
    call = {"call": [{"name": "add", "arguments": {"a": 1, "b": 2}}]}
    slow_call = call | {"say": "adding", "delay_ms": 1000}
    async with client.listen(session_id) as stream:
        await client.send(session_id, script(*[slow_call] * deaths, {"say": WORDS}))
        for number in range(1, deaths + 1):
            await stream.wait_for("reason.started", number)
            await kill(client, session_id)
            await client.until(partial(is_recovered, session_id=session_id, times=number), "another actor")
            await stream.wait_for("tool.completed", number)
        assert (await stream.wait_for_end()).type == "turn.completed"
        assert len(stream.of_type("reason.completed")) == deaths + 1
        await check_outcome(client, stream, session_id, WORDS, deaths)


@asynccontextmanager
async def gate(server: ServerProcess, session_id: str, event_type: str) -> AsyncIterator[Any]:
    """Hold up the commit of an event in the database; opens when the context is left."""
    keeper = await connect(server.database)
    try:
        hexadecimal = session_id.removeprefix("session_")
        await keeper.execute(BLOCK.format(event_type=event_type, session=hexadecimal))
        await keeper.execute("SELECT pg_advisory_lock(4711)")
        yield keeper
    finally:
        await keeper.execute("SELECT pg_advisory_unlock_all()")
        await keeper.execute("DROP TRIGGER gate ON events")
        await keeper.close()


@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "rolled back"])
@pytest.mark.parametrize("event_type", ["tool.started", "tool.completed", "turn.completed"])
async def test_turn_goes_on_when_its_actor_dies_with_a_commit_on_its_way(
    client: Client, stage: ServerProcess, event_type: str, *, is_committed: bool
) -> None:
    session_id = await client.open(capabilities=["test_math"])
    call = {"call": [{"name": "add", "arguments": {"a": 1, "b": 2}}], "say": "adding"}
    async with client.listen(session_id) as stream:
        async with gate(stage, session_id, event_type) as keeper:
            await client.send(session_id, script(call, {"say": WORDS}))
            waiting = await client.until(lambda _: keeper.fetchval(WAITING), "the commit to wait")
            await kill(client, session_id)
            if not is_committed:
                await keeper.execute("SELECT pg_terminate_backend($1)", waiting)
            else:
                await keeper.execute("SELECT pg_advisory_unlock_all()")
        assert (await stream.wait_for_end()).type == "turn.completed"
        check(stream, await client.events(session_id))
        assert stream.connections == 1
        assert text_of((await client.messages(session_id))[-1]) == WORDS
        assert len(stream.of_type("reason.completed")) == 2
        assert [frame.data["success"] for frame in stream.of_type("tool.completed")] == [True]


@pytest.mark.parametrize(("tool", "is_repeated"), [("work", True), ("work_once", False)])
async def test_interrupted_tool_is_repeated_only_if_it_says_that_it_may_be(
    client: Client, tmp_path: Path, tool: str, *, is_repeated: bool
) -> None:
    session_id = await client.open(capabilities=["saboteur"])
    diary, opener = tmp_path / "diary", tmp_path / "gate"
    call = {"call": [{"name": tool, "arguments": {"diary": str(diary), "gate": str(opener)}}]}
    async with client.listen(session_id) as stream:
        await client.send(session_id, script(call, {"say": WORDS}))
        started = (await stream.wait_for("tool.started")).data["tool_call"]["id"]
        await client.until(lambda _: _has_lines(diary, 1), "the tool to begin")
        await kill(client, session_id)
        if is_repeated:
            await client.until(lambda _: _has_lines(diary, 2), "the tool to begin again")
        opener.touch()
        assert (await stream.wait_for_end()).type == "turn.completed"
        completed = stream.of_type("tool.completed")[0].data
        assert completed["success"] is is_repeated
        began, ended = f"began {started}", f"ended {started}"
        assert diary.read_text().splitlines() == ([began, began, ended] if is_repeated else [began])
        await check_outcome(client, stream, session_id, WORDS)


async def _has_lines(path: Path, count: int) -> bool:
    return path.exists() and len(path.read_text().splitlines()) >= count  # noqa: ASYNC240  a moment


async def test_client_tool_is_still_awaited_when_the_actor_dies(client: Client) -> None:
    tool = {"type": "client_side", "name": "ask", "description": "Asks.", "parameters": {"type": "object"}}
    session_id = await client.open(tools=[tool])
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"call": [{"name": "ask"}]}, {"say": WORDS}))
        requested = await stream.wait_for("tool.call_requested")
        await kill(client, session_id)
        await client.until(lambda c: _is_recovered(c, session_id), "the session to be revived")
        call_id = requested.data["tool_calls"][0]["id"]
        assert (await client.submit(session_id, **{call_id: "yes"}))["accepted"] == 1
        assert (await stream.wait_for_end()).type == "turn.completed"
        assert len(stream.of_type("tool.call_requested")) == 1
        await check_outcome(client, stream, session_id, WORDS)


async def _is_recovered(client: Client, session_id: str) -> bool:
    place = await client.place(session_id)
    return place["actor"] is not None and place["recoveries"] == 1


async def test_idle_session_wakes_elsewhere_when_its_actor_has_died(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS}))
        await stream.wait_for_end()
        dead = await client.pid(session_id)
        os.kill(dead, signal.SIGKILL)
        await client.send(session_id, script({"say": "again"}))
        assert (await stream.wait_for_end(2)).type == "turn.completed"
        assert await client.pid(session_id) != dead
        await check_outcome(client, stream, session_id, "again", recoveries=0)


async def test_message_that_was_on_its_way_is_accepted_once_when_the_actor_dies(
    client: Client, stage: ServerProcess
) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, "first")
        await stream.wait_for_end()
        async with gate(stage, session_id, "input.message") as keeper:
            sending = asyncio.create_task(client.send(session_id, script({"say": WORDS})))
            await client.until(lambda _: keeper.fetchval(WAITING), "the commit to wait")
            await kill(client, session_id)
        sent = await sending
        await stream.wait_for_end(2)
        assert [m["id"] for m in await client.messages(session_id) if m["role"] == "user"][1:] == [sent["id"]]
        check(stream, await client.events(session_id))


async def test_killed_actor_leaves_no_process_and_one_line_on_the_terminal(
    client: Client, stage: ServerProcess
) -> None:
    said_before = len(stage.log)
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 30}))
        await stream.wait_for("output.message.delta")
        actor = (await client.place(session_id))["actor"]
        os.kill(actor["pid"], signal.SIGKILL)
        await stream.wait_for_end()
    await client.until(lambda _: _is_gone(actor["pid"]), "the process to go")
    assert actor["pid"] not in {other["pid"] for other in await client.actors()}
    await client.until(lambda _: _is_said(stage, said_before, actor["name"]), "the terminal to say so")
    said = stage.log[said_before:].splitlines()
    assert len([line for line in said if actor["name"] in line]) == 1
    assert [line for line in said if not OUR_WORDS.search(line)] == []


async def _is_said(server: ServerProcess, since: int, words: str) -> bool:
    return words in server.log[since:].rpartition("\n")[0]


async def _is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)
