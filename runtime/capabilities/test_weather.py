"""Weather out of thin air, the same for the same place every time: for tests and demonstrations without a network."""

import zlib
from typing import Annotated, Final

from pydantic import Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool

_CONDITIONS: Final = ("sunny", "partly cloudy", "cloudy", "rain", "thunderstorm", "snow", "fog", "windy")


class Weather(Capability):
    """Two tools that make up the weather."""

    id = "test_weather"
    name = "Test: weather"
    description = "Makes up the weather of any place. For tests and demonstrations."
    category = "testing"

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Get weather", hints={"readonly": True})
    async def get_weather(
        self, context: ToolContext, location: Annotated[str, Field(min_length=1)]
    ) -> dict[str, object]:
        """Get the current weather of a place."""
        return {"location": location, **_weather(location, 0)}

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Get forecast", hints={"readonly": True})
    async def get_forecast(
        self,
        context: ToolContext,
        location: Annotated[str, Field(min_length=1)],
        days: Annotated[int, Field(ge=1, le=14)] = 3,
    ) -> dict[str, object]:
        """Get the weather of the coming days of a place."""
        return {
            "location": location,
            "forecast": [{"day": day, **_weather(location, day)} for day in range(1, days + 1)],
        }


def _weather(location: str, day: int) -> dict[str, object]:
    chance = zlib.crc32(f"{location.strip().lower()}/{day}".encode())
    return {
        "temperature_c": chance % 45 - 10,
        "conditions": _CONDITIONS[chance // 45 % len(_CONDITIONS)],
        "humidity_percent": chance // 1000 % 81 + 20,
    }
