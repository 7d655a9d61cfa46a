"""Connections and secrets, by the published client, in a running server: what it says, and what a tool finds."""

import httpx
import pytest
from everruns_sdk import AgentCapabilityConfig, Everruns, NotFoundError

from tests.client import Client, script

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

VALUE = "canary-of-the-published-client"


async def test_connections_are_set_listed_and_removed(everruns: Everruns) -> None:
    made = await everruns.connections.set("daytona", VALUE)
    assert made.provider == "daytona"
    assert "daytona" in [c.provider for c in await everruns.connections.list()]  # others share the server
    await everruns.connections.remove("daytona")
    assert "daytona" not in [c.provider for c in await everruns.connections.list()]
    with pytest.raises(NotFoundError):
        await everruns.connections.remove("daytona")


async def test_a_tool_finds_what_the_client_set_and_does_not_show_it(
    everruns: Everruns, http: httpx.AsyncClient, client: Client
) -> None:
    """Promised: the actor holds no key and asks the supervisor; what the model is told is that the secret is there."""
    session = await everruns.sessions.create(capabilities=[AgentCapabilityConfig(ref="session_storage")])
    await everruns.sessions.set_secrets(session.id, {"TOKEN": VALUE, "OTHER": "x"})
    calls = [
        {"name": "secret_store", "arguments": {"operation": "get", "name": "TOKEN"}},
        {"name": "secret_store", "arguments": {"operation": "set", "name": "MINE", "value": "by a tool"}},
        {"name": "secret_store", "arguments": {"operation": "delete", "name": "OTHER"}},
    ]
    async with client.listen(session.id) as stream:
        await client.send(session.id, script({"call": calls}, {"say": "done"}))
        assert (await stream.wait_for_end()).type == "turn.completed"
    events = await client.events(session.id)
    told = [event["data"] for event in events if event["type"] == "tool.completed"]
    assert [call["success"] for call in told] == [True, True, True]
    assert '"set":true' in str(told[0]["result"]).replace(" ", "")
    listed = (await http.get(f"/v1/sessions/{session.id}/storage/secrets")).json()["data"]
    assert [secret["name"] for secret in listed] == ["MINE", "TOKEN"]
    assert VALUE not in str(events)
