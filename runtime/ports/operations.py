"""The whole cluster, as those see it who operate it: what the supervisor knows."""

from typing import Protocol

from runtime.core.wire import Wire
from runtime.ports.gateway import ActorInfo
from runtime.ports.listed import Listed


class Overview(Wire, frozen=True, kw_only=True):
    """The cluster at a glance.

    Of session actors `ready` may take sessions on, `starting` are not up yet and `draining` on their way out; `standby`
    are those of the ready ones that hold none. Together the ready ones may hold `capacity` sessions. `sessions` live in
    actors, and `waiting` have none yet. `quarantined` is counted up to `COUNTED_MOST` and one more, and None while the
    supervisor does not reach the database.
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


class Worker(Wire, frozen=True, kw_only=True):
    """A session actor, as something that works. `host` is what its machine is called.

    `backpressure` is why it does not take on just any session: `draining`, `full`, or `kept_for_suspects`, which have
    crashed and live apart from others for a while.
    """

    actor: ActorInfo
    host: str | None
    max_sessions: int
    is_draining: bool
    backpressure: str | None


class Operations(Protocol):
    """What is asked of the supervisor by those who operate it. Raises OverloadedError when there is none in time."""

    async def overview(self) -> Overview:
        """Return the cluster at a glance."""
        ...

    async def workers(self, *, is_draining: bool | None = None, offset: int = 0, limit: int) -> Listed[Worker]:
        """Return session actors that are up, the oldest first: all, or only those that are drained, or are not."""
        ...
