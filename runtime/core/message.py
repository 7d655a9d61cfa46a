"""Messages and their parts, as the journal stores them and the wire shows them.

Values are msgspec structs: the inner loop encodes thousands a second, and the bytes are the interface.
"""

from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from runtime.core.wire import Wire

TOKENS_MOST: Final = 1_000_000_000  # of one call; sums of many are kept in 64 bits
COST_MOST_USD: Final = 100_000.0  # of one call
MAX_CALLS: Final = 10_000  # that one answer may ask for, whatever a setting says; a client hands in all results at once


class Role(StrEnum):
    """Who speaks. `system` is composed for each model call and never stored."""

    SYSTEM = "system"
    USER = "user"
    AGENT = "agent"
    TOOL_RESULT = "tool_result"


class MessagePhase(StrEnum):
    """What an agent message is for."""

    COMMENTARY = "commentary"
    FINAL_ANSWER = "final_answer"


Number = TypeVar("Number", int, float)


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    pass


class TextPart(_Part, frozen=True, tag="text"):
    """Plain text."""

    text: str


class ImagePart(_Part, frozen=True, tag="image"):
    """A picture by `url`, or inline as `base64` with its `media_type`."""

    url: str | None = None
    base64: str | None = None
    media_type: str | None = None


class ImageFilePart(_Part, frozen=True, tag="image_file"):
    """An uploaded picture."""

    image_id: str
    filename: str | None = None


class ToolCallPart(_Part, frozen=True, tag="tool_call"):
    """The model asks for a tool. `id` is also the idempotency key of the call."""

    id: str
    name: str
    arguments: dict[str, Any]


class ToolResultPart(_Part, frozen=True, tag="tool_result"):
    """What came of a call: any JSON as `result`, or words as `error`."""

    tool_call_id: str
    result: Any = None
    error: str | None = None


Part = TextPart | ImagePart | ImageFilePart | ToolCallPart | ToolResultPart


class Reasoning(msgspec.Struct, frozen=True, omit_defaults=True):
    """How hard the model should think: none, minimal, low, medium, high, xhigh."""

    effort: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the final answer is to be: `text`, or `json_schema`, JSON that fits a schema."""

    type: str
    name: str = "answer"
    schema: dict[str, Any] = {}

    @property
    def is_json(self) -> bool:
        """Whether the answer is to be JSON."""
        return self.type == "json_schema"


class Controls(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one message asks of the turn it starts."""

    model_id: str | None = None
    reasoning: Reasoning | None = None
    locale: str | None = None
    hints: dict[str, Any] | None = None
    error_disclosure: str | None = None
    speed: str | None = None
    verbosity: str | None = None
    response_format: ResponseFormat | None = None
    model: str | None = None  # `provider:name`, which `model_id` meant when it was sent, if it says something else


class Message(Wire, frozen=True, omit_defaults=True, kw_only=True):
    """One message. `created_at` is RFC 3339 in UTC with milliseconds."""

    id: str
    role: Role
    content: tuple[Part, ...]
    created_at: str
    controls: Controls | None = None
    metadata: dict[str, Any] | None = None
    external_actor: dict[str, Any] | None = None
    phase: MessagePhase | None = None
    thinking: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined as they were written."""
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The uploaded pictures that it shows."""
        return tuple(part.image_id for part in self.content if isinstance(part, ImageFilePart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The calls that this message asks for, in order."""
        return tuple(part for part in self.content if isinstance(part, ToolCallPart))


class Turned(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message of the conversation, with the vendor's opaque state that was journaled beside it, if any.

    UNSET and not None: msgspec can write a `Raw | None`, but not read it back from a snapshot. `user_id` is whose a
    user's message is.
    """

    message: Message
    private: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    user_id: str | None = None


def credible_tokens(told: int) -> int:
    """Return a number of tokens that one call may have taken."""
    return min(max(0, told), TOKENS_MOST)


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens and US dollars. `input_tokens` leaves out what came from or went into a cache."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    estimated_cost_usd: float | None = None

    @property
    def credible(self) -> "Usage":
        """What of it can be true: whoever serves a model tells it, and that may be anybody."""
        read, written, cost = self.cache_read_tokens, self.cache_creation_tokens, self.estimated_cost_usd
        return Usage(
            credible_tokens(self.input_tokens),
            credible_tokens(self.output_tokens),
            None if read is None else credible_tokens(read),
            None if written is None else credible_tokens(written),
            cost if cost is not None and 0 <= cost < COST_MOST_USD else None,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            _sum(self.cache_read_tokens, other.cache_read_tokens),
            _sum(self.cache_creation_tokens, other.cache_creation_tokens),
            _sum(self.estimated_cost_usd, other.estimated_cost_usd),
        )


def _sum(a: Number | None, b: Number | None) -> Number | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


NO_USAGE = Usage(0, 0)
