"""A canary is planted wherever a secret can flow; everything runs, some of it is killed, and then all is searched."""

import asyncio
import base64
import json
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx
import psutil
import pytest

from tests.client import Client, Frame, script
from tests.server import ONE_ACTOR, ServerProcess

REPOSITORY: Final = Path(__file__).resolve().parents[3]
METADATA: Final = "Metadata-Version: 2.1\nName: indiscreet\nVersion: 0\n"
ENTRY: Final = "[perdure.capabilities]\nindiscreet = tests.integration.canaries.indiscreet:Indiscreet\n"
TABLES: Final = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
CHUNK: Final = 1 << 24


class Canaries:
    """Values that must be seen nowhere, by where each was planted."""

    def __init__(self) -> None:
        names = ("session", "connection", "header", "vendor", "stranger", "jwt", "refused", "first")
        self.values = {name: f'canary "{name}"/{secrets.token_hex(16)}' for name in names}
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.newer_key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.found: list[str] = []
        self.searched = 0

    def settings(self) -> dict[str, str]:
        return {
            "SECRETS_ENCRYPTION_KEY": f"canary-key:{self.key}",
            "AUTH_JWT_SECRET": self.values["jwt"],
            "ANTHROPIC_API_KEY": self.values["vendor"],
            "GITHUB_TOKEN": self.values["stranger"],
            "PERDURE_MODEL__DEFAULT_MODEL": "llmsim:sim-echo",
        }

    def needles(self) -> dict[str, list[bytes]]:
        """Return what each may look like: the part that chance made, also in other writings."""
        keys = {"key": self.key, "newer key": self.newer_key}
        made = {name: [key.encode(), quote(key, safe="").encode()] for name, key in keys.items()}
        for name, value in self.values.items():
            chance = value.rpartition("/")[2]
            made[name] = [chance.encode(), base64.b64encode(value.encode())[:24]]
        return made

    def look(self, where: str, content: bytes) -> None:
        self.searched += len(content)
        for name, forms in self.needles().items():
            if any(form in content for form in forms):
                self.found.append(f"{name} in {where}")


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def server(tmp_path: Path, canaries: Canaries) -> Iterator[ServerProcess]:
    about = tmp_path / "installed" / "indiscreet-0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(ENTRY)
    made = ServerProcess(tmp_path / "data", {**ONE_ACTOR, **canaries.settings()}, [about.parent, REPOSITORY])
    yield made.start()
    made.stop()


@pytest.fixture
def newcomer(server: ServerProcess, tmp_path: Path, canaries: Canaries) -> Iterator[ServerProcess]:
    """A second front door of the same deployment, not started yet, with a newer key: a rotation is under way."""
    [gcs] = [word for child in server.children() for word in child.cmdline() if word.startswith("--gcs-address=")][:1]
    settings = {
        **ONE_ACTOR,
        "RAY_ADDRESS": gcs.partition("=")[2],
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # so that Ray looks for this Ray where it is: on loopback
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": (server.data_dir / "ray" / "auth_token").read_text(),
        "DATABASE_URL": server.database,
        "SECRETS_ENCRYPTION_KEY": f"newer-canary-key:{canaries.newer_key}",
        "SECRETS_ENCRYPTION_KEY_PREVIOUS": canaries.settings()["SECRETS_ENCRYPTION_KEY"],
    }
    made = ServerProcess(tmp_path / "newcomer", settings)
    yield made
    made.kill9()


def rotate(newcomer: ServerProcess) -> None:
    """Seal everything with the newer key, which only the newcomer's front door has."""
    newcomer.start()
    newcomer.run("keys", "rotate")


async def plant(http: httpx.AsyncClient, canaries: Canaries) -> str:
    """Put a canary into everything that takes a secret; return a session whose tools tell it."""
    planted = canaries.values
    servers = {"a": {"url": "https://mcp.example.com", "headers": {"Authorization": planted["header"]}}}
    body: dict[str, Any] = {"capabilities": ["indiscreet", "session_storage"], "mcpServers": servers}
    session_id = (await http.post("/sessions", json=body)).json()["id"]
    at = f"/sessions/{session_id}/storage/secrets"
    assert (await http.put(at, json={"secrets": {"TOKEN": planted["first"]}})).is_success
    assert (await http.put(at, json={"secrets": {"TOKEN": planted["session"]}})).is_success
    refused = await http.put(at, json={"secrets": {"BAD": planted["refused"] * 2_000}})
    assert refused.status_code == httpx.codes.BAD_REQUEST
    set_ = await http.post("/user/connections/github", json={"api_key": planted["connection"]})
    assert set_.is_success
    agent = {"name": "canary", "system_prompt": "", "mcpServers": servers}
    for reply in (refused, set_, await http.post("/agents", json=agent)):
        canaries.look("a reply", reply.content)
    return str(session_id)


def parroted(value: str) -> str:
    """Return a script that has the model say a value, word by word, and in which it does not stand."""
    hidden = "".join(f"\\u{ord(char):04x}" for char in value)
    return script({"say": "I know VALUE."}).replace("VALUE", hidden)


