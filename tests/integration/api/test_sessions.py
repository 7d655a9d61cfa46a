import secrets
from typing import Any

import httpx
import pytest
from everruns_sdk import models as sdk

from runtime.core.errors import ConflictError, OverloadedError, SessionMovingError
from runtime.store.pool import Pool
from tests.fakes import FakeGateway

TEXT = {"type": "text", "text": "hi"}


async def open_session(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    reply = await client.post("/v1/sessions", json=fields)
    assert reply.status_code == 201, reply.text
    opened: dict[str, Any] = reply.json()
    return opened


async def create_agent(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    body = {"name": f"a-{secrets.token_hex(6)}", "system_prompt": "", **fields}
    reply = await client.post("/v1/agents", json=body)
    made: dict[str, Any] = reply.json()
    return made


async def test_new_session_is_as_the_sdk_wants_it(client: httpx.AsyncClient) -> None:
    opened = await open_session(client, capabilities=[], tags=[], tools=[])
    session = sdk.Session(**opened)
    assert (session.status, session.organization_id) == ("started", "org_00000000000000000000000000000001")
    assert opened["workspace_id"].startswith("wsp_")
    assert [a["rel"] for a in opened["allowed_actions"]] == ["self", "events", "update", "delete", "pin"]


@pytest.mark.parametrize("body", [b"", b"null", b"{}"])
async def test_everything_is_optional(client: httpx.AsyncClient, body: bytes) -> None:
    reply = await client.post("/v1/sessions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 201, reply.text


async def test_harness_is_explicit_then_the_agents_then_generic(client: httpx.AsyncClient) -> None:
    generic = (await client.get("/v1/harnesses/generic")).json()["id"]
    base = (await client.get("/v1/harnesses/base")).json()["id"]
    agent = await create_agent(client, harness_name="base")
    assert (await open_session(client))["harness_id"] == generic
    assert (await open_session(client, agent_id=agent["id"]))["harness_id"] == base
    assert (await open_session(client, agent_name=agent["name"], harness_name="generic"))["harness_id"] == generic


async def test_files_of_all_layers_are_there_and_inner_ones_win(client: httpx.AsyncClient) -> None:
    harness = await client.post(
        "/v1/harnesses",
        json={
            "name": f"h-{secrets.token_hex(6)}",
            "initial_files": [{"path": "/a.txt", "content": "harness"}, {"path": "/h.txt", "content": "harness"}],
        },
    )
    agent = await create_agent(
        client,
        harness_id=harness.json()["id"],
        initial_files=[{"path": "/workspace/a.txt", "content": "agent"}, {"path": "b.txt", "content": "agent"}],
    )
    files = [{"path": "b.txt", "content": "c2Vzc2lvbg==", "encoding": "base64", "is_readonly": True}]
    opened = await open_session(client, agent_id=agent["id"], initial_files=files)
    read = {}
    for path in ("a.txt", "b.txt", "h.txt"):
        body = (await client.get(f"/v1/workspaces/{opened['workspace_id']}/fs/workspace/{path}")).json()
        read[path] = (body["content"], body["is_readonly"])
    assert read == {"a.txt": ("agent", False), "b.txt": ("session", True), "h.txt": ("harness", False)}


async def test_session_whose_files_cannot_be_stored_is_not_there(client: httpx.AsyncClient) -> None:
    title = secrets.token_hex(8)
    files = [{"path": "a", "content": ""}, {"path": "a/b", "content": ""}]
    reply = await client.post("/v1/sessions", json={"title": title, "initial_files": files})
    assert reply.status_code == 400
    assert (await client.get("/v1/sessions", params={"search": title})).json()["total"] == 0


async def test_shared_workspace_keeps_its_files(client: httpx.AsyncClient) -> None:
    shared = (await client.post("/v1/workspaces", json={"name": secrets.token_hex(6)})).json()["id"]
    first = [{"path": "a", "content": "1"}]
    await open_session(client, workspace_id=shared, initial_files=first)
    second = [{"path": "a", "content": "2"}, {"path": "b", "content": "2"}]
    opened = await open_session(client, workspace_id=shared, initial_files=second)
    assert opened["workspace_id"] == shared
    contents = [(await client.get(f"/v1/workspaces/{shared}/fs/{p}")).json()["content"] for p in ("a", "b")]
    assert contents == ["1", "2"]


async def test_features_come_from_all_layers(client: httpx.AsyncClient) -> None:
    agent = await create_agent(client, harness_name="base", capabilities=["session_file_system"])
    assert (await open_session(client, agent_id=agent["id"]))["features"] == ["file_system"]
    assert (await open_session(client, harness_name="base"))["features"] == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"agent_id": "agent_" + "0" * 32}, 404),
        ({"agent_name": "nope"}, 404),
        ({"harness_name": "nope"}, 404),
        ({"model_id": "nope"}, 404),
        ({"workspace_id": "wsp_" + "0" * 32}, 404),
        ({"agent_id": "agent_1"}, 400),
        ({"agent_id": "agent_" + "0" * 32, "agent_name": "x"}, 400),
        ({"harness_id": "harness_" + "0" * 32, "harness_name": "x"}, 400),
        ({"locale": "x" * 65}, 400),
        ({"title": "a\x00b"}, 400),
        ({"hints": []}, 400),
    ],
)
async def test_what_breaks_a_rule_is_refused(client: httpx.AsyncClient, fields: dict[str, Any], status: int) -> None:
    assert (await client.post("/v1/sessions", json=fields)).status_code == status


