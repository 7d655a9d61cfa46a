"""Requests to public addresses, bounded in time and size; redirects are followed one by one, and judged like the first.

No proxy of the environment is used: it would look up names itself, and what is judged here would say nothing of where
one arrives. No cookies are kept, for one session's would be sent for another.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from runtime.core.authored.network import Reach
from runtime.core.errors import AddressUnavailableError, InvalidInputError, LimitExceededError
from runtime.fetch.connector import public_connector
from runtime.fetch.target import check_words, redirected, target
from runtime.fetch.trust import trusting
from runtime.ports.outbound import OutboundReply, OutboundRequest, OutboundStream
from runtime.process.outbound_settings import OutboundSettings

_CONNECT_S: Final = 10.0
_KEEP_ALIVE_S: Final = 15.0
_HEADER_BYTES: Final = 32 << 10
_PIECE_BYTES: Final = 64 << 10  # of the body, unpacked at a time
_AGENT: Final = "Mozilla/5.0 (compatible; perdure)"


@dataclass(slots=True)
class _Stream:
    """An answer that is being read."""

    response: aiohttp.ClientResponse
    most_bytes: int
    status: int = field(init=False)
    url: str = field(init=False)
    headers: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.status, self.url = self.response.status, str(self.response.url)
        self.headers = {name.lower(): value for name, value in self.response.headers.items()}

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body, unpacked, in pieces. Raises as the port says."""
        left_bytes = self.most_bytes
        while True:
            try:
                piece = await self.response.content.read(_PIECE_BYTES)
            except aiohttp.ClientError as err:
                raise _unavailable(self.response.url, "it broke off") from err
            if not piece:
                return
            left_bytes -= len(piece)
            if left_bytes < 0:
                message = f"The answer of {self.response.url.host} is larger than {self.most_bytes:,} bytes."
                raise LimitExceededError(message, "answer_too_large")
            yield piece


class Client:
    """Belongs to one event loop."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(settings.at_once)
        self._session = aiohttp.ClientSession(
            connector=public_connector(settings.inside, trusting(), _KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            headers={"User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, reach: Reach, request: OutboundRequest) -> OutboundReply:
        """Return the whole answer. Raises as the port says."""
        async with self.stream(reach, request) as answer:
            body = b"".join([piece async for piece in answer.pieces()])
            return OutboundReply(answer.status, answer.url, answer.headers, body)

    @asynccontextmanager
    async def stream(self, reach: Reach, request: OutboundRequest) -> AsyncIterator[OutboundStream]:
        """Give the answer as it comes. Raises as the port says."""
        check_words(request)
        url = target(request.url, reach)
        within_s = min(request.within_s, self._settings.timeout_s)
        try:
            async with asyncio.timeout(within_s) as patience, self._places, AsyncExitStack() as stack:
                yield await self._followed(stack, reach, request)
        except TimeoutError as err:
            if not patience.expired():
                raise  # not ours, but of whoever reads
            raise _unavailable(url, f"it took more than {within_s:g} s") from err

    async def _followed(self, stack: AsyncExitStack, reach: Reach, request: OutboundRequest) -> _Stream:
        while True:
            url = target(request.url, reach)
            async with AsyncExitStack() as one:
                response = await self._asked(one, url, request)
                further = redirected(request, url, response.status, response.headers)
                if further is None:
                    stack.push_async_exit(one.pop_all())
                    return _Stream(response, min(request.most_bytes, self._settings.answer_limit_bytes))
            request = further

    async def _asked(self, stack: AsyncExitStack, url: URL, request: OutboundRequest) -> aiohttp.ClientResponse:
        opening = self._session.request(
            request.method.upper(),
            url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            read_bufsize=_PIECE_BYTES,
        )
        try:
            response = await stack.enter_async_context(opening)
        except (aiohttp.ClientError, OSError) as err:
            if isinstance(err, TimeoutError):
                raise _unavailable(url, f"no connection within {_CONNECT_S:g} s") from err
            raise _unavailable(url, _why(err)) from err
        except ValueError as err:  # what is left that cannot be written down
            message = f"This cannot be asked: {err}"
            raise InvalidInputError(message, "invalid_request") from err
        stack.callback(response.close)  # what was not read shall not be read either
        return response


def _why(err: aiohttp.ClientError | OSError) -> str:
    match err:
        case aiohttp.ClientConnectorDNSError(os_error=TimeoutError()):
            return "nobody tells its address"
        case aiohttp.ClientConnectorDNSError():
            return "no such name"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "its certificate is not to be trusted"
        case aiohttp.ClientConnectorError() | OSError():
            return "no connection"
        case _:
            return "it does not speak HTTP"


def _unavailable(url: URL, reason: str) -> AddressUnavailableError:
    return AddressUnavailableError(host=url.authority, reason=reason)
