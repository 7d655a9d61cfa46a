import secrets
from typing import Any

import httpx
import pytest
from everruns_sdk import models as sdk

PROMPT = {"system_prompt": "You help."}


def name() -> str:
    return f"agent-{secrets.token_hex(6)}"


async def create(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    reply = await client.post("/v1/agents", json={"name": name(), **PROMPT, **fields})
    assert reply.status_code in (200, 201), reply.text
    made: dict[str, Any] = reply.json()
    return made


async def test_create_answers_201_with_its_address(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/agents", json={"name": name(), **PROMPT})
    assert reply.status_code == 201
    assert reply.headers["location"] == f"/api/v1/agents/{reply.json()['id']}"
    assert sdk.Agent(**reply.json()).status == "active"


async def test_same_name_again_updates_the_agent(client: httpx.AsyncClient) -> None:
    first = await create(client, tags=["a"])
    second = await create(client, name=first["name"], system_prompt="Now else.")
    assert second["id"] == first["id"]
    assert (second["system_prompt"], second["tags"]) == ("Now else.", [])


async def test_client_may_choose_the_id(client: httpx.AsyncClient) -> None:
    chosen = f"agent_{secrets.token_hex(16)}"
    assert (await create(client, id=chosen))["id"] == chosen
    renamed = await create(client, id=chosen)
    assert (await client.get(f"/v1/agents/{chosen}")).json()["name"] == renamed["name"]


async def test_agent_is_found_by_id_and_by_name(client: httpx.AsyncClient) -> None:
    made = await create(client)
    for key in (made["id"], made["name"]):
        assert (await client.get(f"/v1/agents/{key}")).json() == made


async def test_list_has_the_names_that_both_sdks_read(client: httpx.AsyncClient) -> None:
    made = await create(client, description="Finds the Needle.")
    body = (await client.get("/v1/agents", params={"search": "the nEEdle"})).json()
    assert body["data"] == body["agents"]
    assert made in body["data"]
    assert {"total", "offset", "limit"} <= body.keys()


async def test_pages_cut_the_list(client: httpx.AsyncClient) -> None:
    tag = secrets.token_hex(4)
    made = [await create(client, description=f"page {tag}") for _ in range(3)]
    body = (await client.get("/v1/agents", params={"search": tag, "offset": 1, "limit": 1})).json()
    assert [agent["id"] for agent in body["data"]] == [made[1]["id"]]
    assert (body["total"], body["offset"], body["limit"]) == (3, 1, 1)


async def test_patch_changes_only_what_is_given(client: httpx.AsyncClient) -> None:
    made = await create(client, tags=["a"], network_access={"allowed": ["example.com"]}, description="old")
    reply = await client.patch(f"/v1/agents/{made['id']}", json={"description": "new", "tags": None})
    assert reply.json() == {**made, "description": "new", "updated_at": reply.json()["updated_at"]}


async def test_empty_network_access_clears_it(client: httpx.AsyncClient) -> None:
    made = await create(client, network_access={"allowed": ["example.com"]})
    reply = await client.patch(f"/v1/agents/{made['id']}", json={"network_access": {}})
    assert reply.json()["network_access"] is None


async def test_put_replaces_and_creates(client: httpx.AsyncClient) -> None:
    chosen = name()
    first = await client.put(f"/v1/agents/{chosen}", json={"name": chosen, **PROMPT})
    second = await client.put(f"/v1/agents/{chosen}", json={"name": chosen, "system_prompt": "else"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["system_prompt"] == "else"


async def test_deleted_agent_is_archived_then_gone(client: httpx.AsyncClient) -> None:
    made = await create(client)
    assert (await client.delete(f"/v1/agents/{made['id']}")).status_code == 204
    assert (await client.get(f"/v1/agents/{made['id']}")).json()["status"] == "archived"
    assert made["id"] not in [a["id"] for a in (await client.get("/v1/agents?limit=100")).json()["data"]]
    assert (await client.delete(f"/v1/agents/{made['id']}")).status_code == 204
    assert (await client.get(f"/v1/agents/{made['id']}")).status_code == 404


async def test_archived_name_can_be_used_again(client: httpx.AsyncClient) -> None:
    made = await create(client)
    await client.delete(f"/v1/agents/{made['id']}")
    assert (await create(client, name=made["name"]))["status"] == "active"


async def test_typescript_sdk_calls_the_model_model(client: httpx.AsyncClient) -> None:
    models = (await client.get("/v1/models")).json()["data"]
    assert (await create(client, model=models[0]["id"]))["default_model_id"] == models[0]["id"]


async def test_capabilities_may_be_plain_names(client: httpx.AsyncClient) -> None:
    made = await create(client, capabilities=["current_time", {"ref": "unknown", "config": {"a": None}}])
    assert made["capabilities"] == [
        {"ref": "current_time", "config": None},
        {"ref": "unknown", "config": {"a": None}},
    ]


async def test_builtin_tools_are_dropped_and_legacy_ones_renamed(client: httpx.AsyncClient) -> None:
    tool = {"description": "d", "parameters": {"type": "object", "default": None}}
    given = [{"type": "builtin", "name": "a", **tool}, {"type": "client", "name": "b", **tool}]
    made = await create(client, tools=given)
    assert [(t["type"], t["name"], t["parameters"]) for t in made["tools"]] == [
        ("client_side", "b", {"type": "object", "default": None})
    ]


async def test_tools_keep_all_that_they_are_given(client: httpx.AsyncClient) -> None:
    tool = {
        "type": "client_side",
        "name": "ask",
        "description": "Asks.",
        "parameters": {"type": "object"},
        "display_name": "Ask",
        "category": "people",
        "deferrable": "never",
        "hints": {"readonly": True},
        "policy": "client_side",
        "full_parameters": {"type": "object", "properties": {}},
    }
    assert (await create(client, tools=[tool]))["tools"] == [tool]


@pytest.mark.parametrize("path", ["agents", "harnesses", "sessions"])
async def test_circle_of_capabilities_is_refused(client: httpx.AsyncClient, path: str) -> None:
    given = {"name": name(), **PROMPT, "capabilities": ["current_time", "egg"]}
    reply = await client.post(f"/v1/{path}", json=given)
    assert (reply.status_code, reply.json()["code"]) == (400, "capability_cycle")
    assert (await client.get(f"/v1/{path}", params={"search": given["name"]})).json()["total"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Not A Slug"},
        {"name": "x" * 65},
        {"name": 5},
        {"system_prompt": None},
        {"id": "agent_1"},
        {"harness_id": ""},
        {"harness_id": "generic"},
        {"harness_id": "harness_" + "0" * 32, "harness_name": "generic"},
        {"tools": [{"name": "a", "description": "", "parameters": {}}] * 2},
        {"max_iterations": 0},
        {"max_iterations": 10**30},
        {"initial_files": [{"path": "../a", "content": ""}]},
        {"initial_files": [{"path": "a", "content": "%%", "encoding": "base64"}]},
        {"capabilities": [5]},
    ],
)
async def test_what_breaks_a_rule_is_refused(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    reply = await client.post("/v1/agents", json={"name": name(), **PROMPT, **fields})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"name": f"t{i}", "description": "", "parameters": {}} for i in range(51)]},
        {"tools": [{"name": "x" * 65, "description": "", "parameters": {}}]},
        {"tools": [{"name": "x", "description": "d" * 1025, "parameters": {}}]},
        {"tools": [{"name": "x", "description": "d", "parameters": {"x": "y" * 10_240}}]},
        {"display_name": "x" * 2049},
        {"capabilities": ["x"] * 251},
        {"initial_files": [{"path": f"f{i}", "content": ""} for i in range(101)]},
        {"initial_files": [{"path": f"f{i}", "content": "x" * 1_000_000} for i in range(6)]},
    ],
)
async def test_sizes_are_limited_in_the_words_that_clients_know(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    reply = await client.post("/v1/agents", json={"name": name(), **PROMPT, **fields})
    assert reply.status_code == 400
    assert "Input exceeds allowed limits" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"harness_id": "harness_" + "0" * 32}, "harness_not_found"),
        ({"harness_name": "nope"}, "harness_not_found"),
        ({"default_model_id": "model_" + "0" * 32}, "model_not_found"),
    ],
)
async def test_what_it_refers_to_must_exist(client: httpx.AsyncClient, fields: dict[str, str], code: str) -> None:
    reply = await client.post("/v1/agents", json={"name": name(), **PROMPT, **fields})
    assert (reply.status_code, reply.json()["code"]) == (404, code)


