"""What the supervisor and each front door remember of who lives where. A cache: the truth is in Postgres."""

from collections import defaultdict

from runtime.core.wire import Wire


class Address(Wire, frozen=True, gc=False):
    """Where a session actor takes connections, and the key to it."""

    host: str
    port: int
    key: bytes

    def __repr__(self) -> str:
        """Leave out the key."""
        return f"Address({self.host}:{self.port})"


class Placement(Wire, frozen=True, gc=False):
    """Where a session lives now. `actor` None: nowhere, until somebody needs it, or may have it (see Want).

    Front doors are told the actor's address too, once that is known. There are millions, which the garbage collector
    need not walk.
    """

    session_id: str
    epoch: int
    actor: str | None
    address: Address | None = None


class Directory:
    """Where sessions live, by session and by actor. Whatever the order of the news, the newer epoch wins.

    Under one epoch a session lives in one actor and then nowhere, so of the same epoch the later news holds. Of one
    that lives nowhere nothing is kept, so old news of it is believed; whoever acts on that hears from the actor.
    """

    def __init__(self) -> None:
        self._placements: dict[str, Placement] = {}
        self._residents: defaultdict[str, dict[str, None]] = defaultdict(dict)  # not sets: those are walked

    def __len__(self) -> int:
        return len(self._placements)

    def get(self, session_id: str) -> Placement | None:
        """Return where a session lives, if it lives anywhere."""
        return self._placements.get(session_id)

    def note(self, placement: Placement) -> bool:
        """Hear where a session lives, or that it lives nowhere; False if something newer is known."""
        known = self._placements.get(placement.session_id)
        if known is not None:
            if known.epoch > placement.epoch:
                return False
            self.forget(placement.session_id, placement.epoch)
        if placement.actor is not None:
            self._placements[placement.session_id] = placement
            self._residents[placement.actor][placement.session_id] = None
        return True

    def forget(self, session_id: str, epoch: int) -> None:
        """Hear that a session does not live any more where it did under this epoch or an older one."""
        known = self._placements.get(session_id)
        if known is None or known.epoch > epoch:
            return
        del self._placements[session_id]
        residents = self._residents[known.actor or ""]
        residents.pop(session_id, None)
        if not residents:
            del self._residents[known.actor or ""]

    def clear(self, actor: str) -> list[Placement]:
        """Forget everyone who lived in an actor, and return where they lived."""
        return [self._placements.pop(session_id) for session_id in self._residents.pop(actor, {})]

    def known(self) -> list[str]:
        """Return the sessions that live somewhere."""
        return list(self._placements)

    def count(self, actor: str) -> int:
        """Return how many sessions live in an actor."""
        return len(self._residents.get(actor, ()))
