"""Events of a turn as a whole."""

from typing import Any, ClassVar

from runtime.core.event.envelope import Payload
from runtime.core.message import Part, Usage


class TurnStarted(Payload, frozen=True):
    """The reason/act loop begins."""

    type: ClassVar[str] = "turn.started"
    turn_id: str
    input_message_id: str
    input_content: tuple[Part, ...] | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    agent_description: str | None = None


class TurnCompleted(Payload, frozen=True):
    """The turn ended well. Durations are in milliseconds."""

    type: ClassVar[str] = "turn.completed"
    turn_id: str
    iterations: int
    duration_ms: int | None = None
    usage: Usage | None = None
    final_message_id: str | None = None
    final_answer_preview: str | None = None
    time_to_first_token_ms: int | None = None
    tool_call_count: int | None = None
    llm_call_count: int | None = None
    status: str | None = None


class TurnFailed(Payload, frozen=True):
    """The turn could not go on; the session stays usable. The codes are those of `runtime.core.failure`."""

    type: ClassVar[str] = "turn.failed"
    turn_id: str
    error: str
    error_code: str | None = None
    error_fields: dict[str, Any] | None = None
    error_disclosure: str | None = None


class TurnCancelled(Payload, frozen=True):
    """Somebody stopped the turn."""

    type: ClassVar[str] = "turn.cancelled"
    turn_id: str
    reason: str | None = None
    usage: Usage | None = None


class TurnSealed(Payload, frozen=True):
    """The turn was ended for good by a guard: `no_progress` or `budget`."""

    type: ClassVar[str] = "turn.sealed"
    turn_id: str
    reason: str
    detail: str | None = None
    iterations: int | None = None
    usage: Usage | None = None
