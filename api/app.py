"""The application: routes, what requests pass first, error answers. It knows stores and ports, and nothing of Ray."""

from fastapi import FastAPI

from api.http import docs, errors
from api.http.deps import Deps
from api.http.limits import Admission, Limits
from api.http.middleware import FrontDoor
from api.http.sse import Streams
from api.routes import (
    agents,
    capabilities,
    conversation,
    durable,
    effects,
    events,
    files,
    harnesses,
    health,
    models,
    sessions,
    workspaces,
)

PREFIX = "/api"
# In the order in which they are looked through: what is asked most comes first.
_ROUTERS = (
    conversation.router,
    events.router,
    sessions.router,
    files.router,
    workspaces.router,
    agents.router,
    harnesses.router,
    models.router,
    capabilities.router,
    durable.router,
    effects.router,
)


def create_app(deps: Deps) -> FastAPI:
    """Return the application. `app.state.streams.close()` ends all event streams, as a stop must do first."""
    app = FastAPI(
        title="Perdure",
        description="Durable AI agent sessions.",
        version=deps.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.deps = deps
    app.state.streams = Streams(deps.http.sse_per_session, deps.http.sse_total, deps.allowances.streams_per_org)
    app.state.limits = Limits(deps.allowances)
    errors.install(app)
    app.add_middleware(Admission, limits=app.state.limits)
    app.add_middleware(FrontDoor, http=deps.http)  # the last one is the outermost
    for router in _ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    app.mount("/api-doc/files", docs.FILES)
    return app
