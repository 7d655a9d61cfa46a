"""Users: the routes of docs/wire.md, "Access"."""

from fastapi import APIRouter, Response

from api.http import cookies
from api.http.auth import needs
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.initiator import By
from api.http.pages import Page, whole
from api.schemas.identity import ProfilePatch, ProfileReply, UserReply
from api.schemas.organization import OrganizationReply, SwitchBody
from runtime.core.access.roles import Scope
from runtime.core.ids import parse_id

router = APIRouter(prefix="/api/v1/users", tags=["account"], route_class=JsonRoute)


@router.get("", openapi_extra=needs(Scope.ORG_READ))
async def list_users(deps: Needs) -> Page[UserReply]:
    """List the users of the organisation, the oldest members first."""
    return whole([UserReply.of(member) for member in await deps.identity.membership.members(deps.principal)])


@router.patch("/me")
async def change_profile(body: ProfilePatch, deps: Needs, by: By) -> ProfileReply:
    """Change name, picture or password; a new password ends one's other logins."""
    accounts = deps.identity.accounts
    if body.current_password is not None and body.new_password is not None:
        await deps.identity.sign_in.change_password(deps.principal, body.current_password, body.new_password, by)
    given = {name: value for name in ("name", "avatar_url") if (value := getattr(body, name)) is not None}
    if given:
        return ProfileReply.of(await accounts.change_profile(deps.principal, given, by))
    return ProfileReply.of(await accounts.users.get(deps.principal.user_id))


@router.delete("/me", status_code=204)
async def erase_account(deps: Needs, by: By, response: Response) -> None:
    """Forget whoever asks: name, address, tokens and logins. Organisations with nobody left go with them."""
    await deps.identity.accounts.erase(deps.principal.user_id, by)
    cookies.drop(response)


@router.post("/me/switch-org")
async def switch_organization(body: SwitchBody, deps: Needs, by: By) -> OrganizationReply:
    """Let requests that name no organisation act in this one."""
    org_id = parse_id("org", body.org_id)
    return OrganizationReply.of(await deps.identity.membership.move_home(deps.principal, org_id, by))
