"""`perdure serve` as a process: how it starts, streams, packs, rests and ends."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import psutil
import pytest

from actors.reaper import named
from runtime.process.processes import is_alive
from runtime.store.deployment import ClaimStore
from runtime.store.pool import Pool
from tests.client import PATIENCE_S, Client, Json, check, script, text_of
from tests.server import COMMAND, ONE_ACTOR, POLL_S, ServerProcess, command_of
from tests.shared_memory import mapped, segments_there

pytestmark = pytest.mark.timeout(600)

WORDS = "one two three four five six"
IDLE_S = 1.0
HEARTBEAT_S = 0.2
CYCLE_S = 1.0
MORE_THAN_SOCKETS_HOLD_BYTES = 5_000_000  # net.ipv4.tcp_wmem ends at 4 MB


CLUMSY = """
from perdure import Capability, ToolContext, tool


class Clumsy(Capability):
    id, name, description = "clumsy", "Clumsy", "Drops things."

    @tool()
    async def drop(self, context: ToolContext) -> str:
        \"""Drop it.\"""
        raise ValueError("it slipped")
"""


def package(folder: Path, source: str, entry: str = "clumsy:Clumsy") -> Path:
    """Make a capability look installed, for a server with the folder in its path."""
    about = folder / "clumsy-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: clumsy\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[perdure.capabilities]\nclumsy = {entry}\n")
    (folder / "clumsy.py").write_text(source)
    return folder


