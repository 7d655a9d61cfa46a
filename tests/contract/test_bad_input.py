"""Bad input gets a problem of the 400s with a stable code; nothing is stored and no traceback shown."""

import gzip
import json
import secrets
import socket
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.client import Client
from tests.server import ServerProcess

JSON: Final = {"content-type": "application/json"}
NOBODY: Final = "0" * 32
MODEL: Final = f"model_{NOBODY}"


def said(text: str = "Hi.", **more: Any) -> bytes:
    """Return the body of a message."""
    return json.dumps({"message": {"content": [{"type": "text", "text": text}]}, **more}).encode()


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def request(line: str, *headers: str, body: str = "") -> bytes:
    """Return a request as it goes over the wire."""
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", body]).encode(
        "latin-1"
    )


FILE: Final = '{"content":"x"}'


def check_problem(reply: httpx.Response, status: int, code: str) -> None:
    """Assert that a reply is a problem as docs/wire.md has it, and tells nothing of our insides."""
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json"), reply.text
    problem = reply.json()
    assert (problem["status"], problem["code"], problem["error"]["code"]) == (status, code, code), reply.text
    assert problem["title"]
    assert problem["detail"] == problem["error"]["message"] != ""
    assert "Traceback" not in reply.text


@pytest.fixture(autouse=True)
def calm_server(server: ServerProcess) -> Iterator[None]:
    """Fails a test whose request the server takes for a failure of its own."""
    before = len(server.log)
    yield
    assert '"level":"error"' not in server.log[before:]


@pytest.fixture
async def session_id(client: Client) -> str:
    return await client.open()


MESSAGES: Final = {
    "nothing": (b"", 400, "invalid_input"),
    "null": (b"null", 400, "invalid_input"),
    "list": (b"[]", 400, "invalid_input"),
    "cut off": (b'{"message":', 400, "invalid_input"),
    "two values": (said() + said(), 400, "invalid_input"),
    "not a number": (said(metadata={"a": 0})[:-2].replace(b" 0", b" NaN") + b"}", 400, "invalid_input"),
    "no message": (b"{}", 400, "invalid_input"),
    "no content": (b'{"message":{"content":[]}}', 400, "invalid_input"),
    "role of others": (said().replace(b'"content"', b'"role":"agent","content"', 1), 400, "invalid_input"),
    "part of others": (
        b'{"message":{"content":[{"type":"tool_call","id":"c","name":"n","arguments":{}}]}}',
        400,
        "invalid_input",
    ),
    "unknown part": (said().replace(b'"text"', b'"poem"', 1), 400, "invalid_input"),
    "unknown enum": (said(controls={"speed": "warp"}), 400, "invalid_input"),
    "wrong type": (said(tags=[1]), 400, "invalid_input"),
    "unknown model": (said(controls={"model_id": MODEL}), 404, "model_not_found"),
    "unknown model in camel case": (said(controls={"modelId": "nope"}), 404, "model_not_found"),
    "NUL": (said("a\0b"), 400, "invalid_input"),
    "lone surrogate": (said("SURROGATE").replace(b"SURROGATE", b"\\ud800"), 400, "invalid_input"),
    "surrogates the wrong way round": (said("S").replace(b'"S"', b'"\\udc00\\ud800"'), 400, "invalid_input"),
    "not UTF-8": (b'{"message":{"content":[{"type":"text","text":"\xff"}]}}', 400, "invalid_input"),
    "not UTF-8 in what is ignored": (said()[:-1] + b',"else":"\xff"}', 400, "invalid_input"),
    "UTF-16": (said().decode().encode("utf-16"), 400, "invalid_input"),
    "enormous integer": (said()[:-1] + b',"metadata":{"a":' + b"9" * 5000 + b"}}", 400, "invalid_input"),
    "enormous float": (said()[:-1] + b',"metadata":{"a":1e999}}', 400, "invalid_input"),
    "depth": (said()[:-1] + b',"metadata":{"a":' + nested(101) + b"}}", 400, "nested_too_deep"),
    "enormous depth in what is ignored": (said()[:-1] + b',"else":' + nested(90_000) + b"}", 400, "nested_too_deep"),
    "a crowd in what is ignored": (said()[:-1] + b',"else":[' + b"[]," * 2_000_000 + b"1]}", 400, "too_many_values"),
    "name twice": (b'{"message":{"content":[{"type":"text","text":"a","text":"b"}]}}', 400, "invalid_input"),
    "picture from nowhere": (b'{"message":{"content":[{"type":"image"}]}}', 400, "invalid_input"),
    "picture of this machine": (
        b'{"message":{"content":[{"type":"image","url":"file:///etc/passwd"}]}}',
        400,
        "invalid_input",
    ),
    "picture that is not base64": (
        b'{"message":{"content":[{"type":"image","base64":"%%","media_type":"image/png"}]}}',
        400,
        "invalid_content",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_bad_message_leaves_the_session_as_it_was(client: Client, session_id: str, name: str) -> None:
    """Promised: what was refused is not in the journal, and the session goes on."""
    body, status, code = MESSAGES[name]
    reply = await client.http.post(f"/sessions/{session_id}/messages", content=body, headers=JSON)
    check_problem(reply, status, code)
    assert await client.events(session_id) == []
    assert (await client.http.get(f"/sessions/{session_id}")).json()["status"] == "started"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "text/plain"}, said()),
        ({"content-type": "application/x-www-form-urlencoded"}, b"message=hi"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({}, said()),
        ({**JSON, "content-encoding": "gzip"}, gzip.compress(said())),
    ],
    ids=["text", "form", "multipart", "none", "compressed"],
)
async def test_bodies_of_other_types_are_refused(
    client: Client, session_id: str, headers: dict[str, str], body: bytes
) -> None:
    reply = await client.http.post(f"/sessions/{session_id}/messages", content=body, headers=headers)
    check_problem(reply, 415, "unsupported_media_type")
    assert await client.events(session_id) == []


