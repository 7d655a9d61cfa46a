"""A running server where people log in: its command line, tokens and streams. One server serves all of these tests.

`perdure users` and `perdure tokens` make the first administrator beside it, as README says.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest
from everruns_sdk import Everruns
from httpx_sse import ServerSentEvent, aconnect_sse

from runtime.process.addresses import is_address, is_loopback
from tests.client import PATIENCE_S, script
from tests.server import COMMAND, PASSWORD, ROOT, ServerProcess

pytestmark = pytest.mark.timeout(300)

REVOKED_WITHIN_S = 1.0


@pytest.fixture(scope="module")
def server(guarded: ServerProcess) -> ServerProcess:
    return guarded


@pytest.fixture(scope="module")
def key(server: ServerProcess) -> str:
    """A token of the administrator."""
    return server.run("tokens", "create", "--user", ROOT, "--name", "tests").strip()


@pytest.fixture
async def http(server: ServerProcess, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": key}
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


async def test_without_a_credential_there_is_health_and_nothing_else(server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()["auth_mode"]) == (200, "full")
        assert (await client.get("/api/v1/sessions")).status_code == 401
        assert (await client.get("/api/v1/sessions/session_" + "0" * 32 + "/sse")).status_code == 401


async def test_it_listens_where_it_is_told_and_still_knows_its_names(server: ServerProcess) -> None:
    address = f"{own_address()}:{server.port}"
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/api/v1/sessions")).status_code == 401
        rebound = await client.get("/health", headers={"Host": "evil.example"})
        assert (rebound.status_code, rebound.json()["code"]) == (403, "foreign_host")


def own_address() -> str:
    """Return an address of this machine at which others reach it."""
    found = [address.address for of_one in psutil.net_if_addrs().values() for address in of_one]
    far = [address for address in found if is_address(address) and ":" not in address and not is_loopback(address)]
    if not far:
        pytest.skip("this machine has no address beyond loopback")
    return far[0]


@pytest.mark.filterwarnings("ignore:.*personal access token is deprecated:DeprecationWarning")
async def test_the_published_client_works_with_a_token(server: ServerProcess, key: str) -> None:
    async with Everruns(api_key=key, base_url=f"{server.url}/api") as client:
        agent = await client.agents.create(name="poet", system_prompt="Answer in one line.")
        session = await client.sessions.create(agent_id=agent.id)
        await client.messages.create(session.id, "What survives a crash?")
        async for event in client.events.stream(session.id):
            if event.type == "turn.completed":
                break
        assert [message.role for message in await client.messages.list(session.id)] == ["user", "agent"]


async def test_the_administrator_of_the_command_line_logs_in(server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1") as client:
        reply = await client.post("/auth/login", json={"email": ROOT, "password": PASSWORD})
        assert reply.status_code == 200
        assert "system_admin" in (await client.get("/auth/me")).json()["roles"]


@pytest.mark.parametrize("way", ["http", "command line", "disabled"])
async def test_a_stream_ends_within_a_second_of_its_tokens_end(
    server: ServerProcess, http: httpx.AsyncClient, way: str
) -> None:
    """Promised: whoever is no longer good hears nothing more, though they listen already."""
    email = f"{way.replace(' ', '-')}@example.org"
    server.run("users", "create", "--email", email)
    key = server.run("tokens", "create", "--user", email, "--name", "stream").strip()
    [line] = server.run("tokens", "list", "--user", email).splitlines()
    token_id = line.split("\t")[0]
    session = (await http.post("/sessions", json={})).json()["id"]
    await http.post(f"/sessions/{session}/messages", json=long_turn())
    headers = {"Authorization": key}
    async with aconnect_sse(http, "GET", f"/sessions/{session}/sse", headers=headers) as source:
        events = source.aiter_sse()
        await anext(event async for event in events if event.event == "output.message.delta")
        reading = asyncio.create_task(read_to_its_end(events))  # meanwhile, or what has gathered is read first
        ended_at = await asyncio.to_thread(end, server, way, email, token_id, key)
        last, over_at = await reading
    took_s = over_at - ended_at
    assert last.event == "disconnecting"
    assert json.loads(last.data)["reason"] == "access_changed"
    assert took_s < REVOKED_WITHIN_S
    assert (await http.get(f"/sessions/{session}", headers=headers)).status_code == 401
    await http.post(f"/sessions/{session}/cancel")


async def read_to_its_end(events: AsyncIterator[ServerSentEvent]) -> tuple[ServerSentEvent, float]:
    """Return the last event of a stream, and when it was over."""
    last = [event async for event in events][-1]
    return last, time.monotonic()


def long_turn() -> dict[str, object]:
    text = script({"say": " ".join(["word"] * 3_000), "tokens_per_second": 50})
    return {"message": {"content": [{"type": "text", "text": text}]}}


def end(server: ServerProcess, way: str, email: str, token_id: str, key: str) -> float:
    """End a token in one of three ways; return when that was done."""
    if way == "http":
        url = f"{server.url}/api/v1/auth/personal-access-tokens/{token_id}"
        assert httpx.delete(url, headers={"Authorization": key}).status_code == 204
    elif way == "command line":
        server.run("tokens", "revoke", token_id, "--user", email)
    else:
        server.run("users", "disable", email)
    return time.monotonic()


async def test_a_message_to_a_session_of_another_organisation_wakes_nobody(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    session = (await http.post("/sessions", json={})).json()["id"]
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1") as stranger:
        body = {"email": "eve@example.org", "password": PASSWORD, "name": "Eve"}
        grant = (await stranger.post("/auth/register", json=body)).json()
        stranger.cookies.clear()
        stranger.headers["Authorization"] = grant["access_token"]
        message = {"message": {"content": [{"type": "text", "text": "Hello"}]}}
        assert (await stranger.post(f"/sessions/{session}/messages", json=message)).status_code == 404
        assert (await stranger.get(f"/sessions/{session}/sse")).status_code == 404
        assert (await stranger.get("/durable/actors")).status_code == 403
    assert (await http.get(f"/sessions/{session}/messages")).json()["data"] == []


def test_a_user_is_exported_and_erased_by_command_line(server: ServerProcess) -> None:
    server.run("users", "create", "--email", "gone@example.org", "--name", "Gone")
    exported = json.loads(server.run("users", "export", "gone@example.org"))
    assert exported["user"]["name"] == "Gone"
    server.run("users", "erase", "gone@example.org", "--yes")
    assert "gone@example.org" not in server.run("users", "list")
    server.run("users", "export", "gone@example.org", code=1)


def test_a_password_changed_by_command_line_counts_at_once(server: ServerProcess) -> None:
    server.run("users", "create", "--email", "new@example.org")
    server.run("users", "set-password", "new@example.org", "--password-stdin", typed="another password\n")
    body = {"email": "new@example.org", "password": "another password"}
    assert httpx.post(f"{server.url}/api/v1/auth/login", json=body).status_code == 200


def test_what_cannot_be_is_said_in_one_line(server: ServerProcess) -> None:
    server.run("users", "create", "--email", "nobody", code=2)
    server.run("users", "create", "--email", ROOT, code=1)
    server.run("users", "set-password", ROOT, "--password-stdin", typed="short\n", code=1)
    server.run("tokens", "create", "--user", "nobody@example.org", "--name", "x", code=1)
    server.run("tokens", "create", "--user", ROOT, "--name", "x", "--scope", "everything", code=1)


def test_the_commands_that_are_clients_log_in_with_a_token(server: ServerProcess, key: str) -> None:
    for command, typed in (("sessions", ""), ("actors", ""), ("chat", "hello\n")):
        refused = client_command(server, command, typed=typed)
        assert refused.returncode == 1
        assert "Set PERDURE_TOKEN, or give --token." in refused.stderr
        by_option = client_command(server, command, "--token", key, typed=typed)
        assert by_option.returncode == 0, by_option.stderr
        by_environment = client_command(server, command, typed=typed, token=key)
        assert by_environment.returncode == 0, by_environment.stderr
        assert key not in by_environment.stderr + by_environment.stdout


def client_command(
    server: ServerProcess, *arguments: str, typed: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own command
        [COMMAND, *arguments, "--url", server.url],
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={} if token is None else {"PERDURE_TOKEN": token},
    )
