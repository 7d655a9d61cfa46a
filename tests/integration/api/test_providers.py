"""Providers and their models through the front door: who may make which, what is shown, and what is tried."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from api.app import create_app
from api.http.deps import House
from runtime.core.access.principal import ANONYMOUS, Principal
from runtime.core.access.roles import GRANTED, MemberRole
from runtime.ports.access import Revoked, Shown
from runtime.ports.providers import API_KEY
from runtime.ports.secrets import Kind
from runtime.process.mint import new_id
from runtime.store.pool import Pool
from tests.model_servers import ModelServer, model_server
from tests.model_servers.clouds import ACCESS_KEY, service_account
from tests.tenancy import secrets_in

CANARY = "sk-canary-0123456789"


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        running.wanted_key = CANARY
        yield running


@pytest.fixture
def name() -> str:
    return f"Mine {new_id('provider')[-8:]}"


class Doorman:
    """Lets everybody in as an administrator of an organisation, who administers no server."""

    async def principal(self, shown: Shown) -> Principal:
        del shown
        return msgspec.structs.replace(ANONYMOUS, role=MemberRole.ADMIN, scopes=GRANTED[MemberRole.ADMIN])

    def on_revoked(self, listener: Revoked) -> None:
        """Do nothing: nobody is forgotten."""


@pytest.fixture
async def tenant_admin(house: House) -> AsyncIterator[httpx.AsyncClient]:
    guarded = House(**{**{name: getattr(house, name) for name in House.__slots__}, "authenticator": Doorman()})
    transport = httpx.ASGITransport(create_app(guarded), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
        yield client


async def made(client: httpx.AsyncClient, name: str, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "provider_type": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", **fields}
    reply = await client.post("/v1/providers", json=body)
    assert reply.status_code == 201, reply.text
    provider: dict[str, Any] = reply.json()
    return provider


async def test_a_provider_is_made_changed_and_deleted_and_its_key_never_shown(
    client: httpx.AsyncClient, name: str
) -> None:
    provider = await made(client, name, api_key=CANARY)
    assert provider["id"].startswith("provider_")
    assert (provider["source"], provider["status"], provider["api_key_set"]) == ("manual", "active", True)
    path = f"/v1/providers/{provider['id']}"
    changed = await client.patch(path, json={"name": f"{name}!", "status": "disabled", "trace": True})
    assert changed.json() == {
        **provider, "name": f"{name}!", "status": "disabled", "trace": True, "updated_at": changed.json()["updated_at"],
    }  # fmt: skip
    without = await client.patch(path, json={"api_key": ""})
    assert without.json()["api_key_set"] is False
    listed = (await client.get("/v1/providers")).json()["data"]
    assert provider["id"] in [one["id"] for one in listed]
    seen = "".join(reply.text for reply in (changed, without, await client.get(path), await client.get("/v1/audit")))
    assert CANARY not in seen
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_limits_are_given_shown_changed_all_at_once_and_taken_away(client: httpx.AsyncClient, name: str) -> None:
    limits = {"concurrent": 4, "requests_per_minute": 60, "tokens_per_minute": 9_000_000_000}
    provider = await made(client, name, limits=limits)
    assert provider["limits"] == limits
    path = f"/v1/providers/{provider['id']}"
    none = dict.fromkeys(limits)
    assert (await client.patch(path, json={"trace": True})).json()["limits"] == limits
    assert (await client.patch(path, json={"limits": {"concurrent": 2}})).json()["limits"] == {**none, "concurrent": 2}
    for wrong in ({"concurrent": 0}, {"requests_per_minute": 1.5}, {"tokens_per_minute": "many"}):
        assert (await client.patch(path, json={"limits": wrong})).status_code == 400
    assert (await client.patch(path, json={"limits": {}})).json()["limits"] == none
    assert (await client.get(path)).json()["limits"] == none
    own = (await client.get("/v1/providers")).json()["data"][0]
    refused = await client.patch(f"/v1/providers/{own['id']}", json={"limits": limits})
    assert (refused.status_code, refused.json()["code"]) == (403, "provider_built_in")


async def test_several_providers_may_be_of_one_type_and_none_of_one_name(
    client: httpx.AsyncClient, pool: Pool, name: str
) -> None:
    first, second = await made(client, name), await made(client, f"{name} too", api_key=CANARY)
    assert first["id"] != second["id"]
    again = await client.post("/v1/providers", json={"name": name.upper(), "provider_type": "openai"})
    assert (again.status_code, again.json()["code"]) == (409, "provider_exists")
    before = await secrets_in(pool, Kind.PROVIDER, second["id"]).reveal(API_KEY)
    taken = {"name": name, "base_url": "https://elsewhere.example.com", "api_key": "of-elsewhere"}
    again = await client.patch(f"/v1/providers/{second['id']}", json=taken)
    assert (again.status_code, again.json()["code"]) == (409, "provider_exists")
    assert await secrets_in(pool, Kind.PROVIDER, second["id"]).reveal(API_KEY) == before  # for the address of before


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"provider_type": "nobody"}, 400, "unknown_provider_type"),
        ({"base_url": None}, 400, "base_url_needed"),
        ({"base_url": "ftp://host/v1"}, 400, "invalid_base_url"),
        ({"base_url": "http://user:key@host/v1"}, 400, "invalid_base_url"),
        ({"base_url": "http://host/v1?key=x"}, 400, "invalid_base_url"),
        ({"base_url": "http://127.1/v1"}, 400, "invalid_base_url"),
        ({"credentials": {"region": "eu"}}, 400, "unknown_credentials"),
    ],
)
async def test_what_is_no_provider_is_refused(
    client: httpx.AsyncClient, name: str, fields: dict[str, Any], status: int, code: str
) -> None:
    body = {"name": name, "provider_type": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", **fields}
    reply = await client.post("/v1/providers", json=body)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:11434/v1", "http://localhost/v1", "http://10.0.0.5/v1", "http://[::1]/v1", "http://ollama/v1",
     "http://169.254.169.254/latest", "https://[::ffff:a00:1]/v1"],
)  # fmt: skip
async def test_only_who_administers_the_server_may_have_it_ask_what_is_inside(
    tenant_admin: httpx.AsyncClient, server: ModelServer, name: str, base_url: str
) -> None:
    body = {"name": name, "provider_type": "openai_compatible", "base_url": base_url}
    for path in ("/providers", "/providers/test"):
        reply = await tenant_admin.post(path, json=body)
        assert (reply.status_code, reply.json()["code"]) == (403, "address_not_public")
    assert server.lists == 0


async def test_a_key_stays_with_the_address_that_it_was_given_for(client: httpx.AsyncClient, name: str) -> None:
    path = f"/v1/providers/{(await made(client, name, api_key=CANARY))['id']}"
    elsewhere = {"base_url": "http://127.0.0.1:2/v1"}
    refused = await client.patch(path, json=elsewhere)
    assert (refused.status_code, refused.json()["code"]) == (400, "key_needed")
    assert (await client.patch(path, json={**elsewhere, "api_key": "sk-other"})).status_code == 200


async def test_of_the_servers_own_providers_only_the_status_can_be_changed(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/providers")).json()["data"]
    own = next(provider for provider in listed if provider["source"] == "predefined")
    path = f"/v1/providers/{own['id']}"
    for change in ({"name": "Mine"}, {"api_key": "x"}, {"base_url": "http://127.0.0.1/v1"}):
        assert (await client.patch(path, json=change)).json()["code"] == "provider_built_in"
    assert (await client.delete(path)).json()["code"] == "provider_built_in"
    assert (await client.patch(path, json={"status": "disabled"})).json()["status"] == "disabled"
    assert (await client.get("/v1/models/llmsim:sim-echo")).json()["healthy"] is False
    refused = await client.post("/v1/sessions", json={"model_id": "llmsim:sim-echo"})
    assert (refused.status_code, refused.json()["code"]) == (404, "model_not_found")
    assert (await client.patch(path, json={"status": "active"})).json()["status"] == "active"
    assert (await client.get("/v1/models/llmsim:sim-echo")).json()["healthy"] is True


async def test_a_connection_is_tried_before_and_after_it_is_kept(
    client: httpx.AsyncClient, server: ModelServer, name: str
) -> None:
    draft = {"provider_type": "openai_compatible", "base_url": f"{server.base_url}/v1"}
    wrong = (await client.post("/v1/providers/test", json={**draft, "api_key": "sk-wrong"})).json()
    assert (wrong["success"], wrong["error"]["code"]) == (False, "provider_misconfigured")
    right = (await client.post("/v1/providers/test", json={**draft, "api_key": CANARY})).json()
    assert (right["success"], right["model_count"], right["error"]) == (True, 2, None)
    provider = await made(client, name, **draft, api_key=CANARY)
    assert (await client.post(f"/v1/providers/{provider['id']}/test")).json()["success"] is True
    gone = await made(client, f"{name} gone")
    failed = (await client.post(f"/v1/providers/{gone['id']}/test")).json()
    assert (failed["success"], failed["error"]["code"]) == (False, "provider_unavailable")


async def test_a_list_is_taken_over_and_what_is_missing_in_it_becomes_stale(
    client: httpx.AsyncClient, server: ModelServer, name: str
) -> None:
    provider = await made(client, name, base_url=f"{server.base_url}/v1", api_key=CANARY)
    path = f"/v1/providers/{provider['id']}"
    await client.post(f"{path}/models", json={"model_id": "by-hand", "display_name": "By hand"})
    first = (await client.post(f"{path}/sync-models")).json()
    assert first == {"status": "success", "created": 2, "updated": 0, "stale": 0}
    server.listed = ["qwen-5", "gemma-9"]
    assert (await client.post(f"{path}/sync-models")).json() == {
        "status": "success", "created": 1, "updated": 1, "stale": 1,
    }  # fmt: skip
    assert (await client.get(path)).json()["last_synced_at"] is not None
    models = {model["model_id"]: model for model in (await client.get(f"{path}/models")).json()["data"]}
    assert {name: model["source"] for name, model in models.items()} == {
        "by-hand": "manual", "llama-4": "discovered", "qwen-5": "discovered", "gemma-9": "discovered",
    }  # fmt: skip
    fresh = (await client.get("/v1/models?include_stale=false")).json()["data"]
    assert {model["model_id"] for model in fresh if model["provider_id"] == provider["id"]} == set(models) - {"llama-4"}


@pytest.mark.parametrize(
    ("type_", "below"),
    [("openai", "/v1"), ("openrouter", "/v1"), ("azure_openai", "/v1"), ("anthropic", ""), ("gemini", "")],
)
async def test_each_type_is_asked_for_its_list_in_its_own_way(
    client: httpx.AsyncClient, server: ModelServer, name: str, type_: str, below: str
) -> None:
    fields = {"provider_type": type_, "base_url": server.base_url + below, "api_key": CANARY}
    path = f"/v1/providers/{(await made(client, name, **fields))['id']}"
    assert (await client.post(f"{path}/sync-models")).json()["created"] == 2
    models = (await client.get(f"{path}/models")).json()["data"]
    assert sorted(model["model_id"] for model in models) == ["llama-4", "qwen-5"]
    assert {model["provider_type"] for model in models} == {type_}


async def test_a_provider_without_a_list_says_so(client: httpx.AsyncClient) -> None:
    own = (await client.get("/v1/providers")).json()["data"][0]
    assert (await client.post(f"/v1/providers/{own['id']}/sync-models")).json() == {"status": "not_supported"}


async def test_models_are_added_changed_found_by_every_name_and_deleted(client: httpx.AsyncClient, name: str) -> None:
    provider = await made(client, name)
    path = f"/v1/providers/{provider['id']}/models"
    vendors_name = new_id("model")[-12:]
    body = {"model_id": vendors_name, "display_name": "Llama", "capabilities": ["chat", "vision"]}
    model = (await client.post(path, json=body)).json()
    assert (model["provider_name"], model["source"], model["healthy"]) == (name, "manual", True)
    assert model["capabilities"] == ["chat", "vision"]
    assert (await client.post(path, json=body)).json()["code"] == "model_exists"
    for key in (model["id"], vendors_name, f"{provider['id']}:{vendors_name}", f"{name}:{vendors_name}"):
        assert (await client.get(f"/v1/models/{key}")).json()["id"] == model["id"], key
        assert (await client.post("/v1/sessions", json={"model_id": key})).status_code == 201, key
    one = f"/v1/models/{model['id']}"
    changed = (await client.patch(one, json={"is_favorite": True, "display_name": "My llama"})).json()
    assert (changed["is_favorite"], changed["display_name"]) == (True, "My llama")
    favorites = (await client.get("/v1/models?favorites_only=true")).json()["data"]
    assert model["id"] in [favorite["id"] for favorite in favorites]
    assert (await client.patch(one, json={"enabled": False})).json()["enabled"] is False
    assert (await client.post("/v1/sessions", json={"model_id": model["id"]})).status_code == 404
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).status_code == 404


async def test_of_a_predefined_model_only_what_people_say_of_it_can_be_changed(client: httpx.AsyncClient) -> None:
    path = "/v1/models/llmsim:sim-lorem"
    before = (await client.get(path)).json()
    assert (await client.patch(path, json={"model_id": "other"})).json()["code"] == "model_predefined"
    assert (await client.delete(path)).json()["code"] == "model_predefined"
    after = (await client.patch(path, json={"is_favorite": True})).json()
    assert after == {**before, "is_favorite": True, "updated_at": after["updated_at"]}
    await client.patch(path, json={"is_favorite": False})


async def test_what_is_said_of_a_predefined_model_at_the_same_time_is_kept_whole(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models?source=predefined")).json()["data"]
    for model in listed:
        path = f"/v1/models/{model['id']}"
        said = {"is_favorite": True, "enabled": False, "display_name": "Mine"}
        answers = await asyncio.gather(*(client.patch(path, json={key: value}) for key, value in said.items()))
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        after = (await client.get(path)).json()
        assert {key: after[key] for key in said} == said
        await client.patch(path, json={key: model[key] for key in said})


async def test_a_disabled_provider_takes_its_models_with_it(client: httpx.AsyncClient, name: str) -> None:
    provider = await made(client, name)
    path = f"/v1/providers/{provider['id']}"
    model = (await client.post(f"{path}/models", json={"model_id": "m", "display_name": "M"})).json()
    await client.patch(path, json={"status": "disabled"})
    assert (await client.get(f"/v1/models/{model['id']}")).json()["healthy"] is False
    assert (await client.post("/v1/sessions", json={"model_id": model["id"]})).status_code == 404


async def test_a_form_is_told_what_to_ask_for(client: httpx.AsyncClient, tenant_admin: httpx.AsyncClient) -> None:
    config = (await client.get("/v1/providers/config")).json()
    drivers = {driver["driver"]: driver for driver in config["drivers"]}
    assert {"openai", "anthropic", "gemini", "azure_openai", "openai_compatible"} <= drivers.keys()
    compatible = {field["name"]: field for field in drivers["openai_compatible"]["credential_schema"]["fields"]}
    assert (compatible["api_key"]["required"], compatible["base_url"]["required"]) == (False, True)
    assert compatible["api_key"]["field_type"] == "password"
    bedrock = {field["name"]: field["required"] for field in drivers["bedrock"]["credential_schema"]["fields"]}
    assert bedrock.pop("region") is True
    assert not any(bedrock.values())
    vertex = {field["name"]: field["multiline"] for field in drivers["vertex"]["credential_schema"]["fields"]}
    assert [name for name, is_long in vertex.items() if is_long] == ["service_account"]
    assert config["policies"] == {"private_addresses_allowed": True}
    assert (await tenant_admin.get("/providers/config")).json()["policies"] == {"private_addresses_allowed": False}


async def test_the_names_of_before_lead_to_the_same(client: httpx.AsyncClient, name: str) -> None:
    provider = await made(client, name)
    assert (await client.get(f"/v1/llm-providers/{provider['id']}")).json() == provider
    listed = (await client.get("/v1/models")).json()
    assert (await client.get("/v1/llm-models")).json() == listed
    assert (await client.get(f"/v1/llm-models/{listed['data'][0]['id']}")).json() == listed["data"][0]


async def test_what_is_done_to_providers_is_in_the_audit_log(client: httpx.AsyncClient, name: str) -> None:
    provider = await made(client, name, api_key=CANARY)
    await client.patch(f"/v1/providers/{provider['id']}", json={"status": "disabled"})
    await client.delete(f"/v1/providers/{provider['id']}")
    entries = [e for e in (await client.get("/v1/audit?limit=100")).json()["data"] if provider["id"] in str(e)]
    assert {entry["action"] for entry in entries} >= {"provider.created", "provider.changed", "provider.deleted"}


async def test_an_organisation_has_a_default_of_its_own(client: httpx.AsyncClient, name: str) -> None:
    provider = await made(client, name)
    path = f"/v1/providers/{provider['id']}/models"
    model = (await client.post(path, json={"model_id": "m", "display_name": "M"})).json()
    org = (await client.get("/v1/resolve-org")).json()
    changed = await client.patch(f"/v1/orgs/{org['id']}", json={"default_model_id": model["id"]})
    assert changed.json()["default_model_id"] == model["id"]
    missing = await client.patch(f"/v1/orgs/{org['id']}", json={"default_model_id": "nobody-has-this"})
    assert missing.status_code == 404


async def test_an_organisation_has_a_chain_of_its_own(client: httpx.AsyncClient, name: str) -> None:
    provider = await made(client, name)
    path = f"/v1/providers/{provider['id']}/models"
    model = (await client.post(path, json={"model_id": "m", "display_name": "M"})).json()
    org = f"/v1/orgs/{(await client.get('/v1/resolve-org')).json()['id']}"
    chain = [f"{name}:m", "sim-lorem", model["id"]]
    changed = await client.patch(org, json={"fallback_models": chain})
    assert changed.json()["fallback_models"] == [model["id"], "llmsim:sim-lorem"]
    for unknown in ("nobody-has-this", new_id("model")):
        refused = await client.patch(org, json={"fallback_models": ["sim-lorem", unknown]})
        assert (refused.status_code, refused.json()["code"]) == (404, "model_not_found")
    assert (await client.patch(org, json={})).json()["fallback_models"] == changed.json()["fallback_models"]
    assert (await client.patch(org, json={"fallback_models": []})).json()["fallback_models"] == []


async def test_bedrock_takes_a_region_and_an_access_key_which_are_told_apart(
    client: httpx.AsyncClient, server: ModelServer, name: str
) -> None:
    server.wanted_key = None
    given = {"region": "eu-central-1", **ACCESS_KEY, "base_url": server.base_url}
    body = {"name": name, "provider_type": "bedrock", "credentials": given}
    assert (await client.post("/v1/providers/test", json=body)).json()["model_count"] == 3
    provider = (await client.post("/v1/providers", json=body)).json()
    path = f"/v1/providers/{provider['id']}"
    assert (provider["credentials"], provider["api_key_set"]) == ({"region": "eu-central-1"}, True)
    assert (await client.post(f"{path}/sync-models")).json()["created"] == 3
    assert "/eu-central-1/bedrock/aws4_request" in server.list_headers["authorization"]
    moved = await client.patch(path, json={"credentials": {"region": "us-east-1"}})
    assert (moved.json()["credentials"], moved.json()["api_key_set"]) == ({"region": "us-east-1"}, True)
    assert (await client.post(f"{path}/test")).json()["success"] is True
    assert "/us-east-1/bedrock/aws4_request" in server.list_headers["authorization"]
    models = (await client.get(f"{path}/models")).json()["data"]
    assert sorted(model["model_id"] for model in models) == ["eu.anthropic.claude", "llama-4", "qwen-5"]
    seen = "".join(reply.text for reply in (moved, await client.get(path), await client.get("/v1/audit")))
    assert ACCESS_KEY["secret_access_key"] not in seen


async def test_vertex_takes_the_file_of_a_service_account(
    client: httpx.AsyncClient, server: ModelServer, name: str
) -> None:
    server.wanted_key = None
    server.listed = ["gemini-3.8-flash", "gemini-embedding-9"]
    given = {"service_account": service_account(), "base_url": server.base_url}
    body = {"name": name, "provider_type": "vertex", "credentials": given}
    provider = (await client.post("/v1/providers", json=body)).json()
    assert provider["credentials"] == {"project": "perdure-test", "location": "global"}
    path = f"/v1/providers/{provider['id']}"
    assert (await client.post(f"{path}/sync-models")).json()["created"] == 1
    assert server.list_headers["x-goog-user-project"] == "perdure-test"
    assert server.list_headers["authorization"].startswith("Bearer ey")
    changed = await client.patch(path, json={"credentials": {"location": "eu"}})
    assert changed.json()["credentials"] == {"project": "perdure-test", "location": "eu"}
    assert "PRIVATE KEY" not in changed.text + (await client.get("/v1/audit")).text


@pytest.mark.parametrize(
    ("type_", "credentials", "code", "field"),
    [
        ("bedrock", {}, "credentials_incomplete", "region"),
        ("bedrock", {"region": "eu-central-1", "access_key_id": "AKIA"}, "credentials_incomplete", "access_key_id"),
        (
            "bedrock",
            {"region": "eu-central-1", **ACCESS_KEY, "api_key": "both"},
            "credentials_incomplete",
            "access_key_id",
        ),
        ("bedrock", {"region": "evil.example/?eu-central-1", "api_key": "k"}, "unusable_credentials", "region"),
        ("vertex", {"service_account": "{}"}, "unusable_credentials", "service_account"),
        (
            "vertex",
            {"service_account": service_account().replace("BEGIN", "BEGUN")},
            "unusable_credentials",
            "service_account",
        ),
        ("vertex", {"location": "global"}, "credentials_incomplete", "project"),
        (
            "vertex",
            {"service_account": service_account(), "location": "x.evil.example#"},
            "unusable_credentials",
            "location",
        ),
        ("vertex", {"service_account": service_account(), "region": "eu-central-1"}, "unknown_credentials", None),
    ],
)
async def test_credentials_that_lead_nowhere_or_elsewhere_are_refused(
    client: httpx.AsyncClient, name: str, type_: str, credentials: dict[str, str], code: str, field: str | None
) -> None:
    body = {"name": name, "provider_type": type_, "credentials": credentials}
    for path in ("/v1/providers", "/v1/providers/test"):
        reply = await client.post(path, json=body)
        assert (reply.status_code, reply.json()["code"]) == (400, code)
        named = [error["field"] for error in reply.json().get("errors", [])]
        assert named == ([] if field is None else [f"credentials.{field}"])
        assert "PRIVATE KEY" not in reply.text
