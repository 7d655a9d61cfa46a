"""Logging in over HTTP: with tokens, and as browsers do."""

from typing import Any

import httpx
import pytest

from tests.identity import ADMIN, PASSWORD, Enter, registered, told

SAME = {"sec-fetch-site": "same-origin"}
ADA = {"email": "ada@example.org", "password": PASSWORD}


async def browser(enter: Enter) -> httpx.AsyncClient:
    """Return a client that has registered, and keeps cookies."""
    client = await enter()
    reply = await client.post("/auth/register", json={**ADA, "name": "Ada"}, headers=SAME)
    assert reply.status_code == 201
    return client


def proof(client: httpx.AsyncClient) -> dict[str, str]:
    return {**SAME, "X-CSRF-Token": client.cookies["csrf_token"]}


async def test_the_document_of_ways_says_how_to_log_in(enter: Enter) -> None:
    assert (await (await enter()).get("/auth/config")).json() == {
        "mode": "full",
        "password_auth_enabled": True,
        "oauth_providers": [],
        "signup_enabled": True,
    }


async def test_whoever_registers_is_logged_in_and_may_log_in_again(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    me = (await client.get("/auth/me")).json()
    assert (me["email"], me["name"], me["roles"]) == ("ada@example.org", "ada", ["owner", "system_admin"])
    reply = await (await enter()).post("/auth/login", json=ADA)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    grant = reply.json()
    assert (grant["token_type"], grant["expires_in"]) == ("Bearer", 900)
    again = await enter(grant["access_token"])  # alone, as SDKs send it
    assert (await again.get("/auth/me")).json()["id"] == me["id"]


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer ", "ApiKey "])
async def test_a_token_is_taken_in_each_of_three_ways(enter: Enter, scheme: str) -> None:
    client = await registered(enter, "ada@example.org")
    key = (await client.post("/auth/personal-access-tokens", json={"name": "laptop"})).json()["key"]
    assert (await (await enter(scheme + key)).get("/sessions")).status_code == 200


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi", "evr_pat_" + "0" * 43])
async def test_what_nobody_was_given_is_a_401_that_says_how(enter: Enter, token: str | None) -> None:
    reply = await (await enter(token)).get("/sessions")
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ada@example.org", "password": "short"},
        {"email": "no address", "password": PASSWORD},
        {"email": "a@b", "password": "x" * 1025},
        {"email": "a" * 300 + "@b", "password": PASSWORD},
        {"email": "a@b"},
        {"email": "a\u0000@b", "password": PASSWORD},
        {"email": ["a@b"], "password": PASSWORD},
    ],
)
async def test_an_account_that_cannot_be_is_a_400(enter: Enter, body: dict[str, Any]) -> None:
    assert (await (await enter()).post("/auth/register", json=body)).status_code == 400


async def test_a_taken_address_is_a_conflict_and_a_wrong_password_says_no_more(enter: Enter) -> None:
    await registered(enter, "ada@example.org")
    client = await enter()
    assert told(await client.post("/auth/register", json={**ADA, "email": "ADA@example.org"})) == (409, "email_in_use")
    wrong = await client.post("/auth/login", json={**ADA, "password": "wrong"})
    unknown = await client.post("/auth/login", json={**ADA, "email": "eve@example.org"})
    assert told(wrong) == told(unknown) == (401, "invalid_credentials")
    assert wrong.json()["detail"] == unknown.json()["detail"]


async def test_too_many_attempts_are_a_429_that_says_when(enter: Enter) -> None:
    client = await enter()
    for _ in range(5):
        assert (await client.post("/auth/login", json=ADA)).status_code == 401
    reply = await client.post("/auth/login", json=ADA)
    assert told(reply) == (429, "too_many_attempts")
    assert int(reply.headers["retry-after"]) >= 1


