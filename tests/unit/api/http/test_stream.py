import asyncio

import msgspec
import pytest
from starlette.types import Message

from api.http.sse import EventStream, Follower, Start, Streams, Timing
from runtime.core.access.principal import ANONYMOUS, DEFAULT_ORG, Principal
from runtime.core.errors import LimitExceededError, StoreUnavailableError
from runtime.ports.events import Filter
from tests.fakes import SESSION_ID, FakeGateway, ListLog
from tests.unit.api.builders import live, stored

LONG = 3600.0


def listener(credential_id: str, org_id: str = DEFAULT_ORG) -> Principal:
    return msgspec.structs.replace(ANONYMOUS, credential_id=credential_id, org_id=org_id)


class Connection:
    """One client of a stream: what it was sent, and a way to leave or to stop reading."""

    def __init__(
        self,
        timing: Timing,
        gateway: FakeGateway,
        log: ListLog,
        streams: Streams | None = None,
        caller: Principal | None = None,
    ) -> None:
        self.streams = Streams(12, 100) if streams is None else streams
        self.start: Message | None = None
        self.body = b""
        self.is_complete = False
        self.reads = asyncio.Event()
        self.reads.set()
        self._changed = asyncio.Condition()
        self._left = asyncio.Event()
        follower = Follower(ANONYMOUS, SESSION_ID, log, gateway, Filter())
        self._stream = EventStream(SESSION_ID, follower, Start(after_sequence=0), self.streams, timing)
        scope = {"type": "http", "method": "GET", "state": {"principal": caller}}
        self.task = asyncio.create_task(self._stream(scope, self._receive, self._send))

    async def until(self, text: bytes) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: text in self.body)

    async def finished(self) -> None:
        async with asyncio.timeout(5):
            await self.task

    async def leave(self) -> None:
        self._left.set()
        await self.finished()

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        async with self._changed:
            if message["type"] == "http.response.start":
                self.start = message
            else:
                self.body += message["body"]
                self.is_complete = not message["more_body"]
            self._changed.notify_all()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def log() -> ListLog:
    return ListLog(stored(1))


async def test_first_frame_says_connected(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b'"sequence":1}\n\n')
    assert connection.body.startswith(b'event: connected\nretry: 100\ndata: {"status":"connected"}\n\nevent: reason')
    await connection.leave()


async def test_head_says_that_nobody_may_hold_frames_back(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b"connected")
    assert connection.start == {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache, no-transform"),
            (b"x-accel-buffering", b"no"),
        ],
    }
    await connection.leave()


async def test_heartbeat_is_a_comment(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(0.01, LONG), gateway, log)
    await connection.until(b"\n\n: heartbeat\n\n: heartbeat\n\n")
    await connection.leave()


async def test_cycle_ends_with_a_word(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, 0.02), gateway, log)
    await connection.finished()
    expected = b'event: disconnecting\nretry: 100\ndata: {"reason":"connection_cycle","retry_ms":100}\n\n'
    assert connection.body.endswith(expected)
    assert connection.is_complete


async def test_stop_of_the_server_is_announced(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b"connected")
    connection.streams.close()
    await connection.finished()
    assert b'"reason":"server_maintenance"' in connection.body
    assert connection.is_complete


async def test_client_that_leaves_frees_everything(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b'"sequence":1')
    assert len(connection.streams) == 1
    await connection.leave()
    assert len(connection.streams) == 0
    assert gateway.subscriptions[SESSION_ID][0].is_closed
    assert not connection.is_complete
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_client_that_does_not_read_is_let_go(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG, send_timeout_s=0.02), gateway, log)
    await connection.until(b'"sequence":1')
    connection.reads.clear()
    gateway.subscriptions[SESSION_ID][0].feed(live(2))
    await connection.finished()
    assert gateway.subscriptions[SESSION_ID][0].is_closed
    assert not connection.is_complete


async def test_client_that_does_not_read_heartbeats_is_let_go(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(0.01, LONG, send_timeout_s=0.02), gateway, log)
    await connection.until(b'"sequence":1')
    connection.reads.clear()
    await connection.finished()
    assert gateway.subscriptions[SESSION_ID][0].is_closed
    assert not connection.is_complete


async def test_bug_is_told_as_what_it_is(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b'"sequence":1')
    gateway.error = RuntimeError("a bug")
    gateway.subscriptions[SESSION_ID][0].drop()
    with pytest.raises(RuntimeError, match="a bug"):
        await connection.finished()
    assert len(connection.streams) == 0


async def test_store_that_goes_away_ends_the_stream_politely(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b'"sequence":1')
    gateway.error = StoreUnavailableError()
    gateway.subscriptions[SESSION_ID][0].drop()
    await connection.finished()
    assert b"event: disconnecting" in connection.body


async def test_frames_that_have_piled_up_go_out_in_one_write(gateway: FakeGateway, log: ListLog) -> None:
    connection = Connection(Timing(LONG, LONG), gateway, log)
    await connection.until(b'"sequence":1')
    before = len(connection.body)
    gateway.subscriptions[SESSION_ID][0].feed(live(2), live(3), live(4))
    await connection.until(b'"sequence":2')
    assert connection.body[before:].count(b"event: ") == 3
    await connection.leave()


async def test_streams_of_one_session_are_limited() -> None:
    streams = Streams(per_session=1, total=10)
    with streams.slot("a"), streams.slot("b"), pytest.raises(LimitExceededError), streams.slot("a"):
        pytest.fail("a second stream was let in")
    with streams.slot("a"):
        assert len(streams) == 1


async def test_streams_of_the_server_are_limited() -> None:
    streams = Streams(per_session=10, total=1)
    with streams.slot("a"), pytest.raises(LimitExceededError), streams.slot("b"):
        pytest.fail("one stream too many was let in")
    assert len(streams) == 0


async def test_streams_of_one_organisation_are_limited() -> None:
    streams = Streams(per_session=10, total=10, per_org=1)
    ada, bob = listener("token_1"), listener("token_2", "org_2")
    refused = pytest.raises(LimitExceededError, match="organisation")
    with streams.slot("a", ada), streams.slot("b", bob), refused, streams.slot("c", listener("token_3")):
        pytest.fail("a second stream of the organisation was let in")
    with streams.slot("c", ada):
        assert len(streams) == 1


async def test_stream_of_a_credential_that_is_revoked_ends_with_a_word(gateway: FakeGateway, log: ListLog) -> None:
    streams = Streams(12, 100)
    revoked, kept, nobody = (
        Connection(Timing(LONG, LONG), gateway, log, streams, caller)
        for caller in (listener("token_1"), listener("token_2"), None)
    )
    for connection in (revoked, kept, nobody):
        await connection.until(b"connected")
    streams.close_where(lambda caller: caller.credential_id == "token_1")
    await revoked.finished()
    assert revoked.body.endswith(b'data: {"reason":"access_changed","retry_ms":100}\n\n')
    assert revoked.is_complete
    assert len(streams) == 2
    streams.close_where(lambda caller: caller.org_id == DEFAULT_ORG)
    await kept.finished()
    streams.close_where(lambda _: True)
    await nobody.leave()
    assert b"disconnecting" not in nobody.body, "who has shown no credential has none to lose"


async def test_stream_that_opens_while_the_server_stops_is_sent_away(gateway: FakeGateway, log: ListLog) -> None:
    streams = Streams(12, 100)
    streams.close()
    connection = Connection(Timing(LONG, LONG), gateway, log, streams)
    await connection.finished()
    assert b'"reason":"server_maintenance"' in connection.body
