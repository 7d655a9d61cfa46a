"""The supervisor's memory of who lives where. A cache: the truth is in Postgres."""

from collections import defaultdict
from collections.abc import Iterable

from runtime.core.wire import Wire


class Address(Wire, frozen=True):
    """Where a session actor takes connections, and the key to it."""

    host: str
    port: int
    key: bytes

    def __repr__(self) -> str:
        """Leave out the key."""
        return f"Address({self.host}:{self.port})"


class Placement(Wire, frozen=True):
    """Where a session lives now. `actor` None: nowhere, until somebody needs it, or may have it (see Want).

    Front doors are told the actor's address too, once that is known.
    """

    session_id: str
    epoch: int
    actor: str | None
    address: Address | None = None


class Directory:
    """Placements by session and by actor."""

    def __init__(self) -> None:
        self._placements: dict[str, Placement] = {}
        self._residents: defaultdict[str, set[str]] = defaultdict(set)

    def get(self, session_id: str) -> Placement | None:
        """Return where a session lives, if it lives anywhere."""
        return self._placements.get(session_id)

    def put(self, placement: Placement) -> None:
        """Note a placement; an older one is forgotten."""
        self.remove(placement.session_id)
        if placement.actor is not None:
            self._placements[placement.session_id] = placement
            self._residents[placement.actor].add(placement.session_id)

    def remove(self, session_id: str) -> None:
        """Forget where a session lives."""
        old = self._placements.pop(session_id, None)
        if old is not None and old.actor is not None:
            self._residents[old.actor].discard(session_id)

    def clear(self, actor: str) -> list[Placement]:
        """Forget everyone who lived in an actor, and return where they lived."""
        return [self._placements.pop(session_id) for session_id in self._residents.pop(actor, set())]

    def count(self, actor: str) -> int:
        """Return how many sessions live in an actor."""
        return len(self._residents.get(actor, ()))

    def put_all(self, placements: Iterable[Placement]) -> None:
        """Note many placements."""
        for placement in placements:
            self.put(placement)
