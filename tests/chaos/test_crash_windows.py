"""Every crash window is hit on purpose: the process that reaches a fail point dies there, once.

And every essential task meets an exception that nobody foresaw: its process ends with it, and the work goes on.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from runtime.process.failpoint import FailPoint, Loop
from runtime.process.tasks import EXIT_CODE
from tests.client import Client, check, script, text_of
from tests.server import STOP_TIMEOUT_S, ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = (REPOSITORY / "docs" / "crash-windows.md").read_text()
WORDS = "one two three four five six seven eight nine ten"
ASK = {"type": "client_side", "name": "ask", "description": "Asks.", "parameters": {"type": "object"}}
# An actor must die for it, and when no command is on its way to it: who repeats one has the session placed at once.
NEEDS_ANOTHER_DEATH: dict[FailPoint | Loop, FailPoint] = {
    FailPoint.SUPERVISOR_REVIVED: FailPoint.TOOL_DONE,
    Loop.TENDING: FailPoint.TOOL_DONE,
}
STUMBLE = "StumbleError"
OF_THE_FRONT_DOOR = (Loop.FOLLOWER, Loop.LINK)


@pytest.fixture(scope="module")
def fail_points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fail_points")


@pytest.fixture(scope="module")
def armed(tmp_path_factory: pytest.TempPathFactory, saboteur: Path, fail_points: Path) -> Iterator[ServerProcess]:
    settings = {
        "PERDURE_FAIL_POINTS": str(fail_points),
        "PERDURE_JOURNAL__SNAPSHOT_EVERY_EVENTS": "10",
        "PERDURE_ACTORS__IDLE_PASSIVATE_S": "1",
    }
    server = ServerProcess(tmp_path_factory.mktemp("armed") / "data", settings, [saboteur, REPOSITORY])
    yield server.start()
    server.stop()


@pytest.fixture
async def client(armed: ServerProcess) -> AsyncIterator[Client]:
    async with Client(armed.url) as client:
        yield client


@pytest.mark.parametrize("point", [*FailPoint, *(loop for loop in Loop if loop not in OF_THE_FRONT_DOOR)])
async def test_whoever_dies_in_this_window_the_turn_ends_as_it_should(
    point: FailPoint | Loop, armed: ServerProcess, client: Client, fail_points: Path, tmp_path: Path
) -> None:
    """Promised: nothing accepted is lost, nothing is seen twice, nothing finished is done again."""
    stumbles = armed.log.count(STUMBLE)
    files = [fail_points / p for p in (point, NEEDS_ANOTHER_DEATH.get(point)) if p]
    for file in files:
        file.touch()
    diary, once, gate = tmp_path / "diary", tmp_path / "once", tmp_path / "gate"
    gate.touch()
    calls = [
        {"name": "work", "arguments": {"diary": str(diary), "gate": str(gate)}},
        {"name": "work_once", "arguments": {"diary": str(once), "gate": str(gate)}},
    ]
    session_id = await client.open(capabilities=["saboteur"], tools=[ASK])
    async with client.listen(session_id) as stream:
        await client.send(
            session_id,
            script({"think": "Hm.", "say": "Well.", "call": calls}, {"call": [{"name": "ask"}]}, {"say": WORDS}),
        )
        asked = await stream.wait_for("tool.call_requested")
        await client.submit(session_id, **{asked.data["tool_calls"][0]["id"]: "yes"})
        assert (await stream.wait_for_end()).type == "turn.completed"
        await client.until(lambda _: _are_gone(files), f"{point} to be reached")
        events = await client.events(session_id)
        check(stream, events)

        assert [e["type"] for e in events].count("reason.completed") == 3
        assert text_of((await client.messages(session_id))[-1]) == WORDS
        assert diary.read_text().splitlines()[-1].startswith("ended")
        assert not once.exists() or len(once.read_text().splitlines()) == 2  # began and ended, or never begun
        (outcome,) = [
            e["data"] for e in events if e["type"] == "tool.completed" and e["data"]["tool_name"] == "work_once"
        ]
        assert outcome["success"] or outcome["error"].startswith("The tool was interrupted by a crash")

        await client.send(session_id, "Still there?")
        assert (await stream.wait_for_end(2)).type == "turn.completed"
        if isinstance(point, Loop):
            await client.until(lambda _: _has_stumbled(armed, stumbles), "the terminal to say why a process ended")


@pytest.mark.parametrize("loop", OF_THE_FRONT_DOOR)
async def test_a_front_door_without_one_of_its_loops_ends_and_says_why(
    loop: Loop, armed: ServerProcess, fail_points: Path
) -> None:
    """Promised: nobody is served by half a server; what was under way goes on with the next."""
    async with Client(armed.url) as client:
        session_id = await client.open()  # before: the loop may be reached at once
        (fail_points / loop).touch()
        with contextlib.suppress(httpx.TransportError):
            await client.send(session_id, "Anybody?")
            await client.until(lambda _: _are_gone([fail_points / loop]), f"{loop} to be reached")
    assert armed.wait(STOP_TIMEOUT_S) == EXIT_CODE
    assert STUMBLE in armed.log
    async with Client(armed.start().url) as client:
        assert (await client.place(session_id))["session_id"] == session_id


@pytest.mark.parametrize("point", [*FailPoint, *Loop])
def test_each_window_and_each_loop_is_explained(point: FailPoint | Loop) -> None:
    assert f"| `{point}` |" in TABLE


async def _has_stumbled(server: ServerProcess, before: int) -> bool:
    return server.log.count(STUMBLE) > before


async def _are_gone(files: list[Path]) -> bool:
    return not any(file.exists() for file in files)
