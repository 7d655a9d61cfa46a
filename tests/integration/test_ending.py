"""What signals ask for, of a process whose threads hang in native code."""

import signal
import subprocess
import sys

HANGS = """
import asyncio, sys, time
from api.ending import Ending

async def work():
    print("hanging", flush=True)
    await asyncio.shield(asyncio.to_thread(time.sleep, 600))

async def serve():
    ending = Ending(lambda step: print(step, flush=True))
    await ending.run(work())

asyncio.run(serve())
"""


def test_third_signal_ends_what_hangs() -> None:
    """Promised: Python would wait for its threads for ever; whoever asks three times does not."""
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  ours
        assert process.stdout is not None
        for said in ("hanging", "Stopping: clients, actors, Ray, Postgres", "Stopping at once"):
            assert process.stdout.readline().strip() == said
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 137
