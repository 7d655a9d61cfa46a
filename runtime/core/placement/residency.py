"""Who lives where: spread, then pack, and how many actors to keep.

Clusters have thousands of actors and place thousands of sessions a second, so nothing here looks at all of either.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from math import inf


class Company(StrEnum):
    """Whom a session may have for neighbours, and whom an actor takes in."""

    ANYBODY = "anybody"
    SUSPECTS = "suspects"  # sessions that have crashed, each of which may be to blame for the others
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Room:
    """One session actor: how many sessions it holds, and whether its process is warm and answering."""

    sessions: int = 0
    is_ready: bool = False
    open_to: Company = Company.ANYBODY


@dataclass(frozen=True, slots=True)
class Limits:
    """How many actors and how many sessions in each."""

    max_actors: int
    warm_standbys: int
    sessions_per_actor: int

    @property
    def kept_most(self) -> int:
        """How many actors may be kept for suspects, and how many more for those that may have no company.

        When a whole cluster dies again and again all of its sessions are suspects: they take turns.
        """
        return max(2, self.max_actors // 4)


class Queue:
    """Sessions that wait for an actor, in the order in which they came. Times are in seconds, of one clock."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Company, float]] = {}
        self._positions: dict[str, int] = {}
        self._came = 0
        self.companies: Counter[Company] = Counter()  # what they wait for

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, session_id: str, company: Company, now: float) -> None:
        """Note that a session waits still; it keeps its place."""
        known = self._waiting.get(session_id)
        if known is None:
            self._came += 1
            self._positions[session_id] = self._came
        else:
            self.companies[known[0]] -= 1
        self._waiting[session_id] = company, now
        self.companies[company] += 1

    def leave(self, session_id: str) -> None:
        """Note that a session waits no more."""
        known = self._waiting.pop(session_id, None)
        if known is not None:
            self.companies[known[0]] -= 1
            del self._positions[session_id]

    def forget(self, before: float) -> None:
        """Drop those of whom nothing was heard since."""
        for session_id in [s for s, (_, at) in self._waiting.items() if at < before]:
            self.leave(session_id)

    def position(self, session_id: str) -> float:
        """Return a number that is the smaller the longer a session has waited; infinite if it does not."""
        return self._positions.get(session_id, inf)


class Rooms:
    """Every session actor with what it holds, filed so that choosing one, or counting them, looks at none of the rest.

    For each company, the rooms that are ready and open to it stand on a shelf for each number of sessions.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}
        self._shelves: dict[Company, dict[int, OrderedDict[str, None]]] = {company: {} for company in Company}
        self._open: Counter[Company] = Counter()
        self._empty = 0  # and open to anybody, ready or not

    def __len__(self) -> int:
        return len(self._rooms)

    def put(self, actor: str, room: Room) -> None:
        """Note how an actor stands."""
        known = self._rooms.get(actor)
        if known == room:
            return
        if known is not None:
            self._unfile(actor, known)
        self._rooms[actor] = room
        self._open[room.open_to] += 1
        self._empty += _is_empty(room)
        if room.is_ready:
            self._shelves[room.open_to].setdefault(room.sessions, OrderedDict())[actor] = None

    def drop(self, actor: str) -> None:
        """Note that an actor is no more."""
        known = self._rooms.pop(actor, None)
        if known is not None:
            self._unfile(actor, known)

    def _unfile(self, actor: str, room: Room) -> None:
        self._open[room.open_to] -= 1
        self._empty -= _is_empty(room)
        if room.is_ready:
            shelf = self._shelves[room.open_to]
            del shelf[room.sessions][actor]
            if not shelf[room.sessions]:
                del shelf[room.sessions]

    def choose(self, limits: Limits, company: Company = Company.ANYBODY) -> str | None:
        """Return the actor for the next session: an empty one, else the one with most room; None if there is none yet.

        Suspects go where others are already, else into an empty actor, which then is theirs; who may have no company
        takes an empty one too. Of several that would do it is the one that has stood so the longest.
        """
        chosen = None if company is Company.NOBODY else self._roomiest(company, limits.sessions_per_actor)
        if chosen is None and company is not Company.ANYBODY and self._keepable(company, limits):
            chosen = self._roomiest(Company.ANYBODY, 1)
        return chosen

    def _roomiest(self, open_to: Company, below: int) -> str | None:
        shelf = self._shelves[open_to]
        fewest = min(shelf, default=below)
        return next(iter(shelf[fewest])) if fewest < below else None

    def _keepable(self, company: Company, limits: Limits) -> int:
        """Return how many more actors may be kept for such company."""
        return max(0, limits.kept_most - self._open[company])

    def missing(self, limits: Limits, waiting: Mapping[Company, int], bare_nodes: int = 0) -> int:
        """Return how many processes to start now, so that enough empty ones wait; those starting count.

        Where somebody waits though none is to be kept ready, one is started all the same. Suspects that are `waiting`
        may have processes beyond the limit: one for all that may share it, and one for each that may have no company,
        as many as may be kept. Each of the nodes that are bare, for they have just come, is to have one within it.
        """
        free = limits.max_actors - self._counted(limits)
        suspects = min(waiting.get(Company.NOBODY, 0), self._keepable(Company.NOBODY, limits))
        suspects += min(waiting.get(Company.SUSPECTS, 0), 1, self._keepable(Company.SUSPECTS, limits))
        ready = max(limits.warm_standbys, min(waiting.get(Company.ANYBODY, 0), 1))
        wanted = max(min(ready, free + self._empty), suspects)
        return max(0, wanted - self._empty, min(bare_nodes, free))

    def surplus(self, limits: Limits) -> list[str]:
        """Return the empty actors beyond the limit, which may end."""
        empty = self._shelves[Company.ANYBODY].get(0, ())
        return list(islice(empty, max(0, self._counted(limits) - limits.max_actors)))

    def _counted(self, limits: Limits) -> int:
        """Return how many rooms count: what suspects hold is not taken from the others, up to as much again."""
        kept = len(self._rooms) - self._open[Company.ANYBODY]
        return len(self._rooms) - min(kept, limits.max_actors)


def _is_empty(room: Room) -> bool:
    return room.sessions == 0 and room.open_to is Company.ANYBODY


def choose_node(nodes: Iterable[str], processes: Mapping[str, int], doubted: Mapping[str, float]) -> str | None:
    """Return the node for the next process: one that is not doubted, or not for long, then the one with the fewest."""
    return min(nodes, key=lambda node: (doubted.get(node, 0.0), processes.get(node, 0), node), default=None)


def max_actors(memory_bytes: int, cpus: int, actor_bytes: int = 160 << 20) -> int:
    """Return the default limit: a quarter of the node's memory, and no more than two processes a core.

    More processes than cores cost more than they isolate: measured on two cores with 64 busy sessions, 16 actors
    serve half as many turns a second as 2.
    """
    return max(2, min(memory_bytes // 4 // actor_bytes, max(4, 2 * cpus)))
