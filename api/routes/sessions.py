"""Sessions: the routes of docs/wire.md, "Sessions"."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.layers import definition
from api.http.pages import NextUrl, Page, SessionId, following
from api.schemas.session import CancelReply, SessionBody, SessionPatch, SessionQuery, SessionReply
from runtime.agents.layers import LayerReader, features_of
from runtime.agents.opening import Opening
from runtime.core.authored.definition import Session, SessionDefinition

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], route_class=JsonRoute)

# The SDKs send an object, null or nothing where there is nothing to say.
NoBody = Annotated[dict[str, Any] | None, Body()]


class SessionPage(Page[SessionReply]):
    """A page of sessions, under the names that the Python and the TypeScript SDK read."""

    sessions: list[SessionReply]
    next_url: NextUrl = None


@router.post("", status_code=201)
async def create_session(deps: Needs, response: Response, body: SessionBody | None = None) -> SessionReply:
    """Open a session; everything is optional."""
    given = body or SessionBody()
    wanted = Opening(
        definition=definition(given, SessionDefinition, deps.registry),
        harness=given.harness,
        agent=given.agent,
        workspace_id=given.workspace,
        title=given.title,
    )
    session, layers = await deps.opener.open(wanted)
    deps.note_session(session.id)
    response.headers["Location"] = f"/api/v1/sessions/{session.id}"
    return SessionReply.of(session, features_of(layers, deps.registry))


@router.get("")
async def list_sessions(deps: Needs, request: Request, query: Annotated[SessionQuery, Query()]) -> SessionPage:
    """List sessions, newest first."""
    found = await deps.stores.sessions.list(
        agent_id=query.agent_id,
        search=query.search or None,
        after_id=query.after_id,
        offset=query.offset,
        limit=query.limit,
    )
    reader = LayerReader(deps.stores)
    await reader.read_ahead({s.harness_id for s in found.items}, {s.agent_id for s in found.items if s.agent_id})
    replies = [await _reply(deps, reader, session) for session in found.items]
    return SessionPage(
        data=replies,
        sessions=replies,
        total=found.total,
        is_total_exact=found.is_total_exact,
        offset=query.offset,
        limit=query.limit,
        next_url=following(request.url, after_id=replies[-1].id) if replies and found.has_more else None,
    )


@router.get("/{session_id}")
async def get_session(session_id: SessionId, deps: Needs) -> SessionReply:
    """Return a session."""
    return await _reply(deps, LayerReader(deps.stores), await deps.stores.sessions.get(session_id))


@router.patch("/{session_id}")
async def patch_session(session_id: SessionId, body: SessionPatch, deps: Needs) -> SessionReply:
    """Change title, tags, locale or identity. A running turn learns of them before its next model call."""
    if body.title is not None:
        await deps.check_session(session_id)
        await deps.gateway.rename(deps.principal, session_id, body.title)
    given = body.definition_fields()
    changed = await (deps.stores.sessions.patch(session_id, given) if given else deps.stores.sessions.get(session_id))
    return await _reply(deps, LayerReader(deps.stores), changed)


@router.delete("/{session_id}", status_code=204, openapi_extra=audited("session.deleted"))
async def delete_session(session_id: SessionId, deps: Needs) -> None:
    """Delete a session; a running turn is cancelled first."""
    await deps.check_session(session_id)
    await deps.gateway.close_session(deps.principal, session_id)
    await deps.stores.sessions.delete(session_id)


@router.post("/{session_id}/cancel")
async def cancel_turn(session_id: SessionId, deps: Needs, _body: NoBody = None) -> CancelReply:
    """Stop the running turn, if there is one."""
    await deps.check_session(session_id)
    if await deps.gateway.cancel(deps.principal, session_id):
        return CancelReply(status="cancelled", message="The turn was cancelled.")
    return CancelReply(status="no_op", message="No turn is running.")


@router.put("/{session_id}/pin", status_code=204)
async def pin_session(session_id: SessionId, deps: Needs) -> None:
    """Pin a session."""
    await deps.stores.sessions.pin(session_id, is_pinned=True)


@router.delete("/{session_id}/pin", status_code=204)
async def unpin_session(session_id: SessionId, deps: Needs) -> None:
    """Unpin a session."""
    await deps.stores.sessions.pin(session_id, is_pinned=False)


async def _reply(deps: Deps, reader: LayerReader, session: Session) -> SessionReply:
    layers = [*await reader.around(session.harness_id, session.agent_id), session.definition]
    return SessionReply.of(session, features_of(layers, deps.registry))
