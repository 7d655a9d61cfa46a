"""Events of the session as a whole, and its input."""

from typing import ClassVar

from runtime.core.event.envelope import Payload
from runtime.core.message import Message, Usage


class SessionStarted(Payload, frozen=True):
    """Once per session, before its first turn."""

    type: ClassVar[str] = "session.started"
    harness_id: str
    agent_id: str | None = None
    model_id: str | None = None


class InputMessage(Payload, frozen=True):
    """A user message was accepted; `user_id` is whose it is."""

    type: ClassVar[str] = "input.message"
    message: Message
    user_id: str | None = None


class SessionActivated(Payload, frozen=True):
    """A turn is about to start."""

    type: ClassVar[str] = "session.activated"
    turn_id: str
    input_message_id: str


class SessionIdled(Payload, frozen=True):
    """The turn is over; `usage` is the session's total."""

    type: ClassVar[str] = "session.idled"
    turn_id: str
    iterations: int | None = None
    usage: Usage | None = None


class SessionTitleUpdated(Payload, frozen=True):
    """The session got another title."""

    type: ClassVar[str] = "session.title.updated"
    title: str
    previous_title: str | None = None


class FileWritten(Payload, frozen=True):
    """A tool changed the workspace."""

    type: ClassVar[str] = "file.written"
    path: str
    operation: str
    created: bool
    size_bytes: int
