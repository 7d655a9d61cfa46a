"""A front door: one `perdure serve`, to be started, killed and stopped."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from loadtests.ports import free_port

START_TIMEOUT_S: Final = 240.0  # on a machine that does much else
STOP_TIMEOUT_S: Final = 60.0


class Door:
    """One `perdure serve`: the process of a front door, on a port and in a folder that it keeps."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = home / name
        self.log = home / f"{name}.log"
        self.process: asyncio.subprocess.Process | None = None

    @property
    def command(self) -> list[str]:
        """What is started."""
        program = str(Path(sys.executable).with_name("perdure"))
        return [program, "serve", "--port", str(self.port), "--data-dir", str(self.data_dir)]

    @property
    def is_over(self) -> bool:
        """Whether its process has ended, or was never started."""
        return self.process is None or self.process.returncode is not None

    async def launch(self, environment: Mapping[str, str]) -> None:
        """Start the command without waiting for it."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    async def healthy(self, http: aiohttp.ClientSession) -> None:
        """Wait until it can serve a message."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _is_healthy(http, self.url):
                if self.is_over:
                    message = f"{self.name} ended:\n{self.log.read_text(errors='replace')[-3000:]}"
                    raise RuntimeError(message)
                await asyncio.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        """Return the process and all that it started."""
        if self.process is None or self.is_over:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        return []

    async def kill(self) -> None:
        """Kill -9 of the process and all that it started."""
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process is not None:
            await self.process.wait()
        await asyncio.to_thread(psutil.wait_procs, family, 30)

    async def stop(self) -> None:
        """Ask it to end, and kill what is left then."""
        if self.process is not None and not self.is_over:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
        await self.kill()


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that died and was not reaped does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _is_healthy(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/health", timeout=aiohttp.ClientTimeout(5)) as response:
            return response.ok
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
