"""Limits of providers: a call waits for its turn, in one queue for all processes, before it is made.

Where no limit is set nothing happens. Tokens are counted when a call is over: what a minute allows may be owed.
A provider is known as breakers know it (`Party.endpoint`). Limits may change at any time: calls that wait are judged by
the new ones within `ASK_S`, and those that run are not disturbed.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import structlog

from runtime.core.errors import StoreUnavailableError
from runtime.ports.model import ModelReply, ModelRequest, StreamItem, Waiting
from runtime.ports.turnstile import UNLIMITED, CallLimits, CallQueue
from runtime.process.failpoint import Loop, stumble

log = structlog.get_logger(__name__)

ASK_S: Final = 0.25  # while calls wait
RENEW_S: Final = 5.0  # well below what a ticket lives
AWAY_S: Final = 1.0


@dataclass(slots=True)
class _Held:
    """The tickets of one provider that this process holds."""

    waiting: dict[int, "asyncio.Future[bool]"] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)


class Turnstile:
    """The limits as one process sees them. Belongs to one event loop."""

    def __init__(self, queue: CallQueue, limits: Mapping[str, CallLimits]) -> None:
        self._queue = queue
        self._servers = limits
        self._limits = dict(limits)
        self._held: defaultdict[str, _Held] = defaultdict(_Held)
        self._news = asyncio.Event()  # a call has begun to wait

    def limit(self, limits: Mapping[str, CallLimits]) -> None:
        """Take over all limits of organisations' own providers, by their ids; the server's remain."""
        self._limits = {**self._servers, **limits}

    def limits(self, provider: str) -> bool:
        """Tell whether calls of a provider may have to wait."""
        return provider in self._limits

    async def keep(self) -> None:
        """Go on asking whose turn it is, and keeping tickets alive."""
        renewed_s = 0.0
        while True:
            stumble(Loop.TURNSTILE)
            await self._pause()
            now_s = asyncio.get_running_loop().time()
            is_due = now_s - renewed_s >= RENEW_S
            asked = [pair for pair in self._held.items() if pair[1].waiting or (is_due and pair[1].under_way)]
            await asyncio.gather(*(self._ask(provider, held) for provider, held in asked))
            renewed_s = now_s if is_due else renewed_s

    async def _pause(self) -> None:
        """Wait until it is time to ask again: soon while calls wait."""
        if not any(held.waiting for held in self._held.values()):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self._news.wait()
        await asyncio.sleep(ASK_S)

    async def pass_through(
        self, provider: str, request: ModelRequest, items: AsyncGenerator[StreamItem, None]
    ) -> AsyncGenerator[StreamItem, None]:
        """Yield an answer once it is the call's turn; before that, if it has to wait, a `Waiting`."""
        tokens = 0
        async with aclosing(items):
            held = self._held[provider]
            ticket, is_admitted = await self._enter(provider, request.org_id)
            try:
                if not is_admitted:
                    yield Waiting(request.model.provider)
                while not is_admitted:
                    held.waiting[ticket] = turn = asyncio.get_running_loop().create_future()
                    self._news.set()
                    is_admitted = await turn
                    if not is_admitted:  # the ticket lapsed
                        ticket, is_admitted = await self._enter(provider, request.org_id)
                held.under_way.add(ticket)
                async for item in items:
                    if isinstance(item, ModelReply):
                        usage = item.usage
                        cached = (usage.cache_read_tokens or 0) + (usage.cache_creation_tokens or 0)
                        tokens = usage.input_tokens + usage.output_tokens + cached
                    yield item
            finally:
                held.waiting.pop(ticket, None)
                held.under_way.discard(ticket)
                await self._leave(provider, ticket, tokens)

    async def _enter(self, provider: str, flow: str) -> tuple[int, bool]:
        while True:
            try:
                return await self._queue.enter(provider, flow, self._limits.get(provider, UNLIMITED))
            except StoreUnavailableError as err:  # nothing could be journaled either
                log.warning("turnstile_away", provider=provider, reason=err.reason)
                await asyncio.sleep(AWAY_S)

    async def _ask(self, provider: str, held: _Held) -> None:
        tickets = {*held.waiting, *held.under_way}
        try:
            alive = await self._queue.alive(provider, tickets, self._limits.get(provider, UNLIMITED))
        except StoreUnavailableError as err:
            log.warning("turnstile_away", provider=provider, reason=err.reason)
            return
        for ticket in tickets & held.waiting.keys():
            if alive.get(ticket, True) and not (turn := held.waiting.pop(ticket)).done():
                turn.set_result(ticket in alive)

    async def _leave(self, provider: str, ticket: int, tokens: int) -> None:
        try:
            await self._queue.leave(provider, ticket, tokens, self._limits.get(provider, UNLIMITED))
        except StoreUnavailableError as err:  # it lapses
            log.warning("turnstile_away", provider=provider, reason=err.reason)
