"""Who lives where: spread, then pack, and how many actors to keep."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

Item = TypeVar("Item")


class Company(StrEnum):
    """Whom a session may have for neighbours, and whom an actor takes in."""

    ANYBODY = "anybody"
    SUSPECTS = "suspects"  # sessions that have crashed, each of which may be to blame for the others
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Room:
    """One session actor: how many sessions it holds, and whether its process is warm and answering."""

    actor: str
    sessions: int
    is_ready: bool
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

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, session_id: str, company: Company, now: float) -> None:
        """Note that a session waits still; it keeps its place."""
        self._waiting[session_id] = company, now

    def leave(self, session_id: str) -> None:
        """Note that a session waits no more."""
        self._waiting.pop(session_id, None)

    def forget(self, before: float) -> None:
        """Drop those of whom nothing was heard since."""
        self._waiting = {s: (company, at) for s, (company, at) in self._waiting.items() if at >= before}

    def in_order(self, items: Iterable[Item], session_of: Callable[[Item], str]) -> list[Item]:
        """Return what belongs to sessions with those first that have waited longest."""
        position = {session_id: number for number, session_id in enumerate(self._waiting)}
        return sorted(items, key=lambda item: position.get(session_of(item), len(position)))

    def companies(self) -> list[Company]:
        """Return what they wait for."""
        return [company for company, _ in self._waiting.values()]


def choose(rooms: Iterable[Room], limits: Limits, company: Company = Company.ANYBODY) -> str | None:
    """Return the actor for the next session: an empty one, else the one with most room; None if there is none yet.

    Suspects go where others are already, else into an empty actor, which then is theirs; who may have no company
    takes an empty one too.
    """
    rooms = list(rooms)
    ready = [r for r in rooms if r.is_ready and r.sessions < limits.sessions_per_actor]
    fitting = [] if company is Company.NOBODY else [r for r in ready if r.open_to is company]
    if not fitting and company is not Company.ANYBODY and _keepable(rooms, limits, company):
        fitting = [r for r in ready if r.open_to is Company.ANYBODY and r.sessions == 0]
    return min(fitting, key=lambda r: (r.sessions, r.actor)).actor if fitting else None


def _keepable(rooms: Iterable[Room], limits: Limits, company: Company) -> int:
    """Return how many more actors may be kept for such company."""
    return max(0, limits.kept_most - sum(r.open_to is company for r in rooms))


def missing_standbys(
    rooms: Iterable[Room], limits: Limits, waiting: Collection[Company] = (), bare_nodes: int = 0
) -> int:
    """Return how many processes to start now, so that enough empty ones wait; those starting count.

    Suspects that are `waiting` may have processes beyond the limit: one for all that may share it, and one for each
    that may have no company, as many as may be kept. Each of the nodes that are bare, for they have just come, is to
    have one within it.
    """
    rooms = list(rooms)
    empty = sum(1 for r in rooms if r.sessions == 0 and r.open_to is Company.ANYBODY)
    free = limits.max_actors - _counted(rooms, limits)
    suspects = min(sum(c is Company.NOBODY for c in waiting), _keepable(rooms, limits, Company.NOBODY))
    suspects += min(Company.SUSPECTS in waiting, _keepable(rooms, limits, Company.SUSPECTS))
    wanted = max(min(limits.warm_standbys, free + empty), suspects)
    return max(0, wanted - empty, min(bare_nodes, free))


def surplus(rooms: Iterable[Room], limits: Limits) -> list[str]:
    """Return the empty actors beyond the limit, which may end."""
    rooms = list(rooms)
    empty = sorted(r.actor for r in rooms if r.is_ready and r.sessions == 0 and r.open_to is Company.ANYBODY)
    return empty[: max(0, _counted(rooms, limits) - limits.max_actors)]


def _counted(rooms: Collection[Room], limits: Limits) -> int:
    """Return how many rooms count: what suspects hold is not taken from the others, up to as much again."""
    kept = sum(r.open_to is not Company.ANYBODY for r in rooms)
    return len(rooms) - min(kept, limits.max_actors)


def choose_node(nodes: Iterable[str], processes: Mapping[str, int], doubted: Mapping[str, float]) -> str | None:
    """Return the node for the next process: one that is not doubted, or not for long, then the one with the fewest."""
    return min(nodes, key=lambda node: (doubted.get(node, 0.0), processes.get(node, 0), node), default=None)


def max_actors(memory_bytes: int, cpus: int, actor_bytes: int = 160 << 20) -> int:
    """Return the default limit: a quarter of the node's memory, and no more than two processes a core.

    More processes than cores cost more than they isolate: measured on two cores with 64 busy sessions, 16 actors
    serve half as many turns a second as 2.
    """
    return max(2, min(memory_bytes // 4 // actor_bytes, max(4, 2 * cpus)))
