"""Each call of the published client that http.md marks T1, with all that it can say."""

import secrets
from collections.abc import AsyncIterator

import pytest
from everruns_sdk import (
    Agent,
    AgentCapabilityConfig,
    ApiError,
    ContentPart,
    Controls,
    Event,
    Everruns,
    InitialFile,
    NetworkAccessList,
    ToolDefinition,
)
from everruns_sdk.models import generate_agent_id, generate_harness_id

from tests.client import Client, script

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

CLOCK = AgentCapabilityConfig(ref="current_time")
FILE = InitialFile(path="/workspace/a.bin", content="AAE=", encoding="base64", is_readonly=True)
ASK = ToolDefinition(name="ask", description="Asks.", parameters={"type": "object"}, display_name="Ask")


def fresh(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"


@pytest.fixture
async def agent(everruns: Everruns) -> AsyncIterator[Agent]:
    made = await everruns.agents.create(fresh("agent"), "You help.", tools=[ASK])
    yield made
    await everruns.agents.delete(made.id)


async def test_agent_keeps_all_that_it_is_given(everruns: Everruns) -> None:
    """Promised: create, apply and apply_by_name store every argument."""
    model = (await everruns.models.list())[0]
    given = {
        "display_name": "Helper",
        "description": "Helps.",
        "default_model_id": model.id,
        "tags": ["a", "b"],
        "capabilities": [CLOCK],
        "tools": [ASK],
        "initial_files": [FILE],
        "harness_name": "base",
        "parallel_tool_calls": False,
    }
    base = await everruns.harnesses.get("base")
    created = await everruns.agents.create(fresh("agent"), "You help.", **given)
    for agent in (
        created,
        await everruns.agents.get(created.id),
        await everruns.agents.get(created.name),
        await everruns.agents.apply_by_name(created.name, "You help.", **given),
        await everruns.agents.apply(created.id, created.name, "You help.", **given),
        await everruns.agents.apply(generate_agent_id(), fresh("agent"), "You help.", **given),
    ):
        assert (agent.display_name, agent.description, agent.tags) == ("Helper", "Helps.", ["a", "b"])
        assert (agent.default_model_id, agent.harness_id, agent.parallel_tool_calls) == (model.id, base.id, False)
        assert [capability.ref for capability in agent.capabilities] == ["current_time"]
        assert [(tool.name, tool.display_name, tool.type) for tool in agent.tools] == [("ask", "Ask", "client_side")]
        assert [(file.content, file.encoding, file.is_readonly) for file in agent.initial_files] == [
            ("AAE=", "base64", True)
        ]
    found = await everruns.agents.list(search="helps.")
    assert created.id in [agent.id for agent in found]


async def test_archived_agent_frees_its_name(everruns: Everruns) -> None:
    """Promised: the examples archive an agent and make it anew under its name."""
    name = fresh("agent")
    for _ in range(3):
        agent = await everruns.agents.create(name, "You help.")
        assert agent.status == "active"
        await everruns.agents.delete(agent.id)


async def test_harness_keeps_all_that_it_is_given(everruns: Everruns) -> None:
    parent = await everruns.harnesses.create(fresh("harness"), "You are the parent.")
    network = NetworkAccessList(allowed=["example.com"], blocked=["bad.example.com"])
    harness = await everruns.harnesses.create(
        fresh("harness"),
        system_prompt="You help.",
        display_name="Helper",
        description="Helps.",
        capabilities=[CLOCK],
        initial_files=[FILE],
        network_access=network,
        parent_harness_id=parent.id,
        tags=["a"],
    )
    assert (harness.parent_harness_id, harness.tags, harness.network_access) == (parent.id, ["a"], network)
    assert harness.id in [found.id for found in await everruns.harnesses.search(harness.name)]
    changed = await everruns.harnesses.update(
        harness.id, name=fresh("harness"), system_prompt="Else.", tags=[], status="archived"
    )
    assert (changed.system_prompt, changed.tags, changed.status) == ("Else.", [], "archived")
    assert changed.description == "Helps."
    assert harness.id not in [found.id for found in await everruns.harnesses.list()]
    with pytest.raises(ApiError) as caught:
        await everruns.harnesses.get(generate_harness_id())
    assert (caught.value.status_code, caught.value.code) == (404, "harness_not_found")


async def test_session_keeps_all_that_it_is_given(everruns: Everruns, agent: Agent) -> None:
    model = (await everruns.models.list())[0]
    session = await everruns.sessions.create(
        harness_name="base",
        agent_name=agent.name,
        title=fresh("title"),
        locale="uk-UA",
        model_id=model.id,
        parallel_tool_calls=False,
        tags=["a"],
        capabilities=[CLOCK],
        tools=[ASK],
        initial_files=[FILE],
    )
    base = await everruns.harnesses.get("base")
    assert (session.harness_id, session.agent_id, session.model_id) == (base.id, agent.id, model.id)
    assert (session.locale, session.tags, session.parallel_tool_calls) == ("uk-UA", ["a"], False)
    assert [tool.name for tool in session.tools] == ["ask"]
    [listed] = await everruns.sessions.list(agent.id, search=session.title)
    assert listed == session == await everruns.sessions.get(session.id)
    await everruns.sessions.pin(session.id)
    assert (await everruns.sessions.get(session.id)).is_pinned
    await everruns.sessions.unpin(session.id)
    await everruns.sessions.cancel(session.id)
    await everruns.sessions.delete(session.id)
    with pytest.raises(ApiError):
        await everruns.sessions.get(session.id)


async def test_replies_with_warnings_are_taken(everruns: Everruns, client: Client) -> None:
    """Promised: what was ignored is said in a way that the published client does not stumble over."""
    gone = AgentCapabilityConfig(ref="gone")
    agent = await everruns.agents.create(fresh("agent"), "You help.", capabilities=[gone])
    session = await everruns.sessions.create(agent_id=agent.id, capabilities=[gone])
    assert [c.ref for c in session.capabilities] == ["gone"]
    reply = await client.http.post("/sessions", json={"agent_id": agent.id, "capabilities": [{"ref": "gone"}]})
    assert [w["code"] for w in reply.json()["warnings"]] == ["unknown_capability"]
    await everruns.agents.delete(agent.id)


async def test_message_carries_its_controls(everruns: Everruns) -> None:
    session = await everruns.sessions.create()
    lorem = next(model for model in await everruns.models.list() if model.model_id == "sim-lorem")
    controls = Controls(
        model_id=lorem.id,
        locale="de",
        hints={"a": 1},
        reasoning={"effort": "low"},
        error_disclosure="generic",
    )
    sent = await everruns.messages.create(session.id, "Hi.", controls)
    assert sent.controls == controls
    [listed, *_] = await everruns.messages.list(session.id)
    assert (listed.id, listed.controls) == (sent.id, controls)


async def test_errors_of_the_client_s_tools_reach_the_model(everruns: Everruns, client: Client, agent: Agent) -> None:
    session = await everruns.sessions.create(agent_id=agent.id)
    call = {"call": [{"name": "ask", "arguments": {}}]}
    async with client.listen(session.id) as stream:
        await everruns.messages.create(session.id, script(call, {"say": "Done."}))
        [wanted] = Event(**(await stream.wait_for("tool.call_requested")).body).tool_calls()
        await everruns.messages.create_tool_results(session.id, [ContentPart.make_tool_error(wanted.id, "Nobody.")])
        await stream.wait_for_end()
    [result] = [m for m in await everruns.messages.list(session.id) if m.role == "tool_result"]
    assert (result.content[0].tool_call_id, result.content[0].error) == (wanted.id, "Nobody.")


async def test_events_are_found_by_every_question(everruns: Everruns, client: Client) -> None:
    session = await everruns.sessions.create(capabilities=[AgentCapabilityConfig(ref="test_math")])
    call = {"call": [{"name": "add", "arguments": {"a": 1, "b": 2}}]}
    async with client.listen(session.id) as stream:
        await everruns.messages.create(session.id, script(call, {"say": "Three, a prime."}))
        await stream.wait_for_end()
    events = await everruns.events.list(session.id)
    last = len(events)
    assert [event.sequence for event in events] == list(range(1, last + 1))
    middle = events[4]
    assert middle.context is not None

    async def ask(**question: object) -> list[int]:
        return [event.sequence for event in await everruns.events.list(session.id, **question)]

    assert await ask(since_id=middle.id) == await ask(after_sequence=5) == list(range(6, last + 1))
    assert await ask(types=["turn.started", "turn.completed"], exclude=["turn.completed"]) == [4]
    assert await ask(limit=2) == [last - 1, last]
    assert await ask(before_sequence=4, limit=2) == [2, 3]
    assert await ask(around=middle.id, window=1) == [4, 5, 6]
    assert await ask(order_desc=True, limit=2) == [last, last - 1]
    assert await ask(from_ts=events[0].ts, to_ts=events[-1].ts) == list(range(1, last + 1))
    assert await ask(turn_id=middle.context.turn_id) == await ask(trace_id=middle.context.trace_id)
    assert middle.sequence in await ask(exec_id=middle.context.exec_id)
    tools = [event.sequence for event in events if event.type in ("tool.started", "tool.completed")]
    assert await ask(tool_name="add") == tools
    assert set(await ask(q="a prime")) < set(range(1, last + 1))
    assert await ask(tags=["nothing has this"]) == []


async def test_capabilities_are_listed_by_page_and_found(everruns: Everruns) -> None:
    page = await everruns.capabilities.list_page(offset=1, limit=2)
    assert (page.offset, page.limit, len(page.data)) == (1, 2, 2)
    assert page.total is not None
    assert page.total > 2
    everything = await everruns.capabilities.list(limit=100)
    assert {found.id for found in everything} >= {"current_time", "session_file_system", "session", "test_math"}
    [clock] = await everruns.capabilities.list(search="current_time")
    assert (clock, clock.status, clock.is_mcp) == (await everruns.capabilities.get("current_time"), "available", False)
    assert [tool["name"] for tool in clock.tool_definitions] == ["get_current_time"]


async def test_files_of_a_workspace_by_every_call(everruns: Everruns) -> None:
    workspace = await everruns.workspaces.create(fresh("workspace"))
    files = everruns.workspace_files
    made = await files.create(workspace.id, "/workspace/d/a.bin", "AAE=", encoding="base64", is_readonly=True)
    assert (made.path, made.content, made.encoding, made.is_readonly) == ("/d/a.bin", "AAE=", "base64", True)
    with pytest.raises(ApiError) as caught:
        await files.update(workspace.id, "/d/a.bin", "else")
    assert caught.value.status_code == 403
    await files.create(workspace.id, "/d/b.txt", "one")
    changed = await files.update(workspace.id, "/d/b.txt", "AAI=", encoding="base64", is_readonly=True)
    assert (changed.content, changed.encoding, changed.is_readonly) == ("AAI=", "base64", True)
    assert [found.path for found in await files.list(workspace.id)] == ["/d"]
    assert [found.path for found in await files.list(workspace.id, "/d", recursive=True)] == ["/d/a.bin", "/d/b.txt"]
    with pytest.raises(ApiError) as caught:
        await files.create(workspace.id, "/d/a.bin", "")
    assert caught.value.status_code == 409
    await everruns.workspaces.update(workspace.id, name=fresh("workspace"), status="archived")
    assert workspace.id in [found.id for found in await everruns.workspaces.list(include_archived=True)]
    assert workspace.id not in [found.id for found in await everruns.workspaces.list()]


async def test_organization_may_be_named(server_url: str) -> None:
    """Promised: X-Org-Id is taken."""
    organization = "org_" + "0" * 31 + "1"
    async with Everruns(api_key="any", base_url=f"{server_url}/api", org_id=organization) as client:
        assert (await client.sessions.create()).organization_id == organization
