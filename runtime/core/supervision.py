"""When a session that crashed may try again: OTP's restart intensity, with one addition.

OTP's child restarts with nothing remembered; ours restarts by replaying its journal, so what counts is
not only how often it crashed but whether it got anywhere in between. A crash after progress (a finished
model or tool call) starts the count anew; crashes without it use up the intensity, and then the session
is quarantined. Source: Erlang/OTP stdlib `supervisor`, function `add_restart`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from runtime.core.residency import Company

SUSPECT_AFTER: Final = 2  # crashes


@dataclass(frozen=True, slots=True)
class Intensity:
    """So many restarts in such a window, in seconds."""

    restarts: int
    window_s: float


class Crash(msgspec.Struct, frozen=True):
    """One death: when (Unix seconds), and how many steps the session had finished by then."""

    at: float
    steps: int


class Verdict(StrEnum):
    """What becomes of a session whose actor died under it."""

    RESTART = "restart"  # it goes on elsewhere
    QUARANTINE = "quarantine"  # its turn is failed, and it rests
    GIVE_UP = "give_up"  # it kills its actor even while its turn is being failed: left alone


def judge(crashes: tuple[Crash, ...], crash: Crash, intensity: Intensity) -> tuple[tuple[Crash, ...], Verdict]:
    """Return the crashes to remember and what to do now."""
    recent = tuple(c for c in crashes if crash.at - c.at < intensity.window_s and c.steps == crash.steps)
    remembered = (*recent, crash)
    if len(remembered) <= intensity.restarts:
        return remembered, Verdict.RESTART
    return remembered, Verdict.QUARANTINE if len(remembered) <= 2 * intensity.restarts + 1 else Verdict.GIVE_UP


def company(crashes: tuple[Crash, ...], intensity: Intensity) -> Company:
    """Return with whom a session may live after these crashes.

    One may be a neighbour's fault. After a second it lives among suspects: of the many that die together few are to
    blame. Before its last restart it is alone, so that nobody is quarantined for what another did.
    """
    if not crashes or len(crashes) < min(SUSPECT_AFTER, intensity.restarts):
        return Company.ANYBODY
    return Company.NOBODY if len(crashes) >= intensity.restarts else Company.SUSPECTS
