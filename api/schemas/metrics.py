"""The last hour of the cluster in numbers."""

from collections.abc import Sequence
from datetime import UTC, datetime

from api.schemas.fields import Reply
from api.schemas.operations import ClusterHealth
from runtime.core.metrics.histogram import quantile_ms
from runtime.core.metrics.ring import RESOLUTION_S, Point

MICRO = 1_000_000


class PointReply(Reply):
    """What happened in the seconds from `timestamp` on, and how much there was at their end.

    `first_token_p50_ms` and `…p95_ms` are of the turns that ended, from their start, and null without any; `cost_usd`
    is of the calls whose price is known, and null if it is of none. `failures` are failed turns by their code.
    """

    timestamp: str
    turns_completed: int
    turns_failed: int
    turns_cancelled: int
    avg_turn_ms: int | None
    first_token_p50_ms: int | None
    first_token_p95_ms: int | None
    model_calls: int
    model_failures: int
    model_retries: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float | None
    recoveries: int
    quarantined: int
    actor_deaths: int
    requests_failed: int
    failures: dict[str, int]
    actors: int
    sessions: int
    sessions_running: int
    sessions_waiting: int
    streams: int

    @classmethod
    def of(cls, point: Point) -> "PointReply":
        """Return one as the wire has it."""
        counts, levels = point.counts, point.levels
        return cls(
            timestamp=datetime.fromtimestamp(point.at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            turns_completed=counts.turns_completed,
            turns_failed=counts.turns_failed,
            turns_cancelled=counts.turns_cancelled,
            avg_turn_ms=round(counts.turn_ms / counts.turns_completed) if counts.turns_completed else None,
            first_token_p50_ms=quantile_ms(counts.first_token, 0.5),
            first_token_p95_ms=quantile_ms(counts.first_token, 0.95),
            model_calls=counts.model_calls,
            model_failures=counts.model_failures,
            model_retries=counts.model_retries,
            input_tokens=counts.input_tokens,
            output_tokens=counts.output_tokens,
            cached_tokens=counts.cached_tokens,
            cost_usd=counts.cost_microusd / MICRO if counts.priced_calls else None,
            recoveries=counts.recoveries,
            quarantined=counts.quarantines,
            actor_deaths=counts.actor_deaths,
            requests_failed=counts.requests_failed,
            failures=counts.failures,
            actors=levels.actors,
            sessions=levels.sessions,
            sessions_running=levels.running,
            sessions_waiting=levels.waiting,
            streams=levels.streams,
        )


class Timeseries(Reply):
    """Points, oldest first. `instance_count` is how many actors there were at the last of them."""

    points: list[PointReply]
    resolution_seconds: int = RESOLUTION_S
    instance_count: int | None

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Timeseries":
        """Return some as the wire has them."""
        count = points[-1].levels.actors if points else None
        return cls(points=[PointReply.of(point) for point in points], instance_count=count)


class Snapshot(Reply):
    """What a `snapshot` of `GET /v1/durable/sse` says: the cluster at a glance, and the last point that has ended."""

    timestamp: str
    health: ClusterHealth
    point: PointReply | None
