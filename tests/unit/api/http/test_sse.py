from api.http.sse import rendered, sse
from tests.unit.api.builders import delta, event_id, live


def test_durable_event_has_an_id() -> None:
    assert sse("turn.started", "event_1", b"{}") == b"event: turn.started\nid: event_1\nretry: 100\ndata: {}\n\n"
    frame = live(3)
    assert rendered(frame) == sse("reason.started", event_id(3), frame.body)


def test_ephemeral_event_has_none() -> None:
    assert rendered(delta("x")).startswith(b"event: output.message.delta\nretry: 100\ndata: {")


def test_frame_is_made_once_for_all_its_readers() -> None:
    frame = live(3)
    assert rendered(frame) is rendered(frame)
    assert frame == live(3), "what was made of a frame is no part of it"
