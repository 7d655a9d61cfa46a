"""What the routes need, and how they get it: ports and use cases, as whoever asks may see them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Final

from fastapi import Depends, Request

from api.http.auth import principal_of
from api.http.limits import ANY, Allowances
from api.http.snapshots import Snapshots
from api.http.sse import Streams
from runtime.agents.authoring import Authoring
from runtime.agents.capability import Registry
from runtime.agents.opening import Opener
from runtime.agents.providing import Providing
from runtime.agents.shelf import Shelf
from runtime.core.access.principal import Principal
from runtime.identity.identity import Identity
from runtime.ports.access import Authenticator
from runtime.ports.breakers import BreakerDesk
from runtime.ports.catalogue import BuiltInModels
from runtime.ports.gateway import Gateway
from runtime.ports.operations import Operations
from runtime.ports.providers import Desk
from runtime.ports.stores import Stores
from runtime.process.settings import HttpSettings

REMEMBERED_MOST: Final = 100_000  # sessions


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a message can be served, and in words why not."""

    is_ready: bool
    reason: str = ""


class Belonging:
    """Whose sessions are, as far as this front door has learnt: that never changes, and need not be asked again."""

    def __init__(self) -> None:
        self._orgs: dict[str, str] = {}

    def note(self, session_id: str, org_id: str) -> None:
        """Remember whose a session is."""
        if len(self._orgs) >= REMEMBERED_MOST:
            self._orgs.clear()
        self._orgs[session_id] = org_id

    def is_of(self, session_id: str, org_id: str) -> bool:
        """Tell whether a session is known to be an organisation's."""
        return self._orgs.get(session_id) == org_id


@dataclass(frozen=True, slots=True)
class House:
    """Everything behind the front door. `stores` opens what a principal may see, `dashboard_url` leads to Ray's own.

    `key_ids` are those of the keys that open secrets here, the one that seals first.
    """

    stores: Callable[[Principal], Stores]
    registry: Registry
    models: BuiltInModels
    desk: Desk
    gateway: Gateway
    authenticator: Authenticator
    identity: Identity
    http: HttpSettings
    health: Callable[[], Awaitable[Health]]
    version: str
    breakers: BreakerDesk
    operations: Operations
    dashboard_url: str | None = None
    key_ids: Sequence[str] = ()
    allowances: Allowances = ANY
    belonging: Belonging = field(default_factory=Belonging)


class Deps:
    """The house as one principal sees it, for one request."""

    def __init__(self, house: House, principal: Principal) -> None:
        self.principal = principal
        self.registry = house.registry
        self.desk = house.desk
        self.gateway = house.gateway
        self.identity = house.identity
        self.breakers = house.breakers
        self.http = house.http
        self._house = house

    @cached_property
    def stores(self) -> Stores:
        """What is kept of the principal's organisation."""
        return self._house.stores(self.principal)

    async def check_session(self, session_id: str) -> None:
        """Pass if there is such a session in the principal's organisation: before anybody is woken for it.

        Raises:
            NotFoundError: there is none.
        """
        belonging, org_id = self._house.belonging, self.principal.org_id
        if not belonging.is_of(session_id, org_id):
            await self.stores.sessions.check(session_id)
            belonging.note(session_id, org_id)

    async def find_session(self, session_id: str) -> None:
        """Pass if there is such a session now, for what is read or written here, without asking the session itself.

        Raises:
            NotFoundError: there is none, or it was deleted.
        """
        await self.stores.sessions.check(session_id)

    def note_session(self, session_id: str) -> None:
        """Remember that a session is of the principal's organisation."""
        self._house.belonging.note(session_id, self.principal.org_id)

    @cached_property
    def models(self) -> Shelf:
        """The organisation's models."""
        return Shelf(self._house.models, self.desk, self.stores.providers)

    @property
    def providing(self) -> Providing:
        """Who makes providers."""
        return Providing(self.stores.providers, self.desk, self.models, self.principal)

    @property
    def authoring(self) -> Authoring:
        """Who writes agents and harnesses."""
        return Authoring(self.stores, self.registry, self.models, self.principal)

    @property
    def opener(self) -> Opener:
        """Who opens sessions."""
        return Opener(self.stores, self.registry, self.models, self.principal)


async def house_of(request: Request) -> House:  # async: FastAPI would run a plain function in a thread
    """Return what the application was built with."""
    house: House = request.app.state.house
    return house


async def deps_of(request: Request) -> Deps:
    """Return the same as whoever asks may see it."""
    return Deps(await house_of(request), principal_of(request))


async def streams_of(request: Request) -> Streams:
    """Return the open event streams of the application."""
    streams: Streams = request.app.state.streams
    return streams


async def snapshots_of(request: Request) -> Snapshots:
    """Return what all who watch the cluster here are shown."""
    snapshots: Snapshots = request.app.state.snapshots
    return snapshots


Needs = Annotated[Deps, Depends(deps_of)]
Everything = Annotated[House, Depends(house_of)]
OpenStreams = Annotated[Streams, Depends(streams_of)]
LiveCluster = Annotated[Snapshots, Depends(snapshots_of)]
