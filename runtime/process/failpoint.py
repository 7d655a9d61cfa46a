"""Places where a process can be made to die, so that every crash window is hit on purpose and not by luck.

PERDURE_FAIL_POINTS names a folder. A process that reaches a point whose name is a file there puts its own
number behind that name and kills itself, as kill -9 does: of many processes exactly one dies, once. An essential
task whose name is a file there meets an exception that nobody foresaw. Without the setting, which is the
default, either costs one comparison. docs/crash-windows.md says what each window means.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path


class FailPoint(StrEnum):
    """The steps at which a crash differs from one at the step before, in the order of a turn."""

    SUPERVISOR_PLACED = "supervisor.placed"  # the epoch is raised, nobody has been told
    SESSION_LOADED = "session.loaded"  # read from the journal, not yet live
    MESSAGE_TAKEN = "message.taken"  # folded, not yet on the disk
    JOURNAL_COMMITTING = "journal.committing"  # a group is about to be sent to the database
    JOURNAL_COMMITTED = "journal.committed"  # it is on the disk, and nobody knows
    TURN_STARTED = "turn.started"
    MODEL_CALLING = "model.calling"  # the call is announced, and about to be made
    MODEL_STREAMING = "model.streaming"  # a client may have seen a part of the answer
    MODEL_ANSWERED = "model.answered"  # the answer is whole, and only in memory
    TOOL_INTENDED = "tool.intended"  # the intent is on the disk, the tool has not begun
    TOOL_DONE = "tool.done"  # the effect is there, its outcome only in memory
    TOOL_RECORDED = "tool.recorded"  # the outcome is on its way to the disk
    CLIENT_ASKED = "client.asked"
    RESULTS_TAKEN = "results.taken"
    TURN_FINISHING = "turn.finishing"  # nothing is left to do but to say so
    TURN_FINISHED = "turn.finished"  # said, and on its way to the disk
    SNAPSHOT_SAVING = "snapshot.saving"
    SESSION_LEAVING = "session.leaving"  # passivated, and its owner not yet struck out
    SUPERVISOR_REVIVED = "supervisor.revived"  # orphans are placed anew, their actors not yet told


class Loop(StrEnum):
    """Where an exception can be thrown: the tasks that must not end while their process lives."""

    JOURNAL = "loop.journal"
    UPKEEP = "loop.upkeep"
    NODES = "loop.nodes"
    LEASES = "loop.leases"
    CLAIM = "loop.claim"
    FORGETTING = "loop.forgetting"
    TENDING = "loop.tending"
    SWEEP = "loop.sweep"
    MODELS = "loop.models"
    BREAKERS = "loop.breakers"
    TURNSTILE = "loop.turnstile"
    FOLLOWER = "loop.follower"
    LINK = "loop.link"


class StumbleError(Exception):
    """What nobody foresaw: no branch of the tree of errors, so nothing catches it."""


_folder: Path | None = None


def arm(folder: Path | None) -> None:
    """Let the points of this process look into a folder; None: none does anything."""
    global _folder  # noqa: PLW0603  a process has one set of fail points, as it has one life
    _folder = folder


def reach(point: FailPoint) -> None:
    """Die, if this point is armed."""
    if _is_armed(point):
        os.kill(os.getpid(), signal.SIGKILL)


def stumble(loop: Loop) -> None:
    """Raise StumbleError, if this loop is armed."""
    if _is_armed(loop):
        raise StumbleError(loop)


def _is_armed(name: str) -> bool:
    if _folder is None:
        return False
    try:
        (_folder / name).rename(_folder / f"{name}.{os.getpid()}")
    except FileNotFoundError:
        return False
    return True
