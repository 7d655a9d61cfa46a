"""What is at the root of the server beside the console: health, the API's document and page."""

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


@router.get("/api-doc/", include_in_schema=False)
async def get_page() -> HTMLResponse:
    """Show the API's document to people."""
    return page("files")


@router.get("/api-doc/openapi.json", include_in_schema=False)
async def get_document(request: Request) -> Response:
    """Return the API's document."""
    return JSONResponse(document(request.app))
