"""The application: routes, what requests pass first, error answers. It knows stores and ports, and nothing of Ray."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI

from api.http import docs, errors
from api.http.console import Console
from api.http.deps import House
from api.http.limits import Limits
from api.http.middleware import FrontDoor
from api.http.outlook import snapshot
from api.http.snapshots import Snapshots
from api.http.sse import Streams
from api.routes import (
    agents,
    audit,
    auth,
    bounds,
    breakers,
    capabilities,
    connections,
    conversation,
    durable,
    effects,
    events,
    files,
    harnesses,
    health,
    images,
    keys,
    models,
    operations,
    organizations,
    providers,
    resolved,
    secrets,
    sessions,
    tokens,
    users,
    workspaces,
)

CONSOLE: Final = Path(__file__).with_name("console") / "dist"
# In the order in which they are looked through: what is asked most comes first.
_ROUTERS = (
    conversation.router,
    events.router,
    sessions.router,
    files.router,
    images.router,
    workspaces.router,
    agents.router,
    harnesses.router,
    resolved.router,
    capabilities.router,
    breakers.router,
    durable.router,
    operations.router,
    effects.router,
    keys.router,
    secrets.router,
    auth.router,
    tokens.router,
    users.router,
    connections.router,
    organizations.router,
    bounds.router,
    audit.router,
)
# Both have a name of before, which some clients still use and no document shows.
_RENAMED = APIRouter()
for _router, _name, _former in (
    (models.router, "models", "llm-models"),
    (providers.router, "providers", "llm-providers"),
):
    _RENAMED.include_router(_router, prefix=f"/api/v1/{_name}")
    _RENAMED.include_router(_router, prefix=f"/api/v1/{_former}", include_in_schema=False)
# Taken as they are: each application that includes a router makes its routes anew, and then looks through them twice.
_ROUTES = [route for router in (*_ROUTERS, _RENAMED, health.router) for route in router.routes]


def create_app(house: House) -> FastAPI:
    """Return the application. `app.state.streams.close()` ends all event streams, as a stop must do first."""
    app = routed(house.version)
    app.state.house = house
    app.state.limits = Limits(house.allowances)
    streams = app.state.streams = Streams(
        house.http.sse_per_session, house.http.sse_total, house.allowances.streams_per_org
    )
    app.state.snapshots = Snapshots(lambda: snapshot(house, len(streams)))
    house.authenticator.on_revoked(lambda ended: streams.close_where(lambda who: who.credential_id in ended))
    errors.install(app)
    app.add_middleware(FrontDoor, http=house.http)
    return app


def routed(version: str) -> FastAPI:
    """Return the routes alone, which is enough to describe them."""
    app = FastAPI(
        title="Perdure",
        description="Durable AI agent sessions.",
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.router.routes.extend(_ROUTES)
    app.mount("/api-doc/files", docs.FILES)
    app.router.routes.append(Console(CONSOLE))
    return app
