"""What holds for every route of the front door."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from anyio import to_thread
from fastapi.openapi.utils import get_openapi

from api.app import routed
from api.http.openapi import STRUCTS

METHODS = {"get", "post", "put", "patch", "delete"}


READS = ("agents", "harnesses", "models", "models/sim-echo", "capabilities", "sessions", "workspaces")
OF_A_SESSION = ("{}", "{}/fs", "{}/fs/a", "{}/events", "{}/messages")


@pytest.mark.parametrize("path", [*READS, *OF_A_SESSION])
async def test_no_request_costs_a_thread(client: httpx.AsyncClient, path: str) -> None:
    """Promised: the hot path stays on the event loop. FastAPI runs in a thread whatever is not async."""
    session = (await client.post("/v1/sessions", json={"initial_files": [{"path": "a", "content": ""}]})).json()
    threads = to_thread.current_default_thread_limiter()
    threads.total_tokens = 1
    async with threads, asyncio.timeout(30):  # all threads are taken: whoever asks for one fails
        reply = await client.get(f"/v1/{path.format('sessions/' + session['id'])}")
    assert reply.status_code == 200, reply.text


def test_document_tells_what_errors_look_like(described: dict[str, Any]) -> None:
    """Promised: a client can be generated from the document: every operation has the body of its errors."""
    for path, operations in described["paths"].items():
        for method in METHODS & operations.keys():
            responses = operations[method]["responses"]
            assert "application/problem+json" in responses["default"]["content"], path
            assert "422" not in responses, path


@pytest.mark.parametrize("path", ["", "/events", "/sse", "/messages", "/cancel", "/fs", "/pin"])
def test_document_tells_the_form_of_ids(described: dict[str, Any], path: str) -> None:
    operations = described["paths"]["/api/v1/sessions/{session_id}" + path]
    for method in METHODS & operations.keys():
        [session_id] = [p for p in operations[method]["parameters"] if p["name"] == "session_id"]
        assert session_id["schema"]["pattern"] == "^session_[0-9a-f]{32}$"


def test_no_two_bodies_share_a_name_in_the_document() -> None:
    """Promised: the document means what it says: of two types of one name, one would stand for both."""
    ours = get_openapi(title="", version="", routes=routed("").routes)["components"]["schemas"]
    _, structs = msgspec.json.schema_components(STRUCTS, ref_template="{name}")
    assert ours.keys() & structs.keys() == set()