async def test_a_refresh_token_in_the_body_goes_on_once(enter: Enter) -> None:
    client = await enter()
    first = (await client.post("/auth/register", json={**ADA, "name": ""})).json()
    client.cookies.clear()
    second = (await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert told(await client.post("/auth/refresh", json={"refresh_token": "evr_rt_nonsense"})) == (
        401,
        "invalid_refresh_token",
    )
    client.cookies.clear()
    assert told(await client.post("/auth/refresh", json={})) == (401, "unauthenticated")


# ---------------------------------------------------------------- browsers


async def test_cookies_are_hidden_from_scripts_but_for_the_proof(enter: Enter) -> None:
    client = await enter()
    reply = await client.post("/auth/register", json={**ADA, "name": ""})
    made = {cookie.split("=")[0]: cookie.lower() for cookie in reply.headers.get_list("set-cookie")}
    assert set(made) == {"access_token", "refresh_token", "csrf_token"}
    assert all("samesite=lax" in cookie for cookie in made.values())
    assert all("secure" not in cookie for cookie in made.values())  # by http
    assert ["httponly" in made[name] for name in sorted(made)] == [True, False, True]
    assert "path=/api/v1/auth" in made["refresh_token"]


async def test_a_browser_reads_by_cookie_and_changes_with_the_proof(enter: Enter) -> None:
    client = await browser(enter)
    assert (await client.get("/auth/me")).json()["email"] == "ada@example.org"
    reply = await client.post("/workspaces", json={"name": "mine"}, headers=proof(client))
    assert reply.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        SAME,
        {"X-CSRF-Token": "right"},
        {**SAME, "X-CSRF-Token": ""},
        {**SAME, "X-CSRF-Token": "wrong"},
        {"origin": "http://localhost", "X-CSRF-Token": "wrong"},
        {"sec-fetch-site": "none", "X-CSRF-Token": "right"},
        {"authorization": "", **SAME},
    ],
)
async def test_what_another_page_has_a_browser_send_changes_nothing(enter: Enter, headers: dict[str, str]) -> None:
    client = await browser(enter)
    right = client.cookies["csrf_token"]
    sent = {name: right if value == "right" else value for name, value in headers.items()}
    for path in ("/workspaces", "/auth/refresh", "/auth/logout"):
        assert told(await client.post(path, json={"name": "theirs"}, headers=sent)) == (403, "csrf"), path
    assert (await client.get("/workspaces")).json()["data"] == []


async def test_an_origin_that_is_ours_is_as_good_as_the_newer_header(enter: Enter) -> None:
    client = await browser(enter)
    headers = {"origin": "http://localhost", "X-CSRF-Token": client.cookies["csrf_token"]}
    assert (await client.post("/workspaces", json={"name": "mine"}, headers=headers)).status_code == 201


async def test_of_header_and_cookie_the_header_counts(enter: Enter) -> None:
    client = await browser(enter)
    bob = await registered(enter, "bob@example.org")
    headers = {"Authorization": bob.headers["Authorization"]}
    assert (await client.get("/auth/me", headers=headers)).json()["email"] == "bob@example.org"
    assert (await client.get("/auth/me", headers={"Authorization": "nonsense"})).status_code == 401


async def test_a_browser_refreshes_by_cookie_and_logs_out_for_good(enter: Enter) -> None:
    client = await browser(enter)
    before = client.cookies["access_token"]
    assert (await client.post("/auth/refresh", headers=proof(client))).status_code == 200
    assert client.cookies["access_token"] != before
    kept = client.cookies["access_token"]
    [login] = (await client.get("/auth/logins")).json()["data"]
    assert login["is_current"]
    assert (await client.post("/auth/logout", headers=proof(client))).status_code == 204
    assert not client.cookies
    stolen = await enter(kept)
    assert (await stolen.get("/auth/logins")).status_code in (200, 401)  # this process hears of it within a second


async def test_logging_out_without_being_in_is_no_failure(enter: Enter) -> None:
    for token in (None, "nonsense"):
        assert (await (await enter(token)).post("/auth/logout")).status_code == 204


