"""A deployment as in a container: one server with a Postgres and a Ray of its own, under an init that reaps nothing.

Whatever is killed there stays as a zombie until the end, and so do the numbers that notes and locks name.
"""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil

from loadtests.chaos.door import STOP_TIMEOUT_S, Door, is_alive
from loadtests.chaos.witness import now
from loadtests.chaos.world import World

POLL_S: Final = 0.02


class Cell(Door):
    """A front door below a parent of its own that never waits, and which stays when all below it is killed."""

    def __init__(self, home: Path, name: str) -> None:
        super().__init__(home, name)
        self._parents: list[asyncio.subprocess.Process] = []

    @property
    def command(self) -> list[str]:
        """What is started."""
        return [sys.executable, "-m", "loadtests.chaos.unreaping", *super().command]

    @property
    def is_over(self) -> bool:
        """Whether the server itself has died, though its parent lives."""
        return super().is_over or not self.family()

    @property
    def zombies(self) -> int:
        """How many have died here and were not reaped."""
        return len(self._below()) - len(self.family())

    async def launch(self, environment: Mapping[str, str]) -> None:
        """Start the command, and wait for no more than that it is there."""
        await super().launch(environment)
        if self.process is not None:
            self._parents.append(self.process)
        while not self.family() and not super().is_over:  # noqa: ASYNC110  another's child is no event
            await asyncio.sleep(POLL_S)

    def family(self) -> list[psutil.Process]:
        """Return all that lives below the parents."""
        return [process for process in self._below() if is_alive(process)]

    async def kill(self) -> None:
        """Kill -9 of all below the parents, until nothing lives there: what dies late may have started something."""
        while family := self.family():
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Ask the server to end, kill what is left then, and let init have the zombies."""
        for process in self.family()[:1]:
            process.terminate()
            deadline = now() + STOP_TIMEOUT_S
            while is_alive(process) and now() < deadline:  # noqa: ASYNC110  another's death is no event
                await asyncio.sleep(POLL_S)
        await self.kill()
        for parent in self._parents:
            parent.kill()
            await parent.wait()

    def _below(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for parent in reversed(self._parents):  # the server that was started last comes first
            with contextlib.suppress(psutil.NoSuchProcess):
                found += psutil.Process(parent.pid).children(recursive=True)
        return found


class Hermit(World):
    """A world of one server that needs nobody."""

    calm_actors = 2

    def __init__(self, settings: Mapping[str, str] | None = None, plugins: Mapping[str, str] | None = None) -> None:
        super().__init__(settings, plugins)
        self.cell = Cell(self.home, "hermit")
        self.doors = (self.cell,)

    @property
    def addresses(self) -> tuple[Any, ...]:
        """The one way in, twice: who fails at one tries the next."""
        return (lambda: self.cell.url,) * 2

    @property
    def dsn(self) -> str:
        """The direct way into the database, which the server keeps in its folder."""
        return f"postgresql://perdure@{quote(str(self.cell.data_dir / 'postgres' / 'socket'), safe='')}/postgres"

    async def kill_everything(self) -> None:
        """Kill -9 of every process of the deployment."""
        await self.cell.kill()

    async def start_everything(self) -> float:
        """Start it all again, at once; return when it could serve a message."""
        await self.start_first_door()
        return now()

    async def _begin(self) -> None:
        await self._stack.enter_async_context(self.vendor)
        await self.start_first_door()
        await self._register()

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in super()._environment().items() if name != "DATABASE_URL"}
