"""Accounts elsewhere: a user's own, and write-only."""

import httpx
import pytest

from runtime.core.access.principal import ANONYMOUS_USER
from runtime.ports.secrets import Kind
from runtime.store.pool import Pool
from tests.tenancy import secrets_in

KEY = "key-of-an-account-elsewhere"


async def test_a_connection_is_set_replaced_and_removed_and_its_key_never_shown(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    made = await client.post("/v1/user/connections/daytona", json={"api_key": "the first"})
    assert made.status_code == httpx.codes.CREATED
    again = await client.post("/v1/user/connections/daytona", json={"api_key": KEY})
    listed = await client.get("/v1/user/connections")
    assert [c["provider"] for c in listed.json()["data"]] == ["daytona"]
    assert made.json()["fingerprint"] != again.json()["fingerprint"] == listed.json()["data"][0]["fingerprint"]
    assert KEY not in again.text + listed.text
    assert await secrets_in(pool, Kind.CONNECTION, ANONYMOUS_USER).reveal("daytona") == KEY
    assert (await client.delete("/v1/user/connections/daytona")).status_code == httpx.codes.NO_CONTENT
    gone = await client.delete("/v1/user/connections/daytona")
    assert (gone.status_code, gone.json()["code"]) == (404, "connection_not_found")


@pytest.mark.parametrize("body", [{}, {"api_key": ""}, {"api_key": 1}, {"api_key": KEY * 10_000}])
async def test_what_is_refused_is_not_repeated(client: httpx.AsyncClient, body: object) -> None:
    reply = await client.post("/v1/user/connections/daytona", json=body)
    assert reply.status_code == httpx.codes.BAD_REQUEST
    assert KEY not in reply.text


@pytest.mark.parametrize("provider", ["UPPER", "a b", "x" * 65, "-a"])
async def test_a_provider_has_a_plain_name(client: httpx.AsyncClient, provider: str) -> None:
    reply = await client.post(f"/v1/user/connections/{provider}", json={"api_key": KEY})
    assert reply.status_code == httpx.codes.BAD_REQUEST
