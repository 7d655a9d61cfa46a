"""The hermit's cell is what the fault says: who is killed there stays as a zombie, and nothing else is left."""

import os
import sys
from pathlib import Path

import pytest

from loadtests.chaos.hermit import Cell

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans"),
]
REPOSITORY = Path(__file__).resolve().parents[2]
# A server, its child and its grandchild, which the death of the child makes an orphan; it says when all are there.
FAMILY = """
import os, time
if os.fork() == 0 and os.fork() == 0:
    print("up", flush=True)
time.sleep(600)
"""


class Home(Cell):
    """A cell with a family in it."""

    @property
    def command(self) -> list[str]:
        return [*super().command[:3], sys.executable, "-c", FAMILY]


async def test_whoever_is_killed_in_a_cell_stays_as_a_zombie(tmp_path: Path) -> None:
    cell = Home(tmp_path, "cell")
    try:
        await cell.launch({**os.environ, "PYTHONPATH": str(REPOSITORY)})  # noqa: TID251  a process needs one
        while "up" not in cell.log.read_text():
            assert not cell.process or cell.process.returncode is None
        family = cell.family()
        assert len(family) == 3
        await cell.kill()
        assert cell.is_over
        assert cell.zombies == 3
    finally:
        await cell.stop()
    assert not any(process.is_running() and process.status() != "zombie" for process in family)
