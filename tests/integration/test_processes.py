"""Ends of other processes, ours and those of a parent that reaps nobody."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from actors.reaper import Guard, strays_of
from runtime.process.processes import is_alive, kill
from runtime.process.short_path import link

NEGLECTFUL = """
import subprocess, sys
print(subprocess.Popen(["/bin/sleep", "60"]).pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def neglected() -> Iterator[psutil.Process]:
    """A process whose parent does not wait for it."""
    command = [sys.executable, "-c", NEGLECTFUL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:  # noqa: S603  ours
        assert parent.stdout is not None
        yield psutil.Process(int(parent.stdout.readline()))


def test_dead_process_that_nobody_reaps_is_gone(neglected: psutil.Process) -> None:
    assert is_alive(neglected)
    assert kill([neglected], 60) == []  # psutil would wait the whole minute
    assert neglected.is_running()
    assert not is_alive(neglected)


def test_killed_child_of_ours_is_reaped() -> None:
    child = psutil.Popen(["/bin/sleep", "60"])
    assert kill([child], 60) == []
    assert not child.is_running()
    assert kill([child], 60) == []


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_guard_of_a_former_owner_leaves_the_next_ones_link(tmp_path: Path, *, is_made_anew: bool) -> None:
    """Promised: a server that is started again at once keeps the short name of its folder."""
    name = tmp_path / "short"
    link(name, tmp_path)
    shell = Guard([], name)._shell
    if is_made_anew:
        link(name, tmp_path)
    assert shell.stdin is not None
    shell.stdin.close()
    assert shell.wait(10) == 0
    assert name.is_symlink() == is_made_anew


def test_only_who_was_told_to_work_in_a_session_of_ours_is_a_stray(tmp_path: Path) -> None:
    """Another server's data dir may end as ours begins, and others may read what Ray writes."""
    ours, theirs = tmp_path / "ray/session_1", tmp_path / f"mnt{tmp_path}/ray/session_1"
    told = (
        f"--session-dir={ours}",
        f"--logs-dir={ours}/logs",
        f"--session-dir={theirs}",
        str(ours),
        f"--x={ours.parent}",
    )
    everybody = [psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)", option]) for option in told]
    try:
        assert {process.pid for process in strays_of([ours])} == {process.pid for process in everybody[:2]}
        assert strays_of([]) == []
    finally:
        kill(everybody, 60)
