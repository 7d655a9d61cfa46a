"""What the routes need, and how they get it: ports and use cases, whoever stands behind them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.http.limits import ANY, Allowances
from api.http.sse import Streams
from runtime.agents.authoring import Authoring
from runtime.agents.capability import Registry
from runtime.agents.opening import Opener
from runtime.ports.catalogue import ModelCatalogue
from runtime.ports.gateway import Gateway
from runtime.ports.stores import Stores
from runtime.process.settings import HttpSettings


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a message can be served, and in words why not."""

    is_ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything behind the front door."""

    stores: Stores
    registry: Registry
    models: ModelCatalogue
    gateway: Gateway
    http: HttpSettings
    health: Callable[[], Awaitable[Health]]
    version: str
    allowances: Allowances = ANY

    @property
    def authoring(self) -> Authoring:
        """Who writes agents and harnesses."""
        return Authoring(self.stores, self.registry, self.models)

    @property
    def opener(self) -> Opener:
        """Who opens sessions."""
        return Opener(self.stores, self.registry, self.models)


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
