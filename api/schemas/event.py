"""How clients ask for events, and what lists of them look like (docs/wire.md, "Reading the log")."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.schemas.fields import Moment, Reply, refuse
from runtime.core.event import KNOWN_TYPES
from runtime.core.ids import is_id, parse_id
from runtime.ports.events import DEBUG_LIMIT, FOREVER, PAGE_LIMIT, Filter

MAX_TYPES: Final = 100
MAX_TAGS: Final = 20


def _event_id(text: str) -> str:
    return parse_id("event", text)


def _turn_id(text: str) -> str:
    return parse_id("turn", text)


def _known(name: str) -> str:
    if name not in KNOWN_TYPES:
        refuse(f"{name[:80]!r} is not a known event type")
    return name


def _position(text: str) -> str:
    if not is_id("event", text) and re.fullmatch("[0-9]{1,18}", text) is None:
        refuse("expected a sequence or the id of an event")
    return text


EventId = Annotated[str, AfterValidator(_event_id), Field(json_schema_extra={"pattern": "^event_[0-9a-f]{32}$"})]
TurnId = Annotated[str, AfterValidator(_turn_id), Field(json_schema_extra={"pattern": "^turn_[0-9a-f]{32}$"})]
TypeName = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": sorted(KNOWN_TYPES)})]
Position = Annotated[str, AfterValidator(_position), Field(description="A sequence, or the id of an event")]
SequenceNumber = Annotated[int, Field(ge=0, le=FOREVER)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class StreamQuery(BaseModel):
    """Where a stream begins, and which types it carries: `types` first, then without `exclude`."""

    model_config = ConfigDict(frozen=True)

    since_id: EventId | None = None
    after_sequence: SequenceNumber | None = None
    types: list[TypeName] = Field([], max_length=MAX_TYPES)
    exclude: list[TypeName] = Field([], max_length=MAX_TYPES)

    @model_validator(mode="before")
    @classmethod
    def _plain_names(cls, given: Any) -> Any:
        if isinstance(given, dict) and any(str(name).endswith("[]") for name in given):
            refuse("repeat a parameter to give several values; names with [] mean nothing")
        return given

    @model_validator(mode="after")
    def _one_cursor(self) -> "StreamQuery":
        if self.since_id is not None and self.after_sequence is not None:
            refuse("give since_id or after_sequence, not both")
        return self

    def filter(self) -> Filter:
        """Return which events to read."""
        return Filter(types=frozenset(self.types) or None, exclude=frozenset(self.exclude))


class EventQuery(StreamQuery):
    """Which part of the log, and what to look for in it."""

    before_sequence: SequenceNumber | None = None
    around: Position | None = None
    window: int = Field(50, ge=0, le=500)
    limit: int | None = Field(None, ge=1, le=DEBUG_LIMIT, description="Over 1000 only with debug filters")
    from_ts: Moment | None = None
    to_ts: Moment | None = None
    turn_id: TurnId | None = None
    exec_id: Text | None = None
    trace_id: Text | None = None
    tags: list[Text] = Field([], max_length=MAX_TAGS)
    tool_name: Text | None = None
    q: Text | None = None
    order_desc: bool = False

    @model_validator(mode="after")
    def _agree(self) -> "EventQuery":
        others = (self.since_id, self.after_sequence, self.before_sequence)
        if self.around is not None and any(other is not None for other in others):
            refuse("around goes without since_id, after_sequence and before_sequence")
        if self.after_sequence is not None and self.before_sequence is not None:
            refuse("give after_sequence or before_sequence, not both")
        if (self.limit or 0) > PAGE_LIMIT and not self.filter().is_debugging:
            refuse(f"limit must be at most {PAGE_LIMIT}")
        return self

    def filter(self) -> Filter:
        """Return which events to read."""
        return Filter(
            types=frozenset(self.types) or None,
            exclude=frozenset(self.exclude),
            turn_id=self.turn_id,
            exec_id=self.exec_id,
            trace_id=self.trace_id,
            from_ts=self.from_ts,
            to_ts=self.to_ts,
            tags=self.tags or None,
            tool_name=self.tool_name,
            text=self.q,
        )


class EventReply(Reply):
    """An event."""

    id: str
    type: str
    ts: str
    session_id: str
    context: dict[str, Any]
    data: dict[str, Any]
    sequence: int
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None


class EventPage(Reply):
    """Events, oldest first unless asked otherwise."""

    data: list[EventReply]


class TypeCount(Reply):
    """How many events of a type."""

    event_type: str
    count: int


class EventSummary(Reply):
    """What a log holds."""

    total: int
    by_type: list[TypeCount]
    first_ts: str | None = None
    last_ts: str | None = None
    turn_count: int
    error_count: int
