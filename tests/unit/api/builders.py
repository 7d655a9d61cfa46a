"""Events and frames for streams."""

from runtime.core.ids import format_id
from runtime.ports.events import StoredEvent
from runtime.ports.gateway import Frame
from tests.fakes import SESSION_ID


def event_id(sequence: int) -> str:
    return format_id("event", sequence << 64)


def stored(sequence: int, event_type: str = "reason.started") -> StoredEvent:
    head = f'{{"id":"{event_id(sequence)}","type":"{event_type}","ts":"2026-01-01T00:00:00.000Z",'
    tail = f'"session_id":"{SESSION_ID}","context":{{}},"data":{{}},"sequence":{sequence}}}'
    return StoredEvent(sequence, event_type, (head + tail).encode())


def live(sequence: int, event_type: str = "reason.started") -> Frame:
    event = stored(sequence, event_type)
    return Frame(sequence, event_type, event.id, event.body)


def delta(text: str) -> Frame:
    body = f'{{"id":"{event_id(0)}","data":{{"delta":"{text}"}}}}'.encode()
    return Frame(0, "output.message.delta", event_id(0), body)
