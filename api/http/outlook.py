"""How the cluster does, by what its parts say: the supervisor, the database, circuit breakers, and this front door."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from api.http.deps import Health, House
from api.schemas.metrics import PointReply, Snapshot
from api.schemas.operations import ClusterHealth, EventDelivery, SessionGauges, WorkerGauges, gauge
from runtime.core.errors import PerdureError
from runtime.core.metrics.ring import RESOLUTION_S
from runtime.ports.breakers import BreakerState
from runtime.ports.operations import Overview
from runtime.process.mint import now, timestamp

PATIENCE_S: Final = 3.0  # with whoever does not answer: that it does not is the answer
FULL_PERCENTAGE: Final = 90.0

T = TypeVar("T")


async def look(house: House, streams: int) -> ClusterHealth:
    """Ask everybody at once; who does not answer is left out, and said to be."""
    health, overview, breakers = await asyncio.gather(
        house.health(), _if_answered(house.operations.overview()), _if_answered(house.breakers.listed())
    )
    open_keys = [breaker.provider for breaker in breakers or () if breaker.state is not BreakerState.CLOSED]
    is_down, reasons = judged(health, overview, open_keys)
    return ClusterHealth(
        status="unhealthy" if is_down else "degraded" if reasons else "healthy",
        reasons=reasons,
        checked_at=timestamp(),
        version=house.version,
        **_known(overview),
        open_circuit_breakers=open_keys,
        event_delivery=EventDelivery(streams=streams),
        dashboard_url=house.dashboard_url,
    )


async def snapshot(house: House, streams: int) -> bytes:
    """Return what those are shown who watch, as JSON: how the cluster does, and the last point that has ended."""
    health, points = await asyncio.gather(look(house, streams), _if_answered(house.operations.series(after=_lately())))
    point = PointReply.of(points[-1]) if points else None
    return Snapshot(timestamp=health.checked_at, health=health, point=point).model_dump_json().encode()


def _lately() -> int:
    return int(now().timestamp()) - 3 * RESOLUTION_S


def judged(health: Health, overview: Overview | None, open_breakers: Sequence[str]) -> tuple[bool, list[str]]:
    """Return whether nobody can be served, and in words what is wrong."""
    if not health.is_ready:
        return True, [health.reason or "A message cannot be served."]
    if overview is None:
        return True, ["The supervisor does not answer."]
    if not overview.ready:
        return True, ["No session actor is up."]
    wrong = {
        f"{overview.waiting} sessions wait for an actor.": overview.waiting > 0,
        "The session actors are almost full.": _load(overview) >= FULL_PERCENTAGE,
        "The supervisor does not reach the database.": overview.quarantined is None,
        f"Calls are stopped to: {', '.join(open_breakers)}.": bool(open_breakers),
    }
    return False, [words for words, is_so in wrong.items() if is_so]


def _known(overview: Overview | None) -> dict[str, object]:
    if overview is None:
        return {}
    return {
        "workers": WorkerGauges(
            active=overview.ready,
            starting=overview.starting,
            draining=overview.draining,
            standby=overview.standby,
            most=overview.max_actors,
            total_capacity=overview.capacity,
        ),
        "sessions": SessionGauges(placed=overview.sessions, waiting=overview.waiting),
        "dlq": None if overview.quarantined is None else gauge(overview.quarantined, overview.quarantined_in),
        "load_percentage": _load(overview),
        "nodes": overview.nodes,
        "front_doors": overview.front_doors,
        "supervisor_started_at": overview.started_at,
    }


def _load(overview: Overview) -> float:
    return round(100 * overview.sessions / overview.capacity, 1) if overview.capacity else 0.0


async def _if_answered(question: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await question
    except (PerdureError, TimeoutError):
        return None
