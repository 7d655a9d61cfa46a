"""The front doors, as a host knows them: an outbox for each, and which of them watch which session."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from runtime.ports.gateway import Frame
from runtime.wire.outbox import Outbox
from runtime.wire.protocol import Answer, Delivery

OUTBOX_LIMIT: Final = 100_000  # items that a front door may leave unread before it is cut off

Item = Answer | Delivery


class Doors:
    """Belongs to one event loop. What is put for a front door that is not attached is dropped."""

    def __init__(self) -> None:
        self._outboxes: dict[str, Outbox[Item]] = {}
        self._watchers: defaultdict[str, set[str]] = defaultdict(set)  # by session

    def attach(self, front_door: str) -> Outbox[Item]:
        """Open the outbox of a front door; an older one of the same name ends."""
        old = self._outboxes.get(front_door)
        if old is not None:
            self.detach(front_door, old)
        box = self._outboxes[front_door] = Outbox(OUTBOX_LIMIT)
        return box

    def detach(self, front_door: str, box: Outbox[Item]) -> None:
        """Forget a front door and what it watched, unless it has attached anew."""
        box.close()
        if self._outboxes.get(front_door) is box:
            self.forget(front_door)

    def forget(self, front_door: str) -> None:
        """Put nothing more into the outbox of a front door that has died: nobody will ever take it out."""
        box = self._outboxes.pop(front_door, None)
        if box is not None:
            box.clear()
        for session_id in [s for s, doors in self._watchers.items() if front_door in doors]:
            self.unwatch(session_id, front_door)

    def watch(self, session_id: str, front_door: str) -> None:
        """Deliver a session's events to a front door from now on."""
        self._watchers[session_id].add(front_door)

    def unwatch(self, session_id: str, front_door: str) -> None:
        """Deliver them there no more."""
        doors = self._watchers.get(session_id, set())
        doors.discard(front_door)
        if not doors:
            self.leave(session_id)

    def leave(self, session_id: str) -> None:
        """Hear that a session is not here any more: whoever watched it must say so again where it lives next."""
        self._watchers.pop(session_id, None)

    def answer(self, front_door: str, answer: Answer) -> None:
        """Tell a front door what came of its command."""
        box = self._outboxes.get(front_door)
        if box is not None:
            box.put(answer)

    def deliver(self, session_id: str, epoch: int, frames: Sequence[Frame]) -> None:
        """Give events to every front door that watches the session."""
        doors = self._watchers.get(session_id)
        if doors:
            delivery = Delivery(session_id, epoch, frames)
            for front_door in doors:
                box = self._outboxes.get(front_door)
                if box is not None:
                    box.put(delivery)

    def close(self) -> None:
        """End every outbox."""
        for box in list(self._outboxes.values()):
            box.close()
