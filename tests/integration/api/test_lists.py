"""Lists as the front door shows them, a page at a time, however long they are."""

from typing import Any

import httpx
import pytest

from runtime.core.ids import hex_of
from runtime.ports.listed import COUNTED_MOST
from runtime.store.pool import Pool
from tests.integration.api.test_sessions import create_agent, open_session

CROWD = """
INSERT INTO sessions (org_id, owner_id, id, harness_id, agent_id, workspace_id, config)
SELECT org_id, owner_id, gen_random_uuid(), harness_id, agent_id, workspace_id, config
FROM sessions, generate_series(1, $2::int)
WHERE id = $1
"""


async def walk(client: httpx.AsyncClient, url: str, **params: Any) -> list[dict[str, Any]]:
    """Return what there is behind an address, one `next_url` after another."""
    body = (await client.get(url, params=params)).json()
    found: list[dict[str, Any]] = body["data"]
    while body["next_url"]:
        body = (await client.get(body["next_url"].removeprefix("/api"))).json()
        found += body["data"]
    return found


async def test_sessions_are_read_to_the_last_one_by_next_url(client: httpx.AsyncClient) -> None:
    agent = await create_agent(client)
    opened = [await open_session(client, agent_id=agent["id"], title=f"a & b {n}") for n in range(5)]
    found = await walk(client, "/v1/sessions", agent_id=agent["id"], search="& B", limit=2, offset=1)
    assert [session["id"] for session in found] == [session["id"] for session in opened[3::-1]]


async def test_list_longer_than_is_counted_says_so(client: httpx.AsyncClient, pool: Pool) -> None:
    agent = await create_agent(client)
    opened = await open_session(client, agent_id=agent["id"])
    await pool.execute(CROWD, hex_of(opened["id"]), COUNTED_MOST)
    params = {"agent_id": agent["id"], "limit": 1}
    body = (await client.get("/v1/sessions", params=params)).json()
    assert (body["total"], body["is_total_exact"]) == (COUNTED_MOST, False)
    body = (await client.get("/v1/sessions", params={**params, "offset": COUNTED_MOST})).json()
    assert (len(body["data"]), body["total"], body["next_url"]) == (1, COUNTED_MOST + 1, None)
    reply = await client.get("/v1/sessions", params={**params, "offset": COUNTED_MOST + 1})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_input")
    assert "Input exceeds allowed limits: offset: goes to 10,000" in reply.json()["detail"]
    await pool.execute("UPDATE sessions SET deleted_at = now() WHERE agent_id = $1", hex_of(agent["id"]))


@pytest.mark.parametrize(
    ("after_id", "expected"),
    [("session_1", (400, "invalid_session_id")), (f"session_{1:032x}", (404, "session_not_found"))],
)
async def test_what_is_no_session_is_no_cursor(
    client: httpx.AsyncClient, after_id: str, expected: tuple[int, str]
) -> None:
    reply = await client.get("/v1/sessions", params={"after_id": after_id})
    assert (reply.status_code, reply.json()["code"]) == expected


async def test_each_session_of_a_list_has_what_its_own_agent_offers(client: httpx.AsyncClient) -> None:
    plain = await create_agent(client)
    able = await create_agent(client, capabilities=["session_file_system"])
    bare = {"harness_name": "base", "title": "mixed"}
    opened = [await open_session(client, agent_id=agent["id"], **bare) for agent in (plain, able)]
    gone = await open_session(client, agent_id=(await create_agent(client))["id"], **bare)
    for _ in ("archived", "deleted"):
        await client.delete(f"/v1/agents/{gone['agent_id']}")
    body = (await client.get("/v1/sessions", params={"search": "mixed"})).json()
    features = {session["id"]: session["features"] for session in body["data"]}
    assert features == {opened[0]["id"]: [], opened[1]["id"]: ["file_system"], gone["id"]: []}
