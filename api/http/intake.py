"""A request's body on its way in: bounded in bytes, and in time until it is whole.

Who has no credential can send one too, and what has come of it is kept until the rest comes.
"""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from api.http.headers import Outlet
from runtime.process.settings import HttpSettings

LEAST_BYTES_PER_S: Final = 32_000  # of a large body: each time that so much has come, it may take a second more


class Intake:
    """Receives for whoever answers a request that has a body. Waits without end for what comes after that."""

    def __init__(self, receive: Receive, http: HttpSettings, outlet: Outlet) -> None:
        self._receive = receive
        self._outlet = outlet
        self._limit_bytes = http.body_limit_bytes
        self._timeout_s = http.body_timeout_s
        self._size_bytes = 0
        self._is_whole = False
        self._began_at: float | None = None  # by the loop's clock: when the body was first waited for

    async def __call__(self) -> Message:
        """Return the next message. Raises HTTPException: the body is too large, or too slow."""
        message = await (self._receive() if self._is_whole else self._in_time())
        self._is_whole = not message.get("more_body", False)
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > self._limit_bytes:
            raise HTTPException(413, too_large(self._limit_bytes))
        return message

    async def _in_time(self) -> Message:
        now = asyncio.get_running_loop().time()
        if self._began_at is None:
            self._began_at = now
        earned_s = self._size_bytes / LEAST_BYTES_PER_S
        try:
            async with asyncio.timeout_at(min(self._began_at + earned_s, now) + self._timeout_s):
                return await self._receive()
        except TimeoutError:
            if self._outlet.has_started:  # a stream, say, that only waits for its client to leave
                return await self._receive()
            words = f"The body did not come within {self._timeout_s:g} s (PERDURE_HTTP__BODY_TIMEOUT_S)."
            raise HTTPException(408, words, {"Connection": "close"}) from None


def too_large(limit_bytes: int) -> str:
    """Return in words what is wrong with a body."""
    return f"A body may have at most {limit_bytes} bytes."