async def test_oversized_body_is_refused_whether_it_says_so_or_not(client: Client, session_id: str) -> None:
    url = f"/sessions/{session_id}/messages"
    large = said("x" * 150_000_000)
    check_problem(await client.http.post(url, content=large, headers=JSON), 413, "body_too_large")
    assert await client.events(session_id) == []


RESULTS: Final = [
    (b'{"tool_results":[]}', 400, "invalid_input"),
    (b'{"tool_results":[{"result":1}]}', 400, "invalid_input"),
    (b'{"tool_results":[{"tool_call_id":"c","error":1}]}', 400, "invalid_input"),
    (json.dumps({"tool_results": [{"tool_call_id": "c", "result": "x" * 100_001}]}).encode(), 400, "invalid_input"),
    (b'{"tool_results":[{"tool_call_id":"c","result":1}]}', 409, "not_waiting_for_tool_results"),
]


@pytest.mark.parametrize(("body", "status", "code"), RESULTS)
async def test_bad_tool_results_are_refused(
    client: Client, session_id: str, body: bytes, status: int, code: str
) -> None:
    reply = await client.http.post(f"/sessions/{session_id}/tool-results", content=body, headers=JSON)
    check_problem(reply, status, code)
    assert await client.events(session_id) == []


@pytest.mark.parametrize("bad", ["session_1", "session_" + "A" * 32, "agent_" + NOBODY, "session_" + NOBODY + "0"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/messages"),
        ("POST", "/messages"),
        ("POST", "/tool-results"),
        ("POST", "/cancel"),
        ("GET", "/events"),
        ("GET", "/sse"),
        ("GET", "/fs"),
        ("PUT", "/pin"),
    ],
)
async def test_malformed_and_unknown_ids_are_told_apart(client: Client, bad: str, method: str, path: str) -> None:
    body = {"/messages": said(), "/tool-results": RESULTS[-1][0]}.get(path) if method == "POST" else None
    reply = await client.http.request(method, f"/sessions/{bad}{path}", content=body, headers=JSON)
    check_problem(reply, 400, "invalid_session_id")
    reply = await client.http.request(method, f"/sessions/session_{NOBODY}{path}", content=body, headers=JSON)
    check_problem(reply, 404, "session_not_found")


SESSIONS: Final = [
    (b'{"title":', 400, "invalid_input"),
    (b"[]", 400, "invalid_input"),
    (b'{"title":"a","title":"b"}', 400, "invalid_input"),
    (b'{"title":1}', 400, "invalid_input"),
    (b'{"title":"\\u0000"}', 400, "invalid_input"),
    (b'{"title":"\\udfff"}', 400, "invalid_input"),
    (b'{"hints":{"a":' + b"9" * 5000 + b"}}", 400, "invalid_input"),
    (b'{"hints":{"a":' + nested(200) + b"}}", 400, "nested_too_deep"),
    (b'{"max_iterations":1.5}', 400, "invalid_input"),
    (b'{"max_iterations":99999999999999999999}', 400, "invalid_input"),
    (b'{"tools":[{"type":"magic","name":"a","description":"","parameters":{}}]}', 400, "invalid_input"),
    (b'{"initial_files":[{"path":"../a","content":""}]}', 400, "invalid_path"),
    (b'{"initial_files":[{"path":"a","content":"%","encoding":"base64"}]}', 400, "invalid_content"),
    (b'{"model_id":"' + MODEL.encode() + b'"}', 404, "model_not_found"),
    (b'{"agent_id":"agent_' + NOBODY.encode() + b'"}', 404, "agent_not_found"),
    (b'{"harness_name":"nope"}', 404, "harness_not_found"),
    (b'{"workspace_id":"wsp_' + NOBODY.encode() + b'"}', 404, "workspace_not_found"),
]


async def opened(client: Client) -> tuple[int, str]:
    """Return how many sessions there are, and the newest: of its other fields some change while its turn runs."""
    page = (await client.http.get("/sessions", params={"limit": 1})).json()
    return page["total"], page["data"][0]["id"] if page["data"] else ""


