"""Connections to vendors: one pool for each, opened on first use and kept for the life of the process."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from runtime.core.inside import Network
from runtime.fetch.connector import public_connector
from runtime.fetch.trust import trusting
from runtime.models.dialects.dialect import LONGEST_REFUSAL_BYTES, RefusedError
from runtime.process.mint import now
from runtime.process.settings import ModelSettings

CONNECT_S: Final = 10.0
KEEP_ALIVE_S: Final = 60.0
REFUSAL_S: Final = 5.0
LIST_S: Final = 15.0
LIST_MOST_BYTES: Final = 8 << 20
_OK: Final = 300


class Transport:
    """Belongs to one event loop."""

    def __init__(self, settings: ModelSettings, inside: Sequence[Network] = ()) -> None:
        self._first_byte_s = settings.first_byte_timeout_s
        self._stall_s = settings.stall_timeout_s
        self._tls = trusting()
        self._inside = inside
        self._session: aiohttp.ClientSession | None = None
        self._outside: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, is_trusted: bool = True
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send a request and give the body of its answer, in pieces as they come; leaving it closes the connection.

        Where no administrator of the server said so, which `is_trusted` tells, nobody inside is asked, and no proxy.

        Raises:
            RefusedError: the vendor answers with an error.
            ForbiddenError: it leads inside.
            aiohttp.ClientError, OSError, TimeoutError: it does not answer, or falls silent.
        """
        session = self._opened() if is_trusted else self._opened_outside()
        proxy = proxy_of(*urlsplit(url)[:2]) if is_trusted else None
        opening = session.post(_exactly(url), data=body, headers=headers, allow_redirects=False, proxy=proxy)
        async with asyncio.timeout(self._first_byte_s) as patience:
            async with opening as response:
                if response.status >= _OK:
                    raise await _refused(response)
                patience.reschedule(None)
                yield self._pieces(response)

    async def get(self, url: str, headers: Mapping[str, str], *, is_trusted: bool) -> bytes:
        """Return what is there, in one piece. Raises as `post` does."""
        session = self._opened() if is_trusted else self._opened_outside()
        proxy = proxy_of(*urlsplit(url)[:2]) if is_trusted else None
        asked = {**headers, "Accept": "application/json"}
        opening = session.get(_exactly(url), headers=asked, allow_redirects=False, proxy=proxy)
        async with asyncio.timeout(LIST_S), opening as response:
            if response.status >= _OK:
                raise await _refused(response)
            body = bytearray()
            await _read(response, body, LIST_MOST_BYTES)
            if len(body) > LIST_MOST_BYTES:
                message = f"a list of more than {LIST_MOST_BYTES} bytes"
                raise aiohttp.ClientPayloadError(message)
            return bytes(body)

    async def aclose(self) -> None:
        """Close every connection."""
        for session in (self._session, self._outside):
            if session is not None:
                await session.close()
        self._session = self._outside = None

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        patience_s = self._first_byte_s
        while True:
            async with asyncio.timeout(patience_s):
                piece = await response.content.readany()
            if not piece:
                return
            yield piece
            patience_s = self._stall_s

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=self._tls)
            self._session = _session(connector)
        return self._session

    def _opened_outside(self) -> aiohttp.ClientSession:
        if self._outside is None:
            self._outside = _session(public_connector(self._inside, self._tls, KEEP_ALIVE_S))
        return self._outside


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        auto_decompress=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": "application/json", "Accept": "text/event-stream", "User-Agent": "perdure"},
    )


async def _read(response: aiohttp.ClientResponse, body: bytearray, most_bytes: int) -> None:
    """Add what comes to a body, until it is whole or has more than so many bytes."""
    while len(body) <= most_bytes and (piece := await response.content.readany()):
        body += piece


async def _refused(response: aiohttp.ClientResponse) -> RefusedError:
    """Return a refusal with all that it says; if that breaks off or stalls, with what came, for the status is known."""
    body = bytearray()
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(REFUSAL_S):
            await _read(response, body, LONGEST_REFUSAL_BYTES)
    return RefusedError(response.status, bytes(body), _retry_after_s(response))


def _exactly(url: str) -> str | URL:
    """Return a URL that is sent as it is written where that matters: what was signed may not be spelt otherwise."""
    return URL(url, encoded=True) if "%" in url else url


@lru_cache
def proxy_of(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment names for a host (`HTTPS_PROXY`, `NO_PROXY`), as everybody reads it."""
    return None if proxy_bypass(host) else getproxies().get(scheme)


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    """Return how long the vendor wants us to wait: seconds or a date, RFC 9110 section 10.2.3."""
    given = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(given) - now()).total_seconds())
    except (ValueError, TypeError):
        return 0.0
