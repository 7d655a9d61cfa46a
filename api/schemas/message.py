"""Messages and tool results on their way in: msgspec, because every message of every session passes here.

The SDK for TypeScript sends some names in camelCase; both are taken.
"""

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from runtime.core.errors import InvalidInputError
from runtime.core.files.paths import canonical
from runtime.core.files.pictures import SCHEME, inline_picture
from runtime.core.ids import parse_id
from runtime.core.inside import is_plainly_inside
from runtime.core.message import (
    MAX_CALLS,
    Controls,
    ImageFilePart,
    ImagePart,
    Message,
    Reasoning,
    ResponseFormat,
    Role,
    TextPart,
)
from runtime.ports.gateway import ClientResult

MAX_RESULT_BYTES: Final = 100_000
_IMAGE_SCHEMES: Final = ("http://", "https://", "data:", SCHEME)

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Words = dict[str, Any]


class ReasoningIn(msgspec.Struct, frozen=True):
    """How hard the model should think."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class FormatIn(msgspec.Struct, frozen=True):
    """What the final answer is to be."""

    type: Literal["text", "json_schema"]
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "answer"
    schema: Words = {}

    def format(self) -> ResponseFormat:
        """Return it as the journal keeps it."""
        return ResponseFormat(self.type, self.name, self.schema)


class ControlsIn(msgspec.Struct, frozen=True):
    """What the message asks of its turn."""

    model_id: Short | None = None
    model_id_camel: Short | None = msgspec.field(default=None, name="modelId")
    reasoning: ReasoningIn | None = None
    locale: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    hints: Words | None = None
    error_disclosure: Literal["generic", "standard", "detailed"] | None = None
    error_disclosure_camel: Literal["generic", "standard", "detailed"] | None = msgspec.field(
        default=None, name="errorDisclosure"
    )
    speed: Literal["flex", "default", "priority"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    response_format: FormatIn | None = None
    response_format_camel: FormatIn | None = msgspec.field(default=None, name="responseFormat")

    @property
    def model_key(self) -> str | None:
        """The model that was asked for, under either name."""
        return self.model_id or self.model_id_camel

    def controls(self, model: str | None) -> Controls:
        """Return them as the journal keeps them; `model` is what the model's key means."""
        wanted = self.response_format or self.response_format_camel
        return Controls(
            model_id=self.model_key,
            reasoning=Reasoning(self.reasoning.effort) if self.reasoning else None,
            locale=self.locale,
            hints=self.hints,
            error_disclosure=self.error_disclosure or self.error_disclosure_camel,
            speed=self.speed,
            verbosity=self.verbosity,
            response_format=wanted.format() if wanted else None,
            model=None if model == self.model_key else model,
        )


