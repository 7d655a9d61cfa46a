"""A session's events as SSE: history from the journal, then live frames, without a gap (docs/wire.md, "Streams").

Sequences are dense, so a hole between two frames is always seen, and filled from the journal. What is between them and
the socket is made here and nowhere else, for the log has readers that speak other protocols.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import structlog
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.types import Message, Receive, Scope, Send

from api.http.callers import caller_of
from runtime.core.access.principal import Principal
from runtime.core.errors import LimitExceededError, NotFoundError, PerdureError
from runtime.ports.events import Filter, Part, StoredEvent
from runtime.ports.gateway import Frame, Gateway, Subscription

log = structlog.get_logger(__name__)
T = TypeVar("T")

RETRY_MS: Final = 100  # how soon a client may come back after the stream has ended
HEARTBEAT: Final = ServerSentEvent(comment="heartbeat", sep="\n")
CYCLE: Final = "connection_cycle"
MAINTENANCE: Final = "server_maintenance"
REVOKED: Final = "access_changed"
PAGE: Final = 500  # events of history in one read and one write, at most
SEND_TIMEOUT_S: Final = 60.0
RETRY_AFTER_S: Final = 5.0  # when there are too many streams
_JITTER: Final = 0.2
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx would hold frames back
)


def sse(event_type: str, event_id: str | None, body: bytes) -> bytes:
    """Return a frame of the stream. `body` is one line of JSON; only durable events have an `id:` line."""
    cursor = b"id: %b\n" % event_id.encode() if event_id else b""
    return b"event: %b\n%bretry: %d\ndata: %b\n\n" % (event_type.encode(), cursor, RETRY_MS, body)


def rendered(frame: Frame) -> bytes:
    """Return a live event as SSE: made for the first of its readers, and kept with it for the others."""
    kept = vars(frame)
    made: bytes | None = kept.get("sse")
    if made is None:
        made = kept["sse"] = sse(frame.type, frame.id if frame.sequence else None, frame.body)
    return made


CONNECTED: Final = sse("connected", None, b'{"status":"connected"}')


def disconnecting(reason: str) -> bytes:
    """Return the frame that announces a planned end."""
    return sse("disconnecting", None, f'{{"reason":"{reason}","retry_ms":{RETRY_MS}}}'.encode())


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things last on a stream, in seconds."""

    heartbeat_s: float = 30.0
    cycle_s: float = 300.0
    send_timeout_s: float = SEND_TIMEOUT_S


@dataclass(eq=False, slots=True)
class OpenStream:
    """A stream that is being read. `ended` is why its client is sent away."""

    session_id: str | None
    caller: Principal | None
    ended: "asyncio.Future[str]"

    @property
    def org_id(self) -> str | None:
        """Whose it is, if one has to say who one is."""
        return self.caller.org_id if self.caller is not None else None

    def end(self, reason: str) -> None:
        """Send its client away; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(reason)


class Streams:
    """The open streams of this server: how many there may be, and the end of them."""

    def __init__(self, per_session: int, total: int, per_org: int | None = None) -> None:
        self._per_session = per_session
        self._per_org = total if per_org is None else per_org
        self._total = total
        self._open: set[OpenStream] = set()
        self._of_session: Counter[str | None] = Counter()
        self._of_org: Counter[str | None] = Counter()
        self._is_closing = False

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """Tell every client to come back later: the server stops."""
        self._is_closing = True
        for stream in self._open:
            stream.end(MAINTENANCE)

    def close_where(self, is_over: Callable[[Principal], bool]) -> None:
        """End the streams of those who may not listen any more."""
        for stream in self._open:
            if stream.caller is not None and is_over(stream.caller):
                stream.end(REVOKED)

    @contextmanager
    def slot(self, session_id: str | None, caller: Principal | None = None) -> Iterator[OpenStream]:
        """Count a stream while it is open: a session's, or one that is of none. Raises LimitExceededError."""
        stream = OpenStream(session_id, caller, asyncio.get_running_loop().create_future())
        self._check(stream)
        self._open.add(stream)
        self._of_session[session_id] += 1
        self._of_org[stream.org_id] += 1
        if self._is_closing:
            stream.end(MAINTENANCE)
        try:
            yield stream
        finally:
            self._open.remove(stream)
            _count_down(self._of_session, session_id)
            _count_down(self._of_org, stream.org_id)

    def _check(self, stream: OpenStream) -> None:
        for there, most, whose in (
            (self._of_session[stream.session_id] if stream.session_id else 0, self._per_session, "This session"),
            (self._of_org[stream.org_id], self._per_org, "This organisation"),
            (len(self), self._total, "This server"),
        ):
            if there >= most:
                message = f"{whose} has {most} event streams already."
                raise LimitExceededError(message, "too_many_streams", RETRY_AFTER_S)


def _count_down(counter: Counter[T], key: T) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


class History(Protocol):
    """What a stream reads of the journal (see `runtime.ports.events.Events`)."""

    async def head(self, session_id: str) -> int | None:
        """Return the last sequence of a session; None if there is no such session."""
        ...

    async def after(self, session_id: str, sequence: int, limit: int) -> Part[StoredEvent]:
        """Return up to `limit` events after a sequence, in order."""
        ...

    async def sequence_of(self, session_id: str, event_id: str) -> int:
        """Return the sequence of the newest event that is not after an id."""
        ...

    async def beginning(self, session_id: str) -> int | None:
        """Return the sequence after which a client begins that names none; None if there is no such session."""
        ...


