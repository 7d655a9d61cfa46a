from runtime.wire.sse import frame


def test_durable_frame_has_an_id() -> None:
    assert frame("turn.started", "event_1", b"{}") == b"event: turn.started\nid: event_1\nretry: 100\ndata: {}\n\n"


def test_ephemeral_frame_has_none() -> None:
    assert frame("x", None, b"{}", 500) == b"event: x\nretry: 500\ndata: {}\n\n"
