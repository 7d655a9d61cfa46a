"""The audit log: the routes of docs/wire.md, "Access"."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.pages import NextUrl, following
from api.schemas.audit import AuditFilter, AuditPageQuery, AuditReply
from runtime.core.access.roles import Scope
from runtime.ports.identity import AuditEntry, AuditLog, AuditQuery

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], route_class=JsonRoute)

EXPORT_PAGE: Final = 1_000


class AuditPage(BaseModel):
    """Some entries, the newest first."""

    data: list[AuditReply]
    next_url: NextUrl = None


@router.get("")
async def list_audit(deps: Needs, request: Request, query: Annotated[AuditPageQuery, Query()]) -> AuditPage:
    """List what was done in the organisation, the newest first."""
    chosen = query.query(_org(deps, query), query.before_id)
    found = await deps.identity.audit.page(chosen, query.limit)
    more = following(request.url, before_id=found[-1].id) if len(found) == query.limit else None
    return AuditPage(data=[AuditReply.of(entry) for entry in found], next_url=more)


@router.get("/export", response_class=StreamingResponse)
async def export_audit(deps: Needs, query: Annotated[AuditFilter, Query()]) -> StreamingResponse:
    """Return all of it, the newest first, as lines of JSON."""
    chosen = query.query(_org(deps, query))
    first = await deps.identity.audit.page(chosen, EXPORT_PAGE)  # what cannot be read has a status of its own
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(
        _lines(deps.identity.audit, chosen, list(first)), media_type="application/x-ndjson", headers=headers
    )


def _org(deps: Deps, query: AuditFilter) -> str | None:
    """Return whose entries are asked for. Raises ForbiddenError for those of the server, if they are not for them."""
    if not query.of_server:
        return deps.principal.org_id
    deps.principal.require(Scope.SYSTEM)
    return None


async def _lines(log: AuditLog, chosen: AuditQuery, page: list[AuditEntry]) -> AsyncIterator[bytes]:
    while page:
        yield b"".join(msgspec.json.encode(entry) + b"\n" for entry in page)
        if len(page) < EXPORT_PAGE:
            return
        chosen = msgspec.structs.replace(chosen, before_id=page[-1].id)
        page = list(await log.page(chosen, EXPORT_PAGE))
