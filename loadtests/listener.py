"""One reader of one session's stream, in a greenlet of its own, which comes back when the connection ends."""

import contextlib
import random
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

import gevent
import msgspec
from gevent.event import Event as Flag
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

from loadtests.meter import OVERLOADED, Meter, Row
from loadtests.sse import END_OF_FRAME, GOODBYE, Event, Frame, Sequences, parse

SILENCE_S: Final = 90.0  # three heartbeats: a stream that is quiet for longer is dead
CONNECT_S: Final = 20.0
COME_BACK_S: Final = 0.1  # what the server's `retry:` says
RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 10.0
NOT_FOUND: Final = 404
OK: Final = 200

Hear = Callable[[Event, float], None]


class Cursor(Enum):
    """How a reader says where it was."""

    AFTER_SEQUENCE = auto()
    SINCE_ID = auto()
    """By the last event it saw, which may be a delta that was never stored: that is what the SDKs do."""
    LAST_EVENT_ID = auto()
    """By the last `id:` line, as browsers do."""


class Listener:
    """Follows a session, checks its sequences over all connections and passes events on to `hear`.

    `path` is the session's, below the API. `hear` gets the event and when it came (monotonic seconds); it must not
    wait for anything. Of a session of one's own, all must come from its first event on, and it must stay there;
    others may be deleted at any time.
    """

    def __init__(
        self, host: str, path: str, meter: Meter, hear: Hear, headers: Mapping[str, str], *, is_own: bool
    ) -> None:
        self._host = host
        self._path = f"/api/v1{path}/sse"
        self._row = Row("SSE", "/sessions/[id]/sse")
        self._meter = meter
        self._hear = hear
        self._headers = dict(headers)
        self._is_own = is_own
        self._sequences = Sequences(0 if is_own else None)
        self._seen_id: str | None = None
        self._stored_id: str | None = None
        self._is_cut = False
        self._greenlet: gevent.Greenlet | None = None
        self.connected = Flag()
        self.gone = False
        """Whether the session is no longer there, so that nothing will come any more."""

    def start(self) -> None:
        """Begin to follow."""
        self._greenlet = gevent.spawn(self._follow, Cursor.AFTER_SEQUENCE)

    def drop(self) -> None:
        """Hang up in the middle of whatever comes, and come back by a cursor of chance."""
        self.close()
        cursor = random.choice(list(Cursor))  # noqa: S311  not a secret
        self._greenlet = gevent.spawn(self._follow, cursor)

    def close(self) -> None:
        """Hang up."""
        self.connected.clear()
        if self._greenlet is not None:
            self._greenlet.kill()

    def _follow(self, cursor: Cursor) -> None:
        while not self.gone:
            with contextlib.closing(self._client()) as client:
                pause_s = self._visit(client, cursor)
            self.connected.clear()
            gevent.sleep(pause_s)

    def _client(self) -> HTTPClient:
        return HTTPClient.from_url(
            self._host, connection_timeout=CONNECT_S, network_timeout=SILENCE_S, insecure=True, headers=self._headers
        )

    def _visit(self, client: HTTPClient, cursor: Cursor) -> float:
        """Open one connection and read it to its end; return the seconds to wait before the next."""
        began = time.perf_counter()
        query, headers = self._place(cursor)
        try:
            response = client.get(self._path + query, headers)
        except (OSError, HTTPParseError) as error:
            self._count_cut()
            self._meter.request(self._row, _ms_since(began), error)
            return RETRY_S
        if response.status_code != OK:
            return self._refused(response, began)
        self._count_cut()
        self._meter.request(self._row, _ms_since(began))
        self.connected.set()
        try:
            is_planned = self._read(response)
        except (OSError, HTTPParseError, msgspec.MsgspecError):
            is_planned = False
        finally:
            response.release()
        self._is_cut = not is_planned
        return COME_BACK_S

    def _count_cut(self) -> None:
        """Count a sudden end, once it is known that the session was not deleted."""
        if self._is_cut:
            self._is_cut = False
            self._meter.truncation("the stream ended without a goodbye")

    def _place(self, cursor: Cursor) -> tuple[str, dict[str, str]]:
        if cursor is Cursor.SINCE_ID and self._seen_id is not None:
            return f"?since_id={self._seen_id}", {}
        if cursor is Cursor.LAST_EVENT_ID and self._stored_id is not None:
            return "", {"Last-Event-ID": self._stored_id}
        last = self._sequences.last
        return ("" if last is None else f"?after_sequence={last}"), {}

    def _refused(self, response: HTTPSocketPoolResponse, began: float) -> float:
        status = response.status_code
        self.gone = status == NOT_FOUND
        if self.gone and not self._is_own:
            return 0.0
        self._count_cut()
        self._meter.request(self._row, _ms_since(began), ConnectionError(f"status {status}"))
        if status in OVERLOADED:
            self._meter.overload(status)
        return min(MAX_RETRY_S, retry_after_s(response.get("retry-after")))

    def _read(self, response: HTTPSocketPoolResponse) -> bool:
        """Read frames to the end; return whether the end was announced."""
        while frame := response.readline(END_OF_FRAME):
            parsed = parse(frame.rstrip(b"\n"))
            if parsed.type == GOODBYE:
                return True
            event = parsed.event()
            if event is not None:
                self._take(parsed, event)
        return False

    def _take(self, frame: Frame, event: Event) -> None:
        self._seen_id = event.id
        self._stored_id = frame.id or self._stored_id
        if event.sequence is not None:
            fault = self._sequences.see(event.sequence)
            if fault is not None:
                self._meter.fault(fault)
        self._hear(event, time.perf_counter())


def retry_after_s(header: object) -> float:
    """Read a Retry-After header, in seconds; one that is missing or a date counts as a short wait."""
    try:
        return float(str(header))
    except ValueError:
        return RETRY_S


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
