"""A capability whose tools keep a diary outside the system; the server under test loads it as an installed package's.

The one module here that runs inside the server, so the one that knows the server's interface for capabilities.
"""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Final

from loadtests.chaos.garbage import TEXTS, Garbage, nested
from perdure import Capability, OnInterrupt, ToolContext, ToolError, tool

VARIABLE: Final = "CHAOS_DIARY"


class Diarist(Capability):
    """Tools that say when they began and when they ended, one that babbles and one that kills."""

    id = "chaos_diarist"
    name = "Diarist"
    description = "Tools that keep a diary outside the system, for counting what really ran."

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def write_again(self, context: ToolContext, ms: int) -> str:
        """Work for so many milliseconds. Safe to repeat."""
        return await _work("write_again", context.tool_call_id, ms)

    @tool(on_interrupt=OnInterrupt.ONCE)
    async def write_once(self, context: ToolContext, ms: int) -> str:
        """Work for so many milliseconds. Not safe to repeat."""
        return await _work("write_once", context.tool_call_id, ms)

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def write_garbage(self, context: ToolContext, kind: str, fails: bool = False) -> object:  # noqa: FBT001, FBT002  a model's arguments have names
        """Return garbage, or fail with it. Safe to repeat."""
        await _work("write_garbage", context.tool_call_id, 20)
        if fails:
            raise ToolError(TEXTS[Garbage(kind)])
        return nested() if kind == Garbage.DEEP else {TEXTS[Garbage(kind)]: TEXTS[Garbage(kind)]}

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def die(self, context: ToolContext) -> str:
        """End the process without a word."""
        os.kill(os.getpid(), signal.SIGKILL)
        return "never"


async def _work(tool_name: str, call_id: str, ms: int) -> str:
    _note("began", tool_name, call_id)
    await asyncio.sleep(ms / 1000)
    _note("ended", tool_name, call_id)
    return f"worked for {ms} ms"


def _note(what: str, tool_name: str, call_id: str) -> None:
    # One write below PIPE_BUF at the end of the file: lines of many processes do not mix. The monotonic clock
    # is one for all processes of a machine.
    line = f"{what} {tool_name} {call_id} {time.monotonic():.6f}\n"
    with Path(os.environ[VARIABLE]).open("ab", buffering=0) as diary:
        diary.write(line.encode())
