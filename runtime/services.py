"""What a session needs around it, and the numbers it goes by. Built once per process, in `wiring.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runtime.agent import RuntimeAgent
from runtime.core.definition import SessionDefinition
from runtime.journal import Journal, JournalStore
from runtime.model import Model, ModelRef
from runtime.ports import KeyValues, Workspace


@dataclass(frozen=True, slots=True)
class Tunables:
    """The engine's numbers. Times are in seconds."""

    delta_interval_s: float = 0.05
    client_tool_timeout_s: float = 300.0
    decision_timeout_s: float = 86_400.0
    tool_timeout_s: float = 600.0
    tool_result_bytes: int = 1_000_000
    tools_at_once: int = 16
    calls_per_answer: int = 128
    answer_limit_bytes: int = 4_000_000
    model_call_s: float = 1800.0
    model_attempts: int = 5
    retry_first_s: float = 0.5
    retry_most_s: float = 30.0
    snapshot_every_events: int = 200


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose configuration a session runs with; `revision` rises when its own definition changes."""

    session_id: str
    harness_id: str
    agent_id: str | None
    definition: SessionDefinition
    revision: int = 1


class Agents(Protocol):
    """Composes what a turn runs with, from the live definitions."""

    async def load(self, owner: Owner) -> RuntimeAgent:
        """Return the composed agent; sessions that ask at the same time share one query.

        Raises:
            InvalidInputError: the harness or agent was archived or deleted; the words are for the user.
            StoreUnavailableError: the database is away.
        """
        ...


class Models(Protocol):
    """Knows every model by id and name."""

    def find(self, key: str) -> ModelRef:
        """Return a model by public id, `provider:name` or name. Raises NotFoundError("model")."""
        ...

    def default(self) -> ModelRef:
        """Return the model for sessions that name none."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside that a session calls on."""

    journal: Journal
    store: JournalStore
    agents: Agents
    models: Models
    model: Model
    workspace: Callable[[str], Workspace]
    keys: Callable[[str], KeyValues]
    tunables: Tunables
