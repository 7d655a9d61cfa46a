"""The wire form of a stream: one SSE frame for each event (contract events §7)."""

from typing import Final

RETRY_MS: Final = 100  # how soon a client may come back after the stream has ended
HEARTBEAT: Final = b": heartbeat\n\n"


def frame(event_type: str, event_id: str | None, body: bytes, retry_ms: int = RETRY_MS) -> bytes:
    """Return a frame. `body` is one line of JSON; only durable events have an `id:` line."""
    cursor = f"id: {event_id}\n" if event_id else ""
    return f"event: {event_type}\n{cursor}retry: {retry_ms}\ndata: ".encode() + body + b"\n\n"
