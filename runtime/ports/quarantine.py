"""Sessions that were stopped because they kept ending their process: what is known of why.

Who lets one go on is `Sessions.acquit`.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from runtime.core.placement.supervision import Crash
from runtime.ports.listed import Listed


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A session in quarantine. `crashes` are the last ones, the oldest first.

    `begun` is the type of the last step that it began, `tool_name` the tool's, if it was one: there it died. With
    `is_given_up` it ended its process even while its turn was being failed.
    """

    session_id: str
    title: str | None
    agent_id: str | None
    turn_id: str | None
    begun: str | None
    tool_name: str | None
    is_given_up: bool
    crashes: Sequence[Crash]


class Quarantine(Protocol):
    """An organisation's sessions in quarantine."""

    async def list(self, offset: int = 0, limit: int = 20) -> Listed[Stopped]:
        """Return a part of them, those first that were stopped last."""
        ...

    async def find(self, session_id: str) -> Stopped | None:
        """Return one of them; None if that session is not there, or not in quarantine."""
        ...
