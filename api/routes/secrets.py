"""The secrets of sessions: set, listed and deleted, never shown (docs/wire.md, "Secrets")."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import Page, SessionId, whole
from api.schemas.secret import SecretReply, SecretsBody, SecretsCount
from runtime.core.errors import NotFoundError

router = APIRouter(prefix="/api/v1/sessions/{session_id}/storage/secrets", tags=["sessions"], route_class=JsonRoute)

SecretName = Annotated[str, Path(min_length=1, max_length=256)]


@router.put("", openapi_extra=audited("session.secrets_set"))
async def put_secrets(session_id: SessionId, body: SecretsBody, deps: Needs) -> SecretsCount:
    """Set secrets, all of them or none; those that are not named stay."""
    await deps.find_session(session_id)
    return SecretsCount(count=await deps.stores.session_secrets(session_id).put(body.values()))


@router.get("")
async def list_secrets(session_id: SessionId, deps: Needs) -> Page[SecretReply]:
    """List the secrets of a session, without their values."""
    await deps.find_session(session_id)
    return whole([SecretReply.of(info) for info in await deps.stores.session_secrets(session_id).list()])


@router.delete("/{name:path}", status_code=204, openapi_extra=audited("session.secret_deleted"))
async def delete_secret(session_id: SessionId, name: SecretName, deps: Needs) -> None:
    """Forget a secret."""
    await deps.find_session(session_id)
    if not await deps.stores.session_secrets(session_id).delete(name):
        raise NotFoundError("secret", name)
