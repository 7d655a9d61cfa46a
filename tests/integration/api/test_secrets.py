"""The routes of secrets: values go in, and never come out."""

from urllib.parse import quote

import httpx
import pytest

from runtime.ports.secrets import Kind
from runtime.store.pool import Pool
from tests.tenancy import secrets_in

VALUE = "s3cr3t-value-of-this-test"


@pytest.fixture
async def session_id(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/sessions", json={})).json()["id"])


async def test_secrets_are_set_listed_and_deleted_and_never_shown(
    client: httpx.AsyncClient, session_id: str, pool: Pool
) -> None:
    at = f"/v1/sessions/{session_id}/storage/secrets"
    assert (await client.put(at, json={"secrets": {}})).json() == {"count": 0}
    reply = await client.put(at, json={"secrets": {"TOKEN": VALUE, "OTHER": VALUE}})
    assert (reply.status_code, reply.json()) == (200, {"count": 2})
    listed = await client.get(at)
    shown = listed.json()["data"]
    assert [(s["name"], s["set"]) for s in shown] == [("OTHER", True), ("TOKEN", True)]
    assert set(shown[0]) == {"name", "set", "fingerprint", "created_at", "updated_at"}
    assert shown[0]["fingerprint"] == shown[1]["fingerprint"]
    assert VALUE not in listed.text
    assert await secrets_in(pool, Kind.SESSION, session_id).reveal("TOKEN") == VALUE
    assert (await client.delete(f"{at}/TOKEN")).status_code == httpx.codes.NO_CONTENT
    gone = await client.delete(f"{at}/TOKEN")
    assert (gone.status_code, gone.json()["code"]) == (404, "secret_not_found")


@pytest.mark.parametrize(
    "secrets", [None, [], {"A": 1}, {"A": ""}, {"": VALUE}, {"A\n": VALUE}, {"A": VALUE * 4000}, {"A" * 300: VALUE}]
)
async def test_what_is_refused_is_not_repeated(client: httpx.AsyncClient, session_id: str, secrets: object) -> None:
    reply = await client.put(f"/v1/sessions/{session_id}/storage/secrets", json={"secrets": secrets})
    assert reply.status_code == httpx.codes.BAD_REQUEST
    assert VALUE not in reply.text


async def test_what_was_set_is_audited_without_its_value(
    client: httpx.AsyncClient, session_id: str, pool: Pool
) -> None:
    await client.put(f"/v1/sessions/{session_id}/storage/secrets", json={"secrets": {"TOKEN": VALUE}})
    rows = await pool.fetch("SELECT a::text AS row FROM audit a WHERE action = 'session.secrets_set'")
    mine = [row["row"] for row in rows if session_id in row["row"] or session_id[8:] in row["row"]]
    assert mine
    assert not any(VALUE in row for row in mine)


async def test_a_secret_of_any_name_can_be_deleted(client: httpx.AsyncClient, session_id: str) -> None:
    at = f"/v1/sessions/{session_id}/storage/secrets"
    for name in ("a/b", "a b", "ä?#"):
        assert (await client.put(at, json={"secrets": {name: VALUE}})).json() == {"count": 1}
        assert (await client.delete(f"{at}/{quote(name, safe='')}")).status_code == httpx.codes.NO_CONTENT


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_there_are_none_where_there_is_no_session(
    client: httpx.AsyncClient, session_id: str, *, is_deleted: bool
) -> None:
    if is_deleted:
        assert (await client.put(f"/v1/sessions/{session_id}/storage/secrets", json={"secrets": {"A": "b"}})).is_success
        assert (await client.delete(f"/v1/sessions/{session_id}")).status_code == httpx.codes.NO_CONTENT
    at = f"/v1/sessions/{session_id if is_deleted else f'session_{0:032x}'}/storage/secrets"
    for reply in (
        await client.get(at),
        await client.put(at, json={"secrets": {"A": "b"}}),
        await client.delete(f"{at}/A"),
    ):
        assert (reply.status_code, reply.json()["code"]) == (404, "session_not_found")
