"""What this machine allows, measured in the same run: Ray alone, a bare commit.

`python -m loadtests.floors` measures Ray in a process of its own and prints it as JSON.
"""

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final, Self

import asyncpg

from loadtests.server import told, usage_of

CALLS: Final = 300
COMMITS: Final = 300
ACTORS: Final = 3  # a supervisor and two standbys
IDLE_S: Final = 5.0
OBJECT_STORE_BYTES: Final = 200_000_000


@dataclass(frozen=True)
class RayAlone:
    """A Ray with its dashboard, and actors that do nothing, as many as an idle server has.

    `start_s` is from the start of its process until the first actor answers, `call_s` the median of an awaited call.
    `idle_cpu` is the share of one core that is taken when nothing is asked, `memory_bytes` the memory then, both by
    kind of process: front door (here the one that started Ray), actors, ray.
    """

    start_s: float
    call_s: float
    idle_cpu: Mapping[str, float]
    memory_bytes: Mapping[str, int]

    @classmethod
    async def measure(cls) -> Self:
        """Measure it in another process."""
        began = time.time()
        printed = await told("loadtests.floors", repr(began))
        return cls(**json.loads(printed.splitlines()[-1]))


def measure_ray(began: float) -> RayAlone:
    """Start Ray in this process; `began` (Unix seconds) is when the process was started."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
    import ray  # noqa: PLC0415  its import is part of the start

    @ray.remote(num_cpus=0)
    class BareSessionActor:
        async def nothing(self) -> None:
            return None

    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        ray.init(
            address="local",
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
            _temp_dir=folder,
        )
        try:
            make: Any = BareSessionActor
            bare = make.remote()
            ray.get(bare.nothing.remote())
            start_s = time.time() - began
            call_s = median(_seconds(lambda: ray.get(bare.nothing.remote())) for _ in range(CALLS))
            more = [make.remote() for _ in range(ACTORS - 1)]
            ray.get([actor.nothing.remote() for actor in more])
            return RayAlone(start_s, call_s, *_idle())
        finally:
            ray.shutdown()


def _idle() -> tuple[dict[str, float], Mapping[str, int]]:
    before, began = usage_of(os.getpid()), time.perf_counter()
    time.sleep(IDLE_S)
    after, took = usage_of(os.getpid()), time.perf_counter() - began
    return {kind: used / took for kind, used in after.cpu_since(before).items()}, after.memory_bytes


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


async def commit_s(database: str) -> float:
    """Return the median seconds of a commit of one small row, on the server's own Postgres."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CREATE TABLE floor (id int, body text)")
        times = []
        for number in range(COMMITS):
            began = time.perf_counter()
            await connection.execute("INSERT INTO floor VALUES ($1, $2)", number, "x" * 300)
            times.append(time.perf_counter() - began)
        await connection.execute("DROP TABLE floor")
        return median(times)
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measure_ray(float(sys.argv[1])))) + "\n")
