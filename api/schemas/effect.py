"""The effect ledger, and what waits for a person's decision.

Arguments and results are left out of the ledger: they are in the events, and need no second place to leak from.
A pending decision shows the arguments, for nobody could decide without them.
"""

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import msgspec
from pydantic import Field, StringConstraints, model_validator

from api.schemas.fields import MAX_INT, Body, Reply, refuse, refuse_size
from runtime.core import event as ev
from runtime.core.session.decision import Choice, Decision
from runtime.core.session.effect import Decided, Effect, EffectState

MAX_RESULT_BYTES: Final = 100_000  # as much as a client's tool may answer

Note = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class DecisionBody(Body):
    """What became of an interrupted call: it `happened` (with this result), `retry` it, or `skip` it.

    `attempt` says which attempt is meant, as the question did; without it, the one that is asked about now.
    """

    decision: Choice
    result: Any = None
    note: Note | None = None
    attempt: int | None = Field(None, ge=1, le=MAX_INT)

    @model_validator(mode="after")
    def _result_fits(self) -> "DecisionBody":
        if self.result is not None and self.decision != ev.HAPPENED:
            refuse(f"a result goes with the decision {ev.HAPPENED!r} only")
        if len(msgspec.json.encode(self.result)) > MAX_RESULT_BYTES:
            refuse_size(f"a result may have at most {MAX_RESULT_BYTES} bytes")
        return self

    def of(self, tool_call_id: str, attempt: int) -> Decision:
        """Return it as the session takes it."""
        return Decision(
            tool_call_id=tool_call_id, attempt=attempt, choice=self.decision, result=self.result, note=self.note
        )


class DecisionMade(Reply):
    """A decision as it was accepted; `attempt` counts from 1."""

    attempt: int
    decision: str
    decided_at: str
    note: str | None = None

    @classmethod
    def of(cls, decided: Decided) -> "DecisionMade":
        """Return it as the wire shows it."""
        return cls(attempt=decided.attempt, decision=decided.decision, decided_at=decided.decided_at, note=decided.note)


class DecisionReply(DecisionMade):
    """A decision with its call."""

    session_id: str
    tool_call_id: str


class EffectReply(Reply):
    """One call of a tool of the server. `policy` is what the tool says of interruptions: retry, once or ask."""

    tool_call_id: str
    idempotency_key: str
    tool_name: str
    display_name: str | None = None
    turn_id: str
    policy: Literal["retry", "once", "ask"] | None = None
    state: EffectState
    attempts: int
    started_at: str
    finished_at: str | None = None
    duration_ms: int | None = None
    decisions: list[DecisionMade]

    @classmethod
    def of(cls, effect: Effect) -> "EffectReply":
        """Return it as the wire shows it."""
        fields = msgspec.structs.asdict(effect) | {"decisions": [DecisionMade.of(d) for d in effect.decisions]}
        return cls(**fields)


class ChoiceReply(Reply):
    """One thing that may be decided, with the words for a button and what it does."""

    decision: Choice
    label: str
    description: str


class PendingDecision(Reply):
    """A call that a crash cut off, and about which a person must decide at `href` before `expires_at`."""

    session_id: str
    turn_id: str
    tool_call_id: str
    tool_name: str
    display_name: str | None = None
    arguments: dict[str, Any]
    attempt: int
    idempotency_key: str
    headline: str
    message: str
    choices: list[ChoiceReply]
    asked_at: str
    expires_at: str
    href: str

    @classmethod
    def of(cls, event: ev.Event) -> "PendingDecision":
        """Return the question of a `tool.decision_requested` event."""
        data: ev.ToolDecisionRequested = event.data
        call = quote(data.tool_call.id, safe="")
        return cls(
            session_id=event.session_id,
            turn_id=event.context.turn_id or "",
            tool_call_id=data.tool_call.id,
            tool_name=data.tool_call.name,
            display_name=data.display_name,
            arguments=data.tool_call.arguments,
            attempt=data.attempt,
            idempotency_key=data.idempotency_key,
            headline=data.headline,
            message=data.message,
            choices=[ChoiceReply(**msgspec.structs.asdict(choice)) for choice in data.choices],
            asked_at=event.ts,
            expires_at=data.expires_at,
            href=f"/api/v1/durable/sessions/{event.session_id}/effects/{call}/decision",
        )