async def test_harness_is_generic_unless_said(client: httpx.AsyncClient) -> None:
    generic = (await client.get("/v1/harnesses/default")).json()
    assert generic["name"] == "generic"
    assert (await create(client))["harness_id"] == generic["id"]


async def test_harness_lifecycle(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/harnesses", json={"name": name(), "embedder_metadata": {"a": "b"}})
    assert made.status_code == 201
    assert sdk.Harness(**made.json()).embedder_metadata == {"a": "b"}
    again = await client.post("/v1/harnesses", json={"name": made.json()["name"]})
    assert (again.status_code, again.json()["code"]) == (409, "harness_exists")
    child = await client.post("/v1/harnesses", json={"name": name(), "parent_harness_id": made.json()["id"]})
    circle = await client.patch(f"/v1/harnesses/{made.json()['id']}", json={"parent_harness_id": child.json()["id"]})
    assert circle.status_code == 400
    assert (await client.delete(f"/v1/harnesses/{child.json()['id']}")).status_code == 204


@pytest.mark.parametrize("parent", ["", "generic", "harness_1"])
async def test_parent_of_a_harness_is_named_by_id(client: httpx.AsyncClient, parent: str) -> None:
    reply = await client.post("/v1/harnesses", json={"name": name(), "parent_harness_id": parent})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_harness_id")


async def test_built_in_harness_cannot_change(client: httpx.AsyncClient) -> None:
    base = (await client.get("/v1/harnesses/base")).json()
    assert (await client.patch(f"/v1/harnesses/{base['id']}", json={"description": "x"})).status_code == 403
    assert (await client.delete(f"/v1/harnesses/{base['id']}")).status_code == 403


async def test_harness_examples_are_a_bare_array(client: httpx.AsyncClient) -> None:
    examples = (await client.get("/v1/harness-examples")).json()
    assert {sdk.HarnessExample(**example).name for example in examples} == {"base", "generic"}


async def test_models_and_capabilities_are_as_the_sdk_wants_them(client: httpx.AsyncClient) -> None:
    models = [sdk.ModelWithProvider(**m) for m in (await client.get("/v1/models")).json()["data"]]
    assert "sim-echo" in {model.model_id for model in models}
    assert (await client.get(f"/v1/models/{models[0].id}")).json()["id"] == models[0].id
    assert (await client.get("/v1/models/model_" + "0" * 32)).status_code == 404
    found = (await client.get("/v1/capabilities", params={"search": "FILES"})).json()
    assert [sdk.CapabilityInfo(**c).id for c in found["data"]] == ["session_file_system"]
    assert (await client.get("/v1/capabilities/nope")).json()["code"] == "capability_not_found"


async def test_a_chain_of_models_is_kept_as_what_its_names_mean(client: httpx.AsyncClient) -> None:
    agent = await create(client, fallback_models=["sim-lorem", "llmsim:sim-echo", "llmsim:sim-lorem"])
    assert agent["fallback_models"] == ["llmsim:sim-lorem", "llmsim:sim-echo"]
    url = f"/v1/agents/{agent['id']}"
    changed = (await client.patch(url, json={"fallback_models": ["sim-echo"]})).json()
    assert changed["fallback_models"] == ["llmsim:sim-echo"]
    assert (await client.patch(url, json={"display_name": "Same"})).json()["fallback_models"] == ["llmsim:sim-echo"]
    reply = await client.patch(url, json={"fallback_models": ["no-such-model"]})
    assert (reply.status_code, reply.json()["code"]) == (404, "model_not_found")


async def test_an_answer_format_is_kept_as_it_was_given(client: httpx.AsyncClient) -> None:
    wanted = {"type": "json_schema", "name": "point", "schema": {"type": "object"}}
    agent = await create(client, response_format=wanted)
    assert agent["response_format"] == wanted
    reply = await client.patch(f"/v1/agents/{agent['id']}", json={"response_format": {"type": "xml"}})
    assert reply.status_code == 400
