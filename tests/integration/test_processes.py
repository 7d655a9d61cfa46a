"""Ends of other processes, ours and those of a parent that reaps nobody."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from actors.reaper import Guard
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
