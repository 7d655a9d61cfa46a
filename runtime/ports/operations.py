"""The whole cluster, as those see it who operate it: what the supervisor knows."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from runtime.core.metrics.counts import Counts
from runtime.core.metrics.ring import Point
from runtime.core.wire import Wire
from runtime.ports.gateway import ActorInfo
from runtime.ports.listed import Listed


class Overview(Wire, frozen=True, kw_only=True):
    """The cluster at a glance.

    Of session actors `ready` may take sessions on, `starting` are not up yet and `draining` on their way out; `standby`
    are those of the ready ones that hold none. Together the ready ones may hold `capacity` sessions. `sessions` live in
    actors, and `waiting` have none yet. `quarantined` is counted up to `COUNTED_MOST` and one more, and None while the
    supervisor does not reach the database; `quarantined_in` are the organisations with the most of them.
    """

    started_at: str
    nodes: int
    front_doors: int
    ready: int
    starting: int
    draining: int
    standby: int
    max_actors: int
    capacity: int
    sessions: int
    waiting: int
    quarantined: int | None
    quarantined_in: Mapping[str, int] = {}


class Worker(Wire, frozen=True, kw_only=True):
    """A session actor, as something that works. `host` is what its machine is called.

    `backpressure` is why it does not take on just any session: `draining`, `full`, or `kept_for_suspects`, which have
    crashed and live apart from others for a while. Turns are counted since it or the supervisor began, whichever
    is later; the completed ones took `turn_ms` together.
    """

    actor: ActorInfo
    host: str | None
    max_sessions: int
    is_draining: bool
    backpressure: str | None
    turns_completed: int = 0
    turns_failed: int = 0
    turn_ms: int = 0


class Operations(Protocol):
    """What is asked of the supervisor by those who operate it. Raises OverloadedError when there is none in time."""

    async def overview(self) -> Overview:
        """Return the cluster at a glance."""
        ...

    async def workers(self, *, is_draining: bool | None = None, offset: int = 0, limit: int) -> Listed[Worker]:
        """Return session actors that are up, the oldest first: all, or only those that are drained, or are not."""
        ...

    async def series(self, *, after: int = 0) -> Sequence[Point]:
        """Return the points of the last hour that begin after a moment (Unix seconds), oldest first."""
        ...

    async def report(self, front_door: str, counts: Counts | None, streams: int) -> None:
        """Tell what a front door has counted since the last time, and how many clients listen there."""
        ...
