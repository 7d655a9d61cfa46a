"""The front door's way to the live sessions: a typed façade without Ray's words (see ports.Gateway).

It remembers where sessions live. What it remembers may be old: then the actor says so, or is gone, and
the supervisor is asked again. Repeating a command is safe: a message and a cancel carry their ids, and the
rest ask for a state rather than a change.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import structlog
from ray.exceptions import RayError, RayTaskError

from actors.link import Link
from runtime.core.errors import (
    ConflictError,
    NotFoundError,
    OverloadedError,
    PerdureError,
    SessionMovingError,
    StaleEpochError,
)
from runtime.core.failure import QUARANTINED
from runtime.core.message import Message
from runtime.core.placement.directory import Placement
from runtime.core.session.decision import Decision
from runtime.ports.gateway import ActorInfo, ClientResult, Input
from runtime.process.failpoint import Loop, stumble
from runtime.process.mint import new_id
from runtime.process.tasks import Tasks
from runtime.wire.broadcast import Channel, Listener
from runtime.wire.loader import Loader
from runtime.wire.protocol import (
    Ask,
    Cancel,
    Close,
    Decide,
    Delivery,
    Rename,
    Send,
    Submit,
    Unwatch,
    Want,
    Watch,
    Watching,
    repeated,
)

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 20.0  # for a session that is moving, before the client is told to try again
PAUSE_S: Final = 0.02
PAUSE_MOST_S: Final = 0.5
QUESTIONS_AT_ONCE: Final = 1_000
ROOM_PATIENCE_S: Final = 10.0
ROOM_PAUSE_S: Final = 0.1  # before an actor is asked for again that has room


class RayGateway:
    """One front door's gateway. `supervisor` is the handle of the supervisor actor."""

    def __init__(self, supervisor: Any, front_door: str) -> None:
        self._supervisor = supervisor
        self._front_door = front_door
        self._placements: dict[str, Placement] = {}
        self._links: dict[str, Link] = {}
        self._channels: dict[str, Channel] = {}
        self._places = Loader(self._ask_for_places, QUESTIONS_AT_ONCE)
        self._homes = Loader(self._ask_for_homes, QUESTIONS_AT_ONCE)
        self._tasks = Tasks()

    async def start(self, info: ActorInfo) -> None:
        """Follow the supervisor's placements."""
        self._tasks.essential(self._follow(info), "follower")

    async def close(self) -> None:
        """Stop listening to everything."""
        await self._tasks.close()

    # ------------------------------------------------------------ ports.Gateway

    async def send(self, session_id: str, message: Input) -> Message:
        """See ports.Gateway."""
        accepted: Message = await self._ask(session_id, Send(message))
        return accepted

    async def cancel(self, session_id: str) -> bool:
        """See ports.Gateway."""
        return bool(await self._unless_quarantined(session_id, Cancel(new_id("message"))))

    async def submit_results(self, session_id: str, results: Sequence[ClientResult]) -> str:
        """See ports.Gateway."""
        return str(await self._ask(session_id, Submit(tuple(results))))

    async def submit_decision(self, session_id: str, decision: Decision) -> bool:
        """See ports.Gateway."""
        return bool(await self._ask(session_id, Decide(decision)))

    async def rename(self, session_id: str, title: str) -> None:
        """See ports.Gateway."""
        await self._ask(session_id, Rename(title))

    async def close_session(self, session_id: str) -> None:
        """See ports.Gateway."""
        await self._unless_quarantined(session_id, Close())

    async def subscribe(self, session_id: str) -> Listener:
        """See ports.Gateway."""
        channel = self._channels.get(session_id)
        if channel is None:
            channel = self._channels[session_id] = Channel(session_id, self._leave)
        listener = channel.add()
        try:
            placement = self._placements.get(session_id) or await self._locate(session_id)
            if placement is None:
                listener.begin(None)
            elif not await self._begin(channel, listener, placement):
                listener.begin(None)
                self._spawn(self._rejoin(channel))
        except BaseException:
            listener.close()
            raise
        return listener

    async def actors(self) -> Sequence[ActorInfo]:
        """See ports.Gateway."""
        infos: Sequence[ActorInfo] = await self._call("actors")
        return infos

    async def drain(self, *, actor: str | None = None, node_id: str | None = None) -> Sequence[ActorInfo]:
        """See ports.Gateway."""
        infos: Sequence[ActorInfo] = await self._call("drain", actor, node_id)
        return infos

    # ------------------------------------------------------------ asking

    async def _unless_quarantined(self, session_id: str, ask: Ask) -> Any:
        """Ask the session's owner; what is in quarantine has none, and nothing runs there."""
        try:
            return await self._ask(session_id, ask)
        except ConflictError as err:
            if err.reason != QUARANTINED:
                raise
            return None

    async def _ask(self, session_id: str, ask: Ask) -> Any:
        """Ask the session's owner, wherever it is by now; a client must hear something before it gives up."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._ask_until_answered(session_id, ask)
        except TimeoutError:
            raise OverloadedError(1.0, "the session did not answer in time") from None

    async def _ask_until_answered(self, session_id: str, ask: Ask) -> Any:
        pause = PAUSE_S
        want = Want(may_release=isinstance(ask, Send))
        while True:
            placement = self._placements.get(session_id) or await self._home(session_id, want)
            try:
                return await self._ask_owner(placement, ask)
            except (SessionMovingError, StaleEpochError) as err:
                self._forget(placement)
                want = _after(want, placement, err)
                ask = repeated(ask)
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_MOST_S)

    async def _ask_owner(self, placement: Placement, ask: Ask) -> Any:
        session_id = placement.session_id
        link = self._link(placement)
        channel = self._channels.get(session_id)
        if channel is not None and channel.epoch != placement.epoch:
            self._spawn(self._move(channel, placement))
            await asyncio.sleep(0)  # so that watching goes out ahead of what is asked
        return await link.ask(session_id, placement.epoch, ask)

    def _forget(self, placement: Placement) -> None:
        known = self._placements.get(placement.session_id)
        if known is not None and known.epoch <= placement.epoch:
            del self._placements[placement.session_id]

    def _link(self, placement: Placement) -> Link:
        """Return the way to a session's actor. Raises SessionMovingError if nobody knows yet where that is."""
        actor = placement.actor or ""
        link = self._links.get(actor)
        if link is None or link.is_broken:
            if placement.address is None:
                raise SessionMovingError(0.0, placement.session_id)
            link = Link(actor, placement.address, self._front_door, self._deliver, self._tasks)
            self._links[actor] = link
            self._spawn(self._run(link))
        return link

    async def _run(self, link: Link) -> None:
        try:
            await link.run()
        finally:
            if self._links.get(link.actor) is link:
                del self._links[link.actor]
            for session_id in [s for s, p in self._placements.items() if p.actor == link.actor]:
                del self._placements[session_id]
            for channel in self._channels.values():  # also one whose placement was forgotten while it came by this link
                if channel.epoch is not None and channel.session_id not in self._placements:
                    channel.epoch = None
                    self._spawn(self._rejoin(channel))

    async def _home(self, session_id: str, want: Want) -> Placement:
        """Return where a session is to live. Raises OverloadedError if no actor has room for it in time."""
        try:
            async with asyncio.timeout(ROOM_PATIENCE_S):
                while True:
                    placement = await self._place(session_id, want)
                    if placement is not None:
                        return placement
                    await asyncio.sleep(ROOM_PAUSE_S)
        except TimeoutError:
            raise OverloadedError(1.0, "no session actor has room") from None

    async def _place(self, session_id: str, want: Want) -> Placement | None:
        """Have a session placed; those that are asked for meanwhile go together. None: it is not to be had yet.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: it is in quarantine.
        """
        exists, placement = await self._places.load((session_id, want))
        if not exists:
            raise NotFoundError("session", session_id)
        if placement is None:
            return None
        if placement.actor is None:
            raise ConflictError.quarantined()
        if placement.address is None:
            return None  # a supervisor that has just started has not heard from the actor yet
        self._note(placement)
        return placement

    async def _ask_for_places(self, asked: Sequence[tuple[str, Want]]) -> list[tuple[bool, Placement | None]]:
        wants: dict[str, Want] = {}
        for session_id, want in asked:
            wants[session_id] = _both(wants.get(session_id, want), want)
        placements = await self._call("place", wants)
        return [(session_id in placements, placements.get(session_id)) for session_id, _ in asked]

    async def _locate(self, session_id: str) -> Placement | None:
        """Return where a session lives; what is asked meanwhile goes together."""
        placement = await self._homes.load(session_id)
        if placement is not None:
            self._note(placement)
        return placement

    async def _ask_for_homes(self, session_ids: Sequence[str]) -> list[Placement | None]:
        placements = await self._call("locate", session_ids)
        return [placements.get(session_id) for session_id in session_ids]

    async def _call(self, method: str, *arguments: Any) -> Any:
        """Call the supervisor, outlasting its restart."""
        pause = PAUSE_S
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        return await getattr(self._supervisor, method).remote(*arguments)
                    except RayTaskError as err:
                        if isinstance(err.cause, PerdureError):
                            raise err.cause from None
                        log.exception("supervisor_failed", method=method)
                        raise PerdureError from None  # a bug over there; whoever asked hears of it
                    except RayError:
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, PAUSE_MOST_S)
        except TimeoutError:
            raise OverloadedError(1.0, "the supervisor is restarting") from None

    # ------------------------------------------------------------ listening

    def _note(self, placement: Placement) -> None:
        known = self._placements.get(placement.session_id)
        if known is None or known.epoch < placement.epoch:
            self._placements[placement.session_id] = placement

    async def _follow(self, info: ActorInfo) -> None:
        """Hear where sessions go, for as long as this front door lives."""
        pause = PAUSE_S
        while True:
            try:
                stream = self._supervisor.watch.options(num_returns="streaming").remote(info)
                is_new = True
                async for ref in stream:
                    placements = await ref
                    stumble(Loop.FOLLOWER)
                    if is_new:
                        self._look_again()
                        is_new, pause = False, PAUSE_S
                    for placement in placements:
                        self._moved(placement)
            except RayError as err:
                log.info("placements_interrupted", reason=type(err).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_MOST_S)

    def _look_again(self) -> None:
        """Ask anew for what nobody told us while the supervisor was away."""
        self._placements.clear()
        for channel in self._channels.values():
            self._spawn(self._rejoin(channel))

    def _moved(self, placement: Placement) -> None:
        session_id = placement.session_id
        channel = self._channels.get(session_id)
        self._call_back(placement)
        if placement.actor is None:
            self._forget(placement)
            if channel is not None and (channel.epoch or 0) <= placement.epoch:
                channel.epoch = None
                channel.lag()  # its last words may be in the journal without having been sent
        elif channel is not None:
            self._note(placement)
            if channel.epoch != placement.epoch:
                self._spawn(self._move(channel, placement))
        elif session_id in self._placements:
            self._note(placement)

    def _call_back(self, moved: Placement) -> None:
        """Have what was asked of a session's former owner asked anew: on a silent node it might never be answered."""
        known = self._placements.get(moved.session_id)
        link = self._links.get(known.actor or "") if known else None
        if link is not None:
            link.moved(moved.session_id, moved.epoch if moved.actor is None else moved.epoch - 1)

    async def _move(self, channel: Channel, placement: Placement) -> None:
        if not await self._resume(channel, placement):
            await self._rejoin(channel)

    async def _rejoin(self, channel: Channel) -> None:
        """Have a channel's events come again from wherever the session lives now, if it lives anywhere."""
        pause = PAUSE_S
        while self._channels.get(channel.session_id) is channel:
            try:
                placement = await self._locate(channel.session_id)
            except PerdureError as err:
                log.info("session_not_located", session_id=channel.session_id, reason=str(err))
            else:
                if placement is None:
                    channel.epoch = None
                    channel.lag()
                    return
                if channel.epoch == placement.epoch or await self._resume(channel, placement):
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_MOST_S)

    async def _begin(self, channel: Channel, listener: Listener, placement: Placement) -> bool:
        def heard(watching: Watching) -> None:
            channel.epoch = placement.epoch
            listener.begin(watching)

        try:
            link = self._link(placement)
            await link.ask(channel.session_id, placement.epoch, Watch(), heard)
        except (SessionMovingError, StaleEpochError):
            self._forget(placement)
            return False
        return True

    async def _resume(self, channel: Channel, placement: Placement) -> bool:
        def heard(watching: Watching) -> None:
            channel.resume(watching)

        channel.epoch = placement.epoch
        try:
            link = self._link(placement)
            await link.ask(channel.session_id, placement.epoch, Watch(), heard)
        except PerdureError as err:  # also one that cannot be brought to life: its listeners read the journal
            log.debug("session_not_watched", session_id=channel.session_id, reason=str(err))
            if channel.epoch == placement.epoch:
                channel.epoch = None
            self._forget(placement)
            return False
        return True

    def _deliver(self, delivery: Delivery) -> None:
        channel = self._channels.get(delivery.session_id)
        if channel is not None and channel.epoch == delivery.epoch:  # an owner of the past may not know yet
            channel.deliver(delivery.frames)

    def _leave(self, channel: Channel) -> None:
        del self._channels[channel.session_id]
        placement = self._placements.get(channel.session_id)
        link = self._links.get(placement.actor or "") if placement else None
        if placement is not None and link is not None and channel.epoch == placement.epoch:
            self._spawn(self._unwatch(link, placement))

    async def _unwatch(self, link: Link, placement: Placement) -> None:
        if placement.session_id in self._channels:
            return  # somebody listens again already, and has said so
        try:
            await link.ask(placement.session_id, placement.epoch, Unwatch())
        except PerdureError:
            self._forget(placement)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return self._tasks.owed(work, "errand")


def _both(one: Want, other: Want) -> Want:
    """Return what two want of one session."""
    return Want(max(one.void_epoch, other.void_epoch), one.may_release or other.may_release)


def _after(want: Want, placement: Placement, error: PerdureError) -> Want:
    """Return how to ask again for a session that was not to be had where it lived: that may be this ask's own doing."""
    if isinstance(error, StaleEpochError):
        return Want(placement.epoch, want.may_release)
    return Want(want.void_epoch)
