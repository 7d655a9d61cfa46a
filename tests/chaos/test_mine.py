"""A mine goes off where a session is brought to life, wherever the server has taken the function that does it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from loadtests.chaos.mined import MINES, Place, mine_of

REPOSITORY = Path(__file__).resolve().parents[2]
SESSION = f"session_{1:032x}"
# As in an actor: the host is imported, then the plugin, then a session is read from the journal.
ACTOR = f"""
import sys
from runtime.host import host
import loadtests.chaos.mine
hosts = [m for name, m in sys.modules.items() if name.startswith("runtime.host") and hasattr(m, "revive")]
for module in hosts:
    module.revive("{SESSION}", None, [])
sys.exit(not hosts)
"""


def bring_to_life(mines: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), MINES: str(mines)}  # noqa: TID251  a process needs one
    return subprocess.run([sys.executable, "-c", ACTOR], env=environment, check=False).returncode  # noqa: S603  ours


def test_who_brings_a_mined_session_to_life_is_killed(tmp_path: Path) -> None:
    assert bring_to_life(tmp_path) == 0

    mine_of(tmp_path, Place.LOADING, SESSION).touch()

    assert bring_to_life(tmp_path) == -signal.SIGKILL
