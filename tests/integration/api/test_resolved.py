"""What agents, harnesses and sessions resolve to, and where each part came from."""

import secrets
from typing import Any

import httpx


async def make(client: httpx.AsyncClient, **agent: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a harness, and an agent that stands on it."""
    word = secrets.token_hex(4)
    body = {"name": f"rules-{word}", "system_prompt": "Be brief.", "capabilities": ["current_time"]}
    harness = (await client.post("/v1/harnesses", json=body)).json()
    given = {"name": f"poet-{word}", "system_prompt": "Rhyme.", "harness_id": harness["id"], **agent}
    return harness, (await client.post("/v1/agents", json=given)).json()


async def test_an_agent_tells_what_came_from_which_layer(client: httpx.AsyncClient) -> None:
    tool = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    harness, agent = await make(client, tools=[tool], default_model_id="llmsim:sim-lorem")
    for key in (agent["id"], agent["name"]):
        found = (await client.get(f"/v1/agents/{key}/resolved")).json()
        assert [(part["text"], part["source"]["kind"]) for part in found["prompts"]][-2:] == [
            ("Be brief.", "harness"),
            ("Rhyme.", "agent"),
        ]
        assert found["system_prompt"].endswith("Be brief.\n\nRhyme.")
        [use] = found["capabilities"]
        assert (use["id"], use["source"]["id"], use["needed_by"]) == ("current_time", harness["id"], None)
        assert [(offer["name"], offer["source"]["id"]) for offer in found["tools"]] == [("look", agent["id"])]
        assert found["model"] == {
            "id": "llmsim:sim-lorem",
            "source": {"kind": "agent", "id": agent["id"], "name": agent["name"]},
        }
        assert found["max_iterations"] == 500


async def test_a_session_adds_what_is_its_own(client: httpx.AsyncClient) -> None:
    _, agent = await make(client)
    opening = {"agent_id": agent["id"], "title": "Ode", "system_prompt": "In English.", "capabilities": ["safe"]}
    session = (await client.post("/v1/sessions", json=opening)).json()
    found = (await client.get(f"/v1/sessions/{session['id']}/resolved")).json()
    assert [part["source"]["name"] for part in found["prompts"]][-2:] == ["Ode", agent["name"]]
    assert [(use["id"], use["source"]["kind"]) for use in found["capabilities"]] == [
        ("current_time", "harness"),
        ("safe", "session"),
    ]


async def test_the_model_that_nobody_named_is_the_organisations_or_the_servers(client: httpx.AsyncClient) -> None:
    harness, _ = await make(client)
    ours = (await client.get("/v1/resolve-org")).json()
    at, address = f"/v1/orgs/{ours['id']}", f"/v1/harnesses/{harness['id']}/resolved"
    (await client.patch(at, json={"default_model_id": None})).raise_for_status()  # whatever other tests left
    assert (await client.get(address)).json()["model"] == {
        "id": "llmsim:sim-echo",
        "source": {"kind": "server", "id": None, "name": None},
    }
    try:
        (await client.patch(at, json={"default_model_id": "llmsim:sim-lorem"})).raise_for_status()
        found = (await client.get(address)).json()["model"]
        assert found == {
            "id": "llmsim:sim-lorem",
            "source": {"kind": "organization", "id": ours["id"], "name": ours["name"]},
        }
    finally:
        changed = await client.patch(at, json={"default_model_id": None})
    assert changed.json()["default_model_id"] is None
    assert (await client.get(address)).json()["model"]["source"]["kind"] == "server"


async def test_what_could_not_run_says_why(client: httpx.AsyncClient) -> None:
    _, agent = await make(client)
    await client.delete(f"/v1/agents/{agent['id']}")
    reply = await client.get(f"/v1/agents/{agent['id']}/resolved")
    assert (reply.status_code, reply.json()["code"]) == (400, "agent_archived")
    assert (await client.get(f"/v1/agents/agent_{0:032x}/resolved")).status_code == httpx.codes.NOT_FOUND
