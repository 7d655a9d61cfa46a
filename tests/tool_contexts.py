"""Surroundings of a tool call, for calling tools directly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from runtime.agents.capability import Capability
from runtime.agents.connection import Connection
from runtime.agents.tool import SessionInfo, ToolContext
from runtime.core.event import Payload
from runtime.ports.files import Workspace
from runtime.ports.keys import KeyValues
from runtime.ports.outbound import Outbound
from runtime.ports.secrets import SessionSecrets

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def session_info(title: str | None = None) -> SessionInfo:
    return SessionInfo(
        session_id=f"session_{1:032x}",
        agent_id=None,
        title=title,
        locale="en",
        turn_id=f"turn_{1:032x}",
        created_at="2026-03-01T11:00:00.000Z",
        message_count=3,
    )


@dataclass
class ToolBench:
    """Calls tools as the engine does, and keeps what they emit."""

    files: Workspace = field(default_factory=lambda: cast("Workspace", None))
    keys: KeyValues = field(default_factory=lambda: cast("KeyValues", None))
    secrets: SessionSecrets = field(default_factory=lambda: cast("SessionSecrets", None))
    outbound: Outbound = field(default_factory=lambda: cast("Outbound", None))
    session: SessionInfo = field(default_factory=session_info)
    now: Callable[[], datetime] = lambda: NOON
    emitted: list[Payload] = field(default_factory=list)

    @property
    def context(self) -> ToolContext:
        return ToolContext(
            tool_call_id="call_1",
            idempotency_key="effect_" + "6" * 32,
            session=self.session,
            files=self.files,
            keys=self.keys,
            secrets=self.secrets,
            connection=lambda provider: Connection(provider, None),
            now=self.now,
            outbound=self.outbound,
            emit=self.emitted.append,
        )

    async def call(self, capability: Capability, name: str, /, **arguments: Any) -> Any:
        tool = next(tool for tool in capability.tools({}) if tool.name == name)
        return await tool.run(self.context, **tool.check(arguments))
