"""A session whose database is away: what it keeps meanwhile, what it does not begin, and what its clients get."""

import asyncio
from collections.abc import Sequence

import pytest
import structlog

from runtime.agents.tool import Tool, ToolContext
from runtime.core import event as ev
from runtime.core.errors import OverloadedError
from runtime.engine.stream import WAITING_LIMIT_BYTES
from runtime.host.journal import Journal
from runtime.ports.gateway import ClientResult
from runtime.ports.model import ModelReply, TextDelta
from runtime.wire.protocol import Send, Submit, Watch
from tests.fakes import SESSION_ID, HeldDisk, MemoryJournal, MemoryRow
from tests.laws import check_stream
from tests.stage import PATIENCE_S, Conversation, FixedAgents, Gate, Process, ScriptedModel, Step, call, given, say
from tests.stage import services_for as services

WORDS = 1_000


class Play(Conversation):
    """A session on a disk that the test stops and lets go on."""

    def __init__(self, model: ScriptedModel, tools: Sequence[Tool] = (), limit_bytes: int = 1 << 20) -> None:
        store = MemoryJournal()
        store.rows[SESSION_ID] = MemoryRow(1)
        self.model = model
        self.disk = HeldDisk(store)
        self.journal = Journal(self.disk, limit_bytes)
        agents = FixedAgents({tool.name: tool for tool in tools}, ["ask_human"])
        super().__init__(Process(services(self.disk, agents, model, journal=self.journal)), SESSION_ID, 1)

    @property
    def bytes_seen(self) -> int:
        return sum(len(frame.body) for frame in self.process.frames)

    async def idled(self, turns: int = 1) -> None:
        await self.turns_ended(turns)
        await self.process.kill()


async def begin(*scripts: Sequence[Step], tools: Sequence[Tool] = (), limit_bytes: int = 1 << 20) -> Play:
    play = Play(ScriptedModel(*scripts), tools, limit_bytes)
    await play.ask(Watch())
    return play


async def test_what_was_said_while_the_database_was_away_comes_as_one_delta() -> None:
    """Promised: what waits is the text, and not its square."""
    begun, ended = Gate(), Gate()
    words = [TextDelta(f"word{n} ") for n in range(WORDS)]
    paced = [step for word in words for step in (word, Breath())]
    play = await begin((begun, *paced, ended, ModelReply(text="".join(w.text for w in words))))
    await play.send("go")
    await begun.reached()
    play.disk.stop()
    begun.open()
    await ended.reached()
    assert "output.message.started" not in play.process.types()
    play.disk.go_on()
    await play.process.seen("output.message.delta")
    ended.open()
    await play.idled()
    assert play.process.types().count("output.message.delta") == 1
    assert play.bytes_seen < 10 * sum(len(w.text) for w in words)
    assert WORDS * len(words[0].text) < len("".join(check_stream(play.process.frames).values())) + WORDS


class Breath(Gate):
    """Lets everything else run, timers of the deltas among it."""

    async def pass_through(self) -> None:
        await asyncio.sleep(0)


async def test_turn_begins_no_model_call_while_too_much_waits_for_the_disk() -> None:
    """Promised: what waits is bounded; turns that run wait too, and clients are asked to come back."""
    gate = Gate()
    play = await begin((gate, *say("One.")), limit_bytes=1_000)
    await play.send("go")
    await gate.reached()
    await play.send("go on")
    play.disk.stop()
    gate.open()
    await asyncio.wait_for(until_full(play), PATIENCE_S)
    for ask in (Send(given("and on")), Submit((ClientResult("c1", "x" * 1_000),))):
        with pytest.raises(OverloadedError, match="does not keep up"):
            await play.ask(ask)
    assert len(play.model.requests) == 1
    play.disk.go_on()
    await play.idled()
    assert len(play.model.requests) == 2


async def until_full(play: Play) -> None:
    while not play.journal.is_full:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0)


async def test_of_a_tools_output_the_latest_is_kept_and_its_progress_waits_for_room() -> None:
    line, count = "x" * 990 + "{:09}\n", 1_000

    async def chatter(context: ToolContext) -> str:
        play.disk.stop()
        for n in range(20):
            context.emit(ev.ToolProgress(tool_call_id="c1", tool_name="chatter", message=f"{n} " + "x" * 1_000))
        for n in range(count):
            text = line.format(n)
            context.emit(ev.ToolOutputDelta(tool_call_id="c1", tool_name="chatter", delta=text, stream="stdout"))
        play.disk.go_on()
        return "done"

    play = await begin(
        say("", call("c1", "chatter")), tools=[Tool("chatter", "Talks.", {}, chatter)], limit_bytes=10_000
    )
    with structlog.testing.capture_logs() as entries:
        await play.send("go")
        await play.idled()
    output = check_stream(play.process.frames)["c1"]
    assert output.endswith(line.format(count - 1))
    assert WAITING_LIMIT_BYTES // 2 < len(output) <= WAITING_LIMIT_BYTES
    assert play.process.types().count("tool.progress") < 10
    said = [entry for entry in entries if entry["event"] in ("deltas_dropped", "tool_progress_dropped")]
    assert {entry["event"] for entry in said} == {"deltas_dropped", "tool_progress_dropped"}
    [dropped] = [entry["count"] for entry in said if "count" in entry]
    assert dropped == count - len(output) // len(line.format(0))


async def test_client_that_comes_while_a_message_is_streamed_gets_all_of_it_so_far() -> None:
    gate = Gate()
    play = await begin((TextDelta("so "), TextDelta("far"), gate, ModelReply(text="so far")))
    await play.send("go")
    await gate.reached()
    await play.process.seen("output.message.delta")
    watching = await play.ask(Watch())
    sent = "".join(check_stream(play.process.frames).values())
    assert list(check_stream([watching.partial]).values()) == [sent]
    gate.open()
    await play.idled()
    assert list(check_stream(play.process.frames).values()) == ["so far"]