@dataclass(frozen=True, slots=True)
class Start:
    """Where a client wants to begin: after an event, after a sequence, or with what is going on now."""

    since_id: str | None = None
    after_sequence: int | None = None


class Source(Protocol):
    """What a stream writes: `chunks`, once it was opened where its client wants to begin."""

    async def open(self, start: Start) -> None:
        """Begin to listen. What it raises is answered with a status of its own."""
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield what is to be written, each as whole frames."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Follower:
    """One reader's way through one log. `chunks` yields what is to be written, each as whole frames."""

    def __init__(self, by: Principal, session_id: str, events: History, gateway: Gateway, chosen: Filter) -> None:
        self._by = by
        self._session_id = session_id
        self._events = events
        self._gateway = gateway
        self._chosen = chosen
        self._position = 0  # the last sequence that was passed on or filtered out
        self._live = 0  # the last sequence that the subscription has come past
        self._subscription: Subscription | None = None

    async def open(self, start: Start) -> None:
        """Find the place and begin to listen. Raises NotFoundError, and what the gateway raises."""
        self._position = await self._place(start)
        self._subscription = await self._gateway.subscribe(self._by, self._session_id)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield history, then live frames; ends when the session is closed."""
        while self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            try:
                self._live = subscription.start_sequence
                async for chunk in self._history():
                    yield chunk
                subscription.reached(self._position)
                if subscription.partial is not None and self._is_current(subscription.partial):
                    yield rendered(subscription.partial)
                while frames := await subscription.next():
                    async for chunk in self._take(frames):
                        yield chunk
                is_lagged = subscription.lagged
            finally:
                subscription.close()
            if is_lagged:
                self._subscription = await self._gateway.subscribe(self._by, self._session_id)

    def close(self) -> None:
        """Stop listening, if `chunks` was never begun."""
        if self._subscription is not None:
            self._subscription.close()

    async def _place(self, start: Start) -> int:
        events, names_none = self._events, start == Start()
        known = await (events.beginning(self._session_id) if names_none else events.head(self._session_id))
        if known is None:
            raise NotFoundError(kind="session", key=self._session_id)
        if start.since_id is not None:
            return await events.sequence_of(self._session_id, start.since_id)
        return known if start.after_sequence is None else start.after_sequence

    async def _history(self, until: int | None = None) -> AsyncGenerator[bytes, None]:
        is_over = False
        while not is_over and (until is None or self._position < until):
            part = await self._events.after(self._session_id, self._position, PAGE)
            is_over = part.rest is None
            if part.items:
                self._position = part.items[-1].sequence
                yield b"".join([sse(e.type, e.id, e.body) for e in part.items if self._chosen.allows(e.type)])

    async def _take(self, frames: Sequence[Frame]) -> AsyncGenerator[bytes, None]:
        ready: list[bytes] = []
        for item in frames:
            if item.sequence == 0:
                if self._is_current(item):
                    ready.append(rendered(item))
                continue
            self._live = max(self._live, item.sequence)
            if item.sequence > self._position + 1:
                yield b"".join(ready)
                ready.clear()
                async for chunk in self._history(until=item.sequence - 1):
                    yield chunk
            if item.sequence > self._position:
                self._position = item.sequence
                if self._chosen.allows(item.type):
                    ready.append(rendered(item))
        yield b"".join(ready)

    def _is_current(self, delta: Frame) -> bool:
        # History may have run ahead of the live frames: their deltas belong to a message that has gone out whole.
        return self._live == self._position and self._chosen.allows(delta.type)


class EventStream(EventSourceResponse):
    """The reply that streams. Errors of opening come before its first byte, so they have a status of their own.

    sse-starlette writes, beats, bounds each write, and sees the client leave. When it is over we say, with a last word.
    """

    def __init__(self, session_id: str | None, source: Source, start: Start, streams: Streams, timing: Timing) -> None:
        self._session_id = session_id
        self._source = source
        self._start = start
        self._streams = streams
        self._cycle_s = timing.cycle_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # spreads reconnects
        self._farewell: str | None = None  # why the client is sent away, unless it went by itself
        super().__init__(
            self._chunks(),
            ping=timing.heartbeat_s,
            ping_message_factory=lambda: HEARTBEAT,
            send_timeout=timing.send_timeout_s,
        )
        self.raw_headers = list(_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves, the cycle is over or the server stops."""
        with self._streams.slot(self._session_id, caller_of(scope)) as self._opened:
            await self._source.open(self._start)
            try:
                await super().__call__(scope, receive, send)
            except SendTimeoutError:
                return  # it does not read, so it would not read a last word either
            except PerdureError as err:
                log.info("stream_interrupted", session_id=self._session_id, code=err.stable_code)
                self._farewell = CYCLE
            finally:
                self._source.close()
            if self._farewell is not None:
                last = disconnecting(self._farewell)
                await send({"type": "http.response.body", "body": last, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield CONNECTED
        async with aclosing(self._source.chunks()) as chunks:
            async for chunk in chunks:
                if chunk:
                    yield chunk

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        # As the library does, at two thirds of the cost: it is paid for each chunk.
        try:
            async with asyncio.timeout(self.send_timeout):
                await send(message)
        except TimeoutError as err:
            raise SendTimeoutError from err

    async def _listen_for_exit_signal_with_grace(self) -> None:
        # The library would look for a signal at uvicorn, which hears none here: `serve` does, and closes the streams.
        try:
            async with asyncio.timeout(self._cycle_s):
                self._farewell = await self._opened.ended
        except TimeoutError:
            self._farewell = CYCLE
