"""Circuit breakers: an endpoint that keeps failing is left alone for a while, by all processes, and then tried by one.

A process counts the failures in a row that it sees, and tells others only when it opens a breaker: a call that works
costs nothing. What others opened it reads now and then.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from typing import Final, NamedTuple

import structlog

from runtime.core.errors import ModelRejectedError, ModelUnavailableError, StoreUnavailableError
from runtime.models import failures
from runtime.models.failures import Party
from runtime.ports.breakers import SharedBreakers
from runtime.ports.model import ModelReply, StreamItem, Waiting
from runtime.process.failpoint import Loop, stumble
from runtime.process.settings import ModelSettings

log = structlog.get_logger(__name__)

READ_S: Final = 2.0
LEASE_MARGIN_S: Final = 10.0  # beyond the time that an answer may take to begin


class _Open(NamedTuple):
    """One that is not closed: until when, on the event loop's clock; None: until somebody closes it."""

    until_s: float | None


class Trial:
    """A call that finds out whether an endpoint works again."""

    def __init__(self, breakers: "Breakers", party: Party) -> None:
        self._breakers = breakers
        self._party = party
        self.has_worked = False

    async def worked(self) -> None:
        """Let everybody call it again: it begins to answer. Others need not wait until the answer has ended."""
        if not self.has_worked:
            await self._breakers.close(self._party)
            self.has_worked = True


class Breakers:
    """The breakers as one process sees them. Belongs to one event loop."""

    def __init__(self, shared: SharedBreakers, settings: ModelSettings) -> None:
        self._shared = shared
        self._most = settings.breaker_failures
        self._open_s = settings.breaker_open_s
        self._lease_s = settings.first_byte_timeout_s + LEASE_MARGIN_S
        self._failed: Counter[str] = Counter()
        self._open: dict[str, _Open] = {}
        self._given_up: dict[str, float] = {}  # trials that were broken off: until when nobody else tries
        self._is_asked = False  # whether there was a call since others were read

    async def share(self) -> None:
        """Go on reading what other processes and operators did."""
        is_away = False
        while True:
            stumble(Loop.BREAKERS)
            try:
                if self._is_asked or self._open or self._given_up:  # who calls nobody asks for nothing
                    self._is_asked = False
                    await self.read()
                is_away = False
            except StoreUnavailableError as err:
                if not is_away:
                    log.warning("breakers_not_read", reason=err.reason)
                is_away = True
            await asyncio.sleep(READ_S)

    async def read(self) -> None:
        """Read what others did, once, and let others try what is not tried here any more.

        Raises StoreUnavailableError.
        """
        now_s = asyncio.get_running_loop().time()
        for provider, until_s in list(self._given_up.items()):
            if now_s < until_s:
                await self._shared.give_up(provider)
            self._given_up.pop(provider, None)
        found = await self._shared.not_closed()
        self._open = {b.provider: _Open(None if b.is_forced else now_s + b.wait_s) for b in found}

    async def pass_through(
        self, party: Party, items: AsyncGenerator[StreamItem, None]
    ) -> AsyncGenerator[StreamItem, None]:
        """Yield an answer of an endpoint if it may be called, and learn from how that goes.

        Who reads it stops at the whole answer, so what worked is noted before that is given.

        Raises:
            ModelUnavailableError: it may not be called now (`is_held_back`).
        """
        async with aclosing(items), self._guarded(party) as trial:
            async for item in items:
                if trial is not None and not isinstance(item, Waiting):
                    await trial.worked()
                if isinstance(item, ModelReply):
                    self._failed.pop(party.endpoint, None)
                yield item

    @asynccontextmanager
    async def _guarded(self, party: Party) -> AsyncIterator[Trial | None]:
        """Pass if an endpoint may be called, and learn from how the call fails that is made inside.

        Gives a `Trial` if nobody knows whether it works again: to be told as soon as it answers.
        """
        self._is_asked = True
        trial = Trial(self, party) if party.endpoint in self._open and await self._may_try(party) else None
        lost_s = asyncio.get_running_loop().time() + self._lease_s
        is_over = False
        try:
            yield trial
        except (ModelUnavailableError, ModelRejectedError) as err:
            if err.failure == failures.UNAVAILABLE:
                await self._failed_again(party, is_trial=trial is not None and not trial.has_worked)
            else:
                self._failed.pop(party.endpoint, None)  # it was reached, and said no
                if trial is not None:
                    await trial.worked()
            is_over = True
            raise
        finally:  # somebody may have stopped the turn, or the telling of how it went: nobody knows more than before
            if trial is not None and not trial.has_worked and not is_over:
                self._given_up[party.endpoint] = lost_s

    async def _may_try(self, party: Party) -> bool:
        """Tell whether this process is the one that tries; False if it need not. Raises ModelUnavailableError."""
        known, now_s = self._open[party.endpoint], asyncio.get_running_loop().time()
        wait_s = None if known.until_s is None else known.until_s - now_s
        if wait_s is not None and wait_s <= 0:
            try:
                if await self._shared.try_now(party.endpoint, self._lease_s):
                    log.info("breaker_tried", provider=party.endpoint)
                    return True
                await self.read()
            except StoreUnavailableError:
                return False  # nobody can say; turns wait for the database elsewhere
            if party.endpoint not in self._open:
                return False
        raise failures.held_back(party, wait_s)

    async def close(self, party: Party) -> None:
        """Let everybody call an endpoint again: it answers."""
        self._open.pop(party.endpoint, None)
        log.info("breaker_closed", provider=party.endpoint)
        await self._tell(party, self._shared.succeed(party.endpoint))

    async def _failed_again(self, party: Party, *, is_trial: bool) -> None:
        self._failed[party.endpoint] += 1
        if not is_trial and self._failed[party.endpoint] < self._most:
            return
        count = self._failed.pop(party.endpoint)
        self._open[party.endpoint] = _Open(asyncio.get_running_loop().time() + self._open_s)
        log.warning("breaker_opened", provider=party.endpoint, failures=count, open_s=self._open_s)
        await self._tell(party, self._shared.fail(party.endpoint, count, self._open_s))

    async def _tell(self, party: Party, telling: Awaitable[None]) -> None:
        try:
            await telling
        except StoreUnavailableError as err:
            log.warning("breaker_not_told", provider=party.endpoint, reason=err.reason)