async def test_archived_agent_takes_no_sessions(client: httpx.AsyncClient) -> None:
    agent = await create_agent(client)
    await client.delete(f"/v1/agents/{agent['id']}")
    reply = await client.post("/v1/sessions", json={"agent_id": agent["id"]})
    assert (reply.status_code, reply.json()["code"]) == (409, "agent_archived")


async def test_list_is_newest_first_and_filtered(client: httpx.AsyncClient) -> None:
    agent = await create_agent(client)
    opened = [await open_session(client, agent_id=agent["id"], title=f"Title {i}") for i in range(3)]
    body = (await client.get("/v1/sessions", params={"agent_id": agent["id"], "limit": 2})).json()
    assert [s["id"] for s in body["data"]] == [opened[2]["id"], opened[1]["id"]]
    assert (body["total"], body["sessions"]) == (3, body["data"])
    found = (await client.get("/v1/sessions", params={"agent_id": agent["id"], "search": "tITLE 1"})).json()
    assert [s["id"] for s in found["data"]] == [opened[1]["id"]]


async def test_page_past_the_end_still_counts(client: httpx.AsyncClient) -> None:
    agent = await create_agent(client)
    await open_session(client, agent_id=agent["id"])
    body = (await client.get("/v1/sessions", params={"agent_id": agent["id"], "offset": 5})).json()
    assert (body["data"], body["total"]) == ([], 1)


async def test_patch_changes_only_what_is_given(client: httpx.AsyncClient) -> None:
    opened = await open_session(client, title="old", tags=["a"], hints={"a": 1})
    reply = await client.patch(f"/v1/sessions/{opened['id']}", json={"tags": ["b"], "title": None})
    assert reply.json() == {**opened, "tags": ["b"], "updated_at": reply.json()["updated_at"]}


async def test_title_goes_to_the_sessions_owner_and_nothing_else_wakes_it(
    client: httpx.AsyncClient, gateway: FakeGateway
) -> None:
    opened = await open_session(client, title="old")
    url = f"/v1/sessions/{opened['id']}"
    await client.patch(url, json={"tags": ["b"], "locale": "de"})
    assert gateway.titles == {}
    await client.patch(url, json={"title": ""})
    assert gateway.titles == {opened["id"]: ""}


