"""What a new connection runs before anybody waits for it.

The first run of a statement on a connection costs several times as much as the next ones: its planning, and the part of
the catalogue that the server's process has to read. A session that moves to a standby is not to wait for either.
"""

from typing import Any

from runtime.store.definitions import CHANGED
from runtime.store.journal import APPEND, APPEND_PARAMETERS, HEADS, TAILS


async def rehearse(connection: Any) -> None:
    """Run the statements of a turn and of a takeover, about nothing."""
    for statement, parameters in ((HEADS, 2), (TAILS, 3), (CHANGED, 4), (APPEND, APPEND_PARAMETERS)):
        await connection.fetch(statement, *([] for _ in range(parameters)))