@pytest.mark.parametrize(("body", "status", "code"), SESSIONS)
async def test_bad_session_is_not_opened(client: Client, body: bytes, status: int, code: str) -> None:
    before = await opened(client)
    reply = await client.http.post("/sessions", content=body, headers=JSON)
    check_problem(reply, status, code)
    assert await opened(client) == before


async def test_unknown_fields_are_ignored_and_not_stored(client: Client) -> None:
    """Promised: the server ignores request fields that it does not know."""
    secret_word = secrets.token_hex(8)
    session_id = await client.open(else_where=secret_word)
    reply = await client.http.post(
        f"/sessions/{session_id}/messages", content=said(else_where=secret_word), headers=JSON
    )
    assert reply.status_code == 201
    assert secret_word not in reply.text
    assert secret_word not in (await client.http.get(f"/sessions/{session_id}/events")).text


@pytest.mark.parametrize(
    "query",
    [
        "search=%00",
        "search=%ff",
        "search=%ed%a0%80",
        "search=" + "x" * 1001,
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=99999999999999999999",
        "limit=",
        "offset=-1",
        "offset=9999999999",
        "include_archived=maybe",
    ],
)
async def test_bad_parameters_are_refused(client: Client, query: str) -> None:
    check_problem(await client.http.get(f"/agents?{query}"), 400, "invalid_input")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("types=turn.started,turn.completed", "invalid_input"),
        ("types[]=turn.started", "invalid_input"),
        ("types=", "invalid_input"),
        ("since_id=event_1", "invalid_event_id"),
        ("turn_id=turn_1", "invalid_turn_id"),
        ("after_sequence=99999999999999999999", "invalid_input"),
        ("after_sequence=1&before_sequence=5", "invalid_input"),
        ("limit=1001", "invalid_input"),
        ("from_ts=2026-13-01T00:00:00Z", "invalid_input"),
        ("from_ts=2026-01-01T00:00:00", "invalid_input"),
    ],
)
async def test_bad_questions_about_events_are_refused(client: Client, session_id: str, query: str, code: str) -> None:
    check_problem(await client.http.get(f"/sessions/{session_id}/events?{query}"), 400, code)


async def test_cursor_of_the_header_must_be_an_id(client: Client, session_id: str) -> None:
    reply = await client.http.get(f"/sessions/{session_id}/sse", headers={"Last-Event-ID": "5"})
    check_problem(reply, 400, "invalid_event_id")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/../../etc/passwd", "invalid_path"),
        ("/a/../b", "invalid_path"),
        ("/%2e%2e/a", "invalid_path"),
        ("/..%2fa", "invalid_path"),
        ("/workspace/..%2f..%2fa", "invalid_path"),
        ("/a//b", "invalid_path"),
        ("/a%00", "invalid_input"),
        ("/a%0ab", "invalid_input"),
        ("/a%ff", "invalid_input"),
        ("/" + "x" * 256, "invalid_path"),
        ("/" + "a/" * 600 + "b", "invalid_path"),
        ("/_a", "reserved_path"),
        ("/workspace", "invalid_path"),
    ],
)
async def test_bad_paths_are_refused(server: ServerProcess, client: Client, path: str, code: str) -> None:
    """Promised: no path leaves the workspace, as it is or percent-encoded. By hand: clients tidy up addresses."""
    made = (await client.http.post("/workspaces", json={"name": secrets.token_hex(8)})).json()
    line = f"POST /api/v1/workspaces/{made['id']}/fs{path}"
    head, body = send(server, request(line, "Content-Type: application/json", "Content-Length: 15", body=FILE))
    assert head.startswith("HTTP/1.1 400 "), head
    assert json.loads(body)["code"] == code
    assert (await client.http.get(f"/workspaces/{made['id']}/fs", params={"recursive": "true"})).json()["data"] == []


ODDITIES: Final = {
    "length that is no number": request("POST /api/v1/sessions", "Content-Length: +2", body="{}"),
    "two lengths": request("POST /api/v1/sessions", "Content-Length: 2", "Content-Length: 3", body="{} "),
    "length and chunks": request(
        "POST /api/v1/sessions", "Content-Length: 2", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    ),
    "control character in a header": request("GET /health", "X-A: a\0b"),
    "another protocol": b"\x16\x03\x01\x02\r\n\r\n",
    "unknown method": request("BREW /api/v1/sessions"),
    "method of another resource": request("PATCH /api/v1/sessions", "Content-Length: 0"),
    "star": request("OPTIONS *"),
    "bad percent": request("GET /api/v1/agents/%zz"),
    "two slashes": request("GET //api/v1/agents"),
}


@pytest.mark.parametrize("name", ODDITIES)
async def test_oddities_of_http_are_refused(server: ServerProcess, client: Client, name: str) -> None:
    before = await opened(client)
    head, body = send(server, ODDITIES[name])
    assert head.startswith("HTTP/1.1 4"), head
    assert "Traceback" not in body
    assert await opened(client) == before


def send(server: ServerProcess, request: bytes) -> tuple[str, str]:
    address = urlsplit(server.url)
    assert address.hostname
    assert address.port
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    head, _, body = received.decode().partition("\r\n\r\n")
    return head, body