async def test_a_login_can_be_ended_from_another_one(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    other = (await (await enter()).post("/auth/login", json=ADA)).json()
    logins = (await client.get("/auth/logins")).json()["data"]
    [theirs] = [login["id"] for login in logins if not login["is_current"]]
    assert (await client.delete(f"/auth/logins/{theirs}")).status_code == 204
    reply = await (await enter()).post("/auth/refresh", json={"refresh_token": other["refresh_token"]})
    assert told(reply) == (401, "invalid_refresh_token")
    bob = await registered(enter, "bob@example.org")
    mine = logins[0]["id"]
    assert told(await bob.delete(f"/auth/logins/{mine}")) == (404, "login_not_found")


async def test_a_new_password_needs_the_old_one_and_ends_the_other_logins(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    other = (await (await enter()).post("/auth/login", json=ADA)).json()
    new = "another password"
    wrong = {"current_password": "wrong", "new_password": new}
    assert told(await client.patch("/users/me", json=wrong)) == (401, "invalid_credentials")
    assert (await client.patch("/users/me", json={"new_password": new})).status_code == 400
    weak = {"current_password": PASSWORD, "new_password": "short"}
    assert told(await client.patch("/users/me", json=weak)) == (400, "weak_password")
    right = {"current_password": PASSWORD, "new_password": new, "name": "Countess"}
    assert (await client.patch("/users/me", json=right)).json()["name"] == "Countess"
    again = await enter()
    assert (await again.post("/auth/refresh", json={"refresh_token": other["refresh_token"]})).status_code == 401
    assert (await again.post("/auth/login", json={**ADA, "password": new})).status_code == 200
    assert (await client.get("/auth/me")).status_code == 200


async def test_a_stolen_login_does_not_let_one_guess_the_password(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    guess = {"current_password": "wrong", "new_password": "another password"}
    for _ in range(5):
        assert told(await client.patch("/users/me", json=guess)) == (401, "invalid_credentials")
    assert told(await client.patch("/users/me", json=guess)) == (429, "too_many_attempts")


# ---------------------------------------------------------------- modes


@pytest.mark.parametrize("mode", [{"mode": "full", "auth_signup": False}])
async def test_where_signup_is_closed_nobody_registers(enter: Enter, mode: dict[str, Any]) -> None:
    client = await enter()
    assert mode["auth_signup"] is False
    assert told(await client.post("/auth/register", json={**ADA, "name": ""})) == (403, "signup_closed")
    assert (await client.get("/auth/config")).json()["signup_enabled"] is False


@pytest.mark.parametrize("mode", [{"mode": "admin"}])
async def test_in_mode_admin_the_one_of_the_settings_logs_in(enter: Enter, mode: dict[str, Any]) -> None:
    client = await enter()
    assert told(await client.post("/auth/register", json={**ADA, "name": ""})) == (403, "signup_closed")
    reply = await client.post("/auth/login", json={"email": ADMIN["auth_admin_email"], "password": PASSWORD})
    assert reply.status_code == 200, mode
    assert "system" in (await client.get("/auth/me")).json()["scopes"]


@pytest.mark.parametrize("mode", [{"mode": "none"}])
async def test_in_mode_none_everybody_is_the_same_whatever_they_show(enter: Enter, mode: dict[str, Any]) -> None:
    for token in (None, "", "none", "Bearer nonsense", "evr_pat_" + "0" * 43):
        me = (await (await enter(token)).get("/auth/me")).json()
        assert (me["id"], me["roles"]) == ("user_" + "0" * 31 + "1", ["owner", "system_admin"]), mode
    client = await enter()
    assert told(await client.post("/auth/login", json=ADA)) == (403, "password_login_disabled")
    assert told(await client.post("/orgs", json={"name": "Other"})) == (403, "single_organization")
    assert told(await client.get("/orgs/org_" + "2" * 32)) == (404, "organization_not_found")
    client.cookies.set("access_token", "of another mode")
    assert (await client.post("/workspaces", json={"name": "mine"})).status_code == 201


async def test_whoever_need_not_say_who_they_are_may_send_little(enter: Enter) -> None:
    client = await enter()
    for path in ("/auth/login", "/auth/register"):
        assert told(await client.post(path, json={**ADA, "name": "A" * 64_000})) == (413, "body_too_large")
