"""Where the published client is strict."""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest
from everruns_sdk import ApiError, ContentPart, Everruns, NotFoundError
from everruns_sdk.models import generate_agent_id

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


async def test_every_list_and_get_parses(everruns: Everruns) -> None:
    agent = await everruns.agents.apply(generate_agent_id(), f"a-{secrets.token_hex(4)}", "Hi.")
    assert await everruns.agents.get(agent.id) == agent
    assert agent in await everruns.agents.list(search=agent.name)
    harness = await everruns.harnesses.create(f"h-{secrets.token_hex(4)}", system_prompt="Hi.")
    assert await everruns.harnesses.get(harness.name) == harness
    assert harness in await everruns.harnesses.list()
    assert (await everruns.harnesses.update(harness.id, description="New")).description == "New"
    await everruns.harnesses.delete(harness.id)
    assert {example.name for example in await everruns.harnesses.list_examples()} >= {"base", "generic"}
    models = await everruns.models.list()
    assert await everruns.models.get(models[0].id) == models[0]
    capabilities = await everruns.capabilities.list()
    assert await everruns.capabilities.get(capabilities[0].id) == capabilities[0]
    session = await everruns.sessions.create(agent_name=agent.name)
    assert [s.id for s in await everruns.sessions.list(agent_id=agent.id)] == [session.id]
    await everruns.sessions.pin(session.id)
    assert (await everruns.sessions.get(session.id)).is_pinned
    await everruns.sessions.unpin(session.id)
    assert await everruns.events.list(session.id) == []
    assert await everruns.messages.list(session.id) == []


async def test_workspaces_and_files_parse(everruns: Everruns) -> None:
    workspace = await everruns.workspaces.create(f"w-{secrets.token_hex(4)}", description="d")
    assert (await everruns.workspaces.get(workspace.id)).id == workspace.id
    assert workspace.id in [w.id for w in await everruns.workspaces.list(search=workspace.name)]
    files = everruns.workspace_files
    assert (await files.create(workspace.id, "/workspace/a.txt", "one")).content == "one"
    assert (await files.create_dir(workspace.id, "/d")).is_directory
    assert (await files.update(workspace.id, "/a.txt", "needle")).content == "needle"
    assert (await files.move_file(workspace.id, "/a.txt", "/d/b.txt")).path == "/d/b.txt"
    assert (await files.copy_file(workspace.id, "/d/b.txt", "/c.txt")).path == "/c.txt"
    assert [found.path for found in await files.grep(workspace.id, "need.e")] == ["/c.txt", "/d/b.txt"]
    assert (await files.stat(workspace.id, "/c.txt")).size_bytes == 6
    assert (await files.delete(workspace.id, "/d", recursive=True)).deleted
    assert not (await files.delete(workspace.id, "/d")).deleted
    assert (await everruns.workspaces.update(workspace.id, description="e")).description == "e"
    await everruns.workspaces.delete(workspace.id)


async def test_unknown_things_raise_the_right_error(everruns: Everruns) -> None:
    with pytest.raises(NotFoundError):
        await everruns.sessions.get("session_" + "0" * 32)
    with pytest.raises(ApiError) as caught:
        await everruns.sessions.get("session_nope")
    assert (caught.value.status_code, caught.value.code) == (400, "invalid_session_id")


async def test_late_tool_results_are_the_conflict_that_clients_know(everruns: Everruns) -> None:
    session = await everruns.sessions.create()
    with pytest.raises(ApiError, match="not waiting for tool results") as caught:  # after the client's six attempts
        await everruns.messages.create_tool_results(session.id, [ContentPart.make_tool_result("call_1", 1)])
    assert caught.value.status_code == 409


async def test_reason_of_a_change_is_checked(everruns: Everruns) -> None:
    agent = await everruns.agents.create(f"a-{secrets.token_hex(4)}", "Hi.")
    with pytest.raises(ApiError) as caught:
        await everruns.with_reason("x" * 1001).agents.delete(agent.id)
    assert caught.value.code == "invalid_change_reason"
    await everruns.with_reason("weil's nötig ist").agents.delete(agent.id)


