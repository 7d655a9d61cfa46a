"""Logs that a server once wrote: they must replay for ever. Add to them, and never change one."""

from pathlib import Path
from typing import Final

import pytest

from runtime.core.session.snapshot import revive
from tests.laws import Stored, check_log, check_replay, check_state, events_of

JOURNALS: Final = sorted((Path(__file__).parent / "journals").glob("*.jsonl"))


def read(path: Path) -> list[Stored]:
    """Return a log, one stored event a line."""
    return [Stored(line, None, 1) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_a_log_of_the_past_replays_at_every_prefix(path: Path) -> None:
    log = read(path)
    events = events_of(log)
    check_log(events)
    check_replay(events[0].session_id, log, {})
    check_state(revive(events[0].session_id, None, [(stored.body, None) for stored in log]), events)


def test_the_logs_of_the_past_hold_what_can_happen() -> None:
    types = {event.type for path in JOURNALS for event in events_of(read(path))}
    assert types >= {
        "reason.recovered", "transcript.repaired", "turn.cancelled", "turn.failed", "tool.call_requested",
        "reason.thinking.completed", "file.written",
    }  # fmt: skip
