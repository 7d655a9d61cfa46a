"""Whom an identity provider vouches for: its tokens, and browsers that it sends back. The provider is a real server."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from runtime.core.access.roles import MemberRole
from runtime.federation import issuer as issuers
from runtime.federation.browser import Client, GitHubProvider
from runtime.identity.federated import Reception, Travel
from runtime.identity.signing import SigningKey
from runtime.ports.identity import Initiator
from runtime.wiring.access import Access
from tests.identity import Enter, registered, told
from tests.identity_provider import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Provider, ProviderServer

HERE = "http://localhost"
BY = Initiator(reason="test")
ADA = {"sub": "ada-1", "email": "ada@example.org", "email_verified": True, "name": "Ada"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with ProviderServer() as provider:
        provider.person = dict(ADA)
        yield provider


def oidc(provider: Provider, mode: str, **more: Any) -> dict[str, Any]:
    return {
        "mode": mode,
        "auth_oidc_issuer": provider.url,
        "auth_oidc_audience": AUDIENCE,
        "auth_oidc_client_id": CLIENT_ID,
        "auth_oidc_client_secret": CLIENT_SECRET,
        "auth_base_url": HERE,
        **more,
    }


@pytest.fixture
def roles() -> str | None:
    """What the settings map claims to; tests say otherwise by parameters."""
    return None


@pytest.fixture
def of_mode() -> str:
    """The mode; tests say otherwise by parameters."""
    return "external"


@pytest.fixture
def mode(provider: Provider, roles: str | None, of_mode: str) -> dict[str, Any]:
    return oidc(provider, of_mode, auth_oidc_roles=roles)


# ---------------------------------------------------------------- tokens


async def test_whoever_a_token_names_is_made_at_first_sight_and_is_the_same_at_the_next(
    enter: Enter, provider: Provider
) -> None:
    first = (await (await enter(provider.token())).get("/auth/me")).json()
    second = (await (await enter("Bearer " + provider.token(jti="2"))).get("/auth/me")).json()
    assert (first["email"], first["name"], first["roles"]) == ("ada@example.org", "Ada", ["member"])
    assert second["id"] == first["id"]


async def test_whoever_comes_many_times_at_once_is_made_once(enter: Enter, provider: Provider) -> None:
    clients = [await enter(provider.token(jti=str(n))) for n in range(6)]
    replies = await asyncio.gather(*(client.get("/auth/me") for client in clients))
    assert [reply.status_code for reply in replies] == [200] * 6
    assert len({reply.json()["id"] for reply in replies}) == 1


async def test_personal_access_tokens_work_beside(enter: Enter, provider: Provider) -> None:
    client = await enter(provider.token())
    key = (await client.post("/auth/personal-access-tokens", json={"name": "laptop"})).json()["key"]
    assert (await (await enter(key)).get("/sessions")).status_code == 200
    assert told(await client.post("/auth/login", json={"email": "ada@example.org", "password": "x"})) == (
        403,
        "password_login_disabled",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://other.example"},
        {"aud": CLIENT_ID},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": ["ada"]},
        {"key": OctKey.import_key("x" * 64), "algorithm": "HS256"},
        {"key": RSAKey.generate_key(2048, {"kid": "first"})},
        {"key": RSAKey.generate_key(2048, {"kid": "unknown"})},
    ],
)
async def test_a_token_that_is_not_for_us_or_not_good_is_nothing(
    enter: Enter, provider: Provider, wrong: dict[str, Any]
) -> None:
    assert told(await (await enter(provider.token(**wrong))).get("/auth/me")) == (401, "invalid_token")


async def test_an_unsigned_token_is_nothing(enter: Enter, provider: Provider) -> None:
    _, claims, _ = provider.token().split(".")
    for head in ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIn0"):  # none, None
        assert told(await (await enter(f"{head}.{claims}.")).get("/auth/me")) == (401, "invalid_token")


async def test_a_new_key_of_the_provider_is_found_and_nonsense_does_not_have_it_asked_again_and_again(
    enter: Enter, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await (await enter(provider.token())).get("/auth/me")).status_code == 200
    nonsense = RSAKey.generate_key(2048, {"kid": "nonsense"})
    for n in range(5):
        await (await enter(provider.token(key=nonsense, jti=str(n)))).get("/auth/me")
    assert provider.asked.count("/keys") == 1
    provider.change_key()
    monkeypatch.setattr(issuers, "LEAST_S", 0.0)
    assert (await (await enter(provider.token())).get("/auth/me")).status_code == 200


async def test_a_token_with_an_unknown_key_holds_up_no_other_while_the_provider_is_silent(
    enter: Enter, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "LEAST_S", 0.0)
    assert (await (await enter(provider.token())).get("/auth/me")).status_code == 200
    provider.speaks.clear()
    nonsense = RSAKey.generate_key(2048, {"kid": "nonsense"})
    stranger = asyncio.create_task((await enter(provider.token(key=nonsense))).get("/auth/me"))
    while len(provider.asked) == 2:  # noqa: ASYNC110  a thread answers; so far its document and its keys, for the first token
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        assert (await (await enter(provider.token(jti="2"))).get("/auth/me")).status_code == 200
    provider.speaks.set()
    assert (await stranger).status_code == 401


async def test_while_the_provider_is_away_its_known_keys_go_on_and_without_any_it_is_a_503(
    enter: Enter, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.is_away = True
    for n in range(3):
        reply = await (await enter(provider.token(jti=str(n)))).get("/auth/me")
        assert told(reply) == (503, "identity_provider_unavailable")
    assert len(provider.asked) == 1  # whoever comes meanwhile is not made to wait for it again
    provider.is_away = False
    monkeypatch.setattr(issuers, "RETRY_S", 0.0)
    assert (await (await enter(provider.token(jti="2"))).get("/auth/me")).status_code == 200
    provider.is_away = True
    monkeypatch.setattr(issuers, "KEPT_S", 0.0)
    assert (await (await enter(provider.token(jti="3"))).get("/auth/me")).status_code == 200


@pytest.mark.parametrize("roles", ["staff=member,leads=admin"])
async def test_claims_say_what_people_are_each_time_they_change(enter: Enter, provider: Provider, roles: str) -> None:
    assert roles
    for words, role in ((["staff"], "member"), (["leads", "staff"], "admin"), (["staff"], "member")):
        me = await (await enter(provider.token(roles=words, jti=role + str(len(words))))).get("/auth/me")
        assert me.json()["roles"] == [role]
    assert told(await (await enter(provider.token(roles=["guests"]))).get("/auth/me")) == (403, "no_role")


async def test_an_administrator_made_by_command_line_is_known_by_a_verified_address(
    enter: Enter, provider: Provider, access: Access
) -> None:
    root = await access.identity.accounts.create_administrator("ada@example.org", "", None, BY)
    provider.person["email_verified"] = False
    assert (await (await enter(provider.token())).get("/auth/me")).json()["id"] != root.id
    provider.person = {**ADA, "sub": "ada-2"}
    me = (await (await enter(provider.token())).get("/auth/me")).json()
    assert (me["id"], "system_admin" in me["roles"]) == (root.id, True)


async def test_a_disabled_user_stays_out_whatever_the_provider_says(
    enter: Enter, provider: Provider, access: Access
) -> None:
    await access.identity.accounts.create_administrator("root@example.org", "", None, BY)
    client = await enter(provider.token())
    me = (await client.get("/auth/me")).json()
    await access.identity.accounts.users.change(me["id"], {"status": "disabled"}, BY)
    assert access.watched is not None
    await access.watched.catch_up()
    assert told(await client.get("/auth/me")) == (403, "user_disabled")


# ---------------------------------------------------------------- browsers


async def travel(client: httpx.AsyncClient, provider: str = "oidc") -> httpx.Response:
    """Go to the provider and come back, as a browser does; return the answer to coming back."""
    away = await client.get(f"/auth/oauth/{provider}")
    assert away.status_code == 303, away.text
    async with httpx.AsyncClient() as outside:
        there = await outside.get(away.headers["location"])
    assert there.status_code == 302, there.text
    return await client.get(there.headers["location"])


@pytest.mark.parametrize("of_mode", ["full", "external"])
async def test_a_browser_comes_back_logged_in(enter: Enter, of_mode: str) -> None:
    client = await enter()
    assert (await client.get("/auth/config")).json()["oauth_providers"] == ["oidc"], of_mode
    back = await travel(client)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    me = (await client.get("/auth/me")).json()
    assert me["email"] == "ada@example.org"
    assert "oauth_journey" not in client.cookies
    again = await enter()
    await travel(again)
    assert (await again.get("/auth/me")).json()["id"] == me["id"]


async def test_what_is_asked_of_the_provider_names_neither_secret_nor_verifier(enter: Enter) -> None:
    asked = parse_qs(urlsplit((await (await enter()).get("/auth/oauth/oidc")).headers["location"]).query)
    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert asked["redirect_uri"] == [f"{HERE}/api/v1/auth/callback/oidc"]


async def test_another_browser_does_not_end_what_this_one_began(enter: Enter) -> None:
    ada, eve = await enter(), await enter()
    away = await eve.get("/auth/oauth/oidc")
    async with httpx.AsyncClient() as outside:
        there = await outside.get(away.headers["location"])
    for headers in ({}, {"cookie": "oauth_journey=nonsense"}):
        assert told(await ada.get(there.headers["location"], headers=headers)) == (401, "journey_broken")
    await ada.get("/auth/oauth/oidc")
    assert told(await ada.get(there.headers["location"])) == (401, "journey_broken")
    assert (await ada.get("/auth/me")).status_code == 401


async def test_a_state_that_is_no_ascii_is_another_one(enter: Enter) -> None:
    client = await enter()
    await client.get("/auth/oauth/oidc")
    reply = await client.get("/auth/callback/oidc", params={"code": "x", "state": "ä"})
    assert told(reply) == (401, "journey_broken")


async def test_a_code_is_good_once(enter: Enter) -> None:
    client = await enter()
    away = await client.get("/auth/oauth/oidc")
    journey = client.cookies["oauth_journey"]
    async with httpx.AsyncClient() as outside:
        there = (await outside.get(away.headers["location"])).headers["location"]
    assert (await client.get(there)).status_code == 303
    replayed = await enter()
    replayed.cookies.set("oauth_journey", journey)
    assert told(await replayed.get(there)) == (401, "provider_refused")


async def test_an_answer_to_another_question_is_refused(enter: Enter, provider: Provider) -> None:
    provider.nonce = "another"
    assert told(await travel(await enter())) == (401, "provider_refused")


async def test_what_the_provider_says_instead_of_a_code_is_told(enter: Enter) -> None:
    reply = await (await enter()).get("/auth/callback/oidc", params={"error": "access_denied"})
    assert told(reply) == (401, "provider_refused")
    assert "access_denied" in reply.json()["detail"]


async def test_a_provider_that_is_not_set_up_is_not_there(enter: Enter) -> None:
    for path in ("/auth/oauth/google", "/auth/oauth/nonsense"):
        assert told(await (await enter()).get(path)) == (404, "identity_provider_not_found")


async def test_a_provider_that_is_away_is_a_503(enter: Enter, provider: Provider) -> None:
    provider.is_away = True
    assert told(await (await enter()).get("/auth/oauth/oidc")) == (503, "identity_provider_unavailable")


@pytest.mark.parametrize("of_mode", ["full"])
async def test_whoever_registered_an_address_with_a_password_does_not_get_its_owner(enter: Enter, of_mode: str) -> None:
    await registered(enter, "ada@example.org")
    assert told(await travel(await enter())) == (409, "email_in_use"), of_mode


async def test_github_tells_by_its_own_api(access: Access, provider: Provider) -> None:
    identity = access.identity
    provider.person = {"id": 7, "login": "ada", "name": None, "avatar_url": "https://github.example/ada.png"}
    provider.emails = [
        {"email": "old@example.org", "primary": False, "verified": True},
        {"email": "ada@example.org", "primary": True, "verified": True},
    ]
    client = Client(CLIENT_ID, CLIENT_SECRET, f"{HERE}/api/v1/auth/callback/github")
    github = GitHubProvider(client, home=provider.url, api=provider.url)
    reception = Reception(identity.accounts, identity.membership, identity.ways)
    travels = Travel({"github": github}, reception, identity.sign_in, SigningKey("s" * 32))
    address, kept = await travels.leave("github")
    async with httpx.AsyncClient() as outside:
        back = parse_qs(urlsplit((await outside.get(address)).headers["location"]).query)
    await travels.arrive("github", back["code"][0], back["state"][0], kept, BY)
    user = await identity.accounts.users.by_identity(provider.url, "7")
    assert user is not None
    assert (user.email, user.name) == ("ada@example.org", "ada")
    assert (await identity.membership.organizations.member(str(user.home_org_id), user.id)).role is MemberRole.MEMBER
