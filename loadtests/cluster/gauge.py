"""How a process fares, told by itself: its CPU, its memory, and for how long its event loop was held."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import psutil

GAUGE_SOCKET: Final = "gauge"
TICK_S: Final = 0.001


@dataclass(frozen=True)
class Reading:
    """Of a process: CPU used so far, memory, and the longest time for which its loop did not tick.

    `held_cpu_ms` counts what the loop's thread itself used in that time, `held_ms` also what others took from it.
    """

    at_s: float
    cpu_s: float
    memory_bytes: int
    held_ms: float
    held_cpu_ms: float


class Gauge:
    """Looks at its own process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._held_s = self._held_cpu_s = 0.0

    async def tick(self) -> None:
        """Measure for ever."""
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(TICK_S)
            before_wall, before_cpu = wall, cpu
            wall, cpu = time.perf_counter(), time.thread_time()
            self._held_s = max(self._held_s, wall - before_wall - TICK_S)
            self._held_cpu_s = max(self._held_cpu_s, cpu - before_cpu)

    async def read(self) -> Reading:
        """Return what there is since it was read last."""
        held_s, held_cpu_s = self._held_s, self._held_cpu_s
        self._held_s = self._held_cpu_s = 0.0
        times, memory = self._process.cpu_times(), self._process.memory_info().rss
        return Reading(time.monotonic(), times.user + times.system, memory, held_s * 1000, held_cpu_s * 1000)
