"""Personal access tokens: the routes of docs/wire.md, "Access"."""

from fastapi import APIRouter, Response

from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.initiator import By
from api.http.pages import Page, whole
from api.schemas.identity import NewTokenReply, TokenBody, TokenReply
from runtime.core.ids import parse_id

router = APIRouter(prefix="/api/v1/auth", tags=["account"], route_class=JsonRoute)


@router.post("/api-keys", status_code=201, include_in_schema=False)  # the name of old
@router.post("/personal-access-tokens", status_code=201)
async def create_token(body: TokenBody, deps: Needs, by: By, response: Response) -> NewTokenReply:
    """Make a token; its key is shown this once."""
    token, key = await deps.identity.minting.mint(
        deps.principal, body.name, by, scopes=body.scopes, lifetime_days=body.expires_in_days
    )
    response.headers["Location"] = f"/api/v1/auth/personal-access-tokens/{token.id}"
    response.headers["Cache-Control"] = "no-store"
    return NewTokenReply(**TokenReply.of(token).model_dump(), key=key)


@router.get("/api-keys", include_in_schema=False)
@router.get("/personal-access-tokens")
async def list_tokens(deps: Needs) -> Page[TokenReply]:
    """List the tokens of whoever asks, the newest first."""
    return whole([TokenReply.of(token) for token in await deps.identity.minting.list(deps.principal.user_id)])


@router.delete("/api-keys/{token_id}", status_code=204, include_in_schema=False)
@router.delete("/personal-access-tokens/{token_id}", status_code=204)
async def revoke_token(token_id: str, deps: Needs, by: By) -> None:
    """End a token of whoever asks; what it has open ends within a second."""
    await deps.identity.minting.revoke(deps.principal.user_id, parse_id("token", token_id), by)
