"""What sessions keep for themselves under keys, to be looked at (docs/wire.md, "Sessions")."""

from fastapi import APIRouter

from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import Limit, Offset, Page, SessionId
from api.schemas.key import KeyReply

router = APIRouter(prefix="/api/v1/sessions/{session_id}/storage/keys", tags=["sessions"], route_class=JsonRoute)


@router.get("")
async def list_keys(session_id: SessionId, deps: Needs, offset: Offset = 0, limit: Limit = 20) -> Page[KeyReply]:
    """List what a session keeps under keys, by key."""
    await deps.find_session(session_id)
    found = await deps.stores.session_keys(session_id).page(offset, limit)
    data = [KeyReply.of(pair) for pair in found.items]
    return Page(data=data, total=found.total, offset=offset, limit=limit)
