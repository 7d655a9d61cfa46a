"""What the server can be told to answer."""

from dataclasses import dataclass, field

from loadtests.protocols import Said


@dataclass(frozen=True)
class Broken:
    """An answer whose stream ends after so many events: torn off, or politely closed."""

    said: Said
    after_events: int
    is_torn: bool = True


@dataclass(frozen=True)
class Stalled:
    """An answer whose stream falls silent after so many events, until the client goes away."""

    said: Said
    after_events: int


@dataclass(frozen=True)
class Hung:
    """No answer at all, until the client goes away."""


@dataclass(frozen=True)
class Refused:
    """An HTTP error with a vendor-like body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "No."
    kind: str = "invalid_request_error"
    error_code: str | None = None


@dataclass(frozen=True)
class Garbage:
    """A 200 whose body is not what the protocol promises."""

    body: str = "<html>It works!</html>"
    content_type: str = "text/html"


Answer = Said | Broken | Stalled | Hung | Refused | Garbage
