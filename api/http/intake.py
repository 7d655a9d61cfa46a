"""A request's body on its way in: bounded in bytes, in time until it is whole, and in what all of them may hold.

Who has no credential can send one too, and what has come of it is kept until the rest comes.
"""

import asyncio
from collections import Counter
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from api.http.callers import address_of, caller_of
from api.http.headers import Outlet
from runtime.process.settings import HttpSettings

LEAST_BYTES_PER_S: Final = 32_000  # of a large body: each time that so much has come, it may take a second more
LARGEST_BODIES: Final = 64  # for which there is room, unless it is set
RETRY_AFTER_S: Final = 5
STRANGERS_BODY_BYTES: Final = 64_000  # of whoever need not say who they are: they log in, or register
_LIMIT: Final = "body_limit_bytes"  # in the scope of a request whose body has a limit of its own


class Room:
    """The bytes of bodies that a front door holds at a time, until their requests are answered.

    Nobody holds more than is left for all the others. So one alone may take half of it, two a third each, and whoever
    comes next finds some (dynamic thresholds: Choudhury and Hahne, 1998).
    """

    def __init__(self, size_bytes: int) -> None:
        self._free_bytes = size_bytes
        self._held: Counter[str] = Counter()

    def take(self, whose: str, size_bytes: int) -> bool:
        """Hold so many bytes more for somebody; False if they may not have them now."""
        if self._held[whose] + size_bytes > self._free_bytes - size_bytes:
            return False
        self._free_bytes -= size_bytes
        self._held[whose] += size_bytes
        return True

    def give_back(self, whose: str, size_bytes: int) -> None:
        """Hold so many bytes less."""
        self._free_bytes += size_bytes
        self._held[whose] -= size_bytes
        if not self._held[whose]:
            del self._held[whose]


class Intake:
    """Receives for whoever answers a request that has a body. Waits without end for what comes after that."""

    def __init__(self, receive: Receive, scope: Scope, http: HttpSettings, room: Room, outlet: Outlet) -> None:
        self._receive = receive
        self._scope = scope
        self._outlet = outlet
        self._limit_bytes = http.body_limit_bytes
        self._timeout_s = http.body_timeout_s
        self._room = room
        self._whose: str | None = None  # known once its credential was looked at, so before anything is read
        self._size_bytes = 0
        self._is_whole = False
        self._began_at: float | None = None  # by the loop's clock: when the body was first waited for

    async def __call__(self) -> Message:
        """Return the next message. Raises HTTPException: the body is too large, too slow, or one too many."""
        message = await (self._receive() if self._is_whole else self._in_time())
        self._is_whole = not message.get("more_body", False)
        self._take(len(message.get("body", b"")))
        return message

    def close(self) -> None:
        """Give back the room: the request was answered."""
        if self._whose is not None:
            self._room.give_back(self._whose, self._size_bytes)

    def _take(self, size_bytes: int) -> None:
        limit_bytes = self._scope.get(_LIMIT, self._limit_bytes)
        if self._size_bytes + size_bytes > limit_bytes:
            raise HTTPException(413, too_large(limit_bytes))
        if self._whose is None:
            caller = caller_of(self._scope)
            self._whose = address_of(self._scope) if caller is None else caller.org_id
        if not self._room.take(self._whose, size_bytes):
            words = "The server holds as many bytes of bodies as it may (PERDURE_HTTP__BODIES_LIMIT_BYTES); try again."
            raise HTTPException(503, words, {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"})
        self._size_bytes += size_bytes

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


def bound_body(scope: Scope, limit_bytes: int) -> None:
    """Give the body of a request a limit of its own, before anything of it is read."""
    scope[_LIMIT] = limit_bytes


def too_large(limit_bytes: int) -> str:
    """Return in words what is wrong with a body."""
    return f"A body may have at most {limit_bytes} bytes."
