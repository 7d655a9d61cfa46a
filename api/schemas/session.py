"""Sessions on the wire."""

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.schemas.fields import MAX_INT, Body, Locale, ModelKey, Reply, Tag, Title, refuse, refuse_size
from api.schemas.layer import Action, LayerBody, LayerReply, layer_fields
from runtime.core.authored.definition import Session
from runtime.core.ids import parse_id
from runtime.core.session.state import Status
from runtime.ports.listed import COUNTED_MOST

AgentId = Annotated[str, AfterValidator(partial(parse_id, "agent"))]
SessionId = Annotated[str, AfterValidator(partial(parse_id, "session"))]


def _countable(offset: int) -> int:
    if offset > COUNTED_MOST:
        refuse_size(f"goes to {COUNTED_MOST:,}; what comes after a session is read with after_id, as next_url does")
    return offset


class SessionQuery(BaseModel):
    """Which part of the list of sessions."""

    model_config = ConfigDict(frozen=True)

    agent_id: AgentId | None = None
    search: str = Field("", max_length=1000, description="A substring of titles to look for, in any case")
    after_id: SessionId | None = Field(None, description="The session behind which the list begins")
    offset: Annotated[int, AfterValidator(_countable)] = Field(0, ge=0, le=MAX_INT)
    limit: int = Field(20, ge=1, le=100)


class SessionPatch(Body):
    """What can change about a session."""

    title: Title | None = None
    tags: list[Tag] | None = Field(None, max_length=100)
    locale: Locale | None = None
    agent_identity_id: str | None = Field(None, max_length=256)

    def definition_fields(self) -> dict[str, Any]:
        """Return what was given, by the names of `runtime.core.authored.definition`."""
        return self.model_dump(exclude_none=True, include={"tags", "locale", "agent_identity_id"})


class SessionBody(LayerBody):
    """A new session; everything is optional."""

    harness_id: str | None = None
    harness_name: str | None = Field(None, max_length=64)
    agent_id: str | None = None
    agent_name: str | None = Field(None, max_length=64)
    title: Title | None = None
    locale: Locale | None = None
    model_id: ModelKey | None = None
    hints: dict[str, Any] | None = None
    workspace_id: str | None = None
    agent_identity_id: str | None = Field(None, max_length=256)

    @model_validator(mode="after")
    def _one_of_each(self) -> "SessionBody":
        if self.harness_id is not None and self.harness_name is not None:
            refuse("give harness_id or harness_name, not both")
        if self.agent_id is not None and self.agent_name is not None:
            refuse("give agent_id or agent_name, not both")
        return self

    @property
    def harness(self) -> str | None:
        """The harness that was asked for, by id or name. Raises InvalidInputError for an id that is none."""
        return self.harness_name if self.harness_id is None else parse_id("harness", self.harness_id)

    @property
    def agent(self) -> str | None:
        """The agent that was asked for, by id or name. Raises InvalidInputError for an id that is none."""
        return self.agent_name if self.agent_id is None else parse_id("agent", self.agent_id)

    @property
    def workspace(self) -> str | None:
        """The workspace that was asked for, by id. Raises InvalidInputError for one that is none."""
        return None if self.workspace_id is None else parse_id("wsp", self.workspace_id)

    def definition_fields(self) -> dict[str, Any]:
        """Return what was given, by the names of `runtime.core.authored.definition`."""
        own = {"model_id": self.model_id, "locale": self.locale, "hints": self.hints}
        own["agent_identity_id"] = self.agent_identity_id
        return {**super().definition_fields(), **{name: value for name, value in own.items() if value is not None}}


class UsageReply(Reply):
    """Tokens and dollars."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    estimated_cost_usd: float | None = None


class SessionReply(LayerReply):
    """A session."""

    id: str
    organization_id: str
    owner_principal_id: str
    resolved_owner_user_id: str
    harness_id: str
    agent_id: str | None = None
    workspace_id: str
    parent_session_id: str | None = None
    status: Literal["started", "active", "idle", "waitingfortoolresults"]
    title: str | None = None
    locale: str | None = None
    model_id: str | None = None
    hints: dict[str, Any] | None = None
    agent_identity_id: str | None = None
    features: list[str] = Field(default_factory=list)
    usage: UsageReply | None = None
    preview: str | None = None
    output_preview: str | None = None
    is_pinned: bool = False
    active_schedule_count: int = 0
    created_at: str
    updated_at: str
    started_at: str | None = None
    finished_at: str | None = None

    @classmethod
    def of(cls, session: Session, features: list[str]) -> "SessionReply":
        """Return a session as the wire shows it."""
        row = {name: getattr(session, name) for name in _ROW}
        fields = {**layer_fields(session.definition), **row}
        return cls(
            **fields,
            organization_id=session.org_id,
            owner_principal_id=session.owner_id,
            resolved_owner_user_id=session.owner_id,
            parent_session_id=session.parent_id,
            features=features,
            self_url=f"/api/v1/sessions/{session.id}",
            allowed_actions=actions(session),
        )


class CancelReply(Reply):
    """What a cancel did."""

    status: Literal["cancelled", "no_op"]
    message: str


_ROW: Final = (
    "id", "harness_id", "agent_id", "workspace_id", "status", "title", "usage", "preview", "output_preview",
    "is_pinned", "created_at", "updated_at", "started_at", "finished_at",
)  # fmt: skip


def actions(session: Session) -> list[Action]:
    """Return what can be done with a session now."""
    url = f"/api/v1/sessions/{session.id}"
    offered = [
        Action(rel="self", href=url, method="GET"),
        Action(rel="events", href=f"{url}/events", method="GET"),
        Action(rel="update", href=url, method="PATCH"),
        Action(rel="delete", href=url, method="DELETE"),
        Action(rel="unpin" if session.is_pinned else "pin", href=f"{url}/pin", method=_PIN_METHOD[session.is_pinned]),
    ]
    if session.status in (Status.ACTIVE, Status.WAITING):
        offered.append(Action(rel="cancel", href=f"{url}/cancel", method="POST"))
    return offered


_PIN_METHOD: Final = {False: "PUT", True: "DELETE"}
