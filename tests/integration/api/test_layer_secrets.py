"""What of a definition is secret: it is kept apart, shown as a fingerprint, and kept when that is sent back."""

import secrets
from typing import Any

import httpx
import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.errors import NotFoundError
from runtime.store.layer_secrets import SecretsOfSession
from runtime.store.pool import Pool
from tests.tenancy import VAULT, ours

VALUE = "Bearer s3cr3t-of-a-definition"


def servers(value: Any = VALUE, url: str = "https://mcp.example.com") -> dict[str, Any]:
    return {"tools": {"url": url, "headers": {"Authorization": value}}}


def named() -> str:
    return f"layer-{secrets.token_hex(4)}"


async def made(client: httpx.AsyncClient, kind: str, layer: dict[str, Any]) -> dict[str, Any]:
    body = {} if kind == "sessions" else {"name": named(), "system_prompt": ""}
    reply = await client.post(f"/v1/{kind}", json={**body, **layer})
    assert reply.status_code == httpx.codes.CREATED, reply.text
    assert VALUE not in reply.text
    result: dict[str, Any] = reply.json()
    return result


def shown(reply: dict[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = reply["mcpServers"]["tools"]["headers"]["Authorization"]
    return header


async def redeemed(pool: Pool, handle: dict[str, Any], session_id: str = f"session_{7:032x}") -> str:
    return await SecretsOfSession(ours(pool, DEFAULT_ORG), VAULT, session_id).redeem(handle)


@pytest.mark.parametrize("kind", ["agents", "harnesses", "sessions"])
async def test_headers_are_neither_stored_nor_shown(client: httpx.AsyncClient, pool: Pool, kind: str) -> None:
    reply = await made(client, kind, {"mcpServers": servers()})
    assert set(shown(reply)) == {"set", "fingerprint"}
    read = await client.get(f"/v1/{kind}/{reply['id']}")
    assert shown(read.json()) == shown(reply)
    rows = [row["row"] for row in await pool.fetch(f"SELECT t::text AS row FROM {kind} t")]
    assert not any("s3cr3t-of-a-definition" in row for row in rows)
    assert await redeemed(pool, shown(reply), reply["id"] if kind == "sessions" else f"session_{7:032x}") == VALUE


async def test_what_is_shown_can_be_sent_back_and_keeps_the_value(client: httpx.AsyncClient, pool: Pool) -> None:
    agent = await made(client, "agents", {"mcpServers": servers()})
    for how, body in (
        (client.patch, {"mcpServers": agent["mcpServers"]}),
        (client.put, {"name": agent["name"], "system_prompt": "new", "mcpServers": agent["mcpServers"]}),
        (client.patch, {"tags": ["a"]}),
    ):
        reply = await how(f"/v1/agents/{agent['id']}", json=body)
        assert reply.status_code == httpx.codes.OK, reply.text
        assert shown(reply.json()) == shown(agent)
        assert await redeemed(pool, shown(agent)) == VALUE
    replaced = await client.patch(f"/v1/agents/{agent['id']}", json={"mcpServers": servers("other")})
    assert await redeemed(pool, shown(replaced.json())) == "other"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (servers({"set": True, "fingerprint": "0" * 16}), "secret_not_kept"),
        (servers({"set": True}), "invalid_secret"),
        (servers(7), "invalid_secret"),
        (servers(""), "invalid_secret"),
    ],
)
async def test_what_is_no_secret_of_that_agent_is_refused(client: httpx.AsyncClient, sent: Any, code: str) -> None:
    agent = await made(client, "agents", {"mcpServers": servers()})
    for reply in (
        await client.patch(f"/v1/agents/{agent['id']}", json={"mcpServers": sent}),
        await client.post("/v1/sessions", json={"mcpServers": sent}),
    ):
        assert (reply.status_code, reply.json()["code"]) == (400, code)


async def test_a_kept_secret_goes_nowhere_else(client: httpx.AsyncClient) -> None:
    """Promised: who may change a definition cannot have its secrets sent to another address, or to another agent."""
    agent = await made(client, "agents", {"mcpServers": servers()})
    moved = servers(shown(agent), "https://thief.example.com")
    reply = await client.patch(f"/v1/agents/{agent['id']}", json={"mcpServers": moved})
    assert (reply.status_code, reply.json()["code"]) == (400, "secret_not_kept")
    other = await made(client, "agents", {})
    reply = await client.patch(f"/v1/agents/{other['id']}", json={"mcpServers": agent["mcpServers"]})
    assert (reply.status_code, reply.json()["code"]) == (400, "secret_not_kept")


@pytest.mark.parametrize("kind", ["agents", "harnesses"])
async def test_a_change_that_is_refused_for_one_of_its_secrets_changes_nothing(
    client: httpx.AsyncClient, pool: Pool, kind: str
) -> None:
    """Promised: least of all where the others are sent."""
    before = await made(client, kind, {"mcpServers": servers()})
    stolen = servers("x", "https://thief.example.com")
    stolen["tools"]["headers"]["Other"] = ""
    reply = await client.patch(f"/v1/{kind}/{before['id']}", json={"mcpServers": stolen})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_secret")
    assert (await client.get(f"/v1/{kind}/{before['id']}")).json()["mcpServers"] == before["mcpServers"]
    assert await redeemed(pool, shown(before)) == VALUE
    name = named()
    reply = await client.post(f"/v1/{kind}", json={"name": name, "system_prompt": "", "mcpServers": stolen})
    assert reply.status_code == httpx.codes.BAD_REQUEST
    assert name not in (await client.get(f"/v1/{kind}", params={"search": name})).text


async def test_secrets_go_with_what_held_them(client: httpx.AsyncClient, pool: Pool) -> None:
    agent = await made(client, "agents", {"mcpServers": servers(f"{VALUE}-{named()}")})
    handle = shown(agent)
    assert (await client.patch(f"/v1/agents/{agent['id']}", json={"mcpServers": {}})).status_code == httpx.codes.OK
    with pytest.raises(NotFoundError):
        await redeemed(pool, handle)
    deleted = await made(client, "agents", {"mcpServers": servers(f"{VALUE}-{named()}")})
    for _ in range(2):
        await client.delete(f"/v1/agents/{deleted['id']}")
    with pytest.raises(NotFoundError):
        await redeemed(pool, shown(deleted))


async def test_a_sessions_own_secret_is_for_that_session(client: httpx.AsyncClient, pool: Pool) -> None:
    session = await made(client, "sessions", {"mcpServers": servers(f"{VALUE}-{named()}")})
    with pytest.raises(NotFoundError):
        await redeemed(pool, shown(session))


async def test_a_field_that_a_capability_declares_is_withheld(client: httpx.AsyncClient, pool: Pool) -> None:
    safe = {"ref": "safe", "config": {"token": VALUE, "room": "open"}}
    agent = await made(client, "agents", {"capabilities": [safe]})
    config = agent["capabilities"][0]["config"]
    assert config["room"] == "open"
    assert set(config["token"]) == {"set", "fingerprint"}
    assert await redeemed(pool, config["token"]) == VALUE
