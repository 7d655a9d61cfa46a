"""What the engine says to a language model and hears back, in words that no vendor owns.

A `Model` is the seam: `models/` holds the real ones. Opaque state that a vendor wants to see again
(thinking signatures, encrypted reasoning) travels in `private`, which is journaled beside the public
events and never shown.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol, Self

import msgspec

from runtime.core.message import NO_USAGE, ResponseFormat, ToolCallPart, Turned, Usage


class Endpoint(msgspec.Struct, frozen=True):
    """Where a provider that an organisation has made is reached, as it was when somebody looked.

    `type` says which protocol it speaks; an `is_trusted` one may be inside. `details` are what of its login is no
    secret, such as a region. It does not show its key.
    """

    type: str
    name: str
    base_url: str | None
    api_key: str | None
    is_trusted: bool
    details: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Endpoint({self.type!r}, {self.name!r})"


class ModelRef(msgspec.Struct, frozen=True):
    """One model of one provider. `id` is public (`model_…`), `name` the vendor's own name for it.

    Of a model that an organisation keeps only the id is known until it is opened; then it has an endpoint, and whoever
    holds it goes on with that, whatever becomes of the provider.
    """

    id: str
    provider: str
    name: str
    provider_id: str
    is_default: bool = False
    endpoint: Endpoint | None = None

    @classmethod
    def kept(cls, model_id: str) -> Self:
        """Return an organisation's own model, of which nothing but its id is known."""
        return cls(model_id, "", "", "")

    @property
    def is_closed(self) -> bool:
        """Whether it has to be opened first (`Models.opened`)."""
        return not self.provider

    @property
    def label(self) -> str:
        """What people read of it: the vendor's name for it, or, as long as nobody has opened it, its id."""
        return self.name or self.id

    @property
    def key(self) -> str:
        """What it is found by, in the same organisation: `provider:name`, or the id of one that is kept."""
        return self.id if self.endpoint is not None or self.is_closed else f"{self.provider}:{self.name}"


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool as the model sees it: `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `call_index` counts the model calls already finished in this turn, from the journal.

    `attempt` counts the failed attempts at this call; `input_message_id` names the user message that
    started the turn.
    """

    model: ModelRef
    system: str
    history: tuple[Turned, ...]
    tools: tuple[ToolSpec, ...] = ()
    org_id: str = ""
    call_index: int = 0
    attempt: int = 0
    input_message_id: str | None = None
    reasoning_effort: str | None = None
    speed: str | None = None
    verbosity: str | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None  # of JSON only


class TextDelta(msgspec.Struct, frozen=True):
    """More of the answer."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """More of the reasoning that the vendor lets us show."""

    text: str


class ModelReply(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer; always the last item of a stream that did not fail."""

    text: str = ""
    thinking: str | None = None
    tool_calls: tuple[ToolCallPart, ...] = ()
    usage: Usage = NO_USAGE
    finish_reason: str | None = None
    response_id: str | None = None
    private: msgspec.Raw | None = None


class Waiting(msgspec.Struct, frozen=True):
    """The call waits for its turn, since its provider has limits."""

    provider: str


StreamItem = TextDelta | ReasoningDelta | Waiting | ModelReply


class Model(Protocol):
    """A source of answers."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream one answer; closing the generator cancels the call.

        Raises:
            ModelUnavailableError: throttled, down, timed out or broken off; a later attempt may work.
            ModelRejectedError: refused for good, with a code of `runtime.core.failure` in `failure`.
        """
        ...


class Models(Protocol):
    """Knows what model a session calls."""

    def find(self, org_id: str, key: str | None) -> ModelRef:
        """Return the model for a key that a front door has settled, or the organisation's default.

        Raises:
            NotFoundError: there is no such model, or not any more.
        """
        ...

    def fallbacks(self, org_id: str) -> Sequence[str]:
        """Return the keys of an organisation's models that take over, one after the other, where no layer names any."""
        ...

    async def opened(self, org_id: str, session_id: str, ref: ModelRef) -> ModelRef:
        """Return a model that is kept with its endpoint, on behalf of a session.

        Raises:
            NotFoundError: there is no such model, or not any more.
            TransientError: the database is away, or who holds the keys.
            SecretUnreadableError: its key does not open.
        """
        ...
