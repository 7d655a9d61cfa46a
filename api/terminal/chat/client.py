"""The server as the chat sees it: calls and a stream of events that outlive restarts of the server.

A call that may have been heard is repeated only where that is harmless: a message carries an
Idempotency-Key, a cancel and tool results are answered for the second time with what happened the first time.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final, TypeVar

import httpx
import msgspec
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse

from api.terminal.program import program
from runtime.core import event as ev
from runtime.core.errors import ConflictError, InvalidInputError, OverloadedError
from runtime.core.ids import is_id
from runtime.core.message import Message
from runtime.core.retry import backoff_s
from runtime.process.addresses import is_loopback

DEFAULT_PORT: Final = 9000
DEFAULT_URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"
NOTICE_AFTER_S: Final = 1.0
RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 1.0
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
STREAM_TIMEOUT: Final = httpx.Timeout(75.0, connect=5.0)  # well over two heartbeats
UNSHOWN: Final = "llm.generation"  # large, and nothing of it is shown
_AWAY: Final = frozenset({429, 502, 503, 504})
_API: Final = "/api"
_LONGEST_AFTER: Final = 8  # tries, after which the pause grows no more

T = TypeVar("T")


class OpenedSession(msgspec.Struct, frozen=True):
    """A session, as far as it matters here."""

    id: str
    agent_id: str | None = None


class Listed(Message, frozen=True, kw_only=True):
    """A message with its place in the log."""

    sequence: int = 0


class _Sent(msgspec.Struct, frozen=True):
    id: str


class _Listing(msgspec.Struct, frozen=True):
    data: list[Listed]


class _Place(msgspec.Struct, frozen=True):
    sequence: int


class _Places(msgspec.Struct, frozen=True):
    data: list[_Place]


class _Status(msgspec.Struct, frozen=True):
    status: str


class _Problem(msgspec.Struct, frozen=True):
    detail: str
    code: str = "refused"


class Outage:
    """Says that the server is away: once, and only if it stays away for a second."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None

    def began(self) -> None:
        """Hear that the server did not answer."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(NOTICE_AFTER_S, self._tell)

    def ended(self) -> None:
        """Hear that it did, or that nobody waits for it any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Client:
    """Speaks to one server. Its first call fails if nobody is there; later ones wait for it to come back."""

    def __init__(self, url: str, tell: Callable[[], None]) -> None:
        """Connect to nothing yet; `tell` is called when the server stays away.

        Raises:
            InvalidInputError: the address is not one.
        """
        self.url = _origin(url)
        # A proxy of the environment cannot reach a server on this machine.
        remote = not is_loopback(self.url.host)
        self._http = httpx.AsyncClient(base_url=f"{_bare(self.url)}{_API}/v1", timeout=TIMEOUT, trust_env=remote)
        self._outage = Outage(tell)
        self._is_met = False

    async def close(self) -> None:
        """Give up the connections."""
        await self._http.aclose()

    async def open_session(self, agent: str | None) -> OpenedSession:
        """Open a session, with an agent by id or name. Raises InvalidInputError."""
        key = None if agent is None else "agent_id" if is_id("agent", agent) else "agent_name"
        return await self._call("POST", "/sessions", OpenedSession, json={key: agent} if key else {})

    async def session(self, session_id: str) -> OpenedSession:
        """Return a session. Raises InvalidInputError."""
        return await self._call("GET", f"/sessions/{session_id}", OpenedSession)

    async def messages(self, session_id: str) -> Sequence[Listed]:
        """Return the whole conversation, oldest first."""
        return (await self._call("GET", f"/sessions/{session_id}/messages", _Listing)).data

    async def newest(self, session_id: str, event_type: str | None = None) -> int:
        """Return the sequence of the newest event that `follow` yields, of one type or of any; 0 for none."""
        params = {"limit": "1"} | ({"types": event_type} if event_type else {"exclude": UNSHOWN})
        found = (await self._call("GET", f"/sessions/{session_id}/events", _Places, params=params)).data
        return found[-1].sequence if found else 0

    async def send(self, session_id: str, text: str) -> str:
        """Send a message and return its id. It is sent once, however often that has to be tried."""
        body = {"message": {"role": "user", "content": [{"type": "text", "text": text}]}}
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return (await self._call("POST", f"/sessions/{session_id}/messages", _Sent, json=body, headers=headers)).id

    async def cancel(self, session_id: str) -> bool:
        """Stop the running turn; False if there was none."""
        return (await self._call("POST", f"/sessions/{session_id}/cancel", _Status, json={})).status == "cancelled"

    async def submit(self, session_id: str, results: Sequence[dict[str, Any]]) -> bool:
        """Hand in tool results; False if they are not waited for, or not any more."""
        try:
            await self._call("POST", f"/sessions/{session_id}/tool-results", _Status, json={"tool_results": results})
        except ConflictError:
            return False
        return True

    async def follow(self, session_id: str, after: int) -> AsyncGenerator[ev.Event, None]:
        """Yield the events after a sequence and then what happens, each durable one exactly once.

        Raises:
            InvalidInputError: the server refuses; the words say why.
        """
        tries = 0
        try:
            while True:
                pause_s = 0.0
                try:
                    async with aclosing(self._stream(session_id, after)) as events:
                        async for event in events:
                            tries = 0
                            if event.sequence is None or event.sequence > after:
                                after = event.sequence or after
                                yield event
                except OverloadedError as err:
                    pause_s = err.retry_after_s
                self._outage.began()
                await asyncio.sleep(_pause_s(tries, pause_s))
                tries += 1
        finally:
            self._outage.ended()

    # ------------------------------------------------------------ one try

    async def _stream(self, session_id: str, after: int) -> AsyncGenerator[ev.Event, None]:
        """Yield events until the stream ends. Raises OverloadedError if it broke."""
        params = {"after_sequence": str(after), "exclude": UNSHOWN}
        path = f"/sessions/{session_id}/sse"
        try:
            async with aconnect_sse(self._http, "GET", path, params=params, timeout=STREAM_TIMEOUT) as source:
                await self._check_stream(source)
                async with aclosing(source.aiter_sse()) as frames:
                    async for frame in frames:
                        if frame.event == "connected":
                            self._outage.ended()
                        elif frame.event == "disconnecting":
                            return
                        elif (event := _event(frame)) is not None:
                            yield event
        except httpx.TransportError as err:
            raise OverloadedError(0.0, str(err)) from err

    async def _check_stream(self, source: EventSource) -> None:
        response = source.response
        if response.is_error:
            await response.aread()
            self._check(response)
        elif not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise self._stranger()

    async def _call(self, method: str, path: str, reply: type[T], **options: Any) -> T:
        tries = 0
        try:
            while True:
                try:
                    return await self._try(method, path, reply, options)
                except OverloadedError as err:
                    if not self._is_met:
                        raise
                    self._outage.began()
                    await asyncio.sleep(_pause_s(tries, err.retry_after_s))
                    tries += 1
        finally:
            self._outage.ended()

    async def _try(self, method: str, path: str, reply: type[T], options: dict[str, Any]) -> T:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.TransportError as err:
            if self._is_met:
                raise OverloadedError(0.0, str(err)) from err
            raise self._nobody(err) from err
        self._check(response)
        try:
            found = msgspec.json.decode(response.content, type=reply)
        except msgspec.DecodeError as err:
            raise self._stranger() from err
        self._is_met = True
        return found

    def _check(self, response: httpx.Response) -> None:
        """Raise what an error reply says: OverloadedError if it may pass, else ConflictError or InvalidInputError."""
        if not response.is_error:
            return
        try:
            problem = msgspec.json.decode(response.content, type=_Problem)
        except msgspec.DecodeError:
            if not self._is_met:
                raise self._stranger() from None
            problem = _Problem(f"The server answered {response.status_code} {response.reason_phrase}.")
        if response.status_code in _AWAY:
            seconds = response.headers.get("retry-after", "")
            raise OverloadedError(float(seconds) if seconds.isdecimal() else 0.0, problem.detail)
        if response.status_code == HTTPStatus.CONFLICT:
            raise ConflictError(problem.detail, problem.code)
        raise InvalidInputError(problem.detail, problem.code)

    def _nobody(self, error: httpx.TransportError) -> InvalidInputError:
        if isinstance(error, httpx.ConnectError) and is_loopback(self.url.host):
            port = "" if self.url.port == DEFAULT_PORT else f" --port {self.url.port or 80}"
            return InvalidInputError(f"No server at {_bare(self.url)}. Start one: {program()} serve{port}", "no_server")
        return InvalidInputError(f"No server at {_bare(self.url)}: {str(error) or type(error).__name__}", "no_server")

    def _stranger(self) -> InvalidInputError:
        return InvalidInputError(f"What answers at {_bare(self.url)} is not Perdure.", "no_server")


def _origin(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL as err:
        message = f"{text!r} is not an address: {err}"
        raise InvalidInputError(message, "invalid_url") from err
    if url.scheme not in ("http", "https") or not url.host:
        message = f"{text!r} is not the address of a server, as {DEFAULT_URL} is."
        raise InvalidInputError(message, "invalid_url")
    return url


def _bare(url: httpx.URL) -> str:
    return str(url).rstrip("/").removesuffix(_API)


def _pause_s(tries: int, asked_s: float) -> float:
    return backoff_s(min(tries, _LONGEST_AFTER), RETRY_FIRST_S, RETRY_MOST_S, random.random(), asked_s)  # noqa: S311  # spreads retries


def _event(frame: ServerSentEvent) -> ev.Event | None:
    """Return the event of a frame; None for what this version cannot read, which is no reason to stop."""
    try:
        return ev.decode(frame.data)
    except msgspec.DecodeError:
        return None
