"""A front door and a supervisor that knows nothing of it come to believe the same of where sessions live.

Each stream of news begins with this: of what happened before it nobody tells.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from actors.locator import Locator
from runtime.core.errors import PerdureError
from runtime.core.placement.directory import Directory, Placement
from runtime.core.retry import doubling_s

log = structlog.get_logger(__name__)

BELIEFS_AT_ONCE: Final = 5_000
PAUSE_S: Final = 0.02  # before a supervisor is told again that did not answer
PAUSE_MOST_S: Final = 0.5


class Heard(Protocol):
    """Who is listened to at a front door."""

    def sessions(self) -> Sequence[str]:
        """Return those to whom somebody listens."""
        ...

    def epoch(self, session_id: str) -> int | None:
        """Return the epoch of the owner whose events come, 0 while nobody's do; None if nobody listens."""
        ...


class Reconciler:
    """Belongs to one event loop. `moved` hears of each session that lives elsewhere than was believed, or nowhere."""

    def __init__(
        self, locator: Locator, directory: Directory, heard: Heard, moved: Callable[[Placement], object]
    ) -> None:
        self._locator = locator
        self._directory = directory
        self._heard = heard
        self._moved = moved

    async def reconcile(self) -> None:
        """Tell what is believed here; whatever is learnt meanwhile is learnt with the promise of news."""
        concerns = list({*self._heard.sessions(), *self._directory.known()})
        for start in range(0, len(concerns), BELIEFS_AT_ONCE):
            await self._outlast(concerns[start : start + BELIEFS_AT_ONCE])

    async def _outlast(self, session_ids: Sequence[str]) -> None:
        pauses = doubling_s(PAUSE_S, PAUSE_MOST_S)
        while True:
            try:
                return await self._correct(session_ids)
            except PerdureError as err:
                log.info("beliefs_not_told", reason=str(err))
            await asyncio.sleep(next(pauses))

    async def _correct(self, session_ids: Sequence[str]) -> None:
        watched: dict[str, int] = {}
        held: dict[str, int] = {}
        for session_id in session_ids:
            known, epoch = self._directory.get(session_id), self._heard.epoch(session_id)
            if epoch is not None:
                watched[session_id] = epoch if known is None else known.epoch
            elif known is not None:
                held[session_id] = known.epoch
        told = await self._locator.correct(watched, held)
        for placement in told:
            self._moved(placement)
        differing = {placement.session_id for placement in told}
        for session_id, epoch in watched.items():
            if not epoch and session_id not in differing:  # it may have lived somewhere in between
                self._moved(Placement(session_id, 0, None))
