"""The files of the session's workspace."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from runtime.agents.capability import Capability
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.errors import CallerError, ToolError
from runtime.core.event import FileWritten
from runtime.core.files.content import decode_content, digest, encode_content
from runtime.core.files.edits import Edit, apply_edits, bounded_diff
from runtime.core.files.paths import ROOT, canonical
from runtime.core.files.search import glob
from runtime.ports.files import File, FileEntry

MAX_LISTED: Final = 1000
MAX_READ_LINES: Final = 2000
MAX_READ_CHARS: Final = 100_000

Path: TypeAlias = Annotated[str, Field(description="Absolute, such as /workspace/notes/a.md.")]
Offset: TypeAlias = Annotated[int, Field(ge=0, description="Lines to leave out at the start.")]
Limit: TypeAlias = Annotated[int, Field(ge=1, le=MAX_READ_LINES, description="Lines to read at most.")]
Pattern: TypeAlias = Annotated[str, Field(description="A regular expression in RE2's syntax.")]
Part: TypeAlias = Annotated[str | None, Field(description="Only files whose path has this in it.")]


class EditItem(BaseModel):
    """One replacement."""

    model_config = ConfigDict(extra="forbid")

    old_text: str = Field(min_length=1, description="Must be in the file exactly once.")
    new_text: str


class SessionFileSystem(Capability):
    """Read, write and search files."""

    id = "session_file_system"
    name = "File system"
    description = "Lets the agent read, write and search the files of its workspace."
    category = "core"
    icon = "folder"
    features = ("file_system",)

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Read file", hints={"readonly": True})
    async def read_file(
        self, context: ToolContext, path: Path, offset: Offset = 0, limit: Limit = MAX_READ_LINES
    ) -> dict[str, object]:
        """Read a text file. Its hash is what edit_file expects."""
        return await _excerpt(context, path, offset, limit)

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Read files", hints={"readonly": True})
    async def read_many_files(
        self,
        context: ToolContext,
        paths: Annotated[list[str], Field(min_length=2, max_length=10)],
        offset: Offset = 0,
        limit: Limit = MAX_READ_LINES,
    ) -> dict[str, object]:
        """Read several text files; what is wrong with one does not keep the others back."""
        return {"files": [await _read_or_explain(context, path, offset, limit) for path in paths]}

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Write file", hints={"idempotent": True, "destructive": True})
    async def write_file(self, context: ToolContext, path: Path, content: str) -> dict[str, object]:
        """Write a text file, in place of what is there; directories are made as needed."""
        data = decode_content(content)
        entry, is_new = await context.files.write(path, data)
        context.emit(FileWritten(path=entry.path, operation="write", created=is_new, size_bytes=len(data)))
        return {**_details(entry), "created": is_new, "hash": digest(data)}

    # Not to be repeated: once done, the hash no longer matches, and the model would be told that it failed.
    @tool(on_interrupt=OnInterrupt.ONCE, display_name="Edit file", hints={"destructive": True})
    async def edit_file(
        self,
        context: ToolContext,
        path: Path,
        expected_hash: Annotated[str, Field(description="The hash that read_file told: sha256:…")],
        edits: Annotated[list[EditItem], Field(min_length=1, max_length=100)],
    ) -> dict[str, object]:
        """Replace exact pieces of a text file, all of them or none."""
        before = (await context.files.read(path)).content
        if digest(before) != expected_hash:
            message = f"{path} has changed since: its hash is {digest(before)}. Read it again."
            raise ToolError(message)
        exact = [Edit(edit.old_text, edit.new_text) for edit in edits]
        after = await asyncio.to_thread(apply_edits, before, exact)
        entry = await context.files.replace(path, after, if_hash=expected_hash)
        context.emit(FileWritten(path=entry.path, operation="edit", created=False, size_bytes=len(after)))
        diff = await asyncio.to_thread(bounded_diff, before, after, entry.path)
        return {**_details(entry), "hash": digest(after), "diff": diff}

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="List directory", hints={"readonly": True})
    async def list_directory(self, context: ToolContext, path: Path = ROOT) -> dict[str, object]:
        """List what is in a directory, without what is in its directories."""
        entries = await context.files.list(path)
        return _bounded("entries", [_details(entry) for entry in entries])

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Search files", hints={"readonly": True})
    async def grep_files(self, context: ToolContext, pattern: Pattern, path: Part = None) -> dict[str, object]:
        """Find the lines of text files that match."""
        return await _grep(context, pattern, path)

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Search files", hints={"readonly": True})
    async def grep(self, context: ToolContext, pattern: Pattern, path: Part = None) -> dict[str, object]:
        """Same as grep_files."""
        return await _grep(context, pattern, path)

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Find files", hints={"readonly": True})
    async def glob(
        self,
        context: ToolContext,
        pattern: Annotated[str, Field(description="Such as *.py or src/**/*.py.")],
        path: Annotated[str, Field(description="The directory to look in.")] = ROOT,
    ) -> dict[str, object]:
        """Find the files whose path matches a shell pattern."""
        directory = canonical(path).removesuffix("/")
        files = [entry.path for entry in await context.files.list(path, recursive=True) if not entry.is_directory]
        found = await asyncio.to_thread(glob, [file.removeprefix(directory) for file in files], pattern)
        return _bounded("paths", [directory + relative for relative in found])

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Delete file", hints={"idempotent": True, "destructive": True})
    async def delete_file(self, context: ToolContext, path: Path) -> dict[str, object]:
        """Delete a file or an empty directory."""
        path = canonical(path)
        is_deleted = await context.files.delete(path)
        if is_deleted:
            context.emit(FileWritten(path=path, operation="delete", created=False, size_bytes=0))
        return {"path": path, "deleted": is_deleted}

    @tool(on_interrupt=OnInterrupt.RETRY, display_name="Stat file", hints={"readonly": True})
    async def stat_file(self, context: ToolContext, path: Path) -> dict[str, object]:
        """Get size, kind and times of a file or directory."""
        entry = await context.files.stat(path)
        return {**_details(entry), "created_at": entry.created_at, "updated_at": entry.updated_at}


async def _read_or_explain(context: ToolContext, path: str, offset: int, limit: int) -> dict[str, object]:
    try:
        return await _excerpt(context, path, offset, limit)
    except (CallerError, ToolError) as err:
        return {"path": path, "error": str(err)}


async def _grep(context: ToolContext, pattern: str, path: str | None) -> dict[str, object]:
    part = canonical(path).removesuffix("/") if path and path.startswith("/") else path
    matches = await context.files.grep(pattern, path_contains=part)
    found = [{"path": m.path, "line_number": m.line_number, "line": m.line} for m in matches]
    return _bounded("matches", found)


async def _excerpt(context: ToolContext, path: str, offset: int, limit: int) -> dict[str, object]:
    # A file may have 100 MB, and others wait for this thread.
    return await asyncio.to_thread(_cut, await context.files.read(path), offset, limit)


def _cut(file: File, offset: int, limit: int) -> dict[str, object]:
    text, encoding = encode_content(file.content)
    if encoding != "text":
        message = f"{file.entry.path} is not text ({file.entry.size_bytes} bytes)."
        raise ToolError(message)
    lines = text.splitlines(keepends=True)
    shown = "".join(lines[offset : offset + limit])
    return {
        "path": file.entry.path,
        "content": shown[:MAX_READ_CHARS],
        "total_lines": len(lines),
        "truncated": len(lines) > offset + limit or len(shown) > MAX_READ_CHARS,
        "hash": digest(file.content),
    }


def _details(entry: FileEntry) -> dict[str, object]:
    kind = "directory" if entry.is_directory else "file"
    return {"path": entry.path, "type": kind, "size_bytes": entry.size_bytes, "is_readonly": entry.is_readonly}


def _bounded(what: str, found: Sequence[object]) -> dict[str, object]:
    return {what: found[:MAX_LISTED], "truncated": len(found) >= MAX_LISTED}
