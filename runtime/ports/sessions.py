"""The directory of sessions, as people see them."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from runtime.core.authored.definition import Session, SessionDefinition
from runtime.ports.listed import Listed


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session to be. With `owns_workspace` the workspace is made along with it."""

    id: str
    harness_id: str
    workspace_id: str
    owns_workspace: bool
    definition: SessionDefinition
    agent_id: str | None = None
    parent_id: str | None = None
    title: str | None = None


class Sessions(Protocol):
    """The directory of an organisation's sessions, as one of its users sees it.

    A method that is given one which is not there raises NotFoundError("session").
    """

    async def create(self, new: NewSession) -> Session:
        """Store a new session."""
        ...

    async def get(self, session_id: str) -> Session:
        """Return a session."""
        ...

    async def check(self, session_id: str) -> None:
        """Pass if there is such a session."""
        ...

    async def list(
        self,
        *,
        agent_id: str | None = None,
        search: str | None = None,
        after_id: str | None = None,
        offset: int = 0,
        limit: int = 20,
    ) -> Listed[Session]:
        """Return a page of sessions, newest first; `search` looks at titles, `after_id` begins behind a session.

        Raises:
            NotFoundError: there never was such a session to begin behind.
            InvalidInputError: `search_too_broad`: too many titles hold the text for all of them to be looked at.
        """
        ...

    async def patch(self, session_id: str, changes: Mapping[str, Any]) -> Session:
        """Replace some fields of what a session adds to its agent; its owner sees them when its next turn starts."""
        ...

    async def delete(self, session_id: str) -> None:
        """Take a session out of sight; its log stays."""
        ...

    async def pin(self, session_id: str, *, is_pinned: bool) -> None:
        """Pin a session for the user who asks, or no longer."""
        ...

    async def acquit(self, session_id: str) -> None:
        """Forget a session's crashes and lift its quarantine; if it was given up, it is tried again."""
        ...

    async def snapshot_sequence(self, session_id: str) -> int:
        """Return how far the newest snapshot reaches, 0 if there is none."""
        ...