def check_pieces(frames: list[Frame]) -> None:
    """Pass if what came in pieces was hidden: what the model said, and what `tell` put out three times."""
    said = [frame.data["accumulated"] for frame in frames if frame.type == "output.message.delta"]
    outputs = [frame.data for frame in frames if frame.type == "tool.output.delta"]
    pieces = "".join(output["delta"] for output in outputs if output["stream"] == "stderr")
    assert "I know [redacted]." in said
    assert pieces == "[redacted]" * 3


def check_outcomes(events: list[dict[str, Any]]) -> None:
    """Pass if the tools did what they are for, and what they said was hidden."""
    outcomes = [event["data"] for event in events if event["type"] == "tool.completed"]
    assert [outcome["success"] for outcome in outcomes] == [True, False, False, False, True, True, True]
    assert "[redacted]" in str(outcomes[0]["result"])
    assert outcomes[1]["error"] == "[redacted]"
    assert outcomes[5]["result"] == [{"type": "text", "text": "It is [redacted]"}]


async def ask_around(http: httpx.AsyncClient, session_id: str, canaries: Canaries) -> None:
    here = f"/sessions/{session_id}"
    for path in (
        here, f"{here}/events?limit=100", f"{here}/messages", f"{here}/storage/secrets", f"/durable{here}",
        f"/durable{here}/effects", "/durable/actors", "/sessions", "/agents", "/user/connections", "/capabilities",
        "/orgs/audit", "/audit",
    ):  # fmt: skip
        canaries.look(path, (await http.get(path)).content)


def search_processes(server: ServerProcess, canaries: Canaries) -> int:
    """Look at titles and environments of all that the server has started; its own was given by whoever started it."""
    children = server.process.children(recursive=True)
    for process in children:
        try:
            name, told = process.name(), json.dumps([process.cmdline(), process.environ()])
        except psutil.Error:
            continue
        canaries.look(f"process {name}", told.encode())
    canaries.look("a title", json.dumps(server.process.cmdline()).encode())
    return len(children)


async def search_database(server: ServerProcess, canaries: Canaries) -> int:
    """Look at every row, in text: on the disk what is long is compressed."""
    connection = await asyncpg.connect(server.database)
    rows = 0
    for table in await connection.fetch(TABLES):
        for row in await connection.fetch(f"SELECT t::text AS row FROM {table['relname']} t"):
            canaries.look(f"table {table['relname']}", row["row"].encode())
            rows += 1
    for (query,) in await connection.fetch("SELECT query FROM pg_stat_activity"):
        canaries.look("a statement", (query or "").encode())
    await connection.close()
    return rows


def search_files(folder: Path, canaries: Canaries) -> int:
    """Look at every file below a folder, Postgres's and Ray's among them."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(CHUNK):
                canaries.look(str(path.relative_to(folder)), before + chunk)
                before = chunk[-100:]
    return len(files)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_no_canary_is_found_anywhere(
    server: ServerProcess, newcomer: ServerProcess, canaries: Canaries, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promised, too: what was sealed with a newer key opens although the supervisor was started with the older."""
    async with Client(server.url) as client:
        session_id = await plant(client.http, canaries)
        calls = [{"call": [{"name": name}]} for name in ("tell", "fail", "crash", "die", "tell", "connect")]
        async with client.listen(session_id) as stream:
            await client.send(session_id, script(*calls, {"say": "done"}))
            await stream.wait_for_end()
            await asyncio.to_thread(rotate, newcomer)
            [supervisor] = await client.actors("supervisor")
            os.kill(supervisor["pid"], signal.SIGKILL)
            await client.send(session_id, script({"call": [{"name": "tell"}]}, {"say": "done"}))
            await stream.wait_for_end(2)
            await client.send(session_id, parroted(canaries.values["session"]))
            await stream.wait_for_end(3)
            check_pieces(stream.frames)
            processes = search_processes(server, canaries)
            canaries.look("a stream", json.dumps([frame.body for frame in stream.frames]).encode())
        check_outcomes(await client.events(session_id))
        await ask_around(client.http, session_id, canaries)
    rows = await search_database(server, canaries)
    server.stop()
    canaries.look("the log", server.log_path.read_bytes())
    assert "tool_failed" in server.log
    files = search_files(server.data_dir, canaries)
    with capsys.disabled():
        print(  # noqa: T201  it is asked for
            f"\ncanaries: {len(canaries.needles())} planted; {processes} processes, {rows} rows, {files} files, "
            f"{canaries.searched / 1e6:.0f} MB searched; found {len(canaries.found)}"
        )
    assert canaries.found == []
    assert min(processes, rows, files) > 1


def test_the_search_finds_what_is_there(tmp_path: Path, canaries: Canaries) -> None:
    """A search that cannot find is none."""
    (tmp_path / "a").write_bytes(b"x" * (CHUNK - 9) + canaries.values["session"].encode())
    (tmp_path / "b").write_text(canaries.key)
    (tmp_path / "c").write_bytes(base64.b64encode(canaries.values["vendor"].encode()))
    assert search_files(tmp_path, canaries) == 3
    assert {found.partition(" ")[0] for found in canaries.found} == {"session", "key", "vendor"}
