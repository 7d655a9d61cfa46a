"""Where everything is at the moment: read from the database and the durable API, ten times a second."""

import asyncio
import contextlib
from typing import Any, Final, NamedTuple, Self

import asyncpg

from loadtests.chaos.witness import Head, Witness
from loadtests.chaos.world import World

_SESSIONS: Final = "SELECT id, epoch, last_sequence, status, actor FROM sessions"
_RAISE: Final = """
UPDATE sessions SET epoch = epoch + 1, actor = 'session-elsewhere' WHERE id = $1 AND actor IS NOT NULL
RETURNING epoch, last_sequence
"""
_POLL_S: Final = 0.1
_AWAY: Final = (OSError, EOFError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Row(NamedTuple):
    """One session as the database has it."""

    epoch: int
    last_sequence: int
    status: str
    actor: str | None


class Board:
    """Looks, and remembers how long each log was when a new epoch was first seen."""

    def __init__(self, world: World, witness: Witness) -> None:
        self._world = world
        self._witness = witness
        self._looking: list[asyncio.Task[None]] = []
        self._pids: dict[str, int] = {}
        self.rows: dict[str, Row] = {}
        self.actors: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        self._looking = [asyncio.create_task(self._watch_rows()), asyncio.create_task(self._watch_actors())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    def check(self) -> None:
        """Raise what ended the looking, if anything did: a bug of the harness, not of what it looks at."""
        for task in self._looking:
            if task.done():
                task.result()

    async def owner(self, session_id: str, timeout_s: float) -> str | None:
        """Return the actor of a session that was just spoken to, once its process is known; None if that takes long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while (row := self.rows.get(session_id)) is None or self.pid_of(row.actor) is None:  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)  # the database has no events, it is polled
                return row.actor
        return None

    def pid_of(self, actor: str | None) -> int | None:
        """Return the process of an actor, as last heard."""
        return self._pids.get(actor or "")

    def name_of(self, pid: int) -> str | None:
        """Return the actor that is or was a process, if it was ever heard of."""
        return next((name for name, known in self._pids.items() if known == pid), None)

    def residents(self, actors: set[str]) -> dict[str, int]:
        """Return the sessions with a running turn in these actors, and their epochs."""
        return {s: row.epoch for s, row in self.rows.items() if row.actor in actors and row.status == "active"}

    def active(self) -> dict[str, int]:
        """Return the sessions with a running turn, and their epochs."""
        return {s: row.epoch for s, row in self.rows.items() if row.status == "active"}

    def of_role(self, role: str) -> list[dict[str, Any]]:
        """Return the actors of a role, as last heard."""
        return [actor for actor in self.actors if actor["role"] == role]

    async def raise_epoch(self, session_id: str) -> Head | None:
        """Place a session elsewhere behind its owner's back, as a second supervisor would."""
        connection = await asyncpg.connect(self._world.dsn)
        try:
            row = await connection.fetchrow(_RAISE, session_id.removeprefix("session_"))
        finally:
            await connection.close()
        if row is None:
            return None
        head = Head(row["epoch"], row["last_sequence"])
        self._witness.about(session_id).heads.append(head)
        return head

    async def _watch_rows(self) -> None:
        while True:
            with contextlib.suppress(*_AWAY):
                connection = await asyncpg.connect(self._world.dsn, timeout=5)
                try:
                    while True:
                        self._take(await connection.fetch(_SESSIONS, timeout=5))
                        await asyncio.sleep(_POLL_S)
                finally:
                    connection.terminate()
            await asyncio.sleep(_POLL_S)

    def _take(self, rows: list[asyncpg.Record]) -> None:
        for record in rows:
            session_id = f"session_{record['id'].hex}"
            row = Row(record["epoch"], record["last_sequence"], record["status"], record["actor"])
            known = self.rows.get(session_id)
            if session_id in self._witness.sessions and (known is None or known.epoch < row.epoch):
                self._witness.about(session_id).heads.append(Head(row.epoch, row.last_sequence))
            self.rows[session_id] = row

    async def _watch_actors(self) -> None:
        while True:
            self.actors = await self._world.actors()
            self._pids.update({actor["name"]: actor["pid"] for actor in self.actors if actor["pid"]})
            await asyncio.sleep(3 * _POLL_S)
