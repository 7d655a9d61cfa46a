"""A session in memory: the real engine and host, a scripted model, and what was stored and sent."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec

from runtime.agents.tool import OnInterrupt, Tool
from runtime.core.ids import format_id
from runtime.core.message import Controls
from runtime.engine.services import Tunables
from runtime.ports.gateway import Input
from runtime.ports.model import Model
from runtime.wire.protocol import Send
from tests.fakes import MemoryJournal, MemoryRow
from tests.stage import (
    FAST,
    Conversation,
    FixedAgents,
    Process,
    ScriptedModel,
    Step,
    decoded,
    message,
    services_for,
)

SESSION: Final = format_id("session", 1)
Run = Callable[..., Awaitable[Any]]


class Scene:
    """A session in memory, its client, and what it has stored."""

    def __init__(self, store: MemoryJournal, chat: Conversation) -> None:
        self.store = store
        self.chat = chat

    async def turn(self, controls: Controls | None = None, turns: int = 1) -> None:
        """Say something, and wait until so many turns have ended."""
        said = msgspec.structs.replace(message("go"), controls=controls)
        await self.chat.ask(Send(Input(message=said, idempotency_key=None)))
        await self.chat.turns_ended(turns)

    def of(self, event_type: str) -> list[Any]:
        """Return the data of the stored events of a type."""
        lines = self.store.rows[SESSION].lines
        return [event.data for event in decoded([line.body for line, _ in lines]) if event.type == event_type]

    def sent(self, event_type: str) -> list[Any]:
        """Return the data of the frames of a type that its client got, ephemeral ones too."""
        frames = [frame for frame in self.chat.process.frames if frame.type == event_type]
        return [msgspec.json.decode(frame.body)["data"] for frame in frames]


@asynccontextmanager
async def scene(
    *scripts: Sequence[Step],
    tunables: Tunables = FAST,
    model: Model | None = None,
    agent: dict[str, Any] | None = None,
    **tools: Run,
) -> AsyncIterator[Scene]:
    """Open a session with these tools; `agent` replaces fields of what it runs with."""
    made = {name: Tool(name, "A tool.", {}, run, OnInterrupt.RETRY) for name, run in tools.items()}
    store = MemoryJournal()
    store.rows[SESSION] = MemoryRow()
    store.rows[SESSION].epoch = 1
    agents = FixedAgents(made, ())
    agents.agent = replace(agents.agent, **(agent or {}))
    process = Process(services_for(store, agents, model or ScriptedModel(*scripts), tunables=tunables))
    chat = Conversation(process, SESSION, 1)
    await chat.watch()
    yield Scene(store, chat)
    assert process.departures == []
    await process.kill()
