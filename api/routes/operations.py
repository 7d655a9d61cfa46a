"""The cluster as a whole: its health, its workers, and sessions that were stopped (docs/wire.md, "Operations")."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from api.http.audit import audited
from api.http.auth import GuardedRoute, needs
from api.http.deps import Everything, LiveCluster, Needs, OpenStreams
from api.http.outlook import look
from api.http.pages import Limit, NextUrl, Offset, Page, following
from api.http.snapshots import Watcher
from api.http.sse import EventStream, Start, Timing
from api.routes.durable import ActorReply, drain_actor
from api.schemas.metrics import Timeseries
from api.schemas.operations import ClusterHealth, DeadLetter, WorkerReply, WorkerStatus, WorkerSummary
from runtime.core.access.roles import Scope
from runtime.core.errors import NotFoundError
from runtime.core.ids import parse_id

router = APIRouter(prefix="/api/v1/durable", tags=["durable"], route_class=GuardedRoute)

_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "`connected`, then `snapshot`s (see Snapshot), and `disconnecting` before a planned end",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
Group = Annotated[
    Literal["sessions"] | None, Query(alias="worker_group", description="There is one group, so this changes nothing")
]
After = Annotated[AwareDatetime | None, Query(description="Only points that begin after this moment")]


class WorkerPage(Page[WorkerReply]):
    """A part of the session actors, and all of them together."""

    summary: WorkerSummary
    next_url: NextUrl = None


class DeadLetterPage(Page[DeadLetter]):
    """A part of the organisation's sessions in quarantine."""

    next_url: NextUrl = None


@router.get("/health", openapi_extra=needs(Scope.SYSTEM))
async def get_cluster_health(house: Everything, streams: OpenStreams) -> ClusterHealth:
    """Tell how the cluster does. It answers 200 also when that is badly: `status` says so."""
    return await look(house, len(streams))


@router.get("/metrics/timeseries", openapi_extra=needs(Scope.SYSTEM))
async def get_timeseries(house: Everything, after: After = None) -> Timeseries:
    """Return the last hour of the whole cluster, a point for every ten seconds, oldest first.

    Of the time in which there was no supervisor there are no points: what was counted then is in the next one.
    """
    points = await house.operations.series(after=int(after.timestamp()) if after else 0)
    return Timeseries.of(points)


@router.get("/sse", response_class=Response, responses=_STREAM, openapi_extra=needs(Scope.SYSTEM))
async def watch_cluster(house: Everything, streams: OpenStreams, cluster: LiveCluster) -> EventStream:
    """Watch the cluster: a `snapshot` every two seconds, which all who watch at this front door share."""
    timing = Timing(house.http.sse_heartbeat_s, house.http.sse_cycle_s)
    return EventStream(None, Watcher(cluster), Start(), streams, timing)


@router.get("/workers", openapi_extra=needs(Scope.SYSTEM))
async def list_workers(
    house: Everything,
    request: Request,
    status: WorkerStatus | None = None,
    _worker_group: Group = None,
    offset: Offset = 0,
    limit: Limit = 20,
) -> WorkerPage:
    """List session actors, the oldest first."""
    overview = await house.operations.overview()
    is_draining = None if status is None else status == "draining"
    found = await house.operations.workers(is_draining=is_draining, offset=offset, limit=limit)
    return WorkerPage(
        data=[WorkerReply.of(worker) for worker in found.items],
        total=found.total,
        offset=offset,
        limit=limit,
        summary=WorkerSummary.of(overview),
        next_url=following(request.url, offset=offset + limit) if found.has_more else None,
    )


@router.post("/workers/{name}/drain", status_code=202, openapi_extra=needs(Scope.SYSTEM) | audited("actor.drained"))
async def drain_worker(name: str, deps: Needs) -> ActorReply:
    """Empty a session actor and end it, as `…/actors/{name}/drain` does; what was drained is not taken up again."""
    return await drain_actor(name, deps)


@router.get("/dlq")
async def list_dead_letters(deps: Needs, request: Request, offset: Offset = 0, limit: Limit = 20) -> DeadLetterPage:
    """List the organisation's sessions in quarantine, those first that were stopped last, with what is known of why."""
    found = await deps.stores.quarantine.list(offset, limit)
    return DeadLetterPage(
        data=[DeadLetter.of(stopped) for stopped in found.items],
        total=found.total,
        is_total_exact=found.is_total_exact,
        offset=offset,
        limit=limit,
        next_url=following(request.url, offset=offset + limit) if found.has_more else None,
    )


@router.post("/dlq/{session_id}/retry", openapi_extra=audited("session.released"))
async def retry_dead_letter(session_id: str, deps: Needs) -> DeadLetter:
    """Let a session in quarantine go on: its crashes are forgotten. Returns what was known of them."""
    stopped = await deps.stores.quarantine.find(parse_id("session", session_id))
    if stopped is None:
        raise NotFoundError("dead_letter", session_id)
    await deps.stores.sessions.acquit(session_id)
    return DeadLetter.of(stopped)
