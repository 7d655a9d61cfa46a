"""What a new connection runs before anybody waits for it.

The first run of a statement on a connection costs several times as much as the next ones: its planning, and the part of
the catalogue that the server's process has to read. A session that moves to a standby is not to wait for either.
"""

import re
from typing import Any, Final

from runtime.store.definitions import CHANGED
from runtime.store.journal import APPEND, HEADS, TAILS

_PARAMETER: Final = re.compile(r"\$\d+")


async def rehearse_appends(connection: Any) -> None:
    """Run what the journal's writer does, about nothing."""
    await _rehearse(connection, APPEND)


async def rehearse_loads(connection: Any) -> None:
    """Run what a turn and a takeover read, about nothing."""
    await _rehearse(connection, HEADS, TAILS, CHANGED)


async def _rehearse(connection: Any, *statements: str) -> None:
    for statement in statements:
        await connection.fetch(statement, *([] for _ in set(_PARAMETER.findall(statement))))
