"""A conversation: one session, its stream, and the turn that is under way."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import gevent
import msgspec
from gevent.queue import Empty, Queue
from locust.exception import RescheduleTask

from loadtests.listener import Listener
from loadtests.meter import Meter
from loadtests.sse import TURN_ENDS, Event

DELTA: Final = "output.message.delta"
REPLY: Final = "output.message.completed"
CALL: Final = "tool.call_requested"
IDLE: Final = "session.idled"
POLL_S: Final = 0.25


class RefusedError(RescheduleTask):
    """A request failed. Locust ends the task and goes on with the next; the failure is in its table already."""

    def __init__(self, *, is_overload: bool) -> None:
        super().__init__()
        self.is_overload = is_overload


class Calls(Protocol):
    """Sends requests. `name` is the row of locust's table."""

    def __call__(self, method: str, path: str, name: str, body: Any = None) -> Any:
        """Return the reply's JSON. Raises RefusedError."""
        ...


class Clock:
    """Times one turn from its events, and fires what it finds as it goes."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._began = time.perf_counter()
        self._has_spoken = False
        self._delta_at: float | None = None
        self.has_ended = False

    def hear(self, event: Event, at: float) -> None:
        """Take an event of this turn."""
        if event.type in (DELTA, REPLY):
            self._speech(at, is_delta=event.type == DELTA)
        elif event.type in TURN_ENDS:
            failure = None if event.type == "turn.completed" else _failure(event)
            self.end(failure, at)

    def end(self, failure: str | None, at: float) -> None:
        """Note the end."""
        if not self.has_ended:
            self.has_ended = True
            self._meter.turn_end((at - self._began) * 1000, failure)

    def _speech(self, at: float, *, is_delta: bool) -> None:
        if not self._has_spoken:
            self._has_spoken = True
            self._meter.first_token((at - self._began) * 1000)
        if is_delta and self._delta_at is not None:
            self._meter.delta_gap((at - self._delta_at) * 1000)
        self._delta_at = at if is_delta else None


class Talk:
    """Says things in a session, one turn at a time. Answers the session's calls of tools on the client's side."""

    def __init__(self, call: Calls, path: str, meter: Meter, host: str, headers: Mapping[str, str]) -> None:
        self.path = path
        self.is_lost = False
        """Whether a turn did not come to its end, so that nobody knows what the session does."""
        self._call = call
        self._meter = meter
        self._news: Queue[Event] = Queue()
        self._clock: Clock | None = None
        self.listener = Listener(host, path, meter, self._hear, headers, is_own=True)

    def open(self, timeout_s: float) -> bool:
        """Follow the session; return whether its stream came in time."""
        self.listener.start()
        return bool(self.listener.connected.wait(timeout_s))

    def turn(self, text: str, timeout_s: float) -> None:
        """Say something, and wait until the session rests again."""
        self.is_lost = True
        body = {"message": {"role": "user", "content": [{"type": "text", "text": text}]}}
        self._clock = Clock(self._meter)
        try:
            self._call("POST", f"{self.path}/messages", "/sessions/[id]/messages", body)
        except RefusedError as error:
            self.is_lost = not error.is_overload  # then the message was not accepted
            raise
        try:
            with gevent.Timeout(timeout_s):
                self._until_idle()
        except gevent.Timeout:
            self._clock.end("not ended in time", time.perf_counter())
        else:
            self.is_lost = self.listener.gone

    def close(self) -> None:
        """Hang up."""
        self.listener.close()

    def _hear(self, event: Event, at: float) -> None:
        if self._clock is not None:
            self._clock.hear(event, at)
        if event.type in (CALL, IDLE):
            self._news.put(event)

    def _until_idle(self) -> None:
        for event in self._events():
            if event.type == IDLE:
                return
            self._answer(event)

    def _events(self) -> Iterator[Event]:
        while not self.listener.gone:
            with contextlib.suppress(Empty):
                yield self._news.get(timeout=POLL_S)

    def _answer(self, event: Event) -> None:
        calls = msgspec.json.decode(event.data)["tool_calls"]
        results = [{"tool_call_id": call["id"], "result": {"found": True}} for call in calls]
        body = {"tool_results": results}
        self._call("POST", f"{self.path}/tool-results", "/sessions/[id]/tool-results", body)


def _failure(event: Event) -> str:
    code = msgspec.json.decode(event.data).get("error_code")
    return f"{event.type}: {code}" if code else event.type
