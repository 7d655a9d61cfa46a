"""Looking inside: who owns a session, and which actors there are."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from api.http.audit import audited
from api.http.auth import GuardedRoute, needs
from api.http.deps import Needs
from api.http.pages import NextUrl, Offset, Page, following
from api.schemas.effect import PendingDecision
from runtime.core.access.roles import Scope
from runtime.core.errors import NotFoundError
from runtime.core.ids import parse_id
from runtime.core.session.state import Status
from runtime.ports.gateway import ActorInfo, Gateway

router = APIRouter(prefix="/api/v1/durable", tags=["durable"], route_class=GuardedRoute)

ActorLimit = Annotated[int, Query(ge=1, le=1_000)]


class Place(BaseModel):
    """The process that holds a session."""

    name: str
    actor_id: str | None
    node_id: str | None
    pid: int | None


class DurableSession(BaseModel):
    """Where a session stands. `recoveries` counts how often it was revived after a crash.

    `pending_decisions` are the calls about which a person must decide before the turn goes on.
    """

    session_id: str
    status: str
    epoch: int
    last_sequence: int
    snapshot_sequence: int
    recoveries: int
    quarantined: bool
    actor: Place | None
    pending_decisions: list[PendingDecision]


class ActorReply(Place):
    """One actor; `sessions` is a count, and so is `waiting`: those for whom the supervisor has no actor yet."""

    role: str
    state: str
    sessions: int
    rss_bytes: int
    started_at: str
    waiting: int


class ActorList(BaseModel):
    """Actors."""

    data: list[ActorReply]


class ActorPage(Page[ActorReply]):
    """A part of all actors of the cluster."""

    next_url: NextUrl = None


@router.get("/sessions/{session_id}")
async def get_durable_session(session_id: str, deps: Needs) -> DurableSession:
    """Return where a session stands, and who holds it."""
    session = await deps.stores.sessions.get(parse_id("session", session_id))
    pending = await deps.stores.events.pending_decisions(session.id) if session.status == Status.WAITING else []
    return DurableSession(
        session_id=session.id,
        status=session.status,
        epoch=session.epoch,
        last_sequence=session.last_sequence,
        snapshot_sequence=await deps.stores.sessions.snapshot_sequence(session_id),
        recoveries=session.recoveries,
        quarantined=session.quarantined,
        actor=await _holder(deps.gateway, session.actor),
        pending_decisions=[PendingDecision.of(event) for event in pending],
    )


@router.post("/sessions/{session_id}/release", openapi_extra=audited("session.released"))
async def release_session(session_id: str, deps: Needs) -> DurableSession:
    """Lift a quarantine, as a new message does, without one: its crashes are forgotten.

    A session that was given up because it killed its actor even while its turn was being failed is tried again.
    """
    session = await deps.stores.sessions.get(parse_id("session", session_id))
    await deps.stores.sessions.acquit(session.id)
    return await get_durable_session(session_id, deps)


@router.get("/actors", openapi_extra=needs(Scope.SYSTEM))
async def list_actors(deps: Needs, request: Request, offset: Offset = 0, limit: ActorLimit = 1_000) -> ActorPage:
    """List the actors: the supervisor, front doors, then session actors, the oldest first."""
    found = await deps.gateway.actors(offset=offset, limit=limit)
    return ActorPage(
        data=[ActorReply(**_fields(actor)) for actor in found.items],
        total=found.total,
        offset=offset,
        limit=limit,
        next_url=following(request.url, offset=offset + limit) if found.has_more else None,
    )


@router.post("/actors/{name}/drain", status_code=202, openapi_extra=needs(Scope.SYSTEM) | audited("actor.drained"))
async def drain_actor(name: str, deps: Needs) -> ActorReply:
    """Empty a session actor and end it: it takes on nothing, its turns come to rest, what is left goes on elsewhere."""
    drained = await deps.gateway.drain(actor=name)
    if not drained:
        raise NotFoundError("actor", name)
    return ActorReply(**_fields(drained[0]))


@router.post("/nodes/{node_id}/drain", status_code=202, openapi_extra=needs(Scope.SYSTEM) | audited("node.drained"))
async def drain_node(node_id: str, deps: Needs) -> ActorList:
    """Empty all session actors of a node, as for one; `ray drain-node` keeps new ones from being started there."""
    drained = await deps.gateway.drain(node_id=node_id)
    if not drained:
        raise NotFoundError("node", node_id)
    return ActorList(data=[ActorReply(**_fields(actor)) for actor in drained])


async def _holder(gateway: Gateway, name: str | None) -> Place | None:
    holder = await gateway.actor(name) if name else None
    return None if holder is None else Place(**_fields(holder))


def _fields(actor: ActorInfo) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(actor)
    return fields
