"""Logging in and out: the routes of docs/wire.md, "Access"."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.http import cookies
from api.http.auth import bearer_of
from api.http.body import JsonRoute
from api.http.deps import Everything, Needs
from api.http.initiator import By
from api.http.pages import Page, whole
from api.schemas.identity import (
    CallbackQuery,
    GrantReply,
    LoginBody,
    LoginReply,
    MeReply,
    RefreshBody,
    RegisterBody,
    WaysReply,
)
from runtime.core.errors import CallerError, ForbiddenError, UnauthenticatedError
from runtime.core.ids import parse_id
from runtime.identity.federated import JOURNEY_S
from runtime.identity.identity import Identity
from runtime.identity.sign_in import Grant
from runtime.ports.access import Shown

router = APIRouter(prefix="/api/v1/auth", route_class=JsonRoute)

Provider = Annotated[str, Path(max_length=64)]


@router.get("/config", tags=["login"])
async def get_ways(house: Everything) -> WaysReply:
    """Say how people log in here."""
    ways = house.identity.ways
    return WaysReply(
        mode=ways.mode,
        password_auth_enabled=ways.takes_passwords,
        oauth_providers=list(ways.providers),
        signup_enabled=ways.takes_newcomers,
    )


@router.post("/login", tags=["login"])
async def log_in(body: LoginBody, house: Everything, by: By, request: Request, response: Response) -> GrantReply:
    """Log in with e-mail address and password."""
    _check_passwords(house.identity)
    grant = await house.identity.sign_in.with_password(body.email, body.password, by)
    return _granted(grant, request, response)


@router.post("/register", tags=["login"], status_code=201)
async def register(body: RegisterBody, house: Everything, by: By, request: Request, response: Response) -> GrantReply:
    """Make an account, and log in."""
    _check_passwords(house.identity)
    await house.identity.sign_in.admit_address(by)
    user = await house.identity.accounts.register(body.email, body.password, body.name, by)
    return _granted(await house.identity.sign_in.begin(user, by), request, response)


@router.post("/refresh", tags=["login"])
async def refresh(
    house: Everything, by: By, request: Request, response: Response, body: RefreshBody | None = None
) -> GrantReply:
    """Go on with a login: the refresh token is replaced, and good for nothing any more."""
    token = (body and body.refresh_token) or cookies.refresh_token(request)
    if token is None:
        message = "This needs a refresh token, in the body or in a cookie."
        raise UnauthenticatedError(message)
    return _granted(await house.identity.sign_in.refresh(token, by), request, response)


@router.post("/logout", tags=["login"], status_code=204)
async def log_out(house: Everything, by: By, request: Request, response: Response) -> None:
    """End the login of whoever asks, if there is one, and have a browser forget it."""
    bearer, kept = bearer_of(request), cookies.access_token(request)
    if bearer is None and kept is not None:
        cookies.check_csrf(request)
    cookies.drop(response)
    try:
        who = await house.authenticator.principal(Shown(bearer or kept))
        if who.credential_id is not None and who.credential_id.startswith("login_"):
            await house.identity.sign_in.end(who.user_id, who.credential_id, by)
    except CallerError:
        return  # it had ended already


@router.get("/oauth/{provider}", tags=["login"], status_code=303, response_class=RedirectResponse)
async def go_to_provider(provider: Provider, house: Everything, request: Request) -> RedirectResponse:
    """Send a browser to log in with an identity provider."""
    address, journey = await house.identity.travel.leave(provider)
    away = RedirectResponse(address, 303)
    cookies.keep_journey(away, request, journey, JOURNEY_S)
    return away


@router.get("/callback/{provider}", tags=["login"], status_code=303, response_class=RedirectResponse)
async def come_from_provider(
    provider: Provider, house: Everything, by: By, request: Request, query: Annotated[CallbackQuery, Query()]
) -> RedirectResponse:
    """Log in a browser that an identity provider sends back."""
    if query.code is None:
        message = f"The identity provider {provider} did not confirm this login: {query.error or 'no code'}."
        raise UnauthenticatedError(message, "provider_refused")
    kept = cookies.journey(request)
    grant = await house.identity.travel.arrive(provider, query.code, query.state, kept, by)
    home = RedirectResponse("/", 303)
    cookies.keep(home, request, grant)
    cookies.drop_journey(home)
    return home


@router.get("/me", tags=["account"])
async def get_me(deps: Needs) -> MeReply:
    """Return whoever asks."""
    who = deps.principal
    user = await deps.identity.accounts.users.get(who.user_id)
    return MeReply(
        id=user.id,
        email=user.email,
        name=user.name,
        roles=[who.role, *(["system_admin"] if user.is_system_admin else [])],
        avatar_url=user.avatar_url,
        organization_id=who.org_id,
        scopes=sorted(who.scopes),
    )


@router.get("/logins", tags=["account"])
async def list_logins(deps: Needs) -> Page[LoginReply]:
    """List the logins of whoever asks that go on, the newest first."""
    found = await deps.identity.logins.list(deps.principal.user_id)
    return whole([LoginReply.of(login, deps.principal.credential_id) for login in found])


@router.delete("/logins/{login_id}", tags=["account"], status_code=204)
async def end_login(login_id: str, deps: Needs, by: By) -> None:
    """End a login of whoever asks."""
    await deps.identity.sign_in.end(deps.principal.user_id, parse_id("login", login_id), by)


def _check_passwords(identity: Identity) -> None:
    if not identity.ways.takes_passwords:
        message = f"There are no passwords here: AUTH_MODE is {identity.ways.mode}."
        raise ForbiddenError(message, "password_login_disabled")


def _granted(grant: Grant, request: Request, response: Response) -> GrantReply:
    cookies.keep(response, request, grant)
    response.headers["Cache-Control"] = "no-store"
    return GrantReply(access_token=grant.access_token, expires_in=grant.expires_in, refresh_token=grant.refresh_token)
