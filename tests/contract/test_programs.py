"""The programs that the SDK's documentation shows, against our server."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from everruns_sdk import AgentCapabilityConfig, ContentPart, Event, Everruns, InitialFile, ToolDefinition

from tests.client import PATIENCE_S, script

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

ENDS = {"turn.completed", "turn.failed", "turn.cancelled", "turn.sealed"}
WEATHER = ToolDefinition(
    name="get_weather",
    description="Tells the weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def name(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"


@asynccontextmanager
async def stream(client: Everruns, session_id: str, **options: Any) -> AsyncIterator[AsyncGenerator[Event, None]]:
    """Stream as the client does, and close what it leaves open."""
    source = client.events.stream(session_id, **options)
    try:
        async with asyncio.timeout(PATIENCE_S), aclosing(aiter(source)) as events:
            yield events
    finally:
        await source.aclose()


async def turn(client: Everruns, session_id: str, **options: Any) -> list[Event]:
    """Read a stream until its turn has ended."""
    seen = []
    async with stream(client, session_id, **options) as events:
        async for event in events:
            seen.append(event)
            if event.type in ENDS:
                break
    return seen


def text_of(event: Event) -> str:
    return "".join(part.get("text", "") for part in event.data["message"]["content"])


async def test_basic(everruns: Everruns) -> None:
    agent = await everruns.agents.create(name("assistant"), "You are helpful.")
    session = await everruns.sessions.create(
        agent_id=agent.id, capabilities=[AgentCapabilityConfig(ref="current_time")], title="Basics"
    )
    assert session.status == "started"
    sent = await everruns.messages.create(session.id, "Hello, world!")
    seen = await turn(everruns, session.id)
    types = [event.type for event in seen if not event.type.endswith(".delta")]
    assert types[0] == "input.message"
    assert types.index("turn.started") < types.index("output.message.started") < types.index("output.message.completed")
    assert types[-1] == "turn.completed"
    durable = [event.sequence for event in seen if event.sequence is not None]
    assert durable == list(range(durable[0], durable[0] + len(durable)))
    messages = await everruns.messages.list(session.id)
    assert (messages[0].role, messages[0].id) == ("user", sent.id)
    assert messages[-1].role == "agent"
    assert "Hello, world!" in (messages[-1].content[0].text or "")
    read = await everruns.sessions.get(session.id)
    assert read.usage is not None
    await everruns.sessions.delete(session.id)
    await everruns.agents.delete(agent.id)


async def test_initial_files(everruns: Everruns) -> None:
    agent = await everruns.agents.create(
        name("files"),
        "You read files.",
        initial_files=[InitialFile(path="/workspace/README.md", content="# Agent", encoding="text")],
    )
    session = await everruns.sessions.create(
        agent_id=agent.id,
        initial_files=[InitialFile(path="/workspace/notes/a.txt", content="session", is_readonly=True)],
    )
    workspace_id = session.workspace_id
    assert workspace_id is not None
    assert (await everruns.workspace_files.read(workspace_id, "/workspace/README.md")).content == "# Agent"
    found = await everruns.workspace_files.list(workspace_id, recursive=True)
    assert [entry.path for entry in found] == ["/README.md", "/notes", "/notes/a.txt"]
    assert (await everruns.workspace_files.stat(workspace_id, "/notes/a.txt")).is_readonly


async def test_dad_jokes_stream_without_deltas(everruns: Everruns) -> None:
    agent = await everruns.agents.apply_by_name(name("jokes"), "Tell dad jokes.")
    session = await everruns.sessions.create(agent_id=agent.id)
    for joke in ("first", "second"):
        await everruns.messages.create(session.id, script({"say": f"the {joke} joke"}))
        seen = await turn(everruns, session.id, exclude=["output.message.delta", "reason.thinking.delta"])
        assert all(event.sequence is not None for event in seen)
        [said] = [event for event in seen if event.type == "output.message.completed"]
        assert text_of(said) == f"the {joke} joke"
        assert [event.type for event in seen].count("input.message") == 1


async def test_weather_tools_run_on_the_client(everruns: Everruns) -> None:
    agent = await everruns.agents.create(name("weather"), "Use the tool.", tools=[WEATHER])
    session = await everruns.sessions.create(agent_id=agent.id)
    before = await everruns.events.list(session.id)
    cursor = before[-1].id if before else None
    call = {"name": "get_weather", "arguments": {"city": "Kyiv"}}
    await everruns.messages.create(session.id, script({"call": [call]}, {"say": "It is sunny in Kyiv."}))
    statuses, said = [], ""
    async with stream(everruns, session.id, since_id=cursor) as events:
        async for event in events:
            if event.type == "tool.call_requested":
                [wanted] = event.tool_calls()
                assert (wanted.name, wanted.arguments) == ("get_weather", {"city": "Kyiv"})
                statuses.append((await everruns.sessions.get(session.id)).status)
                result = ContentPart.make_tool_result(wanted.id, {"sky": "sunny"})
                reply = await everruns.messages.create_tool_results(session.id, [result])
                statuses.append(reply.status)
                assert reply.accepted == 1
            elif event.type == "output.message.completed":
                said = text_of(event)
            elif event.type in ENDS:
                break
    assert statuses == ["waitingfortoolresults", "active"]
    assert said == "It is sunny in Kyiv."
    roles = [message.role for message in await everruns.messages.list(session.id)]
    assert roles == ["user", "agent", "tool_result", "agent"]


async def test_stream_resumes_after_the_id_of_a_delta(everruns: Everruns) -> None:
    session = await everruns.sessions.create()
    await everruns.messages.create(session.id, script({"say": "never " * 1000, "tokens_per_second": 2}))
    seen = []
    async with stream(everruns, session.id) as events:
        async for event in events:
            seen.append(event)
            if event.type == "output.message.delta":
                break
    await everruns.sessions.cancel(session.id)
    rest = await turn(everruns, session.id, since_id=seen[-1].id)
    assert rest[0].type == "turn.cancelled"
    durable = [e.sequence for e in [*seen, *rest] if e.sequence is not None]
    assert durable == list(range(durable[0], durable[0] + len(durable)))


async def test_cancel_ends_the_turn(everruns: Everruns) -> None:
    session = await everruns.sessions.create()
    await everruns.messages.create(session.id, script({"say": "never " * 1000, "tokens_per_second": 1}))
    async with stream(everruns, session.id) as events:
        async for event in events:
            if event.type == "output.message.started":
                await everruns.sessions.cancel(session.id)
            if event.type in ENDS:
                break
    assert event.type == "turn.cancelled"
    await everruns.sessions.cancel(session.id)  # idle now: nothing to do, and JSON all the same
