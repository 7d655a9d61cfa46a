"""The session's owner, seen from the front door."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from runtime.core.access.principal import Principal
from runtime.core.message import Message
from runtime.core.session.decision import Decision
from runtime.core.wire import Wire
from runtime.ports.listed import Listed


class Input(Wire, frozen=True, kw_only=True):
    """A user message on its way in. `message` was minted by the caller, so that a retry is the same message."""

    message: Message
    tags: tuple[str, ...] | None = None
    idempotency_key: str | None = None


class ClientResult(Wire, frozen=True):
    """What the client's tool answered: JSON, or words as `error`."""

    tool_call_id: str
    result: Any = None
    error: str | None = None


class Frame(msgspec.Struct, frozen=True, dict=True, array_like=True):
    """One event on its way out, in no protocol's form: `body` is its JSON, as stored. Deltas have sequence 0.

    All readers in a process share it, so what a protocol makes of it once can be kept beside its fields, in `vars`.
    """

    sequence: int
    type: str
    id: str
    body: bytes


STARTING: Final = "starting"


class ActorInfo(Wire, frozen=True, kw_only=True):
    """One actor, for operators.

    `sessions` is a count; so is `waiting`, of those for whom the supervisor has no actor yet, and
    until it can place any its `state` is STARTING.
    """

    name: str
    role: str
    actor_id: str | None
    node_id: str | None
    pid: int | None
    state: str
    sessions: int
    rss_bytes: int
    started_at: str
    waiting: int = 0


class Subscription(Protocol):
    """The live events of one session, from the moment of subscribing.

    Frames come in order; durable ones without a gap after `start_sequence`, also those that the reader had already,
    until `lagged` is true: then the reader was too slow, its queue was dropped, and it goes on from the journal after
    the last sequence it has seen, with a new subscription. Iteration ends when the subscription is closed.
    """

    start_sequence: int  # of the last durable event committed before the first frame
    partial: Frame | None  # a delta with all of the message that is being streamed, for a late joiner

    @property
    def lagged(self) -> bool:
        """Whether frames were dropped because the reader was too slow."""
        ...

    def reached(self, sequence: int) -> None:
        """Tell how far the reader has come in the journal, so that the live frames go on from there."""
        ...

    async def next(self) -> Sequence[Frame]:
        """Wait for frames and return all that have piled up; empty once closed or lagged."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Gateway(Protocol):
    """The live sessions, wherever they are. Each call finds the owner or brings the session to life.

    `by` is who asks: where the session lives it is seen that they may. Every method raises NotFoundError("session") for
    one that is not there or not of their organisation, ForbiddenError for what their credential is not good for, and
    SessionMovingError, OverloadedError or StoreUnavailableError when the session could not be reached in time.
    """

    async def send(self, by: Principal, session_id: str, message: Input) -> Message:
        """Accept a user message; returns after its commit. The same id or key again returns the first message.

        Raises ConflictError("idempotency_key_reused") for a key that came with another content.
        """
        ...

    async def cancel(self, by: Principal, session_id: str) -> bool:
        """Stop the running turn; False if there was none."""
        ...

    async def submit_results(self, by: Principal, session_id: str, results: Sequence[ClientResult]) -> str:
        """Hand in the results that the session waits for; returns its status after.

        Raises ConflictError.not_waiting(), and InvalidInputError("tool_call_mismatch") when the ids are not
        exactly the pending ones.
        """
        ...

    async def submit_decision(self, by: Principal, session_id: str, decision: Decision) -> bool:
        """Take what a person decided about an interrupted call; False if nobody asks about that attempt now.

        Either way the log tells, when this returns, what was decided.
        """
        ...

    async def rename(self, by: Principal, session_id: str, title: str) -> None:
        """Give the session another title; returns after its commit."""
        ...

    async def close_session(self, by: Principal, session_id: str) -> None:
        """Cancel what runs and let the session go, because it is being deleted."""
        ...

    async def subscribe(self, by: Principal, session_id: str) -> Subscription:
        """Listen to a session; it is not brought to life for that."""
        ...

    async def actors(self, *, offset: int = 0, limit: int) -> Listed[ActorInfo]:
        """Return actors of this cluster: the supervisor, front doors, then session actors, the oldest first."""
        ...

    async def actor(self, name: str) -> ActorInfo | None:
        """Return one actor; None if there is none of that name."""
        ...

    async def check(self) -> None:
        """Pass if there is somebody who places sessions."""
        ...

    async def drain(self, *, actor: str | None = None, node_id: str | None = None) -> Sequence[ActorInfo]:
        """Begin to empty one session actor, or all those of a node, and return them; none if there is no such one."""
        ...
