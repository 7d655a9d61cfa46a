"""The session itself: what it is called and how far it has come."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.errors import ToolError
from runtime.core.event import SessionTitleUpdated

MAX_TITLE_CHARS = 200


class SessionConfig(BaseModel):
    """How the capability behaves."""

    auto_title: bool = Field(default=False, description="Ask the agent to name the session by itself.")


class SessionDetails(Capability):
    """Title and details of the session."""

    id = "session"
    name = "Session"
    description = "Lets the agent look at its session and name it."
    category = "core"
    icon = "message-square"
    Config = SessionConfig

    def prompt(self, config: Mapping[str, Any]) -> str | None:
        """Ask for a title, if wanted."""
        if not config["auto_title"]:
            return None
        return "As soon as it is clear what the session is about, give it a title of a few words. Do not mention it."

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Get session info", hints={"readonly": True})
    async def get_session_info(self, context: ToolContext) -> dict[str, object]:
        """Get the id, title, language and age of this session."""
        session = context.session
        return {
            "session_id": session.session_id,
            "agent_id": session.agent_id,
            "title": session.title,
            "locale": session.locale,
            "created_at": session.created_at,
            "message_count": session.message_count,
        }

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Write session title", hints={"idempotent": True})
    async def write_session_title(
        self,
        context: ToolContext,
        title: Annotated[str, Field(description="A few words.", max_length=MAX_TITLE_CHARS)],
    ) -> dict[str, object]:
        """Name this session."""
        title = " ".join(title.split())
        if not title:
            message = "A title must not be empty."
            raise ToolError(message)
        previous = context.session.title
        if title != previous:
            context.emit(SessionTitleUpdated(title=title, previous_title=previous))
        return {"title": title, "previous_title": previous}
