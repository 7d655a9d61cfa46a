"""Records what a server streams while things go wrong, for the unit tests of the console's fold.

    python -m tests.browser.record

Run it when the meaning of an event changes; what it writes is committed.
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.client import LIFECYCLE, Client, Stream, script
from tests.installed import REPOSITORY, install
from tests.server import ServerProcess

RECORDED: Final = REPOSITORY / "api" / "console" / "src" / "log" / "recorded"
WORDS: Final = "one two three four five six seven eight nine ten"

Scene = Callable[[Client, str, Stream], Awaitable[None]]


async def tools(client: Client, session_id: str, stream: Stream) -> None:
    calls = [{"name": name, "arguments": {"a": 6, "b": b}} for name, b in (("add", 1), ("divide", 0))]
    await client.send(session_id, script({"think": "Two sums.", "say": "Adding.", "call": calls}, {"say": WORDS}))
    await stream.wait_for_end()


async def steered(client: Client, session_id: str, stream: Stream) -> None:
    slow = {"call": [{"name": "add", "arguments": {"a": 1, "b": 2}}], "say": WORDS, "tokens_per_second": 20}
    await client.send(session_id, script(slow, {"say": "heard"}))
    await stream.wait_for("output.message.delta", 2)
    await client.send(session_id, "And this.")
    await stream.wait_for_end()


async def cancelled(client: Client, session_id: str, stream: Stream) -> None:
    await client.send(session_id, script({"say": WORDS, "tokens_per_second": 10}))
    await stream.wait_for("output.message.delta", 3)
    (await client.http.post(f"/sessions/{session_id}/cancel")).raise_for_status()
    await stream.wait_for_end()


async def failed(client: Client, session_id: str, stream: Stream) -> None:
    await client.send(session_id, script({"fail": {"status": 401, "times": 9}}))
    await stream.wait_for_end()


async def killed(client: Client, session_id: str, stream: Stream) -> None:
    await client.send(session_id, script({"say": WORDS, "tokens_per_second": 10}))
    await stream.wait_for("output.message.delta", 4)
    os.kill(await client.pid(session_id), signal.SIGKILL)
    await stream.wait_for_end()


async def asked(client: Client, session_id: str, stream: Stream) -> None:
    with tempfile.TemporaryDirectory() as folder:
        diary = Path(folder) / "diary"
        arguments = {"diary": str(diary), "gate": str(diary.with_name("gate"))}
        await client.send(session_id, script({"call": [{"name": "work_ask", "arguments": arguments}]}, {"say": WORDS}))
        await client.until(lambda _: asyncio.to_thread(diary.exists), "the tool to begin")
        os.kill(await client.pid(session_id), signal.SIGKILL)
        await stream.wait_for("tool.decision_requested")
        [question] = (await client.place(session_id))["pending_decisions"]
        answer = {"decision": "happened", "result": {"receipt": 7}}
        (await client.http.post(question["href"].removeprefix("/api/v1"), json=answer)).raise_for_status()
        await stream.wait_for_end()


SCENES: Final[tuple[Scene, ...]] = (tools, steered, cancelled, failed, killed, asked)


async def record(url: str) -> None:
    async with Client(url) as client:
        for scene in SCENES:
            session_id = await client.open(capabilities=["test_math", "saboteur"])
            async with client.listen(session_id) as stream:
                await scene(client, session_id, stream)
                events = [frame.body for frame in stream.frames if frame.type not in LIFECYCLE]
            RECORDED.joinpath(f"{scene.__name__}.json").write_text(f"{json.dumps(events, indent=1)}\n")


def main() -> None:
    RECORDED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = {"PERDURE_ACTORS__WARM_STANDBYS": "2"}
        server = ServerProcess(home / "data", settings, [install(home / "installed"), REPOSITORY])
        asyncio.run(record(server.start().url))
        server.stop()


if __name__ == "__main__":
    main()