@pytest.fixture(scope="module")
def brisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that does soon what others do later, on a port that the system chose."""
    settings = {
        "PERDURE_ACTORS__IDLE_PASSIVATE_S": str(IDLE_S),
        "PERDURE_HTTP__SSE_HEARTBEAT_S": str(HEARTBEAT_S),
        "PERDURE_HTTP__SSE_CYCLE_S": str(CYCLE_S),
    }
    clumsy = package(tmp_path_factory.mktemp("installed"), CLUMSY)
    home = tmp_path_factory.mktemp("brisk")  # where it is started, and where a project of its user's lies
    for name in ("actors", "api", "runtime"):
        (home / name).mkdir()
        (home / name / "__init__.py").write_text("raise RuntimeError('not Perdure')\n")
    server = ServerProcess(home / "data", settings, [clumsy])
    try:
        yield server.start("--port", "0")
        with leaving_nothing_behind(server):
            assert server.terminate() == 0
    finally:
        server.kill9()


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[Client]:
    async with Client(server.url) as client:
        yield client


@pytest.fixture
async def brisk_client(brisk: ServerProcess) -> AsyncIterator[Client]:
    async with Client(brisk.url) as client:
        yield client


# ---------------------------------------------------------------- starting and ending


def sockets_and_links(data_dir: Path) -> list[Path]:
    links = [path for path in Path("/tmp").iterdir() if path.is_symlink()]  # noqa: S108  looked at
    mine = [link for link in links if data_dir.resolve() in link.resolve().parents]
    return [path for path in data_dir.rglob("*") if path.is_socket()] + mine


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def leaving_nothing_behind(server: ServerProcess) -> Iterator[None]:
    """Assert that a server which runs now has taken everything away with it when the context is left."""
    family = [server.process, *server.children()]
    files, segments = mapped(family)
    assert files
    assert segments
    assert listens(server.port)
    yield
    assert [process for process in family if is_alive(process)] == []
    assert [path for path in files if path.exists()] == []
    assert segments & segments_there() == set()
    assert not listens(server.port)
    assert sockets_and_links(server.data_dir) == []
    assert not (server.data_dir / "postgres" / "data" / "postmaster.pid").exists()


STOPPING = "perdure Stopping: clients, actors, Ray, Postgres ..."


def test_ended_server_leaves_nothing_behind_and_its_turns_go_on_at_the_next_start(data_dir: Path) -> None:
    """Promised: ctrl-C drains and stops it, its Postgres and its Ray, leaving no process behind.

    Whoever asks twice need not wait for what hangs. SIGTERM, sent once, ends the server of other tests here (`brisk`).
    """
    server = ServerProcess(data_dir, ONE_ACTOR)
    try:
        server.start()
        asyncio.run(pack(server, 3))
        with leaving_nothing_behind(server):
            unfinished = asyncio.run(begin(server, 2))  # last: to look for all that it has takes a while
            assert server.interrupt() == 0
        assert text_after_banner(server) == [STOPPING]
        server.start()
        asyncio.run(finish(server, unfinished))
        with leaving_nothing_behind(server):
            supervisor = asyncio.run(stop_supervisor(server))
            assert server.terminate_twice() == 0
            assert not is_alive(supervisor)
    finally:
        server.kill9()
    # Had it waited for the supervisor, it would say that in vain.
    assert text_after_banner(server) == [STOPPING, "perdure Stopping at once ..."]


def test_server_that_is_stopped_while_it_starts_leaves_nothing_behind(data_dir: Path) -> None:
    server = ServerProcess(data_dir)
    server.launch()
    try:
        server.until_said("Starting Ray and Postgres")
        assert server.terminate() == 0
    finally:
        server.kill9()
    every = psutil.process_iter(["cmdline", "environ"])
    assert [process for process in every if str(data_dir) in f"{process.info}"] == []
    assert sockets_and_links(data_dir) == []
    assert server.log.splitlines()[1:] == [STOPPING]


async def stop_supervisor(server: ServerProcess) -> psutil.Process:
    """Let the supervisor hang."""
    async with Client(server.url) as client:
        supervisor = psutil.Process((await client.actors("supervisor"))[0]["pid"])
    supervisor.suspend()
    return supervisor


async def begin(server: ServerProcess, count: int) -> list[str]:
    """Have sessions begin an answer, and return them in the middle of it."""
    async with Client(server.url) as client:

        async def one() -> str:
            session_id = await client.open()
            async with client.listen(session_id) as stream:
                await client.send(session_id, script({"say": WORDS, "tokens_per_second": 2}))
                await stream.wait_for("output.message.delta")
            return session_id

        return await asyncio.gather(*(one() for _ in range(count)))


async def finish(server: ServerProcess, session_ids: Sequence[str]) -> None:
    """See turns of a former server end, without asking for it."""
    async with Client(server.url) as client:
        for session_id in session_ids:
            place = await client.until_idle(session_id)
            assert place["recoveries"] == 1
            async with client.listen(session_id) as stream:
                assert (await stream.wait_for_end()).type == "turn.completed"
                check(stream, await client.events(session_id))
            assert text_of((await client.messages(session_id))[-1]) == WORDS


async def pack(server: ServerProcess, count: int) -> None:
    """Have sessions answer at the same time, in the one actor that there may be."""
    async with Client(server.url) as client:
        before = sum(actor["sessions"] for actor in await client.actors())
        session_ids = [await client.open() for _ in range(count)]
        await asyncio.gather(*(client.send(s, script({"say": WORDS, "tokens_per_second": 20})) for s in session_ids))
        assert len({await client.pid(session_id) for session_id in session_ids}) == 1
        assert [actor["sessions"] for actor in await client.actors()] == [before + count]
        for session_id in session_ids:
            await client.until_idle(session_id)
            assert text_of((await client.messages(session_id))[-1]) == WORDS


async def test_actors_are_shown_one_page_after_another(client: Client) -> None:
    pages = await client.until(pages_of_actors, "nobody to come or go meanwhile")
    assert all((len(page["data"]), page["limit"]) == (1, 1) for page in pages)
    found = [actor for page in pages for actor in page["data"]]
    assert [actor["role"] for actor in found[:2]] == ["supervisor", "front_door"]
    assert {actor["role"] for actor in found[2:]} == {"session"}
    assert len({actor["name"] for actor in found}) == len(found) == pages[-1]["total"]


async def pages_of_actors(client: Client) -> list[Json] | None:
    """Return one page for each actor, if it is the same actors before and after: others' may be about to leave."""
    pages: list[Json] = []
    path, before = "/durable/actors?limit=1", await names_of_actors(client)
    while path:
        pages.append((await client.http.get(path)).json())
        path = (pages[-1]["next_url"] or "").removeprefix("/api/v1")
    return pages if before == await names_of_actors(client) else None


async def names_of_actors(client: Client) -> list[str]:
    return [actor["name"] for actor in (await client.http.get("/durable/actors")).json()["data"]]


