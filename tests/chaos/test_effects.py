"""An actor is killed inside a tool that only a person may judge, again while the person thinks, and once more.

Whatever dies and whatever is decided: the effect happens as often as people let it happen, and the turn ends.
"""

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client, Json, Stream, check, script, text_of
from tests.person import CTRL_C, PROMPT, person
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

WORDS = "I see"


class Scene:
    """A session whose actor has died inside the tool."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.diary, self.gate = folder / "diary", folder / "gate"
        self.session_id = ""

    @property
    def script(self) -> str:
        arguments = {"diary": str(self.diary), "gate": str(self.gate)}
        return script({"call": [{"name": "work_ask", "arguments": arguments}]}, {"say": WORDS})

    async def kill(self) -> None:
        os.kill(await self.client.pid(self.session_id), signal.SIGKILL)

    async def begin(self, stream: Stream) -> None:
        await self.client.send(self.session_id, self.script)
        await self.interrupt()
        await stream.wait_for("tool.decision_requested")

    async def interrupt(self) -> None:
        await self.client.until(lambda _: self.has_begun(1), "the tool to begin")
        await self.kill()

    async def has_begun(self, times: int) -> bool:
        return self.diary.exists() and self.lines("began") >= times

    def lines(self, word: str) -> int:
        return sum(line.startswith(word) for line in self.diary.read_text().splitlines())

    async def is_recovered(self, times: int) -> bool:
        place = await self.client.place(self.session_id)
        return place["actor"] is not None and place["recoveries"] == times

    async def pending(self) -> list[Json]:
        waiting: list[Json] = (await self.client.place(self.session_id))["pending_decisions"]
        return waiting

    async def decide(self, **body: Any) -> Json:
        [question] = await self.pending()
        reply = await self.client.http.post(question["href"].removeprefix("/api/v1"), json=body)
        assert reply.status_code == 200, reply.text
        answer: Json = reply.json()
        return answer

    async def effect(self) -> Json:
        reply = await self.client.http.get(f"/durable/sessions/{self.session_id}/effects")
        effect: Json
        [effect] = reply.raise_for_status().json()["data"]
        return effect


@pytest.fixture
async def scene(client: Client, tmp_path: Path) -> Scene:
    made = Scene(client, tmp_path)
    made.session_id = await client.open(capabilities=["saboteur"])
    return made


@pytest.mark.parametrize(
    ("decision", "state", "begun", "success"),
    [
        ({"decision": "happened", "result": {"receipt": 7}}, "done", 1, True),
        ({"decision": "retry"}, "done", 2, True),
        ({"decision": "skip"}, "skipped", 1, False),
    ],
    ids=["it happened", "run it again", "skip it"],
)
async def test_turn_goes_on_as_a_person_decides_though_the_actor_dies_twice(
    scene: Scene, decision: Json, state: str, begun: int, *, success: bool
) -> None:
    async with scene.client.listen(scene.session_id) as stream:
        await scene.begin(stream)
        assert (await scene.client.place(scene.session_id))["status"] == "waitingfortoolresults"
        await scene.kill()
        await scene.client.until(lambda _: scene.is_recovered(2), "the session to be revived once more")
        assert scene.lines("began") == 1
        scene.gate.touch()
        first = await scene.decide(**decision)
        assert (await stream.wait_for_end()).type == "turn.completed"
        again = await scene.client.http.post(
            f"/durable/sessions/{scene.session_id}/effects/{first['tool_call_id']}/decision", json=decision
        )
        assert again.json() == first
        assert len(stream.of_type("tool.decision_requested")) == 1
        assert stream.connections == 1
        check(stream, await scene.client.events(scene.session_id))
        assert stream.of_type("tool.completed")[0].data["success"] is success
    effect = await scene.effect()
    assert (effect["state"], effect["attempts"], effect["policy"]) == (state, begun, "ask")
    assert (scene.lines("began"), scene.lines("ended")) == (begun, begun - 1)
    assert text_of((await scene.client.messages(scene.session_id))[-1]) == WORDS
    assert await scene.pending() == []


async def test_a_decision_that_was_accepted_is_carried_out_though_the_actor_dies_at_once(scene: Scene) -> None:
    """To run it again: either the next actor does, or the call had begun once more and a person is asked again."""
    async with scene.client.listen(scene.session_id) as stream:
        await scene.begin(stream)
        await scene.decide(decision="retry")
        await scene.kill()
        scene.gate.touch()
        await stream.until(
            lambda: bool(stream.of_type("session.idled")) or len(stream.of_type("tool.decision_requested")) == 2,
            "the call to be run or asked about again",
        )
        if not stream.of_type("session.idled"):
            await scene.decide(decision="retry", attempt=2)
        assert (await stream.wait_for_end()).type == "turn.completed"
        check(stream, await scene.client.events(scene.session_id))
    decided = len(stream.of_type("tool.decision_made"))
    assert scene.lines("began") <= 1 + decided
    assert scene.lines("ended") == 1
    assert (await scene.effect())["attempts"] == 1 + decided


async def test_a_message_that_comes_while_a_person_is_asked_starts_a_turn_of_its_own(scene: Scene) -> None:
    async with scene.client.listen(scene.session_id) as stream:
        await scene.begin(stream)
        await scene.client.send(scene.session_id, script({"say": "never mind"}))
        assert (await stream.wait_for_end(2)).type == "turn.completed"
        check(stream, await scene.client.events(scene.session_id))
    assert (await scene.effect())["state"] == "unknown"
    assert scene.lines("began") == 1


async def test_a_person_in_the_chat_is_asked_and_what_they_say_is_done(scene: Scene, stage: ServerProcess) -> None:
    with person(stage.url, "--session", scene.session_id) as me:
        await asyncio.to_thread(me.sees, PROMPT)
        me.says(scene.script)
        await scene.interrupt()
        shown = await asyncio.to_thread(me.sees, "Your choice: $")
        assert re.search(r"Did .+ take effect\?\n", shown)
        me.types("perhaps\r")
        await asyncio.to_thread(me.sees, "'perhaps' is none of them(.|\n)*Your choice: $")
        me.types("happened\r")
        await asyncio.to_thread(me.sees, r"Its result .*: $")
        me.types('{"receipt": 7}\r')
        shown = await asyncio.to_thread(me.sees, f"{WORDS}(.|\n)*{PROMPT}")
        assert "decided: work_ask, happened" in shown
    effect = await scene.effect()
    assert (effect["state"], [d["decision"] for d in effect["decisions"]]) == ("done", ["happened"])
    assert scene.lines("began") == 1


async def test_ctrl_c_at_the_question_cancels_the_turn(scene: Scene, stage: ServerProcess) -> None:
    with person(stage.url, "--session", scene.session_id) as me:
        await asyncio.to_thread(me.sees, PROMPT)
        me.says(scene.script)
        await scene.interrupt()
        await asyncio.to_thread(me.sees, "Your choice: $")
        me.types(CTRL_C)
        await asyncio.to_thread(me.sees, rf"\(cancelled\)(.|\n)*{PROMPT}")
    assert (await scene.effect())["state"] == "unknown"
