"""Actors as operators see them, however many there are."""

import httpx

from runtime.core.ids import hex_of
from runtime.ports.gateway import ActorInfo
from runtime.store.pool import Pool
from tests.fakes import FakeGateway
from tests.integration.api.test_lists import walk
from tests.integration.api.test_sessions import open_session

PLACE = "UPDATE sessions SET actor = $2 WHERE id = $1"


def info(number: int) -> ActorInfo:
    return ActorInfo(
        name=f"session-{number}",
        role="session",
        actor_id=f"{number}",
        node_id="n",
        pid=number,
        state="live",
        sessions=1,
        rss_bytes=1,
        started_at="2026-01-01T00:00:00.000Z",
    )


async def test_actors_come_a_page_at_a_time(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    gateway.actor_list = [info(number) for number in range(1_002)]
    body = (await client.get("/v1/durable/actors")).json()
    assert (len(body["data"]), body["total"], body["limit"]) == (1_000, 1_002, 1_000)
    found = await walk(client, "/v1/durable/actors", limit=500)
    assert [actor["name"] for actor in found] == [actor.name for actor in gateway.actor_list]


async def test_holder_of_a_session_is_asked_for_by_name(
    client: httpx.AsyncClient, gateway: FakeGateway, pool: Pool
) -> None:
    gateway.actor_list = [info(number) for number in range(3)]
    opened = await open_session(client)
    for name, holder in (("session-1", {"name": "session-1", "actor_id": "1", "node_id": "n", "pid": 1}), ("", None)):
        await pool.execute(PLACE, hex_of(opened["id"]), name)
        body = (await client.get(f"/v1/durable/sessions/{opened['id']}")).json()
        assert body["actor"] == holder
    assert gateway.asked_for == ["session-1"]
