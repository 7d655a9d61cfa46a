"""Personal access tokens over HTTP: shown once, never worth more than what they were made with, gone when revoked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.core.errors import UnauthenticatedError
from runtime.ports.access import Shown
from runtime.store.pool import Pool
from runtime.wiring.access import Access
from tests.identity import Enter, access_to, registered, told

TOKENS = "/auth/personal-access-tokens"


async def test_a_token_is_shown_once(enter: Enter, pool: Pool) -> None:
    client = await registered(enter, "ada@example.org")
    made = await client.post(TOKENS, json={"name": "laptop", "scopes": ["sessions:read"], "expires_in_days": 30})
    assert made.status_code == 201
    token = made.json()
    assert token["key"].startswith("evr_pat_")
    assert token["key"].startswith(token["key_prefix"])
    ends_in = datetime.fromisoformat(token["expires_at"]) - datetime.now(UTC)  # noqa: TID251  of a reply
    assert timedelta(days=29) < ends_in < timedelta(days=31)
    [listed] = (await client.get(TOKENS)).json()["data"]
    assert "key" not in listed
    assert (listed["id"], listed["scopes"], listed["last_used_at"]) == (token["id"], ["sessions:read"], None)
    assert await pool.fetchval("SELECT 1") == 1
    assert token["key"] not in (await client.get("/audit")).text


@pytest.mark.parametrize("path", ["/auth/api-keys", TOKENS])
async def test_the_name_of_old_leads_to_the_same(enter: Enter, path: str) -> None:
    client = await registered(enter, "ada@example.org")
    token = (await client.post(path, json={"name": "laptop"})).json()
    assert [one["id"] for one in (await client.get(path)).json()["data"]] == [token["id"]]
    assert (await client.delete(f"{path}/{token['id']}")).status_code == 204
    assert (await client.get(TOKENS)).json()["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 100_000},
        {"name": "x\u0000"},
    ],
)
async def test_a_token_that_cannot_be_is_a_400(enter: Enter, body: dict[str, Any]) -> None:
    client = await registered(enter, "ada@example.org")
    assert (await client.post(TOKENS, json=body)).status_code == 400


async def test_a_token_is_good_for_its_scopes_only(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    key = (await client.post(TOKENS, json={"name": "reader", "scopes": ["sessions:read"]})).json()["key"]
    reader = await enter(key)
    assert (await reader.get("/sessions")).status_code == 200
    for method, path in (("POST", "/sessions"), ("GET", "/agents"), ("GET", TOKENS), ("GET", "/durable/actors")):
        assert told(await reader.request(method, path)) == (403, "insufficient_scope")


async def test_a_narrowed_token_makes_no_wider_one(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    body = {"name": "narrow", "scopes": ["account", "sessions:read"], "expires_in_days": 5}
    narrow = await enter((await client.post(TOKENS, json=body)).json()["key"])
    wider = {"name": "wide", "scopes": ["account", "agents:write"]}
    assert told(await narrow.post(TOKENS, json=wider)) == (403, "insufficient_scope")
    same = (await narrow.post(TOKENS, json={"name": "same"})).json()
    assert same["scopes"] == ["account", "sessions:read"]
    assert same["expires_at"] is not None
    longer = (await narrow.post(TOKENS, json={"name": "longer", "expires_in_days": 500})).json()
    assert longer["expires_at"] == same["expires_at"]
    less = (await narrow.post(TOKENS, json={"name": "less", "scopes": ["sessions:read"]})).json()
    assert less["scopes"] == ["sessions:read"]


async def test_nobody_ends_the_token_of_another(enter: Enter) -> None:
    ada = await registered(enter, "ada@example.org")
    bob = await registered(enter, "bob@example.org")
    token = (await ada.post(TOKENS, json={"name": "laptop"})).json()
    assert told(await bob.delete(f"{TOKENS}/{token['id']}")) == (404, "token_not_found")
    assert told(await bob.delete(f"{TOKENS}/nonsense")) == (400, "invalid_token_id")
    assert (await (await enter(token["key"])).get("/sessions")).status_code == 200


async def test_a_revoked_token_is_nothing_as_soon_as_the_door_has_heard_of_it(enter: Enter, access: Access) -> None:
    client = await registered(enter, "ada@example.org")
    token = (await client.post(TOKENS, json={"name": "laptop"})).json()
    user = await enter(token["key"])
    assert (await user.get("/sessions")).status_code == 200
    assert (await client.delete(f"{TOKENS}/{token['id']}")).status_code == 204
    assert access.watched is not None
    await access.watched.catch_up()
    assert told(await user.get("/sessions")) == (401, "invalid_token")


@pytest.mark.parametrize("mode", [{"mode": "none"}])
async def test_a_token_made_by_anybody_ends_when_people_have_to_log_in(
    enter: Enter, acting: Pool, tmp_path: Path, mode: dict[str, Any]
) -> None:
    key = (await (await enter()).post(TOKENS, json={"name": "anybody's"})).json()["key"]
    assert mode == {"mode": "none"}
    stricter = await access_to(acting, tmp_path, "full")
    with pytest.raises(UnauthenticatedError):
        await stricter.authenticator.principal(Shown(key))
    await stricter.close()