def test_second_server_on_a_data_dir_is_refused_with_the_reason(server: ServerProcess, tmp_path: Path) -> None:
    second = ServerProcess(tmp_path / "second")
    second.launch("--data-dir", str(server.data_dir))
    assert second.wait(PATIENCE_S) == 1
    assert f"Another Perdure is running on {server.data_dir}" in second.log
    assert "Traceback" not in second.log
    assert httpx.get(f"{server.url}/health").is_success


def test_database_that_another_ray_serves_is_refused_saying_whose_it_is(server: ServerProcess, tmp_path: Path) -> None:
    theirs = {"DATABASE_URL": server.database, "SECRETS_ENCRYPTION_KEY_FILE": str(server.data_dir / "secrets.key")}
    second = ServerProcess(tmp_path / "second", ONE_ACTOR | theirs)
    second.launch()
    assert second.wait(PATIENCE_S) == 1
    assert f"Another Perdure serves this database: {socket.gethostname()}, data dir {server.data_dir}" in second.log
    assert "Traceback" not in second.log


async def test_database_of_a_ray_that_died_is_taken_over(tmp_path: Path, database: str, db: Pool) -> None:
    dead = ClaimStore(db, "another cluster")
    assert await dead.take() == dead.cluster
    heir = ServerProcess(tmp_path / "heir", ONE_ACTOR | {"DATABASE_URL": database})
    try:
        await asyncio.to_thread(heir.start)
        assert str(heir.data_dir) in await dead.take()
    finally:
        heir.kill9()


def test_taken_port_is_refused_before_anything_is_started(server: ServerProcess, data_dir: Path) -> None:
    second = ServerProcess(data_dir)
    second.launch("--port", str(server.port))
    assert second.wait(PATIENCE_S) == 1
    assert f"Cannot listen on 127.0.0.1:{server.port}: Address already in use" in second.log
    assert not (data_dir / "postgres").exists()


def test_host_that_others_can_reach_is_refused_saying_why(data_dir: Path) -> None:
    server = ServerProcess(data_dir)
    server.launch("--host", "0.0.0.0")  # noqa: S104  refused
    assert server.wait(PATIENCE_S) == 2
    assert "is not loopback, and with AUTH_MODE=none anybody who reaches it would be an administrator" in server.log
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("source", "entry", "cause"),
    [
        (CLUMSY, "clumsy:Clumzy", "has no attribute 'Clumzy'"),
        (CLUMSY.replace("async def", "def"), "clumsy:Clumsy", "Clumsy.drop must be an `async def`"),
    ],
)
def test_package_that_cannot_be_loaded_is_named_before_anything_is_started(
    data_dir: Path, tmp_path: Path, source: str, entry: str, cause: str
) -> None:
    server = ServerProcess(data_dir, python_path=[package(tmp_path / "installed", source, entry)])
    server.launch()
    assert server.wait(PATIENCE_S) == 1
    (line,) = server.log.splitlines()
    assert line.startswith(f"perdure: The capability 'clumsy' of clumsy 1.2 ({entry}) cannot be loaded: ")
    assert cause in line
    assert list(data_dir.iterdir()) == []


def test_ray_that_is_not_there_is_named_before_anything_is_started(data_dir: Path) -> None:
    with socket.socket() as mute:  # which keeps the port and does not listen
        mute.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        server = ServerProcess(data_dir, {"RAY_ADDRESS": address})
        server.launch()
        assert server.wait(PATIENCE_S) == 1
    (line,) = server.log.splitlines()
    assert line.startswith(f"perdure: No Ray answers at {address} (")
    assert not data_dir.exists()


def test_stop_while_ray_does_not_answer_needs_one_signal(data_dir: Path) -> None:
    """What listens at that address takes connections and says nothing, so Ray's start hangs in native code."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = ServerProcess(data_dir, {"RAY_ADDRESS": f"127.0.0.1:{silent.getsockname()[1]}"})
        server.launch()
        try:
            server.until_said("waiting for Ray")
            assert server.terminate() == 0
        finally:
            server.kill9()


def test_stop_while_the_database_is_waited_for_is_silent(data_dir: Path) -> None:
    """Promised: Ray, which is up by then, does not dump its stacks."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        server = ServerProcess(data_dir, {"DATABASE_URL": f"postgresql://ada@127.0.0.1:{mute.getsockname()[1]}/x"})
        server.launch()
        try:
            server.until_said("Waiting for the database")
            while "sh" not in {name for _, name in named(server.process.children())}:  # Ray's guard, once Ray is up
                assert server.process.is_running()
                time.sleep(POLL_S)
            assert server.terminate() == 0
        finally:
            server.kill9()
    steps = [line for line in server.log.splitlines() if "Waiting for the database" not in line]
    assert steps == ["perdure Starting Ray and Postgres ...", STOPPING]


