"""Events of one batch of tool calls."""

from typing import Any, ClassVar, Final

import msgspec

from runtime.core.event.envelope import Payload
from runtime.core.message import Part, ToolCallPart

# What became of a call that a crash left without an outcome (`transcript.repaired`).
REPLAY: Final = "replay"  # it is run again
SYNTHESIZE: Final = "synthesize"  # it is settled without being run again

# What a person may decide about one (`tool.decision_made`).
HAPPENED: Final = "happened"
RETRY: Final = "retry"
SKIP: Final = "skip"


class ToolCallSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call without its arguments, for people."""

    id: str
    name: str
    display_name: str | None = None


class ActStarted(Payload, frozen=True):
    """A batch of tool calls begins."""

    type: ClassVar[str] = "act.started"
    tool_calls: tuple[ToolCallSummary, ...]


class ActCompleted(Payload, frozen=True):
    """Every call of the batch has its result."""

    type: ClassVar[str] = "act.completed"
    completed: bool
    success_count: int
    error_count: int
    duration_ms: int | None = None


class ToolStarted(Payload, frozen=True):
    """The intent to run a tool, committed before the tool runs; `on_interrupt` is the tool's policy then."""

    type: ClassVar[str] = "tool.started"
    tool_call: ToolCallPart
    display_name: str | None = None
    on_interrupt: str | None = None


class ToolCompleted(Payload, frozen=True):
    """The outcome of a call; `status` is success, error, timeout or cancelled.

    `outcome_unknown`: the call was cut off or stopped, and may or may not have taken effect.
    """

    type: ClassVar[str] = "tool.completed"
    tool_call_id: str
    tool_name: str
    success: bool
    status: str
    result: tuple[Part, ...] | None = None
    error: str | None = None
    duration_ms: int | None = None
    display_name: str | None = None
    outcome_unknown: bool = False


class ToolProgress(Payload, frozen=True):
    """Words from a tool that is still running."""

    type: ClassVar[str] = "tool.progress"
    tool_call_id: str
    tool_name: str
    message: str
    display_name: str | None = None


class ToolOutputDelta(Payload, frozen=True):
    """More output of a running tool, on `stdout` or `stderr`."""

    type: ClassVar[str] = "tool.output.delta"
    is_ephemeral: ClassVar[bool] = True
    tool_call_id: str
    tool_name: str
    delta: str
    stream: str


class ToolCallRequested(Payload, frozen=True):
    """Calls that the client must run; the turn waits for their results."""

    type: ClassVar[str] = "tool.call_requested"
    tool_calls: tuple[ToolCallPart, ...]
    tool_summaries: tuple[ToolCallSummary, ...] | None = None


class DecisionChoice(msgspec.Struct, frozen=True):
    """One thing that a person may decide, with the words for a button and what it does."""

    decision: str
    label: str
    description: str


class ToolDecisionRequested(Payload, frozen=True):
    """A crash cut off a call that only a person may judge: nobody knows whether it took effect.

    The turn waits, at most until `expires_at`. `attempt` counts from 1 and names what is asked about;
    `headline`, `message` and `choices` are the words to show.
    """

    type: ClassVar[str] = "tool.decision_requested"
    tool_call: ToolCallPart
    attempt: int
    idempotency_key: str
    expires_at: str
    headline: str
    message: str
    choices: tuple[DecisionChoice, ...]
    display_name: str | None = None


class ToolDecisionMade(Payload, frozen=True):
    """A person decided: `happened` (with this `result`), `retry` or `skip`. `note` is for whoever reads the log."""

    type: ClassVar[str] = "tool.decision_made"
    tool_call_id: str
    tool_name: str
    attempt: int
    decision: str
    result: Any = None
    note: str | None = None


class TranscriptRepaired(Payload, frozen=True):
    """A call that a crash left without a result is run again (`replay`) or was settled (`synthesize`)."""

    type: ClassVar[str] = "transcript.repaired"
    tool_call_id: str
    action: str
    tool_name: str | None = None
