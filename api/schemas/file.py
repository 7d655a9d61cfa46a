"""Workspaces and their files on the wire."""

from typing import Literal

from pydantic import Field

from api.schemas.fields import Body, Description, Reply
from runtime.core.authored.definition import Workspace
from runtime.core.files.content import encode_content
from runtime.ports.files import File, FileEntry, LineMatch


class WorkspaceBody(Body):
    """A new workspace."""

    name: str = Field(min_length=1, max_length=256)
    description: Description | None = None


class WorkspacePatch(Body):
    """Any part of a workspace."""

    name: str | None = Field(None, min_length=1, max_length=256)
    description: Description | None = None
    status: Literal["active", "archived"] | None = None


class WorkspaceReply(Reply):
    """A workspace."""

    id: str
    name: str
    status: Literal["active", "archived", "deleted"]
    description: str | None = None
    created_at: str
    updated_at: str
    archived_at: str | None = None

    @classmethod
    def of(cls, workspace: Workspace) -> "WorkspaceReply":
        """Return a workspace as the wire shows it."""
        return cls(**{name: getattr(workspace, name) for name in cls.model_fields})


class FileBody(Body):
    """A file or directory to create or change."""

    content: str | None = None
    encoding: Literal["text", "base64"] | None = None
    is_readonly: bool | None = None
    is_directory: bool | None = None


class PathsBody(Body):
    """From where to where."""

    src_path: str = Field(min_length=1, max_length=4096)
    dst_path: str = Field(min_length=1, max_length=4096)


class GrepBody(Body):
    """What to search for, and in which paths (a plain substring)."""

    pattern: str = Field(min_length=1, max_length=1000)
    path_pattern: str | None = Field(None, max_length=4096)


class StatBody(Body):
    """Which file."""

    path: str = Field(min_length=1, max_length=4096)


class FileStat(Reply):
    """What is known of a file."""

    path: str
    name: str
    is_directory: bool
    is_readonly: bool
    size_bytes: int
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, entry: FileEntry) -> "FileStat":
        """Return an entry as the wire shows it."""
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class FileInfo(FileStat):
    """A file in a list. `session_id` is whose it is: a session, or the workspace itself."""

    id: str
    session_id: str

    @classmethod
    def owned(cls, entry: FileEntry, owner_id: str) -> "FileInfo":
        """Return an entry as the wire shows it."""
        return cls(id=entry.id, session_id=owner_id, **FileStat.of(entry).model_dump())


class SessionFile(FileInfo):
    """A file with its content."""

    content: str | None = None
    encoding: str | None = None

    @classmethod
    def read(cls, file: File, owner_id: str) -> "SessionFile":
        """Return a file as the wire shows it: base64 if it is not text."""
        content, encoding = encode_content(file.content)
        return cls(**FileInfo.owned(file.entry, owner_id).model_dump(), content=content, encoding=encoding)


class FileList(Reply):
    """What a directory holds."""

    data: list[FileInfo]


class Deleted(Reply):
    """Whether there was something to delete."""

    deleted: bool


class Match(Reply):
    """One line that matched; `line_number` counts from 1."""

    path: str
    line_number: int
    line: str


class GrepResult(Reply):
    """The matches of one file."""

    path: str
    matches: list[Match]


class GrepList(Reply):
    """The matches, by file."""

    data: list[GrepResult]

    @classmethod
    def of(cls, lines: list[LineMatch]) -> "GrepList":
        """Return matches as the wire shows them."""
        by_path: dict[str, list[Match]] = {}
        for found in lines:
            match = Match(path=found.path, line_number=found.line_number, line=found.line)
            by_path.setdefault(found.path, []).append(match)
        return cls(data=[GrepResult(path=path, matches=matches) for path, matches in by_path.items()])
