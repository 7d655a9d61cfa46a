"""The state of a session: what its log comes to. A live session has nothing beside it, so a snapshot is this."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Any, Final

import msgspec

from runtime.core.event import Tried
from runtime.core.message import NO_USAGE, ToolCallPart, Turned, Usage
from runtime.core.session.inputs import Inputs
from runtime.core.session.phase import Phase

PREVIEW_CHARS: Final = 200


class Status(StrEnum):
    """What the wire shows (docs/wire.md, "Sessions")."""

    STARTED = "started"
    ACTIVE = "active"
    IDLE = "idle"
    WAITING = "waitingfortoolresults"


class Call(msgspec.Struct):
    """One tool call of the current batch."""

    call: ToolCallPart
    is_started: bool = False
    is_done: bool = False
    succeeded: bool = False
    started_at: str | None = None
    span_id: str | None = None
    attempts: int = 0
    decide_by: str | None = None  # a person was asked about the last attempt, and may answer until then
    decision: str | None = None  # what the person said of it

    @property
    def awaits_decision(self) -> bool:
        """Whether a person was asked about it and has not answered."""
        return self.decide_by is not None and self.decision is None and not self.is_done


class Turn(msgspec.Struct):
    """The turn that is open. Times are RFC 3339."""

    turn_id: str
    input_message_id: str
    started_at: str
    iterations: int = 0  # model calls finished
    exec_id: str = ""  # of the reason step that is open, or was last
    reason_started_at: str = ""
    heard: int = 0  # messages that the open or last model call was given
    message_id: str | None = None  # the agent message that is being streamed
    is_thinking: bool = False
    tried: list[Tried] = []  # models of the chain that did not answer the open or last call
    error_code: str | None = None  # of the last model call, if it failed; and how that was told
    error: str = ""
    error_fields: dict[str, Any] | None = None
    error_disclosure: str | None = None
    calls: list[Call] = []
    act_id: str | None = None  # the act step that is open
    act_started_at: str = ""
    requested_at: str | None = None  # since when the client owes results
    tool_calls: int = 0
    usage: Usage = NO_USAGE
    first_token_ms: int | None = None
    final_message_id: str | None = None
    final_text: str = ""

    def pending(self) -> list[Call]:
        """The calls of the batch that have no result yet."""
        return [c for c in self.calls if not c.is_done]

    def undecided(self) -> list[Call]:
        """The calls about which a person was asked and has not answered."""
        return [c for c in self.calls if c.awaits_decision]


class SessionState(msgspec.Struct):
    """Everything that an actor must know to go on. A snapshot is this, at `last_sequence`."""

    session_id: str
    last_sequence: int = 0
    last_event_id: str = ""
    phase: Phase = Phase.READY
    is_started: bool = False
    turn: Turn | None = None
    messages: list[Turned] = []
    generated: int = 0  # messages that an llm.generation has already shown
    waiting_inputs: list[str] = []  # accepted user messages that no turn was begun for, and no model has heard
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    usage: Usage = NO_USAGE
    shows_pictures: bool = False  # whether a message names a picture that is kept elsewhere
    turns: int = 0
    steps: int = 0  # model and tool calls finished: what supervision calls progress
    title: str | None = None
    preview: str | None = None
    output_preview: str | None = None

    @property
    def awaits_client(self) -> bool:
        """Whether the client owes results; once they are in, the turn goes on by itself."""
        return self.phase is Phase.WAITING and self.turn is not None and bool(self.turn.pending())

    @property
    def awaits_decision(self) -> bool:
        """Whether a person must decide about calls; once they all are decided, the turn goes on by itself."""
        return self.phase is Phase.HELD and self.turn is not None and bool(self.turn.undecided())

    @property
    def is_waiting(self) -> bool:
        """Whether nothing runs until somebody outside answers."""
        return self.awaits_client or self.awaits_decision

    def back_from(self, count: int) -> Iterator[Turned]:
        """Return the first so many messages, the newest of them first; nothing is copied, for a talk may be long."""
        return islice(reversed(self.messages), len(self.messages) - count, None)

    @property
    def status(self) -> Status:
        """The wire's word for where the session stands."""
        if self.is_waiting:
            return Status.WAITING
        if self.waiting_inputs or (self.turn is not None and self.phase is not Phase.CLOSED):
            return Status.ACTIVE
        return Status.IDLE if self.turns else Status.STARTED
