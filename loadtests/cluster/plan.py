"""What is played: sizes, who is who by number, and where the processes of the benchmark find each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

BORN_MS: Final = 1_790_000_000_000  # Unix time of the youngest session
APART_MS: Final = 3_000  # between two sessions, so that ten million are a year's
LISTEN_STRIDE: Final = 10  # a door's listeners hear a tenth of the actors: a link to each of all would be a million
COMPANIES: Final = 2  # processes of stand-ins for session actors
HALLS: Final = 2  # processes of front doors


@dataclass(frozen=True)
class Scale:
    """How much of everything. The defaults are what the aims speak of; `SMALL` is for trying out."""

    nodes: int = 200
    actors: int = 6_400
    doors: int = 200
    sessions: int = 10_000_000
    placed: int = 1_000_000
    in_turn: int = 100_000
    watched: int = 10_000  # by each door
    agents: int = 1_000
    asked: int = 20_000  # sessions at rest for which a place is asked, in each way of asking
    changes: int = 20_000  # of placements, of which doors are told
    reads: int = 200  # requests of each kind
    seconds: float = 10.0  # at rest
    patience_s: float = 300.0  # with anything; what takes longer is infinite


SMALL: Final = Scale(
    nodes=10, actors=320, doors=20, sessions=100_000, placed=50_000, in_turn=5_000, watched=1_000, agents=100,
    asked=2_000, changes=2_000, reads=50, seconds=5.0, patience_s=60.0,
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One play, as each of its processes is told; `home` is a folder that goes with it."""

    home: str
    dsn: str
    scale: Scale

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `written` wrote."""
        return msgspec.json.decode(text, type=cls)

    @property
    def written(self) -> str:
        """The plan as an argument of a command line."""
        return msgspec.json.encode(self).decode()

    def socket(self, name: str) -> str:
        """Return where a process is called."""
        return str(Path(self.home) / f"{name}.sock")

    # ------------------------------------------------------------ who is who: sessions and actors by number from 0

    @property
    def dying(self) -> int:
        """How many sessions live on the node that will die, the first one; all of them are in a turn."""
        return -(-self.scale.placed // self.scale.nodes)

    def node_of(self, actor: int) -> str:
        """Return the node of an actor."""
        return node_id(actor * self.scale.nodes // self.scale.actors)

    def company_of(self, node: str) -> int:
        """Return which process plays the actors of a node."""
        return int(node, 16) % COMPANIES

    def is_in_turn(self, session: int) -> bool:
        """Whether a placed session is in a turn: on the node that will die all are, on the others evenly many."""
        others, busy = self.scale.placed - self.dying, self.scale.in_turn - self.dying
        return session < self.dying or (others > 0 and session * busy % others < busy)

    def watched_by(self, door: int) -> list[str]:
        """Return the sessions to which somebody listens at a door."""
        placed = self.scale.placed
        first = door * (placed // self.scale.doors) + door
        return [session_id((first + i * LISTEN_STRIDE) % placed) for i in range(self.scale.watched)]


def session_id(number: int) -> str:
    """Return a session's id; the younger one is the greater, as with ids that are minted."""
    return f"session_{BORN_MS - number * APART_MS:012x}70008000{number:012x}"


def node_id(number: int) -> str:
    """Return a node's id, which Ray wants to be 28 bytes."""
    return f"{number:056x}"


def agent_id(number: int) -> str:
    """Return an agent's id; they are numbered from 1."""
    return f"agent_{number:032x}"


def actor_name(number: int) -> str:
    """Return a session actor's name."""
    return f"session-{number:012x}"
