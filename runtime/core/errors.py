"""Every error raised on purpose. The branch answers the first question: whose fault, and does retrying help?

PerdureError
├─ CallerError               the request is wrong. Not retried, nothing journaled
│   ├─ InvalidInputError
│   ├─ NotFoundError
│   ├─ ConflictError
│   ├─ UnauthenticatedError
│   ├─ ForbiddenError
│   └─ LimitExceededError    a size, rate or quota
├─ TransientError            the same call may work later. Has retry_after_s
│   ├─ StoreUnavailableError
│   ├─ ModelUnavailableError
│   ├─ ProviderUnavailableError
│   ├─ AddressUnavailableError
│   ├─ SessionMovingError
│   ├─ NotUnderstoodError
│   └─ OverloadedError
├─ PermanentError            this work cannot succeed. Journaled; the turn ends as failed
│   ├─ ModelRejectedError
│   ├─ SchemaMismatchError
│   ├─ SecretUnreadableError
│   ├─ StoreRefusedError
│   ├─ SnapshotUnreadableError
│   └─ JournalCorruptError
├─ ToolError                 raised by tool code; becomes a result that the model reads
└─ StaleEpochError           someone newer owns the session: stop, write nothing

Fields are shown to callers, so they hold no secret and no message content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, Self


@dataclass(eq=False)
class PerdureError(Exception):
    """Base of every error raised on purpose. Survives pickling, so it crosses a Ray call with its fields."""

    code: ClassVar[str] = "internal"
    template: ClassVar[str] = "unspecified failure"

    def detail(self) -> dict[str, Any]:
        """Return the typed fields, for logs and problem bodies."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        return self.template.format(**self.detail())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.detail())

    @property
    def stable_code(self) -> str:
        """The snake_case code that callers may branch on."""
        return self.code.format(**self.detail())


def _rebuild(cls: type[PerdureError], values: dict[str, Any]) -> PerdureError:
    known = {f.name for f in fields(cls)}  # newer code may have more to say
    return cls(**{name: value for name, value in values.items() if name in known})


# ---------------------------------------------------------------- the caller's fault


@dataclass(eq=False)
class CallerError(PerdureError):
    """The request is wrong; repeating it unchanged cannot help."""


@dataclass(eq=False)
class InvalidInputError(CallerError):
    """A field, parameter or body breaks a rule; `reason` is the stable code, `field` the one it is about, if one."""

    message: str
    reason: str = "invalid_input"
    field: str = ""
    code: ClassVar[str] = "{reason}"
    template: ClassVar[str] = "{message}"


@dataclass(eq=False)
class NotFoundError(CallerError):
    """No such thing, or it was deleted. `kind` is the wire's word in snake_case, such as session or file."""

    kind: str
    key: str
    code: ClassVar[str] = "{kind}_not_found"
    template: ClassVar[str] = "No {kind} {key!r}."


@dataclass(eq=False)
class ConflictError(CallerError):
    """The thing exists, or is in a state that does not allow this."""

    message: str
    reason: str = "conflict"
    code: ClassVar[str] = "{reason}"
    template: ClassVar[str] = "{message}"

    @classmethod
    def not_waiting(cls) -> Self:
        """Tool results for a session that waits for none. Clients search for these words."""
        return cls("Session is not waiting for tool results.", "not_waiting_for_tool_results")

    @classmethod
    def quarantined(cls) -> Self:
        """A session that is left alone because it kept killing its process."""
        message = "This session was stopped because it kept ending its process. A new message lets it go on."
        return cls(message, "session_quarantined")


@dataclass(eq=False)
class UnauthenticatedError(CallerError):
    """No credential, or one that is not or no longer good; which of them `reason` may say, and nothing more."""

    message: str
    reason: str = "unauthenticated"
    code: ClassVar[str] = "{reason}"
    template: ClassVar[str] = "{message}"


@dataclass(eq=False)
class ForbiddenError(CallerError):
    """Understood, and not allowed."""

    message: str
    reason: str = "forbidden"
    code: ClassVar[str] = "{reason}"
    template: ClassVar[str] = "{message}"


@dataclass(eq=False)
class LimitExceededError(CallerError):
    """A limit on a rate or a number of connections was reached. `retry_after_s` is in seconds."""

    message: str
    reason: str = "limit_exceeded"
    retry_after_s: float = 1.0
    code: ClassVar[str] = "{reason}"
    template: ClassVar[str] = "{message}"


# ---------------------------------------------------------------- may work later


@dataclass(eq=False)
class TransientError(PerdureError):
    """The same call may succeed after `retry_after_s` seconds."""

    retry_after_s: float = 1.0


@dataclass(eq=False)
class StoreUnavailableError(TransientError):
    """Postgres cannot be reached or is not accepting work."""

    reason: str = "no connection"
    code: ClassVar[str] = "store_unavailable"
    template: ClassVar[str] = "The database is unavailable ({reason}); nothing was lost, try again."


