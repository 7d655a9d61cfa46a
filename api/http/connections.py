"""What uvicorn leaves open: how large a request's header may be, how long it may take, and how many connect.

A connection beyond the last, of all or of one address, is taken and its request answered with a 503 or 429: one that is
refused without a word looks like a server that is down.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar, Final

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.callers import Proxies, is_local, network_of
from api.http.errors import problem
from api.http.headers import API
from runtime.process.settings import HttpSettings

BESIDE_STREAMS: Final = 2_000  # connections for requests, when every event stream is taken
REFUSED_PATIENCE_S: Final = 1
RETRY_AFTER_S: Final = 5.0


def protocol(http: HttpSettings) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with these limits."""

    class Limited(_Limited):
        header_limit_bytes = http.header_limit_bytes
        header_timeout_s = http.header_timeout_s
        body_timeout_s = http.body_timeout_s
        most = http.connections or http.sse_total + BESIDE_STREAMS
        most_per_address = http.connections_per_address
        proxies = Proxies(http.proxies)
        by_address: ClassVar[Counter[str]] = Counter()

    return Limited


class _Limited(HttpToolsProtocol):
    header_limit_bytes: int
    header_timeout_s: float
    body_timeout_s: float
    most: int
    most_per_address: int
    proxies: Proxies
    by_address: ClassVar[Counter[str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None  # of a header that is still to come
        self._is_new = False  # whether that header began in the bytes that are being read
        self._header_bytes = 0  # of it, without those
        self._rest: asyncio.TimerHandle | None = None  # of a body that is still to come though it was answered already
        self._address: str | None = None  # under which it is counted

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        super().connection_made(transport)
        self._count()
        if len(self.connections) > self.most:
            self._refuse_all(_no_room)
        elif self._address is not None and self.by_address[self._address] > self.most_per_address:
            self._refuse_all(self._too_many_of_address)
        self._expect_header(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._forget_rest()
        if self._address is not None:
            self.by_address[self._address] -= 1
            if not self.by_address[self._address]:
                del self.by_address[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._is_new = False
        super().data_received(data)
        if self._deadline is None or self._is_new or self.transport.is_closing():
            return
        self._header_bytes += len(data)
        if self._header_bytes > self.header_limit_bytes:
            self._hang_up(self._refusal())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_new = True
        self._expect_header(self.header_timeout_s)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        size_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size_bytes > self.header_limit_bytes:
            self.app = self._too_large
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return  # or the next request is being answered already
        self._unset_keepalive_if_required()  # uvicorn's own ends with any byte, such as a line feed that begins nothing
        if self.cycle.more_body:
            self._rest = self.loop.call_later(self.body_timeout_s, self.timeout_keep_alive_handler)
        else:
            self._expect_header(self.timeout_keep_alive)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._rest is not None:
            self._forget_rest()
            self._expect_header(self.timeout_keep_alive)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as any other error is answered."""
        self._hang_up(_last(problem(400, "invalid_http", msg)))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: whoever asks for an upgrade is answered without one, and anybody may ask (RFC 9110 §7.8)."""

    def _count(self) -> None:
        if self.client is None or is_local(self.client[0]) or self.proxies.include(self.client[0]):
            return
        self._address = network_of(self.client[0])
        self.by_address[self._address] += 1

    def _refuse_all(self, app: ASGIApp) -> None:
        self.app = app
        self.timeout_keep_alive = self.header_timeout_s = REFUSED_PATIENCE_S

    def _expect_header(self, timeout_s: float) -> None:
        self._stop_waiting()
        self._header_bytes = 0
        self._deadline = self.loop.call_later(timeout_s, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _forget_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _hang_up(self, answer: Response) -> None:
        """Refuse what cannot be read to its end; without a word if an earlier request is still being answered."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_as_bytes(answer))
        self.transport.close()

    def _refusal(self) -> Response:
        words = f"A request's header may have {self.header_limit_bytes} bytes (PERDURE_HTTP__HEADER_LIMIT_BYTES)."
        return _last(problem(431, "header_too_large", words))

    async def _too_many_of_address(self, scope: Scope, receive: Receive, send: Send) -> None:
        words = f"An address may have {self.most_per_address} connections (PERDURE_HTTP__CONNECTIONS_PER_ADDRESS)."
        answer = problem(429, "too_many_connections_of_address", words, retry_after_s=RETRY_AFTER_S)
        await _last(answer)(scope, receive, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._refusal()(scope, receive, send)


async def _no_room(scope: Scope, receive: Receive, send: Send) -> None:
    words = "The server has as many connections as it may have (PERDURE_HTTP__CONNECTIONS); try again."
    await _last(problem(503, "too_many_connections", words, retry_after_s=RETRY_AFTER_S))(scope, receive, send)


def _last(answer: Response) -> Response:
    answer.headers["connection"] = "close"
    answer.raw_headers += API
    return answer


def _as_bytes(answer: Response) -> bytes:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return STATUS_LINE[answer.status_code] + lines + b"\r\n" + bytes(answer.body)
