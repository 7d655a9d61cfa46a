"""Users who send the next message when the last turn has ended, and what a turn cost meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from loadtests.bench.run import Conversation, conversation, many
from loadtests.client import LOREM, Client, Stream, Turn
from loadtests.server import Server

SAY: Final = "Say something"
STATISTICS_LAG_S: Final = 1.2  # Postgres's own counters are up to a second behind
COUNTERS: Final = """
SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
       (SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend'),
       pg_current_wal_insert_lsn() - '0/0'
"""


@dataclass(frozen=True)
class Talk:
    """The turns of some users, and the seconds that they all took together."""

    turns: list[Turn]
    took_s: float

    @property
    def firsts_ms(self) -> list[float]:
        """Milliseconds to the first token of each turn."""
        return [turn.first_s * 1000 for turn in self.turns]

    @property
    def ends_ms(self) -> list[float]:
        """Milliseconds to the end of each turn."""
        return [turn.end_s * 1000 for turn in self.turns]

    @property
    def per_s(self) -> float:
        """Turns a second."""
        return len(self.turns) / self.took_s


@asynccontextmanager
async def conversations(client: Client, users: int, model: str = LOREM) -> AsyncIterator[list[Conversation]]:
    """Open a session and its stream for each user, and take a first turn, so that all is warm."""
    opened = await many(users, lambda: conversation(client, model))
    try:
        await asyncio.gather(*(client.turn(session_id, stream, SAY) for session_id, stream in opened))
        yield opened
    finally:
        for _, stream in opened:
            stream.close()


async def talk(client: Client, opened: Sequence[Conversation], seconds: float, text: str = SAY) -> Talk:
    """Let users talk, each in its own session."""
    turns: list[Turn] = []
    began = time.perf_counter()

    async def user(session_id: str, stream: Stream) -> None:
        while time.perf_counter() - began < seconds:
            turns.append(await client.turn(session_id, stream, text))

    await asyncio.gather(*(user(session_id, stream) for session_id, stream in opened))
    return Talk(turns, time.perf_counter() - began)


@dataclass(frozen=True)
class Counters:
    """What Postgres has done so far. `commits` are transactions of any kind, `syncs` waits of backends for the disk."""

    commits: int
    syncs: int
    wal_bytes: int

    @classmethod
    async def read(cls, server: Server) -> "Counters":
        """Read them, once they have caught up."""
        await asyncio.sleep(STATISTICS_LAG_S)
        connection = await asyncpg.connect(server.database)
        try:
            return cls(*(int(value) for value in await connection.fetchrow(COUNTERS) or ()))
        finally:
            await connection.close()
