"""A parent that never waits, as the init of many a container: who dies below it stays, as a zombie.

python -m loadtests.chaos.unreaping COMMAND ...
"""

import ctypes
import signal
import subprocess
import sys
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36  # of linux/prctl.h: orphans below this process become its children


def main() -> None:
    """Start the command, and wait for nothing until a signal ends us."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("unreaping: this machine does not let a process adopt orphans (PR_SET_CHILD_SUBREAPER)")
    child = subprocess.Popen(sys.argv[1:])  # noqa: S603  the command is our own
    while child.returncode is None:  # which only waiting would change
        signal.pause()


if __name__ == "__main__":
    main()
