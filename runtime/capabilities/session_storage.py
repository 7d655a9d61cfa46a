"""Small values that a session keeps, and secrets that are used by name."""

from typing import Annotated, Literal

from pydantic import Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.errors import ToolError

_NOT_SHOWN = "Its value is not shown: tools that need it are told its name."


class SessionStorage(Capability):
    """A key-value store, and a store for secrets."""

    id = "session_storage"
    name = "Session storage"
    description = "Lets the agent keep values and secrets for the length of the session."
    category = "core"
    icon = "database"
    features = ("key_value", "secrets")

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

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Secret store", concurrency_class="secret_store")
    async def secret_store(
        self,
        context: ToolContext,
        operation: Literal["set", "get", "delete", "list"],
        name: Annotated[str | None, Field(description="Needed by all but list.")] = None,
        value: Annotated[str | None, Field(description="Needed by set.")] = None,
    ) -> dict[str, object]:
        """Keep secrets, encrypted, and see which there are. Values are never shown: tools use them by their names."""
        if operation == "list":
            secrets = await context.secrets.list()
            return {"secrets": [{"name": s.name, "set": True, "fingerprint": s.fingerprint} for s in secrets]}
        if not name:
            message = f"{operation} needs a name."
            raise ToolError(message)
        match operation:
            case "set":
                if not value:
                    message = "set needs a value."
                    raise ToolError(message)
                await context.secrets.put({name: value})
                return await _shown(context, name)
            case "get":
                return await _shown(context, name)
            case "delete":
                return {"name": name, "deleted": await context.secrets.delete(name)}


async def _shown(context: ToolContext, name: str) -> dict[str, object]:
    """Return what a model may know of a secret: that it is there, and a handle for tools, which is its name."""
    found = next((secret for secret in await context.secrets.list() if secret.name == name), None)
    if found is None:
        return {"name": name, "set": False}
    return {"name": name, "set": True, "fingerprint": found.fingerprint, "note": _NOT_SHOWN}
