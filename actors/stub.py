"""The supervisor, as a front door calls it: its restarts are outlasted, and Ray's words stay here."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec
import structlog
from ray.exceptions import RayError, RayTaskError

from actors.site import Site
from runtime.core.errors import OverloadedError, PerdureError
from runtime.core.metrics.counts import Counts
from runtime.core.metrics.ring import Point
from runtime.core.placement.directory import Placement
from runtime.core.retry import doubling_s
from runtime.ports.gateway import ActorInfo
from runtime.ports.listed import Listed
from runtime.ports.operations import Overview, Worker
from runtime.process.failpoint import Loop, stumble
from runtime.wire.protocol import Beliefs, Want

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 20.0  # with a supervisor that is restarting, before the client is told to try again
PAUSE_S: Final = 0.02
PAUSE_MOST_S: Final = 0.5


class SupervisorStub:
    """What is asked of the supervisor actor, of which `handle` is the handle (see `actors.supervisor`).

    Every call raises OverloadedError when no supervisor is there in time, and the PerdureError that it answers.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def place(self, wants: Mapping[str, Want], front_door: str) -> dict[str, Placement | None]:
        """Have sessions placed (see Placer.place)."""
        placements: dict[str, Placement | None] = await self._call("place", wants, front_door)
        return placements

    async def locate(self, beliefs: Beliefs) -> list[Placement]:
        """Return where sessions live of which something else is believed (see Doors.locate)."""
        placements: list[Placement] = await self._call("locate", beliefs)
        return placements

    async def actors(self, offset: int, limit: int) -> Listed[ActorInfo]:
        """Return some of the deployment's actors, and how many there are."""
        infos, total = await self._call("actors", offset, limit)
        return Listed(infos, offset, total)

    async def actor(self, name: str) -> ActorInfo | None:
        """Return an actor of the deployment."""
        info: ActorInfo | None = await self._call("actor", name)
        return info

    async def overview(self) -> Overview:
        """Return the cluster at a glance."""
        overview: Overview = await self._call("overview")
        return overview

    async def workers(self, *, is_draining: bool | None = None, offset: int = 0, limit: int) -> Listed[Worker]:
        """Return session actors that are up: all, or only those that are drained, or are not."""
        workers, total = await self._call("workers", offset, limit, is_draining=is_draining)
        return Listed(workers, offset, total)

    async def series(self, *, after: int = 0) -> Sequence[Point]:
        """Return the points of the last hour that begin after a moment (Unix seconds), oldest first."""
        return msgspec.json.decode(await self._call("series", after), type=list[Point])

    async def report(self, front_door: str, counts: Counts | None, streams: int) -> None:
        """Tell what a front door has counted since the last time, and how many clients listen there."""
        await self._call("report", front_door, msgspec.json.encode(counts), streams)

    async def drain(self, actor: str | None, node_id: str | None) -> Sequence[ActorInfo]:
        """Begin to empty an actor, or all those of a node, and return them."""
        infos: Sequence[ActorInfo] = await self._call("drain", actor, node_id)
        return infos

    async def equip(self, site: Site) -> None:
        """Tell the keys of secrets."""
        await self._call("equip", site)

    async def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        pauses = doubling_s(PAUSE_S, PAUSE_MOST_S)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        return await getattr(self._handle, method).remote(*arguments, **named)
                    except RayTaskError as err:
                        if isinstance(err.cause, PerdureError):
                            raise err.cause from None
                        log.exception("supervisor_failed", method=method)
                        raise PerdureError from None  # a bug over there; whoever asked hears of it
                    except RayError:
                        await asyncio.sleep(next(pauses))
        except TimeoutError:
            raise OverloadedError(1.0, "the supervisor is restarting") from None

    async def follow(
        self, info: ActorInfo, begun: Callable[[], object], moved: Callable[[Placement], object]
    ) -> NoReturn:
        """Hear where sessions go, for ever; `begun` is told first, and again after news may have been missed."""
        pauses = doubling_s(PAUSE_S, PAUSE_MOST_S)
        while True:
            try:
                stream = self._handle.watch.options(num_returns="streaming").remote(info)
                is_new = True
                async for ref in stream:
                    placements = await ref
                    stumble(Loop.FOLLOWER)
                    if is_new:
                        begun()
                        is_new, pauses = False, doubling_s(PAUSE_S, PAUSE_MOST_S)
                    for placement in placements:
                        moved(placement)
            except RayError as err:
                log.info("placements_interrupted", reason=type(err).__name__)
            await asyncio.sleep(next(pauses))
