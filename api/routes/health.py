"""What is at the root of the server: health, the API's document and page, a signpost."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from api.http.auth import GuardedRoute
from api.http.deps import Everything
from api.http.docs import page
from api.http.openapi import document
from runtime.core.errors import OverloadedError

router = APIRouter(tags=["server"], route_class=GuardedRoute)


class HealthReply(BaseModel):
    """The server works."""

    status: str = "ok"
    version: str
    auth_mode: str


@router.get("/health")
async def get_health(house: Everything) -> HealthReply:
    """Answer 200 once a message can be served, else 503."""
    health = await house.health()
    if not health.is_ready:
        raise OverloadedError(reason=health.reason or "starting")
    return HealthReply(version=house.version, auth_mode=house.identity.ways.mode)


@router.get("/", include_in_schema=False)
async def get_root() -> HTMLResponse:
    """Point to what is here."""
    return HTMLResponse(_SIGNPOST)


@router.get("/api-doc/", include_in_schema=False)
async def get_page() -> HTMLResponse:
    """Show the API's document to people."""
    return page("files")


@router.get("/api-doc/openapi.json", include_in_schema=False)
async def get_document(request: Request) -> Response:
    """Return the API's document."""
    return JSONResponse(document(request.app))


_SIGNPOST = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Perdure</title>
<body style="font: 16px system-ui; margin: 3rem auto; max-width: 40rem; padding: 0 1rem">
<h1>Perdure</h1>
<p>Durable AI agent sessions.</p>
<ul><li><a href="/api-doc/">The API</a></li><li><a href="/api-doc/openapi.json">OpenAPI document</a></li>
<li><a href="/health">Health</a></li></ul></body></html>
"""