@dataclass(eq=False)
class ProviderUnavailableError(TransientError):
    """An identity provider does not answer, or not as one does. `provider` is its name or address."""

    provider: str = ""
    code: ClassVar[str] = "identity_provider_unavailable"
    template: ClassVar[str] = "The identity provider {provider} does not answer; try again."


@dataclass(eq=False)
class AddressUnavailableError(TransientError):
    """Something on the Internet that was asked for does not answer, or not in time. `host` is its name and port."""

    host: str = ""
    reason: str = "no answer"
    code: ClassVar[str] = "address_unavailable"
    template: ClassVar[str] = "{host} cannot be reached ({reason})."


@dataclass(eq=False)
class SessionMovingError(TransientError):
    """The session's owner died or changed while the call was on its way."""

    session_id: str = ""
    code: ClassVar[str] = "session_moving"
    template: ClassVar[str] = "Session {session_id} is moving to another actor; try again."


@dataclass(eq=False)
class NotUnderstoodError(TransientError):
    """The session's process runs an older version, which does not know what was asked of it."""

    code: ClassVar[str] = "not_understood"
    template: ClassVar[str] = "The session's process is of an older version, which cannot do this; try again later."


@dataclass(eq=False)
class OverloadedError(TransientError):
    """No actor could take the session in time."""

    reason: str = "no capacity"
    code: ClassVar[str] = "overloaded"
    template: ClassVar[str] = "The server is overloaded ({reason}); try again."


@dataclass(eq=False)
class ModelUnavailableError(TransientError):
    """A model call failed in a way that a later attempt may not.

    `failure` is a code of `runtime.core.failure`, `status` the HTTP status if there was one. `retry_after_s`
    is what the vendor asked for, or 0 for the engine's own backoff. `said` are the vendor's own words. `is_held_back`:
    it was not called at all, because it kept failing.
    """

    message: str = ""
    failure: str = "provider_unavailable"
    provider: str = ""
    status: int | None = None
    said: str = ""
    is_held_back: bool = False
    code: ClassVar[str] = "{failure}"
    template: ClassVar[str] = "{message}"


# ---------------------------------------------------------------- cannot work


@dataclass(eq=False)
class PermanentError(PerdureError):
    """This work cannot succeed; repeating it only costs."""


@dataclass(eq=False)
class ModelRejectedError(PermanentError):
    """A model call failed for good. `failure` is a code of `runtime.core.failure`, `said` are the vendor's words."""

    message: str
    failure: str = "processing_error"
    provider: str = ""
    status: int | None = None
    said: str = ""
    code: ClassVar[str] = "{failure}"
    template: ClassVar[str] = "{message}"


@dataclass(eq=False)
class SchemaMismatchError(PermanentError):
    """The database is not made as this code needs it: its schema, or its encoding."""

    message: str
    code: ClassVar[str] = "schema_mismatch"
    template: ClassVar[str] = "{message}"


@dataclass(eq=False)
class SecretUnreadableError(PermanentError):
    """A stored secret does not open. `where` names its row, `reason` says why, and neither holds any of it."""

    where: str
    reason: str
    code: ClassVar[str] = "secret_unreadable"
    template: ClassVar[str] = "A stored secret ({where}) does not open: {reason}."


@dataclass(eq=False)
class StoreRefusedError(PermanentError):
    """Postgres answered and refused the statement: a bug of ours or a value that it cannot hold."""

    sqlstate: str
    code: ClassVar[str] = "store_refused"
    template: ClassVar[str] = "The database refused a statement (SQLSTATE {sqlstate})."


@dataclass(eq=False)
class JournalCorruptError(PermanentError):
    """A stored log breaks a law that the writer keeps: a bug or damaged storage."""

    session_id: str
    sequence: int
    message: str
    code: ClassVar[str] = "journal_corrupt"
    template: ClassVar[str] = "Session {session_id} cannot be replayed at sequence {sequence}: {message}"


@dataclass(eq=False)
class SnapshotUnreadableError(PermanentError):
    """A stored snapshot does not hold a state. It is a cache: the log has everything."""

    message: str
    code: ClassVar[str] = "snapshot_unreadable"
    template: ClassVar[str] = "A snapshot cannot be read: {message}"


# ---------------------------------------------------------------- signals


@dataclass(eq=False)
class ToolError(PerdureError):
    """Raised by a tool to tell the model, in words, what went wrong."""

    message: str
    code: ClassVar[str] = "tool_error"
    template: ClassVar[str] = "{message}"


@dataclass(eq=False)
class StaleEpochError(PerdureError):
    """A newer placement of the session exists: its writer must stop and write nothing."""

    session_id: str
    epoch: int
    code: ClassVar[str] = "stale_epoch"
    template: ClassVar[str] = "Session {session_id} has moved on from epoch {epoch}."


KINDS: Final[Mapping[str, type[PerdureError]]] = {
    name: kind for name, kind in globals().items() if isinstance(kind, type) and issubclass(kind, PerdureError)
}  # by name, as it stands on the wire
