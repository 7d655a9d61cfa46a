"""A capability whose tools die, wait or are cut off; the server under test loads it as an installed package's."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Final

from perdure import Capability, OnInterrupt, ToolContext, tool

POLL_S: Final = 0.01


class Saboteur(Capability):
    """Tools for tests that kill."""

    id = "saboteur"
    name = "Saboteur"
    description = "Tools that wait in the middle of their work, end their process or hold it up."

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def work(self, context: ToolContext, diary: str, gate: str) -> str:
        """Write into the diary, wait for the gate to open, and finish. Safe to repeat."""
        return await _work(context, diary, gate)

    @tool(on_interrupt=OnInterrupt.ONCE)
    async def work_once(self, context: ToolContext, diary: str, gate: str) -> str:
        """Write into the diary, wait for the gate to open, and finish. Not safe to repeat."""
        return await _work(context, diary, gate)

    @tool(on_interrupt=OnInterrupt.ASK, display_name="Hard work")
    async def work_ask(self, context: ToolContext, diary: str, gate: str) -> str:
        """Write into the diary, wait for the gate to open, and finish. Only a person knows whether to repeat it."""
        return await _work(context, diary, gate)

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def crash(self, context: ToolContext) -> str:
        """End the process, without a word."""
        os.kill(os.getpid(), signal.SIGKILL)
        return "never"

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def devour(self, context: ToolContext) -> str:
        """Ask for more memory than any machine has."""
        return f"{len(bytearray(1 << 60))} bytes"

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def block(self, context: ToolContext) -> str:
        """Hold the whole process up, as a tool does that computes or waits where it should not."""
        time.sleep(600)  # noqa: ASYNC251  that is what it is for
        return "never"


async def _work(context: ToolContext, diary: str, gate: str) -> str:
    _note(diary, f"began {context.tool_call_id}")
    while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240  another process opens it
        await asyncio.sleep(POLL_S)
    _note(diary, f"ended {context.tool_call_id}")
    return "worked"


def _note(diary: str, line: str) -> None:
    with Path(diary).open("a") as file:
        file.write(f"{line}\n")
