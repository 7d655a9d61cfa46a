"""Someone of one organisation who tries every way into the sessions of another, all through the storm."""

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from itertools import cycle
from typing import Final

import aiohttp

from loadtests.chaos.checker import Finding, Promise

PAUSE_S: Final = 0.05
TIMEOUT_S: Final = 5.0
LISTED: Final = 100
HIDDEN: Final = 404
BUSY: Final = (408, 429)
WORDS: Final = {"message": {"content": [{"type": "text", "text": "Whose is this?"}]}}
WAYS: Final = (
    ("GET", ""),
    ("GET", "/events"),
    ("GET", "/messages"),
    ("GET", "/sse"),
    ("GET", "/fs"),
    ("POST", "/messages"),
    ("POST", "/cancel"),
    ("PATCH", ""),
    ("DELETE", ""),
)

Sessions = Callable[[], Collection[str]]


class Spy:
    """Asks as `client` for sessions of others, at front doors in turn; `findings` is what it should not be told."""

    def __init__(
        self, client: aiohttp.ClientSession, doors: Sequence[Callable[[], str]], others: Sessions, seed: int
    ) -> None:
        self.findings: list[Finding] = []
        self.refused = 0
        self._client = client
        self._doors = doors
        self._others = others
        self._dice = random.Random(f"spy {seed}")  # noqa: S311  reproduces a run, guards nothing

    async def look(self) -> None:
        """Try one way after the other, for ever."""
        for number, (method, path) in enumerate(cycle(WAYS)):
            address = f"{self._doors[number % len(self._doors)]()}/api/v1/sessions"
            try:
                if others := sorted(self._others()):
                    await self._try(method, address, self._dice.choice(others), path)
                await self._list(address)
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # something was killed just now
            await asyncio.sleep(PAUSE_S)

    async def _try(self, method: str, address: str, session_id: str, path: str) -> None:
        body = WORDS if method in ("POST", "PATCH") else None
        timeout = aiohttp.ClientTimeout(TIMEOUT_S)
        async with self._client.request(
            method, f"{address}/{session_id}{path}", json=body, timeout=timeout
        ) as response:
            if response.status == HIDDEN:
                self.refused += 1
            elif response.status not in BUSY and response.status < 500:  # noqa: PLR2004  a fault, and no answer
                what = f"{method} {path or 'itself'}: {response.status}"
                self.findings.append(Finding(Promise.FOREIGN_SEEN, session_id, what))

    async def _list(self, address: str) -> None:
        timeout = aiohttp.ClientTimeout(TIMEOUT_S)
        async with self._client.get(address, params={"limit": LISTED}, timeout=timeout) as response:
            if response.ok:
                listed = {session["id"] for session in (await response.json())["data"]}
                foreign = listed.intersection(self._others())
                self.findings += [Finding(Promise.FOREIGN_SEEN, session_id, "listed") for session_id in foreign]
