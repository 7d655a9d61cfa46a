"""When a session that crashed may try again: OTP's restart intensity, with one addition.

OTP's child restarts with nothing remembered; ours restarts by replaying its journal, so what counts is
not only how often it crashed but whether it got anywhere in between. A crash after progress (a finished
model or tool call) starts the count anew; crashes without it use up the intensity, and then the session
is quarantined. Source: Erlang/OTP stdlib `supervisor`, function `add_restart`.

Whoever asks for a place, a client or the supervisor itself, and for whatever reason, `judge` is what it comes to.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from runtime.core.placement.residency import Company

SUSPECT_AFTER: Final = 2  # crashes
CAUSE_CHARS: Final = 200  # that are kept of what is known of one


@dataclass(frozen=True, slots=True)
class Intensity:
    """So many restarts in such a window, in seconds."""

    restarts: int
    window_s: float


class Crash(msgspec.Struct, frozen=True, gc=False):
    """One death: when (Unix seconds), how many steps the session had finished by then, and what is known of it."""

    at: float
    steps: int
    cause: str = ""


class Standing(StrEnum):
    """What supervision thinks of a session. It stays so until a new message or an operator releases the session."""

    FREE = "free"  # it goes on wherever there is room for it
    QUARANTINED = "quarantined"  # its turn is failed, and it rests
    GIVEN_UP = "given_up"  # it kills its actor even while its turn is being failed: left alone


class Record(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a session's crashes."""

    crashes: tuple[Crash, ...] = ()
    standing: Standing = Standing.FREE


def judge(
    record: Record, now: float, steps: int, intensity: Intensity, *, has_crashed: bool, cause: str = ""
) -> Record:
    """Return what is to be remembered at `now` (Unix seconds) of a session that has finished so many steps."""
    crashes = record.crashes if record.standing is not Standing.FREE else _recent(record, now, steps, intensity)
    if has_crashed:
        crashes = (*crashes, Crash(now, steps, cause[:CAUSE_CHARS]))
    return Record(crashes, _standing(record.standing, len(crashes), intensity))


def _recent(record: Record, now: float, steps: int, intensity: Intensity) -> tuple[Crash, ...]:
    return tuple(c for c in record.crashes if now - c.at < intensity.window_s and c.steps == steps)


def _standing(known: Standing, crashes: int, intensity: Intensity) -> Standing:
    if known is Standing.GIVEN_UP or crashes > 2 * intensity.restarts + 1:
        return Standing.GIVEN_UP
    if known is Standing.QUARANTINED or crashes > intensity.restarts:
        return Standing.QUARANTINED
    return Standing.FREE


def company(crashes: tuple[Crash, ...], intensity: Intensity) -> Company:
    """Return with whom a session may live after these crashes.

    One may be a neighbour's fault. After a second it lives among suspects: of the many that die together few are to
    blame. Before its last restart it is alone, so that nobody is quarantined for what another did.
    """
    if not crashes or len(crashes) < min(SUSPECT_AFTER, intensity.restarts):
        return Company.ANYBODY
    return Company.NOBODY if len(crashes) >= intensity.restarts else Company.SUSPECTS
