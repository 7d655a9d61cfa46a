"""What a vendor's protocol is to us: how a conversation is written in it, and how an answer is read.

A dialect works on bytes. What goes out is joined from pieces of JSON that were encoded once, when a message was new;
what comes in is read event by event, and only what carries something is decoded.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol, Self

import msgspec

from runtime.models.dialects.sse import Events
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest, ReasoningDelta, TextDelta


class Speaker(Enum):
    """Whose turn in the conversation it is."""

    USER = auto()
    AGENT = auto()
    TOOLS = auto()  # the results of what the agent has just called


class Uttered(NamedTuple):
    """One turn in the conversation: pieces of JSON in the dialect's own form, in order."""

    speaker: Speaker
    pieces: Sequence[bytes]


class Text(msgspec.Struct, frozen=True):
    """Text of an answer. `extra`, here and below, is what the dialect adds when the vendor is told of it again."""

    text: str
    extra: msgspec.Raw | None = None


class Thought(msgspec.Struct, frozen=True):
    """Reasoning that may be shown; empty where the vendor keeps it to itself."""

    text: str
    extra: msgspec.Raw | None = None


class Called(msgspec.Struct, frozen=True):
    """A tool call. `arguments` is the JSON of an object."""

    id: str
    name: str
    arguments: str
    extra: msgspec.Raw | None = None


Part = Text | Thought | Called


class Picture(NamedTuple):
    """A picture in a user's message: its bytes and their kind, or its address and, if the client says so, its kind."""

    data: bytes | None
    url: str | None
    media_type: str | None


class Used(msgspec.Struct, frozen=True):
    """Tokens. `input_tokens` counts all that the model was given, those from and into a cache too."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = None  # if the vendor says


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, as the vendor gave it.

    `finish_reason` is one of stop, length, content_filter, tool_call.
    """

    parts: Sequence[Part]
    used: Used = Used()
    finish_reason: str
    response_id: str | None = None
    model: str | None = None  # that answered, if another one than was asked


LONGEST_REFUSAL_BYTES: Final = 64 << 10


class RefusedError(Exception):
    """The vendor refused, before its answer or in the middle of it.

    `body` is what it says, JSON if it can be; of one that says more than any vendor has to, nothing.
    """

    def __init__(self, status: int | None, body: bytes, retry_after_s: float = 0.0, *, is_midway: bool = False) -> None:
        body = body if len(body) <= LONGEST_REFUSAL_BYTES else b""
        super().__init__(status, body, retry_after_s)
        self.status = status
        self.body = body
        self.retry_after_s = retry_after_s
        self.is_midway = is_midway


class CutOffError(Exception):
    """An answer that is none: its stream stopped before the proper end, or is not what the protocol promises."""


class UnusableError(Exception):
    """An answer that came to its end and is of no use: the endpoint works, and the model made nothing of it.

    `is_full`: it stopped because it had become as long as the model's answers may be.
    """

    def __init__(self, message: str, *, is_full: bool = False) -> None:
        super().__init__(message)
        self.is_full = is_full


class Reading(Protocol):
    """One answer on its way."""

    def hear(self, data: bytes) -> Iterable[TextDelta | ReasoningDelta]:
        """Take the data of one server-sent event and return what it adds to the text or the reasoning.

        Raises:
            RefusedError: it is an error of the vendor's.
            CutOffError, msgspec.MsgspecError: it is not what the protocol promises.
        """
        ...

    def whole(self) -> Whole:
        """Return the answer, once the stream has ended.

        Raises:
            CutOffError: that was not its proper end.
            UnusableError: the model failed to answer.
        """
        ...


class Framing(Protocol):
    """What cuts the bytes of a stream into events."""

    def feed(self, piece: bytes) -> Iterable[bytes]:
        """Return the data of each event that has ended. Raises ValueError or CutOffError for what is none."""
        ...


class Dialect(Protocol):
    """How one protocol is written and read. It has no state."""

    def recalled_as(self, vendor: Vendor, model: str) -> str:
        """Return under which name it is kept what a model wants to see again: others cannot read it."""
        del model
        return vendor.recalled_as

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        """Return a user's message, which has words or a picture at least."""
        ...

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return an agent's message: as `Whole` had it if this vendor gave it, else its text and then its calls."""
        ...

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        """Return what came of a call."""
        ...

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        """Return turns as elements of the conversation's array, with commas between them and none at the ends.

        What is joined in two parts, the second of which begins with an agent's turn, gives the same as at once.
        """
        ...

    def path(self, model: str) -> str:
        """Return where a streamed answer is asked for, below the vendor's address."""
        ...

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return what goes beside the content type."""
        ...

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the request's body. `conversation` is the inside of the array of turns."""
        ...

    def reading(self, vendor: Vendor, model: str) -> Reading:
        """Return what reads one answer."""
        ...

    def framing(self) -> Framing:
        """Return what cuts one stream into events."""
        return Events()

    def explained(self, refused: RefusedError) -> RefusedError:
        """Return a refusal in the form in which `refusals.py` understands it."""
        return refused

    def after(self, request: ModelRequest, refused: RefusedError) -> Self | None:
        """Return how to ask once more, at once, instead of what was refused; None if the refusal stands."""
        del request, refused
        return None
