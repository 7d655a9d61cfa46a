"""Layers as they are stored, for tests to compose."""

from typing import Any

from runtime.core.authored.definition import Agent, AgentDefinition, Harness, HarnessDefinition

TIME = "2026-03-01T12:00:00.000Z"


def harness(number: int = 1, status: str = "active", **fields: Any) -> Harness:
    """Return a harness whose definition has these fields."""
    return Harness(
        id=f"harness_{number:032x}",
        name=f"harness-{number}",
        status=status,
        is_built_in=False,
        parent_id=None,
        revision=1,
        definition=HarnessDefinition(**fields),
        created_at=TIME,
        updated_at=TIME,
    )


def agent(status: str = "active", **fields: Any) -> Agent:
    """Return an agent whose definition has these fields."""
    return Agent(
        id=f"agent_{1:032x}",
        name="helper",
        status=status,
        harness_id=f"harness_{1:032x}",
        revision=1,
        definition=AgentDefinition(**fields),
        created_at=TIME,
        updated_at=TIME,
    )
