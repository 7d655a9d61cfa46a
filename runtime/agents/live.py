"""What a session is bound to, and who composes what it runs with from the live definitions."""

from dataclasses import dataclass
from typing import Protocol

from runtime.agents.composition import RuntimeAgent
from runtime.core.authored.definition import SessionDefinition


@dataclass(frozen=True, slots=True)
class Binding:
    """Whose configuration a session runs with, and what it adds; `revision` rises when that changes."""

    session_id: str
    org_id: str
    harness_id: str
    agent_id: str | None
    definition: SessionDefinition
    revision: int = 1


class Composer(Protocol):
    """Composes what a turn runs with, from the live definitions."""

    async def load(self, binding: Binding) -> RuntimeAgent:
        """Return the composed agent; sessions that ask at the same time share one query.

        Raises:
            InvalidInputError: the harness or agent was archived or deleted; the words are for the user.
            StoreUnavailableError: the database is away.
        """
        ...
