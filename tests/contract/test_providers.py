"""A provider's whole life through the API of a running server, while turns run with its model."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.client import Client
from tests.model_servers import Called, ModelServer, Said, model_server

KEY = "sk-canary-of-a-provider"
ASK = {"type": "client_side", "name": "ask", "description": "Asks.", "parameters": {"type": "object", "properties": {}}}
CHANGE_MOST_S = 10.0  # for a busy machine; it takes half a second


@pytest.fixture
async def vendor() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        running.wanted_key = KEY
        yield running


class Life:
    """One provider with a model, and a session that talks to it."""

    def __init__(self, http: httpx.AsyncClient, client: Client) -> None:
        self._http = http
        self._client = client
        self.provider: dict[str, Any] = {}
        self.model_id = ""
        self.seen = ""

    async def ask(self, method: str, path: str, **body: Any) -> Any:
        reply = await self._http.request(method, f"/v1/providers{path}", json=body or None)
        self.seen += reply.text
        assert reply.is_success, reply.text
        return reply.json() if reply.content else None

    async def session(self) -> str:
        return await self._client.open(model_id=self.model_id, tools=[ASK])

    async def ended(self, session_id: str) -> tuple[str, str]:
        """Send a message; return how its turn ended, and why if it failed."""
        before = len(await self._client.events(session_id))
        await self._client.send(session_id, "go")
        await self._client.until_idle(session_id)
        events = (await self._client.events(session_id))[before:]
        self.seen += str(events)
        (end,) = [event for event in events if event["type"] in ("turn.completed", "turn.failed")]
        return end["type"], end["data"].get("error_code", "")

    async def until_a_turn_ends(self, session_id: str, *as_: str) -> None:
        """Run turns, one after the other, until one ends so."""
        began_s = time.monotonic()
        while await self.ended(session_id) != as_:
            assert time.monotonic() - began_s < CHANGE_MOST_S, f"no turn ended as {as_}"


@pytest.mark.timeout(120)
async def test_a_provider_is_made_tried_used_broken_repaired_and_deleted_while_turns_run(
    http: httpx.AsyncClient, client: Client, vendor: ModelServer
) -> None:
    life = Life(http, client)
    draft = {"name": f"Life {secrets.token_hex(4)}", "provider_type": "openai_compatible"}
    draft |= {"base_url": f"{vendor.base_url}/v1", "api_key": KEY}
    assert (await life.ask("POST", "/test", **draft))["success"] is True
    life.provider = await life.ask("POST", "", **draft)
    path = f"/{life.provider['id']}"
    assert (await life.ask("POST", f"{path}/sync-models"))["created"] == 2
    listed = {model["model_id"]: model for model in (await life.ask("GET", f"{path}/models"))["data"]}
    life.model_id = listed["llama-4"]["id"]

    other = await life.session()
    assert await life.ended(other) == ("turn.completed", "")
    await life.ask("PATCH", path, api_key="sk-wrong")
    assert (await life.ask("POST", f"{path}/test"))["error"]["code"] == "provider_misconfigured"
    await life.until_a_turn_ends(other, "turn.failed", "provider_misconfigured")
    await life.ask("PATCH", path, api_key=KEY)
    await life.until_a_turn_ends(other, "turn.completed", "")

    vendor.answer(Said(calls=(Called("call_1", "ask", {}),)))
    running = await life.session()
    async with client.listen(running) as stream:
        await client.send(running, "go")
        await stream.wait_for("tool.call_requested")
        await life.ask("DELETE", path)
        await life.until_a_turn_ends(other, "turn.failed", "model_unavailable")
        asked = len(vendor.requests)
        await client.submit(running, **{stream.of_type("tool.call_requested")[0].data["tool_calls"][0]["id"]: "yes"})
        assert (await stream.wait_for_end()).type == "turn.completed"
    assert len(vendor.requests) == asked + 1
    assert KEY not in life.seen + str(await client.events(running))
