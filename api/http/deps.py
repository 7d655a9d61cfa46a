"""What the routes need, and how they get it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.http.sse import Streams
from runtime.agents.capability import Registry
from runtime.models.catalogue import Catalogue
from runtime.ports.gateway import Gateway
from runtime.process.settings import HttpSettings
from runtime.store.agents import AgentStore
from runtime.store.events import EventLog
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore
from runtime.store.sessions import SessionStore
from runtime.store.workspaces import WorkspaceStore


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a message can be served, and in words why not."""

    is_ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything behind the front door. `files` opens a workspace by its id."""

    agents: AgentStore
    harnesses: HarnessStore
    workspaces: WorkspaceStore
    sessions: SessionStore
    events: EventLog
    files: Callable[[str], WorkspaceFiles]
    registry: Registry
    models: Catalogue
    gateway: Gateway
    http: HttpSettings
    health: Callable[[], Awaitable[Health]]
    version: str


async def deps_of(request: Request) -> Deps:  # async: FastAPI would run a plain function in a thread
    """Return what the application was built with."""
    deps: Deps = request.app.state.deps
    return deps


async def streams_of(request: Request) -> Streams:
    """Return the open event streams of the application."""
    streams: Streams = request.app.state.streams
    return streams


Needs = Annotated[Deps, Depends(deps_of)]
OpenStreams = Annotated[Streams, Depends(streams_of)]
