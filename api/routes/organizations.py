"""Organisations and their members: the routes of docs/wire.md, "Access".

The organisation in an address is the one that the request acts in, so whoever asks is a member of it (see
`api/http/auth.py`).
"""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator

from api.http.auth import needs
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.initiator import By
from api.http.pages import Page, whole
from api.schemas.organization import (
    MemberBody,
    MemberPatch,
    MemberReply,
    OrganizationBody,
    OrganizationPatch,
    OrganizationReply,
)
from runtime.agents.shelf import chain
from runtime.core.access.roles import MemberRole, Scope
from runtime.core.ids import parse_id

router = APIRouter(prefix="/api/v1", tags=["organizations"], route_class=JsonRoute)

OrgId = Annotated[str, Path(json_schema_extra={"pattern": "^org_[0-9a-f]{32}$"})]
UserId = Annotated[
    str, AfterValidator(partial(parse_id, "user")), Path(json_schema_extra={"pattern": "^user_[0-9a-f]{32}$"})
]


@router.get("/orgs", openapi_extra=needs(Scope.ACCOUNT))
async def list_organizations(deps: Needs) -> Page[OrganizationReply]:
    """List the organisations of whoever asks."""
    found = await deps.identity.membership.organizations.of_user(deps.principal.user_id)
    return whole([OrganizationReply.of(organization) for organization in found])


@router.post("/orgs", status_code=201, openapi_extra=needs(Scope.ACCOUNT))
async def create_organization(body: OrganizationBody, deps: Needs, by: By, response: Response) -> OrganizationReply:
    """Make an organisation, whose owner is whoever asks."""
    made = await deps.identity.membership.create(deps.principal, body.name, by)
    response.headers["Location"] = f"/api/v1/orgs/{made.id}"
    return OrganizationReply.of(made)


@router.get("/resolve-org")
async def resolve_organization(deps: Needs) -> OrganizationReply:
    """Return the organisation in which a request acts."""
    return OrganizationReply.of(await deps.identity.membership.organizations.get(deps.principal.org_id))


@router.get("/orgs/{org_id}")
async def get_organization(org_id: OrgId, deps: Needs) -> OrganizationReply:
    """Return an organisation."""
    return OrganizationReply.of(await deps.identity.membership.organizations.get(org_id))


@router.patch("/orgs/{org_id}")
async def change_organization(org_id: OrgId, body: OrganizationPatch, deps: Needs, by: By) -> OrganizationReply:
    """Change what is given."""
    del org_id  # the principal's
    settings = body.settings
    if "default_model_id" in settings:  # what it means is settled now, as of any layer's model
        key = settings["default_model_id"]
        settings["default_model"] = None if key is None else await deps.models.settled(key)
    if "fallback_models" in body.model_fields_set:
        settings["fallback_models"] = await chain(body.fallback_models or [], deps.models)
    return OrganizationReply.of(await deps.identity.membership.change(deps.principal, body.name, settings, by))


@router.get("/orgs/{org_id}/members")
async def list_members(org_id: OrgId, deps: Needs) -> Page[MemberReply]:
    """List the members, the oldest first."""
    del org_id
    return whole([MemberReply.of(member) for member in await deps.identity.membership.members(deps.principal)])


@router.post("/orgs/{org_id}/members", status_code=201)
async def add_member(org_id: OrgId, body: MemberBody, deps: Needs, by: By, response: Response) -> MemberReply:
    """Make somebody who has an account a member."""
    added = await deps.identity.membership.add(deps.principal, body.email, MemberRole(body.role), by)
    response.headers["Location"] = f"/api/v1/orgs/{org_id}/members/{added.user_id}"
    return MemberReply.of(added)


@router.patch("/orgs/{org_id}/members/{user_id}")
async def appoint_member(org_id: OrgId, user_id: UserId, body: MemberPatch, deps: Needs, by: By) -> MemberReply:
    """Give a member another role."""
    del org_id
    return MemberReply.of(await deps.identity.membership.appoint(deps.principal, user_id, MemberRole(body.role), by))


@router.delete("/orgs/{org_id}/members/{user_id}", status_code=204, openapi_extra=needs(Scope.ACCOUNT))
async def remove_member(org_id: OrgId, user_id: UserId, deps: Needs, by: By) -> None:
    """Take a member out, which administrators may, or leave."""
    del org_id
    await deps.identity.membership.remove(deps.principal, user_id, by)
