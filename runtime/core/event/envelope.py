"""What every event has (docs/wire.md, "Events")."""

from typing import Any, ClassVar

import msgspec


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The `data` of an event. Ephemeral ones are live only: no sequence, never journaled."""

    type: ClassVar[str]
    is_ephemeral: ClassVar[bool] = False


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event belongs to; spans nest (docs/wire.md, "Events")."""

    turn_id: str | None = None
    input_message_id: str | None = None
    exec_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The envelope. `sequence` is dense from 1 per session and absent on ephemeral events."""

    id: str
    type: str
    ts: str
    session_id: str
    context: Context
    data: Any
    sequence: int | None = None
    metadata: dict[str, Any] | None = None
    tags: tuple[str, ...] | None = None
