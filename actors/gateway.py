"""The front door's way to the live sessions: a typed façade without Ray's words (see ports.Gateway).

It remembers where sessions live. What it remembers may be old: then the actor says so, or is gone, and
the supervisor is asked again. Repeating a command is safe: a message and a cancel carry their ids, and the
rest ask for a state rather than a change.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from actors.channels import Channels
from actors.link import Links
from actors.locator import Locator
from actors.reconciler import Reconciler
from actors.site import SUPERVISOR, Site
from actors.stub import SupervisorStub
from runtime.core.access.principal import Principal
from runtime.core.errors import ConflictError, OverloadedError, PerdureError, SessionMovingError, StaleEpochError
from runtime.core.failure import QUARANTINED
from runtime.core.message import Message
from runtime.core.placement.directory import Directory, Placement
from runtime.core.retry import doubling_s
from runtime.core.session.decision import Decision
from runtime.ports.gateway import STARTING, ActorInfo, ClientResult, Input
from runtime.ports.listed import Listed
from runtime.ports.operations import Operations
from runtime.process.mint import new_id
from runtime.process.tasks import Tasks
from runtime.wire.broadcast import Listener
from runtime.wire.protocol import Ask, Cancel, Close, Decide, Delivery, Rename, Send, Submit, Want, repeated

PATIENCE_S: Final = 20.0  # for a session that is moving, before the client is told to try again
PAUSE_S: Final = 0.02
PAUSE_MOST_S: Final = 0.5


class RayGateway:
    """One front door's gateway. `supervisor` is the handle of the supervisor actor."""

    def __init__(self, supervisor: Any, front_door: str) -> None:
        self._tasks = Tasks()
        self._supervisor = SupervisorStub(supervisor)
        self._directory = Directory()
        self._locator = Locator(self._supervisor, self._directory, self._learn, front_door, self._tasks)
        self._links = Links(front_door, self._deliver, self._cut_off, self._tasks)
        self._channels = Channels(self._locator, self._directory, self._links, self._tasks)
        self._reconciler = Reconciler(self._locator, self._directory, self._channels, self._moved)
        self._reconciling: asyncio.Task[None] | None = None
        self._site: Site | None = None

    async def start(self, info: ActorInfo, site: Site | None = None) -> None:
        """Follow the supervisor's placements, and tell it the keys of secrets whenever it has begun anew."""
        self._site = site
        self._tasks.essential(self._supervisor.follow(info, self._begun, self._moved), "follower")

    @property
    def operations(self) -> Operations:
        """What the supervisor tells those who operate the cluster."""
        return self._supervisor

    async def close(self) -> None:
        """Stop listening to everything."""
        await self._tasks.close()

    # ------------------------------------------------------------ ports.Gateway

    async def send(self, by: Principal, session_id: str, message: Input) -> Message:
        """See ports.Gateway."""
        accepted: Message = await self._ask(by, session_id, Send(message))
        return accepted

    async def cancel(self, by: Principal, session_id: str) -> bool:
        """See ports.Gateway."""
        return bool(await self._unless_quarantined(by, session_id, Cancel(new_id("message"))))

    async def submit_results(self, by: Principal, session_id: str, results: Sequence[ClientResult]) -> str:
        """See ports.Gateway."""
        return str(await self._ask(by, session_id, Submit(tuple(results))))

    async def submit_decision(self, by: Principal, session_id: str, decision: Decision) -> bool:
        """See ports.Gateway."""
        return bool(await self._ask(by, session_id, Decide(decision)))

    async def rename(self, by: Principal, session_id: str, title: str) -> None:
        """See ports.Gateway."""
        await self._ask(by, session_id, Rename(title))

    async def close_session(self, by: Principal, session_id: str) -> None:
        """See ports.Gateway."""
        await self._unless_quarantined(by, session_id, Close())

    async def subscribe(self, by: Principal, session_id: str) -> Listener:
        """See ports.Gateway."""
        return await self._channels.subscribe(by, session_id)

    async def actors(self, *, offset: int = 0, limit: int) -> Listed[ActorInfo]:
        """See ports.Gateway."""
        return await self._supervisor.actors(offset, limit)

    async def actor(self, name: str) -> ActorInfo | None:
        """See ports.Gateway."""
        return await self._supervisor.actor(name)

    async def check(self) -> None:
        """See ports.Gateway."""
        supervisor = await self._supervisor.actor(SUPERVISOR)
        if supervisor is not None and supervisor.state == STARTING:
            raise OverloadedError(1.0, "the supervisor is starting")

    async def drain(self, *, actor: str | None = None, node_id: str | None = None) -> Sequence[ActorInfo]:
        """See ports.Gateway."""
        return await self._supervisor.drain(actor, node_id)

    # ------------------------------------------------------------ asking

    async def _unless_quarantined(self, by: Principal, session_id: str, ask: Ask) -> Any:
        """Ask the session's owner; what is in quarantine has none, and nothing runs there."""
        try:
            return await self._ask(by, session_id, ask)
        except ConflictError as err:
            if err.reason != QUARANTINED:
                raise
            return None

    async def _ask(self, by: Principal, session_id: str, ask: Ask) -> Any:
        """Ask the session's owner, wherever it is by now; a client must hear something before it gives up."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._ask_until_answered(by, session_id, ask)
        except TimeoutError:
            raise OverloadedError(1.0, "the session did not answer in time") from None

    async def _ask_until_answered(self, by: Principal, session_id: str, ask: Ask) -> Any:
        pauses = doubling_s(PAUSE_S, PAUSE_MOST_S)
        want = Want(may_release=isinstance(ask, Send))
        while True:
            placement = await self._locator.home(session_id, want)
            try:
                return await self._ask_owner(by, placement, ask)
            except (SessionMovingError, StaleEpochError) as err:
                self._directory.forget(session_id, placement.epoch)
                want = _after(want, placement, err)
                ask = repeated(ask)
                await asyncio.sleep(next(pauses))

    async def _ask_owner(self, by: Principal, placement: Placement, ask: Ask) -> Any:
        link = self._links.to(placement)
        if self._channels.follow(placement):
            await asyncio.sleep(0)  # so that watching goes out ahead of what is asked
        return await link.ask(by, placement, ask)

    # ------------------------------------------------------------ what it hears

    def _deliver(self, delivery: Delivery) -> None:
        self._channels.deliver(delivery)

    def _cut_off(self, actor: str) -> None:
        """Hear that the link to an actor has ended."""
        self._directory.clear(actor)
        self._channels.cut_off()

    def _begun(self) -> None:
        """Hear that the supervisor has begun to tell of placements; of those before it has not told."""
        self._locator.begin()
        if self._site is not None:
            self._tasks.owed(self._supervisor.equip(self._site), "equip")
        if self._reconciling is not None:
            self._reconciling.cancel()
        self._reconciling = self._tasks.owed(self._reconciler.reconcile(), "reconcile")

    def _moved(self, placement: Placement) -> None:
        """Hear where a session lives now that is of concern here, or that it lives nowhere."""
        is_new = self._learn(placement)
        if placement.actor is None:
            self._locator.leave(placement)
            self._channels.left(placement)
        elif is_new:
            self._channels.follow(placement)

    def _learn(self, placement: Placement) -> bool:
        """Remember where a session lives now, and have anew what was asked where it lived; False if that is old."""
        known = self._directory.get(placement.session_id)
        if known is not None:
            self._links.moved(known.actor, placement)
        return self._directory.note(placement)


def _after(want: Want, placement: Placement, error: PerdureError) -> Want:
    """Return how to ask again for a session that was not to be had where it lived: that may be this ask's own doing."""
    if isinstance(error, StaleEpochError):
        return Want(placement.epoch, want.may_release)
    return Want(want.void_epoch)
