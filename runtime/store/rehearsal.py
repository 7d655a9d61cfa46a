"""What a new connection runs before anybody waits for it.

The first run of a statement on a connection costs several times as much as the next ones: its planning, and the part of
the catalogue that the server's process has to read. A session that moves to a standby is not to wait for either.
"""

from typing import Any

from runtime.store.definitions import CHANGED
from runtime.store.journal import APPEND, APPEND_PARAMETERS, HEADS, TAILS


async def rehearse_appends(connection: Any) -> None:
    """Run what the journal's writer does, about nothing."""
    await _rehearse(connection, (APPEND, APPEND_PARAMETERS))


async def rehearse_loads(connection: Any) -> None:
    """Run what a turn and a takeover read, about nothing."""
    await _rehearse(connection, (HEADS, 2), (TAILS, 3), (CHANGED, 6))


async def _rehearse(connection: Any, *statements: tuple[str, int]) -> None:
    for statement, parameters in statements:
        await connection.fetch(statement, *([] for _ in range(parameters)))
