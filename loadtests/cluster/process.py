"""What every process of the benchmark begins with."""

import os
import resource
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import uvloop


def play(work: Coroutine[Any, Any, None]) -> None:
    """Run a part, until whoever started the process closes its standard input: by its own end at the latest."""
    lift_limits()
    threading.Thread(target=_end_with_starter, daemon=True).start()
    uvloop.run(work)


def lift_limits() -> None:
    """Allow this process as many open sockets as the system lets it have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _end_with_starter() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
