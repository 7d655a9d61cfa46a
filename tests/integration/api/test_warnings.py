"""What was taken and did nothing is said: in a header, in the reply, and in the log."""

import secrets
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.http.deps import House
from api.http.openapi import document

TEXT = {"type": "text", "text": "hi"}
TOOL = {"name": "ask", "description": "Asks.", "parameters": {}}
WARNED = {"$ref": "#/components/schemas/Warned"}
HEADER = "perdure-warnings"


def name() -> str:
    return f"x-{secrets.token_hex(6)}"


async def warned(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the code and field of each warning, when header and body agree on them."""
    reply = await client.post(path, json=body)
    assert reply.is_success, reply.text
    found = [(w["code"], w["field"]) for w in reply.json().get("warnings", [])]
    assert reply.headers.get(HEADER) == (", ".join(f"{code} {field}" for code, field in found) or None)
    return found


async def test_agent_that_is_misspelt_is_not_taken_in_silence(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/sessions", json={"agent": "gambler"})
    assert reply.status_code == 201
    assert reply.json()["agent_id"] is None
    assert reply.headers[HEADER] == "unknown_field agent"
    assert reply.json()["warnings"] == [
        {
            "code": "unknown_field",
            "field": "agent",
            "message": "agent: unknown field, ignored; did you mean agent_id?",
        }
    ]


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/v1/sessions", {"title": "a", "hints": {"any": {"thing": 1}}, "tools": [TOOL]}, []),
        ("/v1/sessions", {"mcpServers": {"x": {"y": 1}}, "mcp_servers": None}, []),
        ("/v1/sessions", {"zzz": {"title": 1}, "tools": [{**TOOL, "timeout": 1}]}, ["zzz", "tools[0].timeout"]),
        ("/v1/sessions", {"network_access": {"allow": []}}, ["network_access.allow"]),
        ("/v1/sessions", {"capabilities": [{"ref": "current_time", "conf": 1}]}, ["capabilities[0].conf"]),
        ("/v1/harnesses", {"name": name(), "harness_id": ""}, ["harness_id"]),
        ("/v1/agents", {"name": name(), "system_prompt": "", "model": "sim-echo", "modle": ""}, ["modle"]),
        ("/v1/workspaces", {"name": name(), "title": ""}, ["title"]),
    ],
)  # fmt: skip
async def test_fields_that_nobody_knows_are_named(
    client: httpx.AsyncClient, path: str, body: Mapping[str, Any], fields: list[str]
) -> None:
    assert await warned(client, path, body) == [("unknown_field", field) for field in fields]


async def test_capability_that_this_server_does_not_have_is_named(client: httpx.AsyncClient) -> None:
    given = {"capabilities": ["current_time", {"ref": "curent_time"}, "mcp:1"]}
    expected = [("unknown_capability", "capabilities[1]"), ("unknown_capability", "capabilities[2]")]
    for path, body in (
        ("/v1/sessions", given),
        ("/v1/agents", {**given, "name": name(), "system_prompt": ""}),
        ("/v1/harnesses", {**given, "name": name()}),
    ):
        assert await warned(client, path, body) == expected
    agent = (await client.post("/v1/agents", json={"name": name(), "system_prompt": ""})).json()
    reply = await client.patch(f"/v1/agents/{agent['id']}", json=given)
    assert [w["message"] for w in reply.json()["warnings"]] == [
        "capabilities[1]: there is no 'curent_time' here, ignored; did you mean current_time?",
        "capabilities[2]: there is no 'mcp:1' here, ignored",
    ]


async def test_builtin_tools_that_are_dropped_are_named(client: httpx.AsyncClient) -> None:
    body = {"tools": [TOOL, {**TOOL, "type": "builtin"}]}
    assert await warned(client, "/v1/sessions", body) == [("builtin_tool_dropped", "tools[1]")]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"message": {"role": "user", "content": [TEXT]}, "metadata": {"any": 1}, "tags": ["a"]}, []),
        ({"message": {"content": [TEXT]}, "controls": {"modelId": "sim-echo"}, "externalActor": None}, []),
        ({"message": {"content": [{**TEXT, "x": 1}], "y": 2}, "z": 3}, ["message.content[0].x", "message.y", "z"]),
        ({"message": {"content": [TEXT]}, "controls": {"model": "m"}}, ["controls.model"]),
        ({"message": {"content": [TEXT]}, "metadata": {"\x7f": [[]] * 200}, "key": 1}, ["key"]),
    ],
)  # fmt: skip
async def test_messages_are_no_exception(client: httpx.AsyncClient, body: Mapping[str, Any], fields: list[str]) -> None:
    session = (await client.post("/v1/sessions", json={})).json()
    found = await warned(client, f"/v1/sessions/{session['id']}/messages", body)
    assert found == [("unknown_field", field) for field in fields]


async def test_files_are_no_exception(client: httpx.AsyncClient) -> None:
    session = (await client.post("/v1/sessions", json={})).json()
    reply = await client.post(f"/v1/sessions/{session['id']}/fs/a", json={"content": "", "mode": 7})
    assert (reply.status_code, reply.headers[HEADER]) == (201, "unknown_field mode")


async def test_refusal_says_what_may_be_meant(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/agents", json={"name": name(), "prompt": "Be brief."})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_input")
    [warning] = reply.json()["warnings"]
    assert warning["message"] == "prompt: unknown field, ignored; did you mean system_prompt?"


async def test_log_has_names_and_no_values(client: httpx.AsyncClient) -> None:
    with capture_logs() as entries:
        await client.post("/v1/sessions", json={"agent": "gambler", "capabilities": ["dize"]})
    [entry] = [e for e in entries if e["event"] == "request_warned"]
    assert entry["warnings"] == ["unknown_field agent", "unknown_capability capabilities[0]"]
    assert "gambler" not in str(entries)


async def test_names_that_could_break_a_header_do_not(client: httpx.AsyncClient) -> None:
    body = {f"\r\nSet-Cookie: {number}ü{'x' * 1000}": 1 for number in range(100)}
    reply = await client.post("/v1/sessions", json=body)
    assert reply.status_code == 201
    assert "set-cookie" not in reply.headers
    assert len(reply.headers[HEADER]) < 4000
    assert len(reply.json()["warnings"]) == 10


def test_document_tells_of_warnings(house: House) -> None:
    document(create_app(house))
    made = document(create_app(house))
    for path, status in (("/api/v1/sessions", "201"), ("/api/v1/sessions/{session_id}/messages", "201")):
        response = made["paths"][path]["post"]["responses"][status]
        assert "Perdure-Warnings" in response["headers"]
        assert response["content"]["application/json"]["schema"]["allOf"][1:] == [WARNED]
    for operations in made["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                kinds = response.get("content", {}).keys()
                assert "requestBody" not in operation or all("json" in kind for kind in kinds), status
    assert "warnings" in made["components"]["schemas"]["Warned"]["properties"]