class ExternalActor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who wrote the message, in the system that it comes from."""

    actor_id: Short
    source: Short
    actor_name: str | None = None
    metadata: dict[str, str] | None = None


class ExternalActorIn(msgspec.Struct, frozen=True):
    """The same, with either spelling."""

    source: Short
    actor_id: Short | None = None
    actor_id_camel: Short | None = msgspec.field(default=None, name="actorId")
    actor_name: str | None = None
    actor_name_camel: str | None = msgspec.field(default=None, name="actorName")
    metadata: dict[str, str] | None = None

    def fields(self) -> Words:
        """Return it as the journal keeps it. Raises InvalidInputError."""
        actor_id = self.actor_id or self.actor_id_camel
        if actor_id is None:
            message = "external_actor needs an actor_id."
            raise InvalidInputError(message)
        actor = ExternalActor(actor_id, self.source, self.actor_name or self.actor_name_camel, self.metadata)
        fields: Words = msgspec.to_builtins(actor)
        return fields


class MessageIn(msgspec.Struct, frozen=True):
    """What a user says: text and pictures."""

    content: Annotated[tuple[TextPart | ImagePart | ImageFilePart, ...], msgspec.Meta(min_length=1, max_length=1000)]
    role: Literal["user"] = "user"


class MessageBody(msgspec.Struct, frozen=True):
    """The request of `POST …/messages`."""

    message: MessageIn
    controls: ControlsIn | None = None
    metadata: Words | None = None
    tags: Annotated[tuple[Short, ...], msgspec.Meta(max_length=100)] | None = None
    external_actor: ExternalActorIn | None = None
    external_actor_camel: ExternalActorIn | None = msgspec.field(default=None, name="externalActor")
    addressed_participant_id: str | None = None
    addressed_participant_id_camel: str | None = msgspec.field(default=None, name="addressedParticipantId")

    @property
    def model_key(self) -> str | None:
        """The model that was asked for, if any."""
        return self.controls.model_key if self.controls else None

    def to_message(self, message_id: str, created_at: str, model: str | None = None) -> Message:
        """Return the message to send; `model` is what its `model_key` means to whoever knows no list of models.

        Raises InvalidInputError for a picture that has no source, or a wrong one, for what is none, and for what is no
        image's id.
        """
        for part in self.message.content:
            match part:
                case ImagePart():
                    _check_image(part)
                case ImageFilePart(image_id=image_id):
                    parse_id("img", image_id)
        actor = self.external_actor or self.external_actor_camel
        return Message(
            id=message_id,
            role=Role.USER,
            content=self.message.content,
            created_at=created_at,
            controls=self.controls.controls(model) if self.controls else None,
            metadata=self.metadata,
            external_actor=actor.fields() if actor else None,
        )


def _check_image(part: ImagePart) -> None:
    if part.url is not None:
        if not part.url.startswith(_IMAGE_SCHEMES):
            message = "The url of an image begins with http://, https://, data: or workspace:."
            raise InvalidInputError(message)
        if part.url.startswith(SCHEME):
            canonical(part.url.removeprefix(SCHEME))
        elif not part.url.startswith("data:") and _leads_inside(part.url):
            message = "The url of an image leads to an address that is not public: send the image as base64."
            raise InvalidInputError(message, "address_not_public")
    elif not (part.base64 and part.media_type):
        message = "An image part needs a url, or base64 with a media_type."
        raise InvalidInputError(message)
    inline_picture(part)


def _leads_inside(url: str) -> bool:
    """Tell whether whoever fetches it would be led inside, as far as the URL tells: where a name leads, they see."""
    try:
        host = urlsplit(url).hostname
    except ValueError:  # no URL, so it leads nowhere else
        return True
    return host is None or is_plainly_inside(host)


class SentMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message as lists show it."""

    id: str
    session_id: str
    role: Role
    content: tuple[Any, ...]
    created_at: str
    sequence: int | None = None
    controls: Controls | None = None
    metadata: Words | None = None
    external_actor: Words | None = None
    phase: str | None = None
    thinking: str | None = None

    @classmethod
    def of(cls, message: Message, session_id: str, sequence: int | None = None) -> "SentMessage":
        """Return a message with its place."""
        return cls(
            id=message.id,
            session_id=session_id,
            role=message.role,
            content=message.content,
            created_at=message.created_at,
            sequence=sequence,
            controls=message.controls,
            metadata=message.metadata,
            external_actor=message.external_actor,
            phase=message.phase,
            thinking=message.thinking,
        )


class MessageList(msgspec.Struct, frozen=True):
    """A conversation, under the names that the Python and the TypeScript SDK read."""

    data: list[SentMessage]
    messages: list[SentMessage]


class ToolResultIn(msgspec.Struct, frozen=True):
    """What the client's tool answered."""

    tool_call_id: Short
    result: Any = None
    error: str | None = None


class ToolResultsBody(msgspec.Struct, frozen=True):
    """The request of `POST …/tool-results`."""

    tool_results: Annotated[tuple[ToolResultIn, ...], msgspec.Meta(min_length=1, max_length=MAX_CALLS)]

    def results(self) -> list[ClientResult]:
        """Return them for the session. Raises InvalidInputError when one is too large."""
        for given in self.tool_results:
            if len(given.error or "") + len(msgspec.json.encode(given.result)) > MAX_RESULT_BYTES:
                message = f"Input exceeds allowed limits: a tool result may have at most {MAX_RESULT_BYTES} bytes."
                raise InvalidInputError(message)
        return [ClientResult(r.tool_call_id, r.result, r.error) for r in self.tool_results]


class ToolResultsReply(msgspec.Struct, frozen=True):
    """How many results were taken, and the session's status after."""

    accepted: int
    status: str
