"""What time it is."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.errors import ToolError


class CurrentTime(Capability):
    """A clock."""

    id = "current_time"
    name = "Current time"
    description = "Tells the current date and time in any time zone."
    category = "core"
    icon = "clock"

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Get current time", hints={"readonly": True})
    async def get_current_time(
        self,
        context: ToolContext,
        timezone: Annotated[str, Field(description="IANA name, such as Europe/Berlin.")] = "UTC",
        format: Literal["iso8601", "unix", "human"] = "iso8601",  # noqa: A002  a published name
    ) -> dict[str, object]:
        """Get the current date and time."""
        try:
            now = context.now().astimezone(ZoneInfo(timezone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            message = f"There is no time zone {timezone!r}; use an IANA name such as Europe/Berlin."
            raise ToolError(message) from err
        match format:
            case "iso8601":
                time: str | int = now.isoformat(timespec="seconds")
            case "unix":
                time = int(now.timestamp())
            case "human":
                time = f"{now:%A, %d %B %Y, %H:%M:%S %Z}"
        return {"time": time, "timezone": timezone, "format": format}
