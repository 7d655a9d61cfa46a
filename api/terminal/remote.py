"""A server as its clients in the terminal see it: calls, and a stream of events that outlive restarts of the server.

A call is repeated where it may have been heard, so whoever calls sees to it that this is harmless.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final, TypeVar

import httpx
import msgspec
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse

from api.terminal.address import DEFAULT_PORT, DEFAULT_URL
from api.terminal.program import program
from runtime.core.errors import ConflictError, InvalidInputError, OverloadedError
from runtime.core.retry import backoff_s
from runtime.process.addresses import is_loopback

NOTICE_AFTER_S: Final = 1.0
RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 1.0
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
STREAM_TIMEOUT: Final = httpx.Timeout(75.0, connect=5.0)  # well over two heartbeats
_AWAY: Final = frozenset({429, 502, 503, 504})
_API: Final = "/api"
_LONGEST_AFTER: Final = 8  # tries, after which the pause grows no more

T = TypeVar("T")
Params = Mapping[str, str]


class _Placed(msgspec.Struct, frozen=True):
    sequence: int | None = None


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


class Remote:
    """Speaks to one server. Its first call fails if nobody is there; later ones wait for it to come back."""

    def __init__(self, url: str, token: str | None, tell: Callable[[], None]) -> None:
        """Connect to nothing yet; `tell` is called when the server stays away.

        Raises:
            InvalidInputError: the address, or the token, is not one.
        """
        self.url = _origin(url)
        self._has_token = token is not None
        # A proxy of the environment cannot reach a server on this machine.
        remote = not is_loopback(self.url.host)
        self._http = httpx.AsyncClient(
            base_url=f"{_bare(self.url)}{_API}/v1", headers=_credential(token), timeout=TIMEOUT, trust_env=remote
        )
        self._outage = Outage(tell)
        self._is_met = False

    async def close(self) -> None:
        """Give up the connections."""
        await self._http.aclose()

    async def call(self, method: str, path: str, reply: type[T], **options: Any) -> T:
        """Return what a request is answered with; `options` are httpx's.

        Raises:
            ConflictError: the state of things does not allow it.
            InvalidInputError: the server refuses, or is none; the words say why.
            OverloadedError: it is too busy, at the first call.
        """
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

    async def follow(self, session_id: str, after: int, params: Params) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield the events after a sequence and then what happens, as JSON, each durable one exactly once.

        Raises:
            InvalidInputError: the server refuses; the words say why.
        """
        tries = 0
        try:
            while True:
                pause_s = 0.0
                try:
                    async with aclosing(self._stream(session_id, after, params)) as frames:
                        async for frame in frames:
                            tries = 0
                            sequence = _sequence(frame)
                            if sequence is None or sequence > after:
                                after = sequence or after
                                yield frame
                except OverloadedError as err:
                    pause_s = err.retry_after_s
                self._outage.began()
                await asyncio.sleep(_pause_s(tries, pause_s))
                tries += 1
        finally:
            self._outage.ended()

    # ------------------------------------------------------------ one try

    async def _stream(self, session_id: str, after: int, params: Params) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield events until the stream ends. Raises OverloadedError if it broke."""
        path, query = f"/sessions/{session_id}/sse", {"after_sequence": str(after), **params}
        try:
            async with aconnect_sse(self._http, "GET", path, params=query, timeout=STREAM_TIMEOUT) as source:
                await self._check_stream(source)
                async with aclosing(source.aiter_sse()) as frames:
                    async for frame in frames:
                        if frame.event == "connected":
                            self._outage.ended()
                        elif frame.event == "disconnecting":
                            return
                        else:
                            yield frame
        except httpx.TransportError as err:
            raise OverloadedError(0.0, str(err)) from err

    async def _check_stream(self, source: EventSource) -> None:
        response = source.response
        if response.is_error:
            await response.aread()
            self._check(response)
        elif not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise self._stranger()

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
        if response.status_code == HTTPStatus.UNAUTHORIZED and not self._has_token:
            problem = _Problem(f"{problem.detail} Set PERDURE_TOKEN, or give --token.", problem.code)
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


def _credential(token: str | None) -> dict[str, str]:
    if token is None:
        return {}
    if not token or any(not "!" <= char <= "~" for char in token):
        message = "A token has visible ASCII characters only, as `perdure tokens create` writes it."
        raise InvalidInputError(message, "invalid_token")
    return {"Authorization": f"Bearer {token}"}


def _pause_s(tries: int, asked_s: float) -> float:
    return backoff_s(min(tries, _LONGEST_AFTER), RETRY_FIRST_S, RETRY_MOST_S, random.random(), asked_s)  # noqa: S311  # spreads retries


def _sequence(frame: ServerSentEvent) -> int | None:
    try:
        return msgspec.json.decode(frame.data, type=_Placed).sequence
    except msgspec.DecodeError:
        return None  # whoever reads it sees that it is none
