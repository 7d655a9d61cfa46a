"""The audit log on the wire."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from api.schemas.fields import Moment, Reply
from runtime.core.ids import parse_id
from runtime.ports.identity import AuditEntry, AuditQuery


class AuditFilter(BaseModel):
    """Which entries: of an action, by a user, about a thing, of a time."""

    action: str | None = Field(None, max_length=100)
    user_id: Annotated[str, AfterValidator(partial(parse_id, "user"))] | None = None
    subject_id: str | None = Field(None, max_length=200)
    since: Moment | None = None
    until: Moment | None = None
    of_server: bool = Field(default=False, description="What belongs to no organisation; for its administrators")

    def query(self, org_id: str | None, before_id: str | None = None) -> AuditQuery:
        """Return it for an organisation."""
        times: dict[str, datetime | None] = {"since": self.since, "until": self.until}
        return AuditQuery(
            org_id=org_id,
            action=self.action,
            user_id=self.user_id,
            subject_id=self.subject_id,
            before_id=before_id,
            **times,
        )


class AuditPageQuery(AuditFilter):
    """A page of them, the newest first; `before_id` is the last entry of the page before."""

    limit: int = Field(50, ge=1, le=1_000)
    before_id: Annotated[str, AfterValidator(partial(parse_id, "audit"))] | None = None


class AuditReply(Reply):
    """One administrative act: who did what to which thing, from where and why."""

    id: str
    at: str
    user_id: str | None
    credential_id: str | None
    action: str
    subject_kind: str
    subject_id: str | None
    before: Any
    after: Any
    reason: str | None
    address: str | None
    user_agent: str | None
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditReply":
        """Return an entry as the wire shows it."""
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})
