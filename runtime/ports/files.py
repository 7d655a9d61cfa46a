"""The files of a workspace, as tools see them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from runtime.core.authored.definition import InitialFile


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

    Every method raises InvalidInputError for a path that leaves the workspace,
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

    async def seed(self, files: Sequence[InitialFile]) -> None:
        """Put in the files that a session starts with: the last one of a path, and none over an existing file.

        Raises InvalidInputError if two of them, or one and what is there, need a path as file and as directory.
        """
        ...
