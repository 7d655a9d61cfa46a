"""Processes that the benchmark starts: the server under test, in a folder that goes with it, and small ones."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
import psutil

from loadtests.ports import free_port

START_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.02
OURS: Final = ("front door", "actors")
_TREE: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Usage:
    """What the processes of a server have used so far, by kind: front door, actors, postgres, ray.

    `cpu_s` is seconds of CPU of those alive, `memory_bytes` private memory and their share of the shared (PSS).
    """

    cpu_s: Mapping[str, float]
    memory_bytes: Mapping[str, int]

    def cpu_since(self, before: Self) -> dict[str, float]:
        """Return the seconds of CPU used since an earlier look, by kind."""
        return {kind: used - before.cpu_s.get(kind, 0.0) for kind, used in self.cpu_s.items()}

    @property
    def own_bytes(self) -> int:
        """The memory of Perdure's own processes."""
        return sum(self.memory_bytes.get(kind, 0) for kind in OURS)


class Server:
    """`perdure serve` on a free port. `code` is the tree whose server it is; None: this one."""

    def __init__(self, code: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="perdure-bench-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._code = (code or _TREE).resolve()
        # First on the path, so that another tree's code goes before the one that is installed.
        self._environment = {**os.environ, **(settings or {}), "PYTHONPATH": str(self._code)}
        self._process: asyncio.subprocess.Process | None = None
        self.started_at = 0.0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    async def start(self) -> None:
        """Start it and return once it is healthy."""
        self.started_at = time.perf_counter()
        with (self.home / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_perdure(self._code), "serve", "--port", str(self.port), "--data-dir", str(self.home / "data"),
                stdout=log, stderr=log, env=self._environment, cwd=self._code,
            )  # fmt: skip
        async with aiohttp.ClientSession(self.url) as http, asyncio.timeout(START_TIMEOUT_S):
            while not await _is_healthy(http):
                if self._process.returncode is not None:
                    message = f"the server did not start:\n{(self.home / 'log').read_text()[-2000:]}"
                    raise RuntimeError(message)
                await asyncio.sleep(POLL_S)

    @property
    def database(self) -> str:
        """The address of its Postgres, for counters only."""
        return f"postgresql://perdure@{str(self.home / 'data' / 'postgres' / 'socket').replace('/', '%2F')}/postgres"

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids of each kind."""
        found: dict[str, list[int]] = {}
        if self._process is not None:
            root = psutil.Process(self._process.pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    found.setdefault(_kind(process, root), []).append(process.pid)
        return found

    async def usage(self) -> Usage:
        """Look at all of its processes. Takes some milliseconds of a thread for each."""
        if self._process is None:
            return Usage({}, {})
        return await asyncio.to_thread(usage_of, self._process.pid)


def _perdure(code: Path) -> list[str]:
    """Return what starts the `perdure` of a tree, as it says itself: that differs from version to version."""
    scripts = tomllib.loads((code / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["perdure"].partition(":")
    return [sys.executable, "-c", f"from {module} import {function}; {function}()"]


def usage_of(pid: int) -> Usage:
    """Look at a process and all that it started; it counts as the front door."""
    root = psutil.Process(pid)
    cpu: dict[str, float] = {}
    memory: dict[str, int] = {}
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            kind, times, size = _kind(process, root), process.cpu_times(), process.memory_full_info().pss
            cpu[kind] = cpu.get(kind, 0.0) + times.user + times.system
            memory[kind] = memory.get(kind, 0) + size
    return Usage(cpu, memory)


def _kind(process: psutil.Process, root: psutil.Process) -> str:
    if process.pid == root.pid:
        return "front door"
    line = " ".join(process.cmdline())
    if "SessionActor" in line or "SupervisorActor" in line:
        return "actors"
    return "postgres" if "postgres" in line else "ray"


@contextlib.asynccontextmanager
async def beside(*module: str) -> AsyncIterator[str]:
    """Run a module of ours that takes `--port` as a process of its own while the block lasts; yields its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *module, "--port", str(port), cwd=_TREE)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _accepts(port):
                if process.returncode is not None:
                    message = f"{' '.join(module)} did not start"
                    raise RuntimeError(message)
                await asyncio.sleep(POLL_S)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def told(*module: str) -> bytes:
    """Run a module of ours as a process of its own, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *module, cwd=_TREE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    if process.returncode:
        message = f"{' '.join(module)} ended with code {process.returncode}"
        raise RuntimeError(message)
    return printed


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _is_healthy(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/health") as response:
            return response.ok
    except aiohttp.ClientError:
        return False