@pytest.mark.parametrize("authorization", ["anything", "Bearer anything", "ApiKey anything", None])
async def test_any_token_is_taken_without_authentication(http: httpx.AsyncClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert (await http.get("/v1/agents", headers=headers)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
async def test_empty_bodies_of_all_sdks_are_taken(http: httpx.AsyncClient, body: bytes) -> None:
    session = (await http.post("/v1/sessions", json={})).json()
    reply = await http.post(
        f"/v1/sessions/{session['id']}/cancel", content=body, headers={"content-type": "application/json"}
    )
    assert (reply.status_code, reply.json()["status"]) == (200, "no_op")


async def test_slash_at_the_end_is_not_redirected(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/agents/")).status_code == 404


async def test_stream_begins_at_once_and_is_not_cached(http: httpx.AsyncClient) -> None:
    session = (await http.post("/v1/sessions", json={})).json()
    async with http.stream("GET", f"/v1/sessions/{session['id']}/sse") as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert "no-cache" in reply.headers["cache-control"]
        chunks = reply.aiter_text()
        assert isinstance(chunks, AsyncGenerator)
        async with aclosing(chunks):
            first = await anext(chunks)
    assert first.startswith('event: connected\nretry: 100\ndata: {"status":"connected"}\n\n')


async def test_health_and_document_are_at_the_root(server_url: str) -> None:
    async with httpx.AsyncClient(base_url=server_url) as root:
        assert (await root.get("/health")).json()["status"] == "ok"
        assert "/api/v1/sessions/{session_id}/messages" in (await root.get("/api-doc/openapi.json")).json()["paths"]
        assert (await root.get("/")).status_code == 200


async def test_page_of_the_api_has_all_it_needs_from_this_server(server_url: str) -> None:
    async with httpx.AsyncClient(base_url=f"{server_url}/api-doc/") as root:
        page = await root.get("")
        assert page.headers["content-type"].startswith("text/html")
        assert "//" not in re.sub("<!--.*?-->", "", page.text)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for address in re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text):
            assert (await root.get(address)).status_code == 200
        assert (await root.get("files/nothing.js")).status_code == 404


async def test_actors_are_shown(http: httpx.AsyncClient) -> None:
    actors = (await http.get("/v1/durable/actors")).json()["data"]
    assert {"supervisor", "session", "front_door"} <= {actor["role"] for actor in actors}


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/v1/agents", b"{", (400, "invalid_input")),
        ("PATCH", "/v1/agents", b"{}", (405, "method_not_allowed")),
        ("GET", "/v2/agents", b"", (404, "route_not_found")),
        ("GET", "/v1/agents/Not%20A%20Name", b"", (404, "agent_not_found")),
    ],
)
async def test_errors_have_both_forms(
    http: httpx.AsyncClient, method: str, path: str, body: bytes, expected: tuple[int, str]
) -> None:
    reply = await http.request(method, path, content=body, headers={"content-type": "application/json"})
    status, code = expected
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    problem = reply.json()
    assert (problem["status"], problem["code"], problem["error"]["code"]) == (status, code, code)
    assert problem["detail"] == problem["error"]["message"] != ""
    assert reply.headers["x-request-id"]


async def test_endless_body_is_cut_off(http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 100_000

    reply = await http.post("/v1/agents", content=chunks(), headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


async def test_page_of_another_site_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/agents", headers={"host": "evil.example"})).status_code == 403
    reply = await http.post("/v1/sessions", json={}, headers={"origin": "https://evil.example"})
    assert reply.status_code == 403


async def test_too_many_streams_of_one_session_are_refused(http: httpx.AsyncClient) -> None:
    session = (await http.post("/v1/sessions", json={})).json()
    url = f"/v1/sessions/{session['id']}/sse"
    async with AsyncExitStack() as streams:
        for _ in range(12):
            reply = await streams.enter_async_context(http.stream("GET", url))
            assert reply.status_code == 200
        refused = await http.get(url)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert int(refused.headers["retry-after"]) > 0
