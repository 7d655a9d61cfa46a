"""What breaks, and in which order: all of it comes from the seed."""

import random
from collections.abc import Collection
from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """A kind of fault, in the words of the report."""

    ACTOR = "session actor"
    PAIR = "two session actors"
    SUPERVISOR = "supervisor"
    BOTH = "supervisor and session actor"
    DOOR = "front door"
    POSTGRES = "Postgres"
    RAY = "Ray"
    EVERYTHING = "everything"
    POISON = "poison"
    PAUSE = "session actor paused"
    USURPER = "epoch raised behind the owner"
    DATABASE_CUT = "database connections cut"
    DATABASE_SLOW = "database slow"
    DATABASE_SILENT = "database connections half-open"
    LINK_CUT = "connections to session actors cut"
    CLIENT_CUT = "client connections cut in mid-frame"
    CLIENT_ASLEEP = "client stops reading"
    MODEL_BUSY = "model answers 429"
    MODEL_BREAKS = "model breaks off"
    MODEL_DRIPS = "model drips"
    MODEL_GARBAGE = "model returns garbage"
    STUMBLE = "exception in a loop of an actor or the supervisor"
    DOOR_STUMBLE = "exception in a loop of a front door"
    UNREAPED = "everything under an init that reaps nothing"
    MINE = "session that kills while loading"
    MODEL_BABBLES = "garbage within a model's answer"
    TOOL_GARBAGE = "garbage from tools and simulated models"


# How often each comes among those that kill, and among the others.
KILLS: Final = {
    Kind.ACTOR: 200,
    Kind.PAIR: 8,
    Kind.SUPERVISOR: 8,
    Kind.BOTH: 4,
    Kind.DOOR: 6,
    Kind.POSTGRES: 6,
    Kind.EVERYTHING: 2,
    Kind.STUMBLE: 8,
    Kind.DOOR_STUMBLE: 1,
    Kind.RAY: 1,
}
DISTURBANCES: Final = {
    Kind.USURPER: 6,
    Kind.PAUSE: 4,
    Kind.DATABASE_CUT: 4,
    Kind.DATABASE_SLOW: 2,
    Kind.DATABASE_SILENT: 1,
    Kind.LINK_CUT: 4,
    Kind.CLIENT_CUT: 4,
    Kind.CLIENT_ASLEEP: 2,
    Kind.POISON: 1,
    Kind.MODEL_BUSY: 1,
    Kind.MODEL_BREAKS: 1,
    Kind.MODEL_DRIPS: 1,
    Kind.MODEL_GARBAGE: 1,
    Kind.MODEL_BABBLES: 1,
    Kind.TOOL_GARBAGE: 1,
    Kind.MINE: 1,
    Kind.UNREAPED: 1,  # it kills a deployment beside the one that all others strike
}
KILLS_PER_DISTURBANCE: Final = 10

# A session actor dies at any time, or the moment one of these is seen.
MOMENTS: Final = (
    "accepted",
    "turn.started",
    "reason.started",
    "output.message.started",
    "output.message.delta",
    "reason.completed",
    "tool.started",
    "tool.completed",
    "tool.call_requested",
    "act.completed",
    "turn.completed",
    "session.idled",
)


# What the server is told: so many restarts of a session within such a window, and with the next death its turn is
# failed as poison's. A turn that is struck as often, without finishing a step in between, cannot be told from that.
RESTARTS: Final = 4
WINDOW_S: Final = 30.0


class Fault(NamedTuple):
    """One entry of the plan. `moment` is None for any time; `pause_s` passes before it; `chance` decides the rest."""

    kind: Kind
    moment: str | None
    pause_s: float
    chance: float


def plan(seed: int, kills: int, kinds: Collection[Kind] = tuple(Kind)) -> list[Fault]:
    """Return the faults of a run: `kills` that kill and others in between, each kind at least once if there is room."""
    dice = random.Random(f"plan {seed}")  # noqa: S311  reproduces a run, guards nothing
    killing = _draw(dice, {k: w for k, w in KILLS.items() if k in kinds}, kills)
    others = {k: w for k, w in DISTURBANCES.items() if k in kinds}
    wanted = max(len(others), kills // KILLS_PER_DISTURBANCE) if others else 0
    drawn = [*killing, *_draw(dice, others, wanted)]
    dice.shuffle(drawn)
    return [_fault(dice, kind) for kind in drawn]


def _draw(dice: random.Random, weights: dict[Kind, int], count: int) -> list[Kind]:
    if not weights:
        return []
    each = sorted(weights, key=lambda kind: -weights[kind])[:count]
    return [*each, *dice.choices(list(weights), list(weights.values()), k=count - len(each))]


def _fault(dice: random.Random, kind: Kind) -> Fault:
    at_moment = kind in (Kind.ACTOR, Kind.USURPER, Kind.PAUSE) and dice.random() < 0.6  # noqa: PLR2004
    return Fault(kind, dice.choice(MOMENTS) if at_moment else None, dice.uniform(0.0, 0.6), dice.random())
