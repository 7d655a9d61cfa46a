"""What this process has counted and not told yet, and how much of something there is in it now.

Whoever sees something happen adds to it: an integer, no more.
"""

from typing import Final

import msgspec

from runtime.core.metrics.counts import Counts


class Here(msgspec.Struct):
    """How much there is in this process. `running` are sessions that do something."""

    running: int = 0


counts: Final = Counts()
here: Final = Here()
