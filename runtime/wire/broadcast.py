"""The front door's side of live events: one channel per session that somebody listens to.

A listener is a cursor into the journal that happens to be near its end. Whatever goes wrong between the
actor and here (the session moved, frames were dropped, the reader is slow) ends the same way: the
listener has lagged, reads the journal from where it was, and subscribes again.
"""

from collections.abc import Callable, Sequence
from typing import Final

from runtime.core.access.principal import Principal
from runtime.ports.gateway import Frame
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import Watching

FRAMES_LIMIT: Final = 5_000  # frames that a reader may leave unread before it must go to the journal


class Listener:
    """One reader of one session. See ports.Subscription."""

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._box: Outbox[Frame] = Outbox(FRAMES_LIMIT)
        self._has_begun = False
        self.start_sequence = 0
        self.partial: Frame | None = None
        self.position: int | None = None  # of the last durable event that the reader has or will be given

    def begin(self, watching: Watching | None) -> None:
        """Start to listen, at the point in the stream that the owner named; None: nobody owns the session now."""
        self._has_begun = True
        if watching is not None:
            self.start_sequence = self.position = watching.sequence
            self.partial = watching.partial

    def reached(self, sequence: int) -> None:
        """Hear how far the reader has come in the journal."""
        if self.position is None or sequence > self.position:
            self.position = sequence

    def deliver(self, frames: Sequence[Frame]) -> None:
        """Take frames in order; a gap means that the reader must go to the journal.

        What the reader has already is taken too: without it, it would not know where the deltas that follow belong.
        """
        if not self._has_begun:
            return
        for frame in frames:
            if frame.sequence:
                if self.position is not None and frame.sequence > self.position + 1:
                    self.lag()
                    return
                self.reached(frame.sequence)
            self._box.put(frame)

    def resume(self, watching: Watching) -> None:
        """Go on with the session's new owner, if nothing was missed in between."""
        if not self._has_begun:
            return
        if self.position != watching.sequence:
            self.lag()
            return
        self._box.put(_place(watching.sequence))
        if watching.partial is not None:
            self._box.put(watching.partial)

    def lag(self) -> None:
        """Drop what is queued and send the reader to the journal."""
        self._box.close()

    @property
    def lagged(self) -> bool:
        """Whether the reader must go on from the journal, with a new subscription."""
        return self._box.is_closed

    async def next(self) -> Sequence[Frame]:
        """Wait for frames and return all that have piled up; empty once closed or lagged."""
        return await self._box.take()

    def close(self) -> None:
        """Stop listening."""
        self._box.close()
        self._channel.remove(self)


def _place(sequence: int) -> Frame:
    """Return what tells a reader, who has the event of that sequence, that what follows comes after it."""
    return Frame(sequence, "", "", b"")


class Channel:
    """The listeners of one session, opened by the first of them.

    `epoch` is that of the owner whose events come in; None while nobody's do.
    """

    def __init__(self, session_id: str, opened_by: Principal, emptied: Callable[["Channel"], None]) -> None:
        self.session_id = session_id
        self.opened_by = opened_by
        self.epoch: int | None = None
        self._emptied = emptied
        self._listeners: set[Listener] = set()

    def add(self) -> Listener:
        """Return a new listener; it hears nothing before it has begun."""
        listener = Listener(self)
        self._listeners.add(listener)
        return listener

    def remove(self, listener: Listener) -> None:
        """Forget a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            if not self._listeners:
                self._emptied(self)

    def deliver(self, frames: Sequence[Frame]) -> None:
        """Give frames to everyone."""
        for listener in self._listeners:
            listener.deliver(frames)

    def lag(self) -> None:
        """Send everyone to the journal: nobody owns the session, and what was committed last may not have come."""
        for listener in list(self._listeners):
            listener.lag()

    def resume(self, watching: Watching) -> None:
        """Let everyone go on with a new owner."""
        for listener in self._listeners:
            listener.resume(watching)
