"""A lean client: its own cost is part of every figure, so it looks at bytes and decodes nothing it need not."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import aiohttp

MESSAGES: Final = "/api/v1/sessions/{}/messages"
FIRST: Final = "output.message.delta"
LAST: Final = "session.idled"
SILENCE_S: Final = 120.0
LOREM: Final = "llmsim:sim-lorem"
ECHO: Final = "llmsim:sim-echo"
_END: Final = b"\n\n"


class Turn(NamedTuple):
    """Seconds from sending a message to the first token, negative if there was none, and to the turn's end."""

    first_s: float
    end_s: float


class Stream:
    """The open event stream of one session. `events` counts what has come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._buffer = b""
        self.events = 0

    async def until(self, event_type: str, first: str | None = None) -> tuple[float, float]:
        """Read up to an event; return when it came and when the first one of type `first` did (monotonic seconds)."""
        wanted, early = f"event: {event_type}\n".encode(), f"event: {first}\n".encode()
        first_at = 0.0
        while True:
            frame = await self._frame()
            if not first_at and frame.startswith(early):
                first_at = time.perf_counter()
            if frame.startswith(wanted):
                return time.perf_counter(), first_at

    async def _frame(self) -> bytes:
        while True:
            frame, found, rest = self._buffer.partition(_END)
            if found:
                self._buffer = rest
                self.events += 1
                return frame
            chunk = await self._response.content.readany()
            if not chunk:
                message = "the event stream ended"
                raise ConnectionError(message)
            self._buffer += chunk

    async def count(self) -> None:
        """Count what comes until it is cancelled or the stream ends; cheaper than reading it."""
        tail = b""
        with contextlib.suppress(aiohttp.ClientError):
            while chunk := await self._response.content.readany():
                data = tail + chunk
                self.events += data.count(_END)
                tail = b"\n" if data.endswith(b"\n") and not data.endswith(_END) else b""

    def close(self) -> None:
        """Hang up."""
        self._response.close()


class Client:
    """One server's client."""

    def __init__(self, url: str) -> None:
        self._http = aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def get(self, path: str) -> Any:
        """Return a reply's JSON."""
        async with self._http.get(path, raise_for_status=True) as response:
            return await response.json()

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return a reply's JSON."""
        async with self._http.post(path, json=body, raise_for_status=True) as response:
            return await response.json()

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return a reply's JSON."""
        async with self._http.patch(path, json=body, raise_for_status=True) as response:
            return await response.json()

    async def delete(self, path: str) -> None:
        """Delete something."""
        async with self._http.delete(path, raise_for_status=True):
            pass

    async def open_session(self, model: str = LOREM, capabilities: Sequence[str] = ()) -> str:
        """Return the id of a new session."""
        body = {"model_id": model, "harness_name": "base", "capabilities": list(capabilities)}
        return str((await self.post("/api/v1/sessions", body))["id"])

    async def listen(self, session_id: str) -> Stream:
        """Open the event stream of a session."""
        response = await self._http.get(
            f"/api/v1/sessions/{session_id}/sse",
            raise_for_status=True,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=SILENCE_S),
        )
        stream = Stream(response)
        await stream.until("connected")
        return stream

    async def say(self, session_id: str, text: str) -> None:
        """Send a message; returns once it is accepted."""
        body = {"message": {"role": "user", "content": [{"type": "text", "text": text}]}}
        async with self._http.post(MESSAGES.format(session_id), json=body, raise_for_status=True) as response:
            await response.read()

    async def turn(self, session_id: str, stream: Stream, text: str) -> Turn:
        """Send a message and follow its turn on a stream that is open."""
        began = time.perf_counter()
        _, (ended, first) = await asyncio.gather(self.say(session_id, text), stream.until(LAST, first=FIRST))
        return Turn(first - began, ended - began)

    async def turn_from_afar(self, session_id: str, text: str) -> Turn:
        """Send a message to a session that nobody listens to, and only then open its stream."""
        began = time.perf_counter()
        await self.say(session_id, text)
        stream = await self.listen(session_id)
        ended, first = await stream.until(LAST, first=FIRST)
        stream.close()
        return Turn(first - began, ended - began)
