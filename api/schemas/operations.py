"""The cluster as operators see it: its health, its workers, and sessions that were stopped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from api.schemas.fields import Reply
from runtime.core.placement.supervision import Crash
from runtime.ports.listed import COUNTED_MOST
from runtime.ports.operations import Overview, Worker
from runtime.ports.quarantine import Stopped

WorkerStatus = Literal["active", "draining"]


class WorkerGauges(Reply):
    """How many session actors there are of each kind. `standby` are those of the active ones that hold no session."""

    active: int
    starting: int
    draining: int
    standby: int
    most: int
    total_capacity: int


class SessionGauges(Reply):
    """How many sessions live in an actor, and how many wait for one."""

    placed: int
    waiting: int


class QuarantineGauge(Reply):
    """How many sessions of the whole server are in quarantine: at least so many, where that is not exact.

    `organizations` are those with the most of them, by id: each sees its own in `GET /v1/durable/dlq`.
    """

    total: int
    is_total_exact: bool
    organizations: dict[str, int]


class EventDelivery(Reply):
    """How events reach clients, and the event streams that are open at the front door that answers."""

    mode: Literal["direct"] = "direct"
    streams: int


class ClusterHealth(Reply):
    """The cluster at a glance. `reasons` say, in words, why it is not healthy.

    What the supervisor knows is left out while it does not answer. `supervisor_started_at` is when its process began.
    """

    status: Literal["healthy", "degraded", "unhealthy"]
    reasons: list[str]
    checked_at: str
    version: str
    workers: WorkerGauges | None = None
    sessions: SessionGauges | None = None
    dlq: QuarantineGauge | None = None
    load_percentage: float | None = None
    nodes: int | None = None
    front_doors: int | None = None
    supervisor_started_at: str | None = None
    open_circuit_breakers: list[str]
    event_delivery: EventDelivery
    dashboard_url: str | None = None


class WorkerReply(Reply):
    """A session actor. Its load and capacity are sessions; `backpressure_reason` is why it does not take just any.

    Its tasks are turns, counted since it or the supervisor began, whichever is later.
    """

    id: str
    status: WorkerStatus
    hostname: str | None
    node_id: str | None
    pid: int | None
    worker_group: Literal["sessions"] = "sessions"
    activity_types: list[Literal["turn"]]
    current_load: int
    max_concurrency: int
    accepting_tasks: bool
    backpressure_reason: str | None
    tasks_completed: int
    tasks_failed: int
    avg_task_duration_ms: int | None
    rss_bytes: int
    started_at: str

    @classmethod
    def of(cls, worker: Worker) -> "WorkerReply":
        """Return one as the wire has it."""
        actor = worker.actor
        return cls(
            id=actor.name,
            status="draining" if worker.is_draining else "active",
            hostname=worker.host,
            node_id=actor.node_id,
            pid=actor.pid,
            activity_types=["turn"],
            current_load=actor.sessions,
            max_concurrency=worker.max_sessions,
            accepting_tasks=worker.backpressure is None,
            backpressure_reason=worker.backpressure,
            tasks_completed=worker.turns_completed,
            tasks_failed=worker.turns_failed,
            avg_task_duration_ms=round(worker.turn_ms / worker.turns_completed) if worker.turns_completed else None,
            rss_bytes=actor.rss_bytes,
            started_at=actor.started_at,
        )


class WorkerSummary(Reply):
    """All of them together. Those that stopped are gone, and in no list: `stopped` is 0."""

    active: int
    draining: int
    stopped: int = 0
    total_capacity: int
    total_load: int

    @classmethod
    def of(cls, overview: Overview) -> "WorkerSummary":
        """Return what the cluster at a glance says of them."""
        return cls(
            active=overview.ready,
            draining=overview.draining,
            total_capacity=overview.capacity,
            total_load=overview.sessions,
        )


class CrashReply(Reply):
    """One time that a session ended its process."""

    at: str
    error: str

    @classmethod
    def of(cls, crash: Crash) -> "CrashReply":
        """Return one as the wire has it."""
        return cls(at=_moment(crash.at), error=crash.cause or "its process ended")


class DeadLetter(Reply):
    """A session that was stopped because it kept ending its process; `id` is the session's.

    It died in `activity_type`: `model_call`, `tool:NAME`, or `session` where it did not get that far.
    """

    id: str
    original_task_id: str | None
    session_id: str
    session_title: str | None
    agent_id: str | None
    activity_type: str
    attempts: int
    last_error: str | None
    error_history: list[CrashReply]
    is_given_up: bool
    dead_at: str | None

    @classmethod
    def of(cls, stopped: Stopped) -> "DeadLetter":
        """Return one as the wire has it."""
        history = [CrashReply.of(crash) for crash in stopped.crashes]
        return cls(
            id=stopped.session_id,
            original_task_id=stopped.turn_id,
            session_id=stopped.session_id,
            session_title=stopped.title,
            agent_id=stopped.agent_id,
            activity_type=_activity(stopped),
            attempts=len(history),
            last_error=history[-1].error if history else None,
            error_history=history,
            is_given_up=stopped.is_given_up,
            dead_at=history[-1].at if history else None,
        )


def gauge(quarantined: int, organizations: Mapping[str, int]) -> QuarantineGauge:
    """Return a count that ends one above `COUNTED_MOST`."""
    return QuarantineGauge(
        total=min(quarantined, COUNTED_MOST),
        is_total_exact=quarantined <= COUNTED_MOST,
        organizations=dict(organizations),
    )


def _activity(stopped: Stopped) -> str:
    if stopped.begun is None:
        return "session"
    return "model_call" if stopped.tool_name is None else f"tool:{stopped.tool_name}"


def _moment(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
