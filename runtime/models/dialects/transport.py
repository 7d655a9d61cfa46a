"""Connections to vendors: one pool for each, opened on first use and kept for the life of the process."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi

from runtime.models.dialects.dialect import RefusedError
from runtime.process.mint import now
from runtime.process.settings import ModelSettings

CONNECT_S: Final = 10.0
KEEP_ALIVE_S: Final = 60.0
REFUSAL_MOST_BYTES: Final = 64 << 10
_OK: Final = 300


class Transport:
    """Belongs to one event loop."""

    def __init__(self, settings: ModelSettings) -> None:
        self._first_byte_s = settings.first_byte_timeout_s
        self._stall_s = settings.stall_timeout_s
        self._tls = _trusting()
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send a request and give the body of its answer, in pieces as they come; leaving it closes the connection.

        Raises:
            RefusedError: the vendor answers with an error.
            aiohttp.ClientError, OSError, TimeoutError: it does not answer, or falls silent.
        """
        opening = self._opened().post(
            url, data=body, headers=headers, allow_redirects=False, proxy=proxy_of(*urlsplit(url)[:2])
        )
        async with asyncio.timeout(self._first_byte_s) as patience:
            async with opening as response:
                if response.status >= _OK:
                    raise RefusedError(
                        response.status, await response.content.read(REFUSAL_MOST_BYTES), _retry_after_s(response)
                    )
                patience.reschedule(None)
                yield self._pieces(response)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

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
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=self._tls),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                auto_decompress=True,
                headers={"Content-Type": "application/json", "Accept": "text/event-stream", "User-Agent": "perdure"},
            )
        return self._session


def _trusting() -> ssl.SSLContext:
    """Trust what the machine trusts, and what browsers do, for some machines have no list of their own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


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
