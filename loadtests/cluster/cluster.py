"""Starts and ends what is played: a Postgres with its rows, and the benchmark's processes."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

from ray.exceptions import RayError

from loadtests.cluster.doors import HALL_SOCKET
from loadtests.cluster.gauge import GAUGE_SOCKET, Reading
from loadtests.cluster.line import Handle, Line
from loadtests.cluster.plan import COMPANIES, HALLS, Plan, Scale
from loadtests.cluster.played_ray import COMPANY_SOCKET, SUPERVISOR_SOCKET
from loadtests.cluster.process import lift_limits
from loadtests.cluster.rows import fill
from runtime.store.embedded import EmbeddedPostgres

TREE: Final = Path(__file__).resolve().parents[2]
TOLD_CHARS: Final = 3_000
POLL_S: Final = 0.05


class Cluster:
    """A cluster that is up: its supervisor is ready, and its doors are open."""

    def __init__(self, plan: Plan, progress: Callable[[str], None]) -> None:
        self.plan = plan
        self.progress = progress
        self.supervisor = Handle(Line(plan.socket(SUPERVISOR_SOCKET)))
        self._gauge = Line(plan.socket(GAUGE_SOCKET))
        self._companies = [Line(plan.socket(COMPANY_SOCKET.format(number))) for number in range(COMPANIES)]
        self._halls = [Line(plan.socket(HALL_SOCKET.format(number))) for number in range(HALLS)]
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._unasked = plan.scale.placed

    @classmethod
    @asynccontextmanager
    async def playing(cls, scale: Scale, progress: Callable[[str], None]) -> AsyncIterator[Self]:
        """Give a cluster whose data goes with it."""
        lift_limits()
        async with AsyncExitStack() as stack:
            home = Path(tempfile.mkdtemp(prefix="perdure-cluster-"))
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            postgres = EmbeddedPostgres(home)
            stack.push_async_callback(postgres.stop)
            plan = Plan(str(home), await postgres.start(), scale)
            await fill(plan, progress)
            cluster = cls(plan, progress)
            stack.push_async_callback(cluster._end)
            await cluster._begin()
            yield cluster

    async def _begin(self) -> None:
        await self._start_all(COMPANY_SOCKET, self._companies, "stand_ins")
        began = time.monotonic()
        await self.start_supervisor()
        await self.until_ready(None)
        self.progress(f"cluster: {self.plan.scale.actors:,} actors are known after {time.monotonic() - began:.1f} s")
        await self._start_all(HALL_SOCKET, self._halls, "doors")
        await self.halls("open")

    async def _start_all(self, name: str, lines: Sequence[Line], module: str) -> None:
        starts = [self.start(name.format(number), line, module, str(number)) for number, line in enumerate(lines)]
        await asyncio.gather(*starts)

    async def _end(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # ------------------------------------------------------------ processes

    async def start(self, name: str, line: Line, module: str, *arguments: str) -> None:
        """Start a process of the benchmark and return once it can be called. Raises RuntimeError if it cannot."""
        await self.launch(name, module, *arguments)
        deadline = time.monotonic() + self.plan.scale.patience_s
        while not await line.is_open():
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(self._said(name, "does not come up"))
            await asyncio.sleep(POLL_S)

    async def launch(self, name: str, module: str, *arguments: str) -> None:
        """Start a process of the benchmark; what it says goes into a file."""
        with self._log(name).open("ab") as output:
            self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"loadtests.cluster.{module}", self.plan.written, *arguments,
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, cwd=TREE,
            )  # fmt: skip

    def check(self) -> None:
        """Raise RuntimeError if a process has ended that should not have; what it said last is told."""
        for name, process in self._processes.items():
            if process.returncode is not None:
                raise RuntimeError(self._said(name, f"has ended with {process.returncode}"))

    def _said(self, name: str, what: str) -> str:
        return f"{name} {what}:\n{self._log(name).read_text()[-TOLD_CHARS:]}"

    def _log(self, name: str) -> Path:
        return Path(self.plan.home) / f"{name}.log"

    async def start_supervisor(self) -> None:
        """Start the supervisor's process, for the first time or again."""
        await self.start(SUPERVISOR_SOCKET, self._gauge, "supervisor")

    async def kill_supervisor(self) -> float:
        """Kill the supervisor and return when."""
        process = self._processes[SUPERVISOR_SOCKET]
        process.kill()
        at = time.monotonic()
        await process.wait()
        return at

    async def until_ready(self, patience_s: float | None) -> None:
        """Return once the supervisor can place a session. Raises TimeoutError if that takes longer."""
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    await self.supervisor.ready.remote()
                except RayError:
                    self.check()
                    await asyncio.sleep(POLL_S)
                else:
                    return

    # ------------------------------------------------------------ what is asked of them

    async def read(self) -> Reading:
        """Return what the supervisor's gauge shows since the last look."""
        reading: Reading = await self._gauge.call("read")
        return reading

    async def halls(self, method: str, *arguments: object) -> list[Any]:
        """Call the processes of doors, and return the answer of each."""
        return await asyncio.gather(*(hall.call(method, *arguments) for hall in self._halls))

    async def companies(self, method: str, *arguments: object) -> list[Any]:
        """Call the processes of stand-ins, and return the answer of each."""
        return await asyncio.gather(*(company.call(method, *arguments) for company in self._companies))

    async def watch(self) -> None:
        """Have somebody listen at all doors, if nobody does yet."""
        scale = self.plan.scale
        self.progress(f"doors: {scale.watched:,} listeners at each of {scale.doors} ...")
        await self.halls("watch")

    def unasked(self, count: int) -> range:
        """Return sessions that live nowhere and of which nobody has asked anything yet."""
        first = self._unasked
        self._unasked += count
        return range(first, self._unasked)
