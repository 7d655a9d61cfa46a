"""A capability whose tools say what they should not, in every way there is; loaded as an installed package's."""

import logging
import os
import signal

from perdure import Capability, OnInterrupt, ToolContext, ToolError, ToolOutputDelta, ToolProgress, tool

NAME = "TOKEN"


class Indiscreet(Capability):
    """Tools that are given a secret and tell it."""

    id = "indiscreet"
    name = "Indiscreet"
    description = "Tells secrets."

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def tell(self, context: ToolContext) -> dict[str, object]:
        """Return a secret, and say it on the way."""
        value = str(await context.secrets.reveal(NAME))
        logging.getLogger("indiscreet").warning("the secret is %s", value)
        context.emit(ToolProgress(context.tool_call_id, "tell", value))
        context.emit(ToolOutputDelta(context.tool_call_id, "tell", value, "stdout"))
        for start in range(0, len(value), 5):
            context.emit(ToolOutputDelta(context.tool_call_id, "tell", value[start : start + 5], "stderr"))
        return {"value": value, "environment": dict(os.environ)}  # noqa: TID251  a stranger's code reads it too

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def connect(self, context: ToolContext) -> str:
        """Tell the key of the user's account elsewhere."""
        return f"It is {await context.connection('github').reveal()}"

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def fail(self, context: ToolContext) -> str:
        """Say a secret as the reason of a failure."""
        raise ToolError(str(await context.secrets.reveal(NAME)))

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def crash(self, context: ToolContext) -> str:
        """Raise what nobody foresaw, with a secret in it."""
        raise RuntimeError(await context.secrets.reveal(NAME))

    @tool(on_interrupt=OnInterrupt.ONCE)
    async def die(self, context: ToolContext) -> str:
        """End the process while it knows a secret."""
        await context.secrets.reveal(NAME)
        os.kill(os.getpid(), signal.SIGKILL)
        return "never"
