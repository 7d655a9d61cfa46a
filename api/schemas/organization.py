"""Organisations and their members on the wire."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.schemas.fields import MAX_FALLBACKS, Body, ModelKey, Reply
from api.schemas.identity import Email, RoleWord
from runtime.core.ids import parse_id
from runtime.ports.identity import Member, Organization

OrgName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=36_500)]
_SETTINGS = ("default_model_id", "default_harness_id", "retention_days", "deletion_grace_days")


class OrganizationBody(Body):
    """An organisation to be made."""

    name: OrgName


class OrganizationPatch(Body):
    """Any part of an organisation; null takes a setting back. Sessions that rest for `retention_days` are deleted.

    What is deleted is gone for good `deletion_grace_days` later. `fallback_models` take over, one after the other,
    where no layer of a session names any; an empty list takes them away.
    """

    name: OrgName | None = None
    default_model_id: ModelKey | None = None
    fallback_models: Annotated[list[ModelKey], Field(max_length=MAX_FALLBACKS)] | None = None
    default_harness_id: str | None = None
    retention_days: Days | None = None
    deletion_grace_days: Annotated[int, Field(ge=0, le=3650)] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What is given of the settings. Raises InvalidInputError for an id that is none."""
        given = {name: getattr(self, name) for name in _SETTINGS if name in self.model_fields_set}
        if self.default_harness_id is not None:
            parse_id("harness", self.default_harness_id)
        return given


class OrganizationReply(Reply):
    """An organisation."""

    id: str
    name: str
    default_model_id: str | None
    fallback_models: list[str]
    default_harness_id: str | None
    base_harness_id: str | None = None
    default_provider_per_service: dict[str, str] = Field(default_factory=dict)
    onboarding_completed_at: str | None = None
    retention_days: int | None
    deletion_grace_days: int | None
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, organization: Organization) -> "OrganizationReply":
        """Return an organisation as the wire shows it."""
        own = {name: getattr(organization, name) for name in ("id", "name", "created_at", "updated_at")}
        settings = {name: getattr(organization.settings, name) for name in _SETTINGS}
        return cls(**own, **settings, fallback_models=list(organization.settings.fallback_models))


class SwitchBody(Body):
    """Where to be at home."""

    org_id: str


class MemberBody(Body):
    """Who is to be a member: somebody who has an account."""

    email: Email
    role: RoleWord = "member"


class MemberPatch(Body):
    """What a member is to be."""

    role: RoleWord


class MemberReply(Reply):
    """A member."""

    organization_id: str
    user_id: str
    email: str | None
    name: str
    role: RoleWord
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, member: Member) -> "MemberReply":
        """Return a member as the wire shows them."""
        names = ("user_id", "email", "name", "created_at", "updated_at")
        fields = {name: getattr(member, name) for name in names}
        return cls(organization_id=member.org_id, role=member.role.value, **fields)