async def test_without_a_dashboard_nobody_can_hand_jobs_to_rays_agent(
    brisk: ServerProcess, brisk_client: Client
) -> None:
    """Promised: it tells Ray's metrics, and has no other port."""
    (agent,) = [process for process in brisk.children() if command_of(process).startswith("ray::DashboardAgent")]
    await brisk_client.until(lambda c: tells_metrics(c, agent), "metrics of Ray, which has just started")
    assert len(ports_of(agent)) == 1


async def tells_metrics(client: Client, agent: psutil.Process) -> bool:
    told = [await client.http.get(f"http://127.0.0.1:{port}/") for port in ports_of(agent)]
    return any("# TYPE ray_" in reply.text for reply in told)


def ports_of(process: psutil.Process) -> list[int]:
    return [one.laddr.port for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]


def test_version_is_told() -> None:
    told = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603  ours
    assert told == f"perdure {version('perdure')}\n"


# ---------------------------------------------------------------- what its terminal shows


async def test_exception_of_a_tool_is_told_once_in_the_terminal(brisk_client: Client, brisk: ServerProcess) -> None:
    """Promised: with its session, its tool and its traceback, though another process logged it."""
    session_id = await brisk_client.open(capabilities=["clumsy"])
    async with brisk_client.listen(session_id) as stream:
        await brisk_client.send(session_id, script({"call": [{"name": "drop"}]}, {"say": "Oops."}))
        await stream.wait_for_end()
    await asyncio.to_thread(brisk.until_said, "it slipped")
    told = [line for line in brisk.log.splitlines() if "it slipped" in line]
    entry = json.loads(told[0])
    assert (entry["event"], entry["session_id"], entry["tool"]) == ("tool_failed", session_id, "drop")
    assert entry["exception"].endswith("ValueError: it slipped")
    assert len(told) == 1


LAST_OF_BANNER = "Ctrl-C stops it; nothing is lost."


def text_after_banner(server: ServerProcess) -> list[str]:
    return server.log.partition(LAST_OF_BANNER)[2].split("\n")[1:-1]


def test_start_says_only_what_concerns_its_user(server: ServerProcess) -> None:
    """Promised: its terminal is for a person; nothing of uvicorn, Ray or Postgres gets there."""
    steps = server.log.partition("Perdure is up")[0].splitlines()
    assert steps == [
        "perdure Starting Ray and Postgres ...",
        steps[1],
        "perdure Starting the supervisor and its first session actors ...",
    ]
    assert re.fullmatch(r"perdure Postgres is up, \d+ migrations applied; waiting for Ray \.\.\.", steps[1])


def test_every_address_in_the_banner_answers(server: ServerProcess) -> None:
    """Promised: a banner that shows where everything is."""
    banner = server.log.partition("Perdure is up")[2].partition(", or paste this")[0]
    urls = set(re.findall(r"http://[^\s]+[^\s,.]", banner))
    assert {httpx.URL(url).path for url in urls} == {"/", "/api-doc/"}
    assert len({httpx.URL(url).port for url in urls}) == 2  # Ray's dashboard has its own
    replies = {url: httpx.get(url, follow_redirects=True, timeout=PATIENCE_S).status_code for url in urls}
    assert replies == dict.fromkeys(urls, 200)
    (token,) = re.findall(r"the token in ([^)]+)\)", banner)
    (dashboard,) = re.findall(r"Ray +(http://\S+)", banner)
    headers = {"Authorization": f"Bearer {Path(token).read_text()}"}
    assert httpx.get(f"{dashboard}/api/jobs/", headers=headers, timeout=PATIENCE_S).status_code == 200


