"""Builders for what the engine asks a model."""

from typing import Any

import msgspec

from runtime.core.message import Message, Part, Role, TextPart, ToolResultPart, Turned
from runtime.ports.model import ModelRef, ModelReply, ModelRequest, ToolSpec

WHEN = "2026-01-01T00:00:00.000Z"
ADD = ToolSpec(
    "add",
    "Add two numbers.",
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
)


def ref(provider: str, name: str, *, is_default: bool = False) -> ModelRef:
    """Return a model reference as the catalogue makes them."""
    return ModelRef(f"model_{name}", provider, name, f"provider_{provider}", is_default)


def user(text: str, message_id: str = "message_user", *more: Part) -> Turned:
    """Return a user message."""
    return Turned(Message(id=message_id, role=Role.USER, content=(TextPart(text), *more), created_at=WHEN))


def agent(reply: ModelReply, message_id: str = "message_agent") -> Turned:
    """Return what a reply becomes in the history."""
    text = (TextPart(reply.text),) if reply.text else ()
    content = (*text, *reply.tool_calls)
    message = Message(id=message_id, role=Role.AGENT, content=content, created_at=WHEN, thinking=reply.thinking)
    return Turned(message) if reply.private is None else Turned(message, reply.private)


def result(call_id: str, value: Any = None, error: str | None = None) -> Turned:
    """Return a tool's result."""
    part = ToolResultPart(call_id, value, error)
    return Turned(Message(id=f"message_{call_id}", role=Role.TOOL_RESULT, content=(part,), created_at=WHEN))


def asked(model: ModelRef, *history: Turned, **more: Any) -> ModelRequest:
    """Return a request with this history."""
    return msgspec.structs.replace(ModelRequest(model=model, system="Be brief.", history=history), **more)
