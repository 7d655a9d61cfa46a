"""Sessions that kill whoever brings them to life; the server under test loads this as an installed package's.

A file in the folder that CHAOS_MINES names says which session is mined, and where: as it is read from the journal, for
which this replaces the server's function, or as what its turn runs with is composed.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests.chaos.mined import MINES, Place, mine_of
from perdure import Capability
from runtime.core.session import snapshot

_revive = snapshot.revive


class Mine(Capability):
    """Kills where a turn's agent is composed; `name` of its config is what the mine is called."""

    id = "chaos_mine"
    name = "Mine"
    description = "Ends the process that composes a session which is mined."

    def prompt(self, config: Mapping[str, Any]) -> str | None:
        """Say nothing, or die."""
        _step_on(Place.COMPOSING, str(config.get("name")))
        return None


def _step_on(place: Place, name: str) -> None:
    if mine_of(Path(os.environ[MINES]), place, name).exists():
        os.kill(os.getpid(), signal.SIGKILL)


def _mined(session_id: str, *rest: Any) -> Any:
    _step_on(Place.LOADING, session_id)
    return _revive(session_id, *rest)


for _module in list(sys.modules.values()):  # those that imported it by name have it too
    if getattr(_module, "__dict__", {}).get("revive") is _revive:
        vars(_module)["revive"] = _mined
