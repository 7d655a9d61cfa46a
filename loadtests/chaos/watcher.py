"""A client that follows a session, comes back by cursor whenever its connection ends, and records all it is told."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp
import msgspec

from loadtests.chaos.witness import Evidence, Seen, Witness, digest, now

RETRY_S: Final = 0.05
_READ_TIMEOUT_S: Final = 45.0  # a server sends a heartbeat every 30 s, so silence means a dead connection
_FIRST_ID: Final = re.compile(rb'"id":"(event_[0-9a-f]{32})"')

Json = dict[str, Any]


class _Envelope(msgspec.Struct):
    sequence: int | None = None


_envelope: Final = msgspec.json.Decoder(_Envelope)


class Connection:
    """One connection: to which address, since when, and when it first brought something."""

    def __init__(self, door: int) -> None:
        self.door = door
        self.opened_at = now()
        self.first_at: float | None = None


class Watcher:
    """Follows one session. `doors` are the addresses of front doors; watcher `number` begins with that one.

    `cursor` is how it asks for the rest: `after_sequence`, `since_id` (of whatever came last, deltas too, as the
    SDKs do) or `Last-Event-ID`.
    """

    def __init__(self, number: int, evidence: Evidence, witness: Witness, doors: Sequence[Callable[[], str]]) -> None:
        name = f"{evidence.session_id[-6:]}-{number}"
        self.cursor = ("after_sequence", "since_id", "last-event-id")[hash_of(name) % 3]
        self.inputs: dict[str, int] = {}
        self.idled = 0
        self.requested: list[str] = []
        self.requested_at = 0
        self.answered_at = 0
        self.naps_s = 0.0
        self.connections: list[Connection] = []
        self._evidence = evidence
        self._witness = witness
        self._doors = doors
        self._door = number % len(doors)
        self._seen = evidence.watchers.setdefault(name, [])
        self._last_body = b""
        self._last_id: str | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> int:
        """The last sequence that came."""
        return self._seen[-1].sequence if self._seen else 0

    def start(self, http: aiohttp.ClientSession) -> None:
        """Begin, or go on, to follow."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(http))

    async def stop(self) -> None:
        """Hang up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until events have made it true; False if they do not in time."""
        deadline = now() + timeout_s
        while not is_so():
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, deadline - now()))
            except TimeoutError:
                return False
        return True

    async def _follow(self, http: aiohttp.ClientSession) -> None:
        while True:
            try:
                await self._read(http)
            except (aiohttp.ClientError, TimeoutError, OSError):
                self._door = (self._door + 1) % len(self._doors)
            await asyncio.sleep(RETRY_S)

    async def _read(self, http: aiohttp.ClientSession) -> None:
        url = f"{self._doors[self._door]()}/api/v1/sessions/{self._evidence.session_id}/sse"
        parameters, headers = self._cursor()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_READ_TIMEOUT_S)
        async with http.get(url, params=parameters, headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            connection = Connection(self._door)
            self.connections.append(connection)
            buffer = b""
            async for chunk in response.content.iter_any():
                at = now()
                *frames, buffer = (buffer + chunk).split(b"\n\n")
                for frame in frames:
                    self._take(frame, at, connection)
                if self.naps_s:
                    naps_s, self.naps_s = self.naps_s, 0.0
                    await asyncio.sleep(naps_s)

    def _cursor(self) -> tuple[dict[str, str], dict[str, str]]:
        if not self._seen or self.cursor == "after_sequence":
            return {"after_sequence": str(self.position)}, {}
        if self.cursor == "last-event-id":
            return {}, {"Last-Event-ID": self._last_id or ""}
        found = _FIRST_ID.search(self._last_body)
        return {"since_id": found[1].decode() if found else ""}, {}

    def _take(self, frame: bytes, at: float, connection: Connection) -> None:
        head, is_event, body = frame.partition(b"\ndata: ")
        event_type = head.split(b"\n", 1)[0][7:].decode()
        if not is_event or event_type in ("connected", "disconnecting"):
            return
        connection.first_at = connection.first_at or at
        self._last_body = body
        _, is_durable, rest = head.partition(b"\nid: ")
        if is_durable:
            self._last_id = rest.split(b"\n", 1)[0].decode()
            sequence = _envelope.decode(body).sequence or 0
            self._seen.append(Seen(sequence, digest(body), at))
            self._note(event_type, sequence, body)
        self._witness.happened(event_type, self._evidence.session_id)

    def _note(self, event_type: str, sequence: int, body: bytes) -> None:
        if event_type == "session.idled":
            self.idled = sequence
        elif event_type == "input.message":
            self.inputs[msgspec.json.decode(body)["data"]["message"]["id"]] = sequence
        elif event_type == "tool.call_requested":
            self.requested = [call["id"] for call in msgspec.json.decode(body)["data"]["tool_calls"]]
            self.requested_at = sequence
        self._news.set()


def hash_of(name: str) -> int:
    """Return a number that is the same in every run."""
    return digest(name.encode())
