"""Who listens at a front door: a channel for each session, fed by its owner, wherever that is by now.

Whatever goes wrong on the way ends in one of two ways: the channel goes on with the next owner, or its listeners are
sent to the journal (see `runtime.wire.broadcast`).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from actors.link import Link, Links
from actors.locator import Locator
from runtime.core.access.principal import Principal
from runtime.core.errors import PerdureError, SessionMovingError, StaleEpochError
from runtime.core.placement.directory import Directory, Placement
from runtime.core.retry import doubling_s
from runtime.process.tasks import Tasks
from runtime.wire.broadcast import Channel, Listener
from runtime.wire.protocol import Delivery, Unwatch, Watch, Watching

log = structlog.get_logger(__name__)

PAUSE_S: Final = 0.02  # before a session is looked for again
PAUSE_MOST_S: Final = 0.5


class Channels:
    """Belongs to one event loop."""

    def __init__(self, locator: Locator, directory: Directory, links: Links, tasks: Tasks) -> None:
        self._locator = locator
        self._directory = directory
        self._links = links
        self._tasks = tasks
        self._channels: dict[str, Channel] = {}

    async def subscribe(self, by: Principal, session_id: str) -> Listener:
        """Listen to a session; it is not brought to life for that. Whoever asks is of its organisation."""
        channel = self._channels.get(session_id)
        if channel is None:
            channel = self._channels[session_id] = Channel(session_id, by, self._emptied)
        listener = channel.add()
        try:
            placement = self._directory.get(session_id) or await self._locator.locate(session_id)
            if placement is None:
                listener.begin(None)
            elif not await self._begin(channel, listener, placement):
                listener.begin(None)
                self._spawn(self._rejoin(channel))
        except BaseException:
            listener.close()
            raise
        return listener

    def sessions(self) -> list[str]:
        """See Heard."""
        return list(self._channels)

    def epoch(self, session_id: str) -> int | None:
        """See Heard."""
        channel = self._channels.get(session_id)
        return None if channel is None else channel.epoch or 0

    # ------------------------------------------------------------ what comes

    def deliver(self, delivery: Delivery) -> None:
        """Give events to those who listen, unless they come from an owner of the past, who may not know yet."""
        channel = self._channels.get(delivery.session_id)
        if channel is not None and channel.epoch == delivery.epoch:
            channel.deliver(delivery.frames)

    def follow(self, placement: Placement) -> bool:
        """Have a session's events come from there, if somebody listens; False if that is so already, or nobody does."""
        channel = self._channels.get(placement.session_id)
        if channel is None or channel.epoch == placement.epoch:
            return False
        self._spawn(self._move(channel, placement))
        return True

    def left(self, placement: Placement) -> None:
        """Hear that nobody owns a session any more: its last words may be in the journal without having been sent."""
        channel = self._channels.get(placement.session_id)
        if channel is not None and (channel.epoch or 0) <= placement.epoch:
            _send_to_journal(channel)

    def cut_off(self) -> None:
        """Look anew for those whose events came by a link that has ended; nobody knows where they are."""
        for channel in self._channels.values():  # also one whose placement was forgotten while it came by that link
            if channel.epoch is not None and self._directory.get(channel.session_id) is None:
                channel.epoch = None
                self._spawn(self._rejoin(channel))

    # ------------------------------------------------------------ from owner to owner

    async def _move(self, channel: Channel, placement: Placement) -> None:
        if not await self._resume(channel, placement):
            await self._rejoin(channel)

    async def _rejoin(self, channel: Channel) -> None:
        """Have a channel's events come again from wherever the session lives now, if it lives anywhere."""
        pauses = doubling_s(PAUSE_S, PAUSE_MOST_S)
        while self._channels.get(channel.session_id) is channel:
            try:
                placement = await self._locator.locate(channel.session_id)
            except PerdureError as err:
                log.info("session_not_located", session_id=channel.session_id, reason=str(err))
            else:
                if placement is None:
                    _send_to_journal(channel)
                    return
                if channel.epoch == placement.epoch or await self._resume(channel, placement):
                    return
            await asyncio.sleep(next(pauses))

    async def _begin(self, channel: Channel, listener: Listener, placement: Placement) -> bool:
        def heard(watching: Watching) -> None:
            channel.epoch = placement.epoch
            listener.begin(watching)

        try:
            await self._links.to(placement).ask(channel.opened_by, placement, Watch(), heard)
        except (SessionMovingError, StaleEpochError):
            self._directory.forget(placement.session_id, placement.epoch)
            return False
        return True

    async def _resume(self, channel: Channel, placement: Placement) -> bool:
        channel.epoch = placement.epoch
        try:
            await self._links.to(placement).ask(channel.opened_by, placement, Watch(), channel.resume)
        except PerdureError as err:  # also one that cannot be brought to life: its listeners read the journal
            log.debug("session_not_watched", session_id=channel.session_id, reason=str(err))
            if channel.epoch == placement.epoch:
                channel.epoch = None
            self._directory.forget(placement.session_id, placement.epoch)
            return False
        return True

    # ------------------------------------------------------------ the end

    def _emptied(self, channel: Channel) -> None:
        del self._channels[channel.session_id]
        self._locator.release(channel.session_id)
        placement = self._directory.get(channel.session_id)
        link = self._links.get(placement.actor) if placement is not None else None
        if placement is not None and link is not None and channel.epoch == placement.epoch:
            self._spawn(self._unwatch(link, channel, placement))

    async def _unwatch(self, link: Link, channel: Channel, placement: Placement) -> None:
        if placement.session_id in self._channels:
            return  # somebody listens again already, and has said so
        try:
            await link.ask(channel.opened_by, placement, Unwatch())
        except PerdureError:
            self._directory.forget(placement.session_id, placement.epoch)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.owed(work, "errand")


def _send_to_journal(channel: Channel) -> None:
    channel.epoch = None
    channel.lag()
