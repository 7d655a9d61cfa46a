"""A rolling upgrade: a node is emptied and comes back with the next version, while the other serves with this one."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import asyncpg
import httpx
import pytest

from runtime.store.embedded import EmbeddedPostgres
from tests.client import Client, Stream, check, script, text_of
from tests.cluster import FrontDoor, RayCluster, can_make_nodes
from tests.next_version import make_next_version
from tests.postgres import furnish
from tests.server import COMMAND, STOP_TIMEOUT_S

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not can_make_nodes(), reason="a node of its own needs a PID namespace, which is refused here"),
]

WORDS: Final = " ".join(f"word{number}" for number in range(15))
SLOWLY: Final = script({"say": WORDS, "tokens_per_second": 5})
BUSILY: Final = script({"say": "A moment.", "call": [{"name": "ask"}]}, {"say": WORDS})
ASK: Final = {"type": "client_side", "name": "ask", "description": "Asks.", "parameters": {"type": "object"}}
# Streams are to stay however long a busy machine takes for all of it.
SETTINGS: Final = {"PERDURE_ACTORS__IDLE_PASSIVATE_S": "1", "PERDURE_HTTP__SSE_CYCLE_S": "3600"}
SESSIONS: Final = 6
TURNS: Final = 6  # of each session, before the last node is upgraded


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    server = EmbeddedPostgres(furnish(tmp_path / "outside"))
    yield asyncio.run(server.start())
    asyncio.run(server.stop())


@pytest.fixture
def cluster(database: str) -> Iterator[RayCluster]:
    with TemporaryDirectory(prefix="nodes-", ignore_cleanup_errors=True) as home:
        cluster = RayCluster(Path(home), ["head", "one"], SETTINGS | {"DATABASE_URL": database})
        try:
            cluster.up()
            yield cluster
        finally:
            cluster.down()


async def test_nodes_are_upgraded_one_by_one(cluster: RayCluster, database: str, tmp_path: Path) -> None:
    """Promised: old and new code serve the same sessions; an older server refuses the newer schema, and says why."""
    next_version = make_next_version(tmp_path / "next")
    async with Client(cluster.doors["head"].url) as old:
        session_ids = [await old.open(tools=[ASK]) for _ in range(SESSIONS)]
        async with _listening(old, session_ids) as streams:
            await _converse(old, old, streams)
            await _empty(old, cluster, "one")
            await asyncio.to_thread(_migrate, next_version, database)
            cluster.upgrade("one", next_version)
            await asyncio.to_thread(cluster.up)
            async with Client(cluster.doors["one"].url) as new:
                await _until_served_by(new, cluster, {"head", "one"})
                await _converse(old, new, streams)
                await _converse(new, old, streams)
                await old.until(lambda _: _ask(database, "SELECT count(DISTINCT version) = 2 FROM snapshots"), "both")
                for name in ("one", "head"):
                    await _until_served_by(new, cluster, {"head", "one"})
                    await _kill_in_mid_turn(new, cluster, name, streams)
                await _converse(new, old, streams)
                for session_id, stream in streams.items():
                    check(stream, await new.events(session_id))
                    assert stream.connections == 1
    await asyncio.to_thread(_refuses_to_start_again, cluster.doors["head"])
    cluster.down()
    cluster.upgrade("head", next_version)
    await asyncio.to_thread(cluster.up, "head")
    async with Client(cluster.doors["head"].url) as new, _listening(new, session_ids) as streams:
        await asyncio.gather(*(stream.wait_for_end(TURNS) for stream in streams.values()))
        await _converse(new, new, streams)


@asynccontextmanager
async def _listening(client: Client, session_ids: list[str]) -> AsyncIterator[dict[str, Stream]]:
    async with AsyncExitStack() as stack:
        yield {s: await stack.enter_async_context(client.listen(s)) for s in session_ids}


async def _converse(sender: Client, answerer: Client, streams: Mapping[str, Stream]) -> None:
    """Have a turn in every session, whose message comes by one front door and whose tool result by another."""

    async def one(session_id: str, stream: Stream) -> None:
        turns, asked = len(stream.of_type("session.idled")), len(stream.of_type("tool.call_requested"))
        await sender.send(session_id, BUSILY)
        request = await stream.wait_for("tool.call_requested", asked + 1)
        await answerer.submit(session_id, **{request.data["tool_calls"][0]["id"]: "yes"})
        assert (await stream.wait_for_end(turns + 1)).type == "turn.completed"

    await asyncio.gather(*(one(s, stream) for s, stream in streams.items()))


async def _kill_in_mid_turn(client: Client, cluster: RayCluster, name: str, streams: Mapping[str, Stream]) -> None:
    """Kill what runs turns on a node, so that the other node, with other code, goes on with what that wrote."""
    turns = {s: len(stream.of_type("session.idled")) for s, stream in streams.items()}
    started = {s: len(stream.of_type("output.message.started")) for s, stream in streams.items()}
    await asyncio.gather(*(client.send(s, SLOWLY) for s in streams))
    for session_id, stream in streams.items():
        await stream.wait_for("output.message.started", started[session_id] + 1)
    actors = [(await client.place(s))["actor"] for s in streams]
    victims = {a["pid"] for a in actors if cluster.name_of(a["node_id"]) == name}
    assert victims, "a turn on each node"
    for pid in victims:
        await asyncio.to_thread(cluster.nodes[name].kill, pid)
    for session_id, stream in streams.items():
        assert (await stream.wait_for_end(turns[session_id] + 1)).type == "turn.completed"
        assert text_of((await client.messages(session_id))[-1]) == WORDS


async def _empty(client: Client, cluster: RayCluster, name: str) -> None:
    """Take a node out, as docs/cluster.md says."""
    reply = await client.http.post(f"/durable/nodes/{cluster.nodes[name].node_id}/drain")
    assert reply.status_code == httpx.codes.ACCEPTED
    await _until_served_by(client, cluster, set(cluster.nodes) - {name})
    assert await asyncio.to_thread(cluster.doors[name].terminate) == 0
    cluster.nodes[name].kill9()


async def _until_served_by(client: Client, cluster: RayCluster, names: set[str]) -> None:
    async def are_there(_: Client) -> bool:
        return {cluster.name_of(a["node_id"]) for a in await client.actors() if a["node_id"]} == names

    await client.until(are_there, f"session actors on {names} only")


def _refuses_to_start_again(door: FrontDoor) -> None:
    assert door.terminate() == 0
    door.launch()
    assert door.wait(STOP_TIMEOUT_S) == 1
    assert "use the newer version that upgraded it" in door.log


def _migrate(code: Path, database: str) -> None:
    outer = os.environ  # noqa: TID251  for another process
    environment = dict(outer) | {"DATABASE_URL": database, "PYTHONPATH": str(code)}
    subprocess.run([str(COMMAND), "migrate"], env=environment, check=True, capture_output=True)  # noqa: S603  our own


async def _ask(database: str, question: str) -> Any:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()