def test_banner_of_a_server_without_a_dashboard_shows_none(brisk: ServerProcess) -> None:
    banner = brisk.log.partition("Perdure is up")[2].partition(", or paste this")[0]
    assert re.findall(r"Ray +(.+)", banner) == ["no dashboard"]


def test_line_in_the_banner_works_when_pasted(server: ServerProcess) -> None:
    """Promised: a `curl` line that works when pasted."""
    pasted = server.log.partition("or paste this:\n\n")[2].partition("\n\n")[0]
    shell = subprocess.Popen(["/bin/sh", "-c", pasted], stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603  our own
    assert shell.stdout is not None
    seen: list[str] = []
    try:
        for line in shell.stdout:
            seen.append(line)
            if line == "event: session.idled\n":
                break
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate()
    (said,) = [json.loads(line[6:]) for line in seen if line.startswith('data: {"id"') and '"role":"agent"' in line]
    assert "Hello!" in text_of(said["data"]["message"])


# ---------------------------------------------------------------- placement


async def test_two_servers_run_side_by_side(client: Client, brisk_client: Client) -> None:
    session_id = await client.open()
    assert (await brisk_client.http.get(f"/sessions/{session_id}")).status_code == 404
    assert {a["pid"] for a in await client.actors()}.isdisjoint({a["pid"] for a in await brisk_client.actors()})


async def test_packages_that_lie_where_it_is_started_are_not_taken_for_ours(brisk_client: Client) -> None:
    session_id = await brisk_client.open()
    async with brisk_client.listen(session_id) as stream:
        await brisk_client.send(session_id, "Hello")
        assert (await stream.wait_for_end()).type == "turn.completed"


async def test_sessions_spread_over_the_actors_that_are_warm(brisk_client: Client) -> None:
    client = brisk_client  # where other tests' sessions have left their actors before long
    await client.until(lambda c: warm(c, 2), "two actors to be warm")
    first, second = [await client.open() for _ in range(2)]
    async with client.listen(first) as one, client.listen(second) as two:
        slowly = script({"say": WORDS, "tokens_per_second": 2})
        await asyncio.gather(client.send(first, slowly), client.send(second, slowly))
        assert await client.pid(first) != await client.pid(second)
        await client.until(lambda c: warm(c, 2), "others to be started in their place")
        await one.wait_for_end()
        await two.wait_for_end()


async def warm(client: Client, count: int) -> bool:
    standbys = [actor for actor in await client.actors() if actor["state"] == "standby"]
    return len(standbys) >= count


async def test_many_sessions_answer_at_the_same_time(client: Client) -> None:
    session_ids = [await client.open() for _ in range(12)]

    async def talk(session_id: str) -> None:
        async with client.listen(session_id) as stream:
            for turn in range(1, 3):
                await client.send(session_id, f"{session_id} says {turn}")
                await stream.wait_for_end(turn)
            check(stream, await client.events(session_id))
            said = [text_of(m) for m in await client.messages(session_id) if m["role"] == "user"]
            assert said == [f"{session_id} says 1", f"{session_id} says 2"]

    await asyncio.gather(*map(talk, session_ids))


async def test_resting_session_leaves_memory_and_the_next_message_brings_it_back(brisk_client: Client) -> None:
    client = brisk_client
    session_id = await client.open()
    opened = await client.place(session_id)
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": "before"}))
        ended = await stream.wait_for_end()
        asleep = await client.until(lambda c: has_left(c, session_id), "the session to be passivated")
        assert asleep["snapshot_sequence"] == asleep["last_sequence"] > (ended.sequence or 0)
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 3}))
        ended = await stream.wait_for_end(2)
        assert ended.type == "turn.completed"
        live = [delta.data["turn_id"] for delta in stream.of_type("output.message.delta")]
        assert ended.data["turn_id"] in live
        place = await client.place(session_id)
        moves = 3 if place["actor"] else 4  # it was placed, rested, was placed, and may rest again by now
        assert (place["recoveries"], place["epoch"]) == (0, opened["epoch"] + moves)
        check(stream, await client.events(session_id))


async def has_left(client: Client, session_id: str) -> object:
    place = await client.place(session_id)
    return place["actor"] is None and place


# ---------------------------------------------------------------- streams


