"""Events as bytes: one JSON form, stored and sent, and the types that this code knows."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from runtime.core.event import act, reason, session, turn
from runtime.core.event.envelope import Context, Event, Payload

_MODULES: Final = (session, turn, reason, act)
PAYLOADS: Final[Mapping[str, type[Payload]]] = {
    value.type: value
    for module in _MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Payload) and value is not Payload
}
EPHEMERAL_TYPES: Final = frozenset(t for t, p in PAYLOADS.items() if p.is_ephemeral)

# Types of the protocol that this server accepts as a filter though nothing emits them yet.
RESERVED_TYPES: Final = frozenset({
    "budget.exhausted", "budget.paused", "budget.resumed", "budget.warning", "capability.usage",
    "context.compacted", "context.compacting", "context.compaction.failed", "context.compaction.skipped",
    "environment.instance_lost", "environment.recovered", "output.message.replaced", "reason.item",
    "schedule.triggered", "session.model.changed", "task.created", "task.message.received",
    "task.message.sent", "task.updated", "tool.call_repaired", "tool.hosted_call",
    "voice.input_transcript.completed", "voice.input_transcript.delta", "voice.output_transcript.completed",
    "voice.output_transcript.delta", "voice.session.ended", "voice.session.failed", "voice.session.started",
})  # fmt: skip
KNOWN_TYPES: Final = frozenset(PAYLOADS) | RESERVED_TYPES


class _Stored(msgspec.Struct, kw_only=True):
    id: str
    type: str
    ts: str
    session_id: str
    context: Context
    data: msgspec.Raw
    sequence: int | None = None
    metadata: dict[str, Any] | None = None
    tags: tuple[str, ...] | None = None


_encoder = msgspec.json.Encoder()
_envelope = msgspec.json.Decoder(_Stored)
_payloads = {name: msgspec.json.Decoder(payload) for name, payload in PAYLOADS.items()}


def encode(event: Event) -> bytes:
    """Return the one JSON form of an event: what is stored is what is sent."""
    return _encoder.encode(event)


def decode(body: bytes | str) -> Event | None:
    """Read a stored event; None for a type that this code does not know.

    Raises:
        msgspec.DecodeError: the bytes are not an event.
    """
    stored = _envelope.decode(body)
    payload = _payloads.get(stored.type)
    if payload is None:
        return None
    return Event(
        id=stored.id,
        type=stored.type,
        ts=stored.ts,
        session_id=stored.session_id,
        context=stored.context,
        data=payload.decode(stored.data),
        sequence=stored.sequence,
        metadata=stored.metadata,
        tags=stored.tags,
    )
