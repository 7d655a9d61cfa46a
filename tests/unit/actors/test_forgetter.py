"""What cannot be forgotten now holds up nothing else, and ends nobody."""

import asyncio
import contextlib
from collections.abc import Iterable

from structlog.testing import capture_logs

from actors.forgetter import forget_for_ever
from runtime.core.errors import StoreRefusedError, StoreUnavailableError
from runtime.store.forgetting import Forgetting
from tests.stage import PATIENCE_S


class Tables(Forgetting):
    """Sessions whose time is over, some of which the database refuses to let go."""

    def __init__(self, due: Iterable[str], refused: str = "", *, is_slow: bool = False) -> None:
        self.left, self.refused, self.is_slow = list(due), refused, is_slow
        self.has_looked = asyncio.Event()

    async def delete_outdated(self) -> int:
        if self.is_slow:
            raise StoreUnavailableError(reason="Timeout")
        return 0

    async def empty_organization(self) -> int:
        return 0

    async def forget_logins(self) -> int:
        return 0

    async def due(self) -> list[str]:
        return self.left[:2]

    async def forget(self, session_id: str) -> None:
        if self.left == [self.refused]:
            self.has_looked.set()
        if session_id == self.refused:
            raise StoreRefusedError("23503")
        self.left.remove(session_id)
        if not self.left:
            self.has_looked.set()


async def look(tables: Tables) -> None:
    """Let it look once, and begin to wait for the next time."""
    task = asyncio.create_task(forget_for_ever(tables))
    looked = asyncio.create_task(tables.has_looked.wait())
    await asyncio.wait((task, looked), timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    assert looked.done()
    task.cancel()
    looked.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_session_that_the_database_keeps_is_left_for_later_and_no_other_is() -> None:
    tables = Tables(["s1", "s2", "s3"], refused="s1")
    with capture_logs() as entries:
        await look(tables)
    assert tables.left == ["s1"]
    kept = {"event": "session_not_forgotten", "log_level": "warning", "session_id": "s1", "sqlstate": "23503"}
    assert kept in entries


async def test_a_search_for_outdated_sessions_that_takes_too_long_holds_up_no_forgetting() -> None:
    tables = Tables(["s1"], is_slow=True)
    await look(tables)
    assert tables.left == []
