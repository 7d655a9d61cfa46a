"""Where sessions live, asked for by many at once: what a front door remembers, else what the supervisor says."""

import asyncio
from collections.abc import Sequence
from typing import Final

from actors.stub import SupervisorStub
from runtime.core.errors import ConflictError, NotFoundError, OverloadedError
from runtime.core.placement.directory import Directory, Placement
from runtime.wire.loader import Loader
from runtime.wire.protocol import Want

QUESTIONS_AT_ONCE: Final = 1_000
ROOM_PATIENCE_S: Final = 10.0
ROOM_PAUSE_S: Final = 0.1  # before an actor is asked for again that has room


class Locator:
    """Belongs to one event loop. What it is told goes into the directory."""

    def __init__(self, supervisor: SupervisorStub, directory: Directory) -> None:
        self._supervisor = supervisor
        self._directory = directory
        self._places = Loader(self._ask_for_places, QUESTIONS_AT_ONCE)
        self._homes = Loader(self._ask_for_homes, QUESTIONS_AT_ONCE)

    async def home(self, session_id: str, want: Want) -> Placement:
        """Return where a session lives or is to live from now on.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: it is in quarantine.
            OverloadedError: no actor has room for it in time.
        """
        known = self._directory.get(session_id)
        return known if known is not None else await self._placed(session_id, want)

    async def _placed(self, session_id: str, want: Want) -> Placement:
        try:
            async with asyncio.timeout(ROOM_PATIENCE_S):
                while True:
                    placement = await self._place(session_id, want)
                    if placement is not None:
                        return placement
                    await asyncio.sleep(ROOM_PAUSE_S)
        except TimeoutError:
            raise OverloadedError(1.0, "no session actor has room") from None

    async def _place(self, session_id: str, want: Want) -> Placement | None:
        """Have a session placed; those that are asked for meanwhile go together. None: it is not to be had yet."""
        exists, placement = await self._places.load((session_id, want))
        if not exists:
            raise NotFoundError("session", session_id)
        if placement is None:
            return None
        if placement.actor is None:
            raise ConflictError.quarantined()
        if placement.address is None:
            return None  # a supervisor that has just started has not heard from the actor yet
        self._directory.note(placement)
        return placement

    async def _ask_for_places(self, asked: Sequence[tuple[str, Want]]) -> list[tuple[bool, Placement | None]]:
        wants: dict[str, Want] = {}
        for session_id, want in asked:
            wants[session_id] = want.also(wants.get(session_id, want))
        placements = await self._supervisor.place(wants)
        return [(session_id in placements, placements.get(session_id)) for session_id, _ in asked]

    async def locate(self, session_id: str) -> Placement | None:
        """Return where a session lives by the supervisor's word; what is asked meanwhile goes together."""
        placement = await self._homes.load(session_id)
        if placement is not None:
            self._directory.note(placement)
        return placement

    async def _ask_for_homes(self, session_ids: Sequence[str]) -> list[Placement | None]:
        placements = await self._supervisor.locate(session_ids)
        return [placements.get(session_id) for session_id in session_ids]
