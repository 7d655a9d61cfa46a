"""Organisations, members and what of it the audit log tells, over HTTP."""

import json

import httpx
import pytest

from tests.identity import Enter, registered, told

FOREIGN = "org_" + "9" * 32


@pytest.fixture
async def root(enter: Enter) -> httpx.AsyncClient:
    return await registered(enter, "root@example.org")


@pytest.fixture
async def ada(enter: Enter, root: httpx.AsyncClient) -> httpx.AsyncClient:
    """The owner of an organisation of her own."""
    assert root.headers["Authorization"]
    return await registered(enter, "ada@example.org")


async def org_of(client: httpx.AsyncClient) -> str:
    return str((await client.get("/resolve-org")).json()["id"])


async def id_of(client: httpx.AsyncClient) -> str:
    return str((await client.get("/auth/me")).json()["id"])


async def join(owner: httpx.AsyncClient, who: httpx.AsyncClient, role: str) -> str:
    email = (await who.get("/auth/me")).json()["email"]
    reply = await owner.post(f"/orgs/{await org_of(owner)}/members", json={"email": email, "role": role})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["user_id"])


async def test_what_belongs_to_an_organisation_is_seen_there_only(
    root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    made = await ada.post("/workspaces", json={"name": "hers"})
    assert made.status_code == 201
    assert (await root.get("/workspaces")).json()["data"] == []
    assert (await root.get(f"/workspaces/{made.json()['id']}")).status_code == 404
    assert len((await ada.get("/workspaces")).json()["data"]) == 1


async def test_the_organisation_comes_from_a_header_and_a_foreign_one_is_not_there(
    enter: Enter, ada: httpx.AsyncClient, root: httpx.AsyncClient
) -> None:
    second = (await ada.post("/orgs", json={"name": "Second"})).json()["id"]
    here = {"X-Org-Id": second}
    assert (await ada.get("/resolve-org", headers=here)).json()["name"] == "Second"
    assert len((await ada.get("/harnesses", headers=here)).json()["data"]) > 0
    assert len((await ada.get("/orgs")).json()["data"]) == 2
    for org in (FOREIGN, await org_of(root)):
        assert told(await ada.get("/sessions", headers={"X-Org-Id": org})) == (404, "organization_not_found")
        assert told(await ada.get(f"/orgs/{org}")) == (404, "organization_not_found")
        assert told(await ada.patch(f"/orgs/{org}", json={"name": "x"})) == (404, "organization_not_found")
    assert told(await ada.get("/sessions", headers={"X-Org-Id": "acme"})) == (400, "invalid_org_id")
    assert told(await ada.get("/orgs/acme")) == (400, "invalid_org_id")


async def test_home_is_where_one_acts_without_saying_so(ada: httpx.AsyncClient) -> None:
    second = (await ada.post("/orgs", json={"name": "Second"})).json()["id"]
    assert (await ada.post("/users/me/switch-org", json={"org_id": second})).json()["id"] == second
    assert told(await ada.post("/users/me/switch-org", json={"org_id": FOREIGN})) == (404, "organization_not_found")


async def test_settings_of_an_organisation_are_kept_one_by_one(ada: httpx.AsyncClient) -> None:
    org = await org_of(ada)
    first = await ada.patch(f"/orgs/{org}", json={"name": "Acme", "retention_days": 90})
    assert first.status_code == 200, first.text
    second = (await ada.patch(f"/orgs/{org}", json={"default_model_id": "sim-echo", "deletion_grace_days": 0})).json()
    shown = {name: second[name] for name in ("name", "retention_days", "deletion_grace_days", "default_model_id")}
    assert shown == {
        "name": "Acme",
        "retention_days": 90,
        "deletion_grace_days": 0,
        "default_model_id": "sim-echo",
    }
    assert second == (await ada.get(f"/orgs/{org}")).json()
    for body in ({"retention_days": 0}, {"name": ""}, {"default_harness_id": "generic"}, {"deletion_grace_days": -1}):
        assert (await ada.patch(f"/orgs/{org}", json=body)).status_code == 400


async def test_members_are_appointed_by_whoever_is_as_much(
    enter: Enter, ada: httpx.AsyncClient, root: httpx.AsyncClient
) -> None:
    org = await org_of(ada)
    bob = await registered(enter, "bob@example.org", **{"X-Org-Id": org})
    bob.headers.pop("X-Org-Id")
    bob_id = await join(ada, bob, "admin")
    bob.headers["X-Org-Id"] = org
    members = f"/orgs/{org}/members"

    assert told(await ada.post(members, json={"email": "bob@example.org"})) == (409, "member_exists")
    assert told(await ada.post(members, json={"email": "eve@example.org"})) == (404, "user_not_found")
    assert (await ada.post(members, json={"email": "root@example.org", "role": "emperor"})).status_code == 400
    root_id = (await bob.post(members, json={"email": "root@example.org", "role": "viewer"})).json()["user_id"]
    assert [member["role"] for member in (await bob.get(members)).json()["data"]] == ["owner", "admin", "viewer"]
    ada_id = await id_of(ada)
    not_his = (403, "role_not_yours_to_give")
    assert told(await bob.patch(f"{members}/{root_id}", json={"role": "owner"})) == not_his
    assert told(await bob.patch(f"{members}/{ada_id}", json={"role": "viewer"})) == not_his
    assert told(await bob.delete(f"{members}/{ada_id}")) == not_his
    viewer = {"X-Org-Id": org}
    refused = await root.patch(f"{members}/{bob_id}", json={"role": "member"}, headers=viewer)
    assert told(refused) == (403, "insufficient_scope")
    assert told(await root.delete(f"{members}/{bob_id}")) == (403, "insufficient_scope")
    assert (await root.delete(f"{members}/{root_id}")).status_code == 204  # oneself
    assert told(await ada.delete(f"{members}/{ada_id}")) == (409, "last_owner")
    assert (await ada.patch(f"{members}/{bob_id}", json={"role": "owner"})).json()["role"] == "owner"
    assert (await ada.delete(f"{members}/{ada_id}")).status_code == 204


async def test_users_are_those_of_the_organisation(ada: httpx.AsyncClient, root: httpx.AsyncClient) -> None:
    assert [user["email"] for user in (await ada.get("/users")).json()["data"]] == ["ada@example.org"]
    assert "ada@example.org" not in (await root.get("/users")).text


async def test_whoever_goes_is_gone(enter: Enter, ada: httpx.AsyncClient) -> None:
    assert (await ada.delete("/users/me")).status_code == 204
    body = {"email": "ada@example.org", "password": "correct horse battery"}
    assert (await (await enter()).post("/auth/login", json=body)).status_code == 401


# ---------------------------------------------------------------- the audit log


async def test_the_log_tells_who_did_what_from_where_and_why(ada: httpx.AsyncClient, root: httpx.AsyncClient) -> None:
    org, ada_id = await org_of(ada), await id_of(ada)
    headers = {"Everruns-Change-Reason": "a%20new%20name", "X-Request-Id": "req-7", "User-Agent": "console/1"}
    await ada.patch(f"/orgs/{org}", json={"name": "Acme"}, headers=headers)

    [entry] = (await ada.get("/audit", params={"action": "organization.changed"})).json()["data"]

    assert (entry["user_id"], entry["subject_kind"], entry["subject_id"]) == (ada_id, "organization", org)
    assert (entry["reason"], entry["request_id"], entry["user_agent"]) == ("a new name", "req-7", "console/1")
    assert (entry["before"]["name"], entry["after"]["name"]) == ("Personal", "Acme")
    assert entry["address"] == "127.0.0.1"
    assert entry["credential_id"].startswith("login_")
    assert "organization.changed" not in (await root.get("/audit")).text


async def test_the_log_is_paged_filtered_and_exported(ada: httpx.AsyncClient) -> None:
    org, ada_id = await org_of(ada), await id_of(ada)
    for n in range(5):
        await ada.patch(f"/orgs/{org}", json={"name": f"n{n}"})
    params = {"action": "organization.changed", "limit": "2"}
    page = (await ada.get("/audit", params=params)).json()
    seen = page["data"]
    while page.get("next_url"):
        page = (await ada.get(page["next_url"].removeprefix("/api/v1"))).json()
        seen += page["data"]
    assert [entry["after"]["name"] for entry in seen] == ["n4", "n3", "n2", "n1", "n0"]
    export = await ada.get("/audit/export", params={"user_id": ada_id})
    assert export.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in export.text.splitlines()]
    assert [line["id"] for line in lines if line["action"] == "organization.changed"] == [e["id"] for e in seen]
    assert (await ada.get("/audit", params={"since": "2100-01-01T00:00:00Z"})).json()["data"] == []
    too_early = {"since": "0001-01-01T00:00:00+10:00"}
    for bad in (
        {"user_id": "ada"}, {"before_id": "x"}, {"since": "yesterday"}, too_early, {"limit": "0"}, {"action": "a\u0000"}
    ):  # fmt: skip
        assert (await ada.get("/audit", params=bad)).status_code == 400


async def test_what_belongs_to_no_organisation_is_told_to_administrators_of_the_server(
    root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    told_root = (await root.get("/audit", params={"of_server": "true", "action": "user.created"})).json()["data"]
    assert {entry["subject_id"] for entry in told_root} == {await id_of(root), await id_of(ada)}
    assert told(await ada.get("/audit", params={"of_server": "true"})) == (403, "insufficient_scope")
    assert told(await ada.get("/audit/export", params={"of_server": "true"})) == (403, "insufficient_scope")


async def test_the_log_is_for_administrators(enter: Enter, ada: httpx.AsyncClient) -> None:
    bob = await registered(enter, "bob@example.org")
    await join(ada, bob, "member")
    headers = {"X-Org-Id": await org_of(ada)}
    for path in ("/audit", "/audit/export"):
        assert told(await bob.get(path, headers=headers)) == (403, "insufficient_scope")
