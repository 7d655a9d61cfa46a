"""The keys of secrets as the supervisor has them: those that it was started with, until front doors tell newer ones.

Ray starts it again with what it was told first, and a rotation may have come since. So nothing is opened or sealed
before a front door has come, which whoever starts it does at once; and what does not open then waits for the others.
"""

import asyncio
from typing import Final

from runtime.core.errors import OverloadedError
from runtime.vault.keyring import Keyring

FIRST_S: Final = 15.0  # with the first front door; they come within a second or two
OTHERS_S: Final = 3.0  # with all others, once one has come


class Keyholder:
    """Belongs to one event loop."""

    def __init__(self, ring: Keyring | None) -> None:
        self.ring = ring
        self._told = asyncio.Event()
        self._all_by_s = 0.0  # event-loop time by which all front doors have come

    def take(self, ring: Keyring | None) -> bool:
        """Hear the keys of a front door; True if they are taken, False if they are known or older."""
        if not self._told.is_set():
            self._all_by_s = asyncio.get_running_loop().time() + OTHERS_S
        self._told.set()
        if ring is None or not ring.follows(self.ring):
            return False
        self.ring = ring
        return True

    async def first(self) -> None:
        """Wait until the keys are those of a front door that is there.

        Raises:
            OverloadedError: none has come.
        """
        try:
            async with asyncio.timeout(FIRST_S):
                await self._told.wait()
        except TimeoutError:
            raise OverloadedError(1.0, "no front door has told the keys of secrets yet") from None

    async def newer(self) -> bool:
        """Wait for the front doors that are still to come, if some may be; True if one had newer keys."""
        before = self.ring
        await asyncio.sleep(max(0.0, self._all_by_s - asyncio.get_running_loop().time()))
        return self.ring != before
