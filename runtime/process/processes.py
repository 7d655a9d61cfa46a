"""Other processes, and their ends. One that died counts as gone though nobody has reaped it: an init may be late."""

import time
from collections.abc import Sequence
from typing import Final

import psutil

_POLL_S: Final = 0.005


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that died and was not waited for does not."""
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def await_end(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until processes are gone; return those that are not."""
    deadline = time.monotonic() + timeout_s
    while left := [process for process in processes if is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    return left


def kill(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Kill processes that have nothing to save; return those that are not gone in time."""
    for process in processes:
        if is_alive(process):
            process.kill()
    left = await_end(processes, timeout_s)
    psutil.wait_procs(processes, timeout=0)  # to reap them is up to us where they are children of ours
    return left
