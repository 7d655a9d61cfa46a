"""Small values that a session keeps."""

from typing import Annotated, Literal

from pydantic import Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.errors import ToolError


class SessionStorage(Capability):
    """A key-value store."""

    id = "session_storage"
    name = "Session storage"
    description = "Lets the agent keep values under keys for the length of the session."
    category = "core"
    icon = "database"
    features = ("key_value",)

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Key-value store", concurrency_class="kv_store")
    async def kv_store(
        self,
        context: ToolContext,
        operation: Literal["set", "get", "delete", "list"],
        key: Annotated[str | None, Field(description="Needed by all but list.")] = None,
        value: Annotated[str | None, Field(description="Needed by set.")] = None,
    ) -> dict[str, object]:
        """Keep values for later in this session."""
        if operation == "list":
            return {"keys": [pair.key for pair in await context.keys.list()]}
        if not key:
            message = f"{operation} needs a key."
            raise ToolError(message)
        match operation:
            case "set":
                if value is None:
                    message = "set needs a value."
                    raise ToolError(message)
                await context.keys.set(key, value)
                return {"key": key, "stored": True}
            case "get":
                found = await context.keys.get(key)
                return {"key": key, "value": found, "found": found is not None}
            case "delete":
                return {"key": key, "deleted": await context.keys.delete(key)}
