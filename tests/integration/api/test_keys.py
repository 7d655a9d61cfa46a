"""What a session keeps under keys, as it is listed."""

import httpx

from runtime.store.keys import SessionKeys
from runtime.store.pool import Pool
from tests.tenancy import ours


async def test_what_a_session_keeps_is_listed_by_key_a_page_at_a_time(client: httpx.AsyncClient, pool: Pool) -> None:
    session_id = (await client.post("/v1/sessions", json={})).json()["id"]
    at = f"/v1/sessions/{session_id}/storage/keys"
    assert (await client.get(at)).json()["data"] == []
    for key in ("b", "a", "c"):
        await SessionKeys(ours(pool), session_id).set(key, key.upper())
    page = (await client.get(at, params={"offset": 1, "limit": 1})).json()
    assert ([(pair["key"], pair["value"]) for pair in page["data"]], page["total"]) == ([("b", "B")], 3)
    assert set(page["data"][0]) == {"key", "value", "created_at", "updated_at"}


async def test_there_is_nothing_where_there_is_no_session(client: httpx.AsyncClient) -> None:
    deleted = (await client.post("/v1/sessions", json={})).json()["id"]
    assert (await client.get(f"/v1/sessions/{deleted}/storage/keys")).is_success
    assert (await client.delete(f"/v1/sessions/{deleted}")).is_success
    for session_id in (f"session_{0:032x}", deleted):
        reply = await client.get(f"/v1/sessions/{session_id}/storage/keys")
        assert (reply.status_code, reply.json()["code"]) == (404, "session_not_found")