async def test_session_that_cannot_be_renamed_is_not_changed(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    opened = await open_session(client, tags=["a"])
    gateway.error = OverloadedError(2.0)
    reply = await client.patch(f"/v1/sessions/{opened['id']}", json={"title": "new", "tags": ["b"]})
    assert reply.status_code == 503
    assert (await client.get(f"/v1/sessions/{opened['id']}")).json() == opened


async def test_pin_and_unpin(client: httpx.AsyncClient) -> None:
    url = f"/v1/sessions/{(await open_session(client))['id']}"
    assert (await client.put(f"{url}/pin")).status_code == 204
    assert (await client.get(url)).json()["is_pinned"] is True
    assert (await client.delete(f"{url}/pin")).status_code == 204
    assert (await client.get(url)).json()["is_pinned"] is False


async def test_deleted_session_was_closed_and_is_gone(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    opened = await open_session(client)
    url = f"/v1/sessions/{opened['id']}"
    assert (await client.delete(url)).status_code == 204
    assert gateway.closed == [opened["id"]]
    for path in ("", "/messages", "/events", "/sse", "/fs", "/events/summary"):
        reply = await client.get(f"{url}{path}")
        assert (reply.status_code, reply.json()["code"]) == (404, "session_not_found"), path


async def test_cancel_says_what_it_did(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    opened = await open_session(client)
    gateway.running.add(opened["id"])
    for expected in ("cancelled", "no_op"):
        reply = await client.post(f"/v1/sessions/{opened['id']}/cancel")
        assert (reply.status_code, reply.json()["status"]) == (200, expected)


async def test_session_that_runs_offers_cancel(client: httpx.AsyncClient, pool: Pool) -> None:
    opened = await open_session(client)
    await pool.execute("UPDATE sessions SET status = 'active' WHERE id = $1", opened["id"][8:])
    body = (await client.get(f"/v1/sessions/{opened['id']}")).json()
    assert body["status"] == "active"
    assert "cancel" in [action["rel"] for action in body["allowed_actions"]]


async def test_message_is_handed_over_and_answered(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    opened = await open_session(client)
    reply = await client.post(
        f"/v1/sessions/{opened['id']}/messages",
        json={"message": {"role": "user", "content": [TEXT]}, "tags": ["t"], "metadata": {"k": "v"}},
        headers={"Idempotency-Key": "key-1"},
    )
    assert reply.status_code == 201
    assert sdk.Message(**reply.json()).content[0].text == "hi"
    [(session_id, sent)] = gateway.sent
    assert (session_id, sent.tags, sent.idempotency_key) == (opened["id"], ("t",), "key-1")
    assert (sent.message.id, sent.message.metadata) == (reply.json()["id"], {"k": "v"})


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256])
async def test_idempotency_key_is_visible_ascii(client: httpx.AsyncClient, key: str) -> None:
    opened = await open_session(client)
    reply = await client.post(
        f"/v1/sessions/{opened['id']}/messages",
        json={"message": {"content": [TEXT]}},
        headers={b"Idempotency-Key": key.encode("latin-1")},
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_idempotency_key")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SessionMovingError(0.5, "session_1"), 503),
        (OverloadedError(2.0), 503),
        (ConflictError("another content", "idempotency_key_reused"), 409),
        (RuntimeError("a bug"), 500),
    ],
)
async def test_failures_of_the_gateway_have_their_status(
    client: httpx.AsyncClient, gateway: FakeGateway, error: Exception, status: int
) -> None:
    opened = await open_session(client)
    gateway.error = error
    reply = await client.post(f"/v1/sessions/{opened['id']}/messages", json={"message": {"content": [TEXT]}})
    assert reply.status_code == status
    assert ("retry-after" in reply.headers) == (status == 503)


async def test_malformed_message_names_what_is_wrong(client: httpx.AsyncClient) -> None:
    opened = await open_session(client)
    reply = await client.post(f"/v1/sessions/{opened['id']}/messages", json={"message": {"content": "hi"}})
    assert reply.status_code == 400
    assert "$.message.content" in reply.json()["detail"]


async def test_malformed_session_id_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("", "/messages", "/events", "/sse", "/fs"):
        reply = await client.get(f"/v1/sessions/session_1{path}")
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_session_id")


async def test_tool_results_without_a_wait_are_a_conflict(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    opened = await open_session(client)
    body = {"tool_results": [{"tool_call_id": "call_1", "result": [1]}]}
    reply = await client.post(f"/v1/sessions/{opened['id']}/tool-results", json=body)
    assert reply.status_code == 409
    assert "not waiting for tool results" in reply.json()["error"]["message"]
    gateway.waiting.add(opened["id"])
    reply = await client.post(f"/v1/sessions/{opened['id']}/tool-results", json=body)
    assert (reply.status_code, reply.json()) == (200, {"accepted": 1, "status": "active"})


async def test_durable_view_of_a_session_without_an_actor(client: httpx.AsyncClient) -> None:
    opened = await open_session(client)
    body = (await client.get(f"/v1/durable/sessions/{opened['id']}")).json()
    assert body == {
        "session_id": opened["id"],
        "status": "started",
        "epoch": 0,
        "last_sequence": 0,
        "snapshot_sequence": 0,
        "recoveries": 0,
        "quarantined": False,
        "actor": None,
        "pending_decisions": [],
    }
