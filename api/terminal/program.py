"""How to call this program from where it was called."""

import shutil
import sys


def program() -> str:
    """Return `perdure`, or the path that was used where that is not on the PATH."""
    return "perdure" if shutil.which("perdure") else sys.argv[0]