@pytest.fixture
async def told(client: Client) -> str:
    """A session with one finished turn."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 60}))
        await stream.wait_for_end()
    return session_id


async def test_stream_resumes_after_any_event_by_either_cursor(client: Client, told: str) -> None:
    events = await client.events(told)
    middle = events[len(events) // 2]
    rest = events[len(events) // 2 + 1 :]
    for cursor in ({"since_id": middle["id"]}, {"after_sequence": middle["sequence"]}):
        async with client.listen(told, **cursor) as stream:
            await stream.wait_for("session.idled")
            assert [frame.body for frame in stream.durable] == rest


async def test_stream_resumes_after_the_id_in_a_last_event_id_header(client: Client, told: str) -> None:
    events = await client.events(told)
    headers = {"Last-Event-ID": events[4]["id"]}
    async with client.http.stream("GET", f"/sessions/{told}/sse", headers=headers) as reply:
        lines = reply.aiter_lines()
        ids = [line.removeprefix("id: ") async for line in take(lines, len(events) - 5)]
    assert ids == [event["id"] for event in events[5:]]


async def take(lines: AsyncIterator[str], count: int) -> AsyncIterator[str]:
    """Yield the first `count` lines with an id."""
    async for line in lines:
        if line.startswith("id: "):
            yield line
            count -= 1
            if not count:
                return


async def test_stream_resumes_after_the_id_of_a_delta(client: Client) -> None:
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": WORDS, "tokens_per_second": 20}))
        delta = await stream.wait_for("output.message.delta", 2)
        async with client.listen(session_id, since_id=delta.body["id"]) as other:
            await other.wait_for("session.idled")
            await stream.wait_for("session.idled")
            events = await client.events(session_id)
            last_before = max(e["sequence"] for e in events if e["id"] < delta.body["id"])
            assert [frame.body for frame in other.durable] == events[last_before:]


async def test_stream_without_a_cursor_begins_with_the_newest_message(client: Client, told: str) -> None:
    async with client.http.stream("GET", f"/sessions/{told}/sse") as reply:
        async for line in reply.aiter_lines():
            if line.startswith("event: ") and line != "event: connected":
                assert line == "event: input.message"
                return


async def test_quiet_stream_beats(brisk_client: Client) -> None:
    session_id = await brisk_client.open()
    beats = 0
    async with brisk_client.http.stream("GET", f"/sessions/{session_id}/sse") as reply:
        async for line in reply.aiter_lines():
            beats += line.startswith(":")
            if beats == 2:
                return
    pytest.fail("the stream ended")


async def test_stream_asks_its_client_to_come_back_in_the_middle_of_a_turn(brisk_client: Client) -> None:
    session_id = await brisk_client.open()
    async with brisk_client.listen(session_id) as stream:
        say = " ".join(f"word{number}" for number in range(20))
        await brisk_client.send(session_id, script({"say": say, "tokens_per_second": 10}))
        assert (await stream.wait_for_end()).type == "turn.completed"
        assert stream.connections >= 2
        reasons = [frame.body["reason"] for frame in stream.of_type("disconnecting")]
        assert set(reasons) == {"connection_cycle"}
        assert len(reasons) - (stream.connections - 1) in (0, 1)  # the next may just have been asked for
        check(stream, await brisk_client.events(session_id))


async def test_client_that_does_not_read_holds_up_nobody(client: Client, server: ServerProcess) -> None:
    session_id = await client.open(tools=[])
    flood = script({"say": "word " * 40_000, "tokens_per_second": 100_000})
    deaf = socket.create_connection(("127.0.0.1", server.port))
    try:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /api/v1/sessions/{session_id}/sse?after_sequence=0 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        deaf.sendall(request.encode())
        async with client.listen(session_id) as stream:
            turns = 0
            # Of deltas there are as many as the time of an answer allows, and a client that lags misses some.
            while sum(len(json.dumps(frame.body)) for frame in stream.frames) <= MORE_THAN_SOCKETS_HOLD_BYTES:
                turns += 1
                await client.send(session_id, flood)
                assert (await stream.wait_for_end(turns)).type == "turn.completed"
            check(stream, await client.events(session_id))
        assert deaf.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        deaf.close()
    assert psutil.Process(server.process.pid).is_running()
