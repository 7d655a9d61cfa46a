"""What tools and the engine need from outside, one Protocol each. Adapters implement them; tests fake them."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from runtime.core.decision import Decision
from runtime.core.message import Message
from runtime.core.wire import Wire


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory of a workspace. `path` is canonical: absolute, without the `/workspace` prefix."""

    id: str  # raw UUID
    path: str
    is_directory: bool
    is_readonly: bool
    size_bytes: int
    created_at: str
    updated_at: str

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rsplit("/", 1)[-1]


class File(msgspec.Struct, frozen=True):
    """A file with its bytes."""

    entry: FileEntry
    content: bytes


class LineMatch(msgspec.Struct, frozen=True):
    """One line that matched; `line_number` counts from 1."""

    path: str
    line_number: int
    line: str


class Workspace(Protocol):
    """The files of one workspace. Paths may carry the `/workspace` prefix or lack the leading slash.

    Every method raises InvalidInputError for a path that leaves the workspace (contract concepts §13),
    NotFoundError("file", path) for one that is not there, ForbiddenError("file_readonly") for a write to a
    read-only file and InvalidInputError("workspace_full", "file_too_large") when a limit is reached.
    """

    async def list(self, path: str = "/", *, recursive: bool = False) -> Sequence[FileEntry]:
        """Return what is below a directory, sorted by path."""
        ...

    async def stat(self, path: str) -> FileEntry:
        """Return the entry of a file or directory."""
        ...

    async def read(self, path: str) -> File:
        """Return a file with its content."""
        ...

    async def create(self, path: str, content: bytes, *, is_readonly: bool = False) -> FileEntry:
        """Create a file and its parents. Raises ConflictError("file_exists")."""
        ...

    async def create_directory(self, path: str) -> FileEntry:
        """Create a directory and its parents. Raises ConflictError("file_exists")."""
        ...

    async def write(self, path: str, content: bytes, *, is_readonly: bool | None = None) -> tuple[FileEntry, bool]:
        """Create or replace a file; True if it was created."""
        ...

    async def replace(
        self, path: str, content: bytes | None, *, is_readonly: bool | None = None, if_hash: str | None = None
    ) -> FileEntry:
        """Change an existing file; with `if_hash` only while its SHA-256 (hex) is that, else ConflictError."""
        ...

    async def delete(self, path: str, *, recursive: bool = False) -> bool:
        """Delete a file or directory; False if there was none."""
        ...

    async def move(self, source: str, target: str) -> FileEntry:
        """Rename. Raises ConflictError("file_exists")."""
        ...

    async def copy(self, source: str, target: str) -> FileEntry:
        """Copy a file or a tree. Raises ConflictError("file_exists")."""
        ...

    async def grep(self, pattern: str, *, path_contains: str | None = None) -> Sequence[LineMatch]:
        """Return the matching lines of the text files whose path has the substring. Raises InvalidInputError."""
        ...


class KeyValue(msgspec.Struct, frozen=True):
    """One stored pair."""

    key: str
    value: str
    created_at: str
    updated_at: str


class KeyValues(Protocol):
    """The key-value store of one session."""

    async def set(self, key: str, value: str) -> None:
        """Store a value under a key."""
        ...

    async def get(self, key: str) -> str | None:
        """Return the value, or None."""
        ...

    async def delete(self, key: str) -> bool:
        """Forget a key; False if it was not there."""
        ...

    async def list(self) -> Sequence[KeyValue]:
        """Return every pair, by key."""
        ...


# ---------------------------------------------------------------- the session's owner, seen from the front door


class Input(Wire, frozen=True, kw_only=True):
    """A user message on its way in. `message` was minted by the caller, so that a retry is the same message."""

    message: Message
    tags: tuple[str, ...] | None = None
    idempotency_key: str | None = None


class ClientResult(Wire, frozen=True):
    """What the client's tool answered: JSON, or words as `error`."""

    tool_call_id: str
    result: Any = None
    error: str | None = None


class Frame(msgspec.Struct, frozen=True):
    """One event on its way out: `sse` is the whole SSE frame, ready for the socket. Deltas have sequence 0."""

    sequence: int
    type: str
    sse: bytes


class ActorInfo(Wire, frozen=True, kw_only=True):
    """One actor, for operators (design: what outside programs rely on).

    `sessions` is a count; so is `waiting`, of those for whom the supervisor has no actor yet.
    """

    name: str
    role: str
    actor_id: str | None
    node_id: str | None
    pid: int | None
    state: str
    sessions: int
    rss_bytes: int
    started_at: str
    waiting: int = 0


class Subscription(Protocol):
    """The live events of one session, from the moment of subscribing.

    Frames come in order; durable ones without a gap after `start_sequence` until `lagged` is true: then
    the reader was too slow, its queue was dropped, and it goes on from the journal after the last
    sequence it has seen, with a new subscription. Iteration ends when the subscription is closed.
    """

    start_sequence: int  # of the last durable event committed before the first frame
    partial: Frame | None  # a delta with all of the message that is being streamed, for a late joiner

    @property
    def lagged(self) -> bool:
        """Whether frames were dropped because the reader was too slow."""
        ...

    def reached(self, sequence: int) -> None:
        """Tell how far the reader has come in the journal, so that the live frames go on from there."""
        ...

    async def next(self) -> Sequence[Frame]:
        """Wait for frames and return all that have piled up; empty once closed or lagged."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Gateway(Protocol):
    """The live sessions, wherever they are. Each call finds the owner or brings the session to life.

    Every method raises NotFoundError("session") for one that is not there, and SessionMovingError,
    OverloadedError or StoreUnavailableError when the session could not be reached in time.
    """

    async def send(self, session_id: str, message: Input) -> Message:
        """Accept a user message; returns after its commit. The same id or key again returns the first message.

        Raises ConflictError("idempotency_key_reused") for a key that came with another content.
        """
        ...

    async def cancel(self, session_id: str) -> bool:
        """Stop the running turn; False if there was none."""
        ...

    async def submit_results(self, session_id: str, results: Sequence[ClientResult]) -> str:
        """Hand in the results that the session waits for; returns its status after.

        Raises ConflictError.not_waiting(), and InvalidInputError("tool_call_mismatch") when the ids are not
        exactly the pending ones.
        """
        ...

    async def decide(self, session_id: str, decision: Decision) -> bool:
        """Take what a person decided about an interrupted call; False if nobody asks about that attempt now.

        Either way the log tells, when this returns, what was decided.
        """
        ...

    async def rename(self, session_id: str, title: str) -> None:
        """Give the session another title; returns after its commit."""
        ...

    async def close_session(self, session_id: str) -> None:
        """Cancel what runs and let the session go, because it is being deleted."""
        ...

    async def subscribe(self, session_id: str) -> Subscription:
        """Listen to a session; it is not brought to life for that."""
        ...

    async def actors(self) -> Sequence[ActorInfo]:
        """Return every actor of this cluster."""
        ...

    async def drain(self, *, actor: str | None = None, node_id: str | None = None) -> Sequence[ActorInfo]:
        """Begin to empty one session actor, or all those of a node, and return them; none if there is no such one."""
        ...
