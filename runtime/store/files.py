"""The files of a workspace.

A write locks the row of its workspace first, so that writes to one workspace happen one after the other
and each sees the tree, and what is left of the quota, as the one before it left them. Reads do not wait.
Every entry but the root has a row, and so has the directory that it is in.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from runtime.core.authored.definition import InitialFile
from runtime.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from runtime.core.files.content import decode_content
from runtime.core.files.paths import ROOT, canonical, is_within, parents, writable
from runtime.core.files.quotas import MAX_ENTRIES, MAX_FILE_BYTES, MAX_PATH_BYTES, MAX_WORKSPACE_BYTES
from runtime.core.ids import hex_of
from runtime.ports.files import File, FileEntry, LineMatch
from runtime.store import file_search
from runtime.store.pool import translate
from runtime.store.rows import rfc3339
from runtime.store.tenant import Connection, Tenant

COLUMNS: Final = "id, path, is_directory, is_readonly, size_bytes, created_at, updated_at"
# `$2` is a path; `$2 || '/'` to `$2 || '0'` is what is below it, since 0 follows / and paths sort by bytes.
_OURS: Final = "org_id = current_org() AND workspace_id = $1"
_TREE: Final = f"{_OURS} AND (path = $2 OR path > $2 || '/' AND path < $2 || '0')"

LOCK: Final = "SELECT status FROM workspaces WHERE org_id = current_org() AND id = $1 FOR NO KEY UPDATE"

STAT_ROOT: Final = """
SELECT id, '/' AS path, true AS is_directory, status <> 'active' AS is_readonly, 0 AS size_bytes, created_at, updated_at
FROM workspaces WHERE org_id = current_org() AND id = $1 AND status <> 'deleted'
"""
STAT: Final = f"SELECT {COLUMNS} FROM files WHERE {_OURS} AND path = ANY($2::text[])"
READ: Final = f"SELECT {COLUMNS}, content FROM files WHERE {_OURS} AND path = $2"
HASH: Final = f"SELECT encode(sha256(content), 'hex') FROM files WHERE {_OURS} AND path = $2"
LIST: Final = f"""
SELECT {COLUMNS} FROM files
WHERE {_OURS} AND path > $2 || '/' AND path < $2 || '0'
  AND ($3 OR strpos(substr(path, length($2) + 2), '/') = 0)
ORDER BY path
"""
USAGE: Final = f"SELECT count(*) AS entries, coalesce(sum(size_bytes), 0) AS bytes FROM files WHERE {_OURS}"
TREE: Final = f"""
SELECT count(*) AS entries, coalesce(sum(size_bytes), 0) AS bytes, coalesce(bool_or(is_readonly), false) AS is_readonly,
    max(octet_length(path)) AS path_bytes
FROM files WHERE {_TREE}
"""

INSERT: Final = f"""
INSERT INTO files (org_id, workspace_id, path, id, is_readonly, size_bytes, content)
VALUES (current_org(), $1, $2, gen_random_uuid(), $3, $4, $5)
RETURNING {COLUMNS}
"""
INSERT_DIRECTORIES: Final = f"""
INSERT INTO files (org_id, workspace_id, path, id, is_directory)
SELECT current_org(), $1, path, gen_random_uuid(), true FROM unnest($2::text[]) AS d (path)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
SEED: Final = """
INSERT INTO files (org_id, workspace_id, path, id, is_readonly, size_bytes, content)
SELECT current_org(), $1, path, gen_random_uuid(), is_readonly, length(content), content
FROM unnest($2::text[], $3::bool[], $4::bytea[]) AS f (path, is_readonly, content)
ON CONFLICT DO NOTHING
"""
UPDATE: Final = f"""
UPDATE files
SET content = coalesce($3, content), size_bytes = coalesce(length($3), size_bytes),
    is_readonly = coalesce($4, is_readonly), updated_at = now()
WHERE {_OURS} AND path = $2
RETURNING {COLUMNS}
"""
DELETE: Final = f"DELETE FROM files WHERE {_TREE}"
MOVE: Final = f"UPDATE files SET path = $3 || substr(path, length($2) + 1), updated_at = now() WHERE {_TREE}"
COPY: Final = f"""
INSERT INTO files (org_id, workspace_id, path, id, is_directory, size_bytes, content)
SELECT org_id, workspace_id, $3 || substr(path, length($2) + 1), gen_random_uuid(), is_directory, size_bytes, content
FROM files WHERE {_TREE}
"""


class WorkspaceFiles:
    """The files of one workspace (`runtime.ports.files.Workspace`); cheap to make."""

    def __init__(self, tenant: Tenant, workspace_id: str) -> None:
        self._tenant = tenant
        self._workspace = hex_of(workspace_id)

    # ------------------------------------------------------------ reading

    async def list(self, path: str = ROOT, *, recursive: bool = False) -> Sequence[FileEntry]:
        """Return what is below a directory, sorted by path."""
        path = canonical(path)
        if path != ROOT and not (await self.stat(path)).is_directory:
            message = f"{path} is a file, not a directory."
            raise InvalidInputError(message, "not_a_directory")
        with translate():
            rows = await self._tenant.fetch(LIST, self._workspace, path.removesuffix("/"), recursive)
        return [_entry(row) for row in rows]

    async def stat(self, path: str) -> FileEntry:
        """Return the entry of a file or directory."""
        path = canonical(path)
        with translate():
            if path == ROOT:
                row = await self._tenant.fetchrow(STAT_ROOT, self._workspace)
            else:
                row = await self._tenant.fetchrow(STAT, self._workspace, [path])
        return _entry(_found(row, path))

    async def read(self, path: str) -> File:
        """Return a file with its content."""
        path = canonical(path)
        if path == ROOT:
            raise _is_directory(path)
        with translate():
            row = _found(await self._tenant.fetchrow(READ, self._workspace, path), path)
        if row["is_directory"]:
            raise _is_directory(path)
        return File(_entry(row), row["content"])

    async def grep(self, pattern: str, *, path_contains: str | None = None) -> Sequence[LineMatch]:
        """Return the first 1000 matching lines of the text files whose path has the substring."""
        return await file_search.grep(self._tenant, self._workspace, pattern, path_contains or "")

    # ------------------------------------------------------------ writing

    async def create(self, path: str, content: bytes, *, is_readonly: bool = False) -> FileEntry:
        """Create a file and its parents."""
        path = writable(path)
        async with self._writing() as connection:
            if await self._look(connection, path):
                raise _exists(path)
            return await self._insert(connection, path, content, is_readonly=is_readonly)

    async def create_directory(self, path: str) -> FileEntry:
        """Create a directory and its parents."""
        path = writable(path)
        async with self._writing() as connection:
            if await self._look(connection, path):
                raise _exists(path)
            await self._make_parents(connection, path, entries=1)
            return _entry(await connection.fetchrow(INSERT_DIRECTORIES, self._workspace, [path]))

    async def write(self, path: str, content: bytes, *, is_readonly: bool | None = None) -> tuple[FileEntry, bool]:
        """Create or replace a file; True if it was created."""
        path = writable(path)
        async with self._writing() as connection:
            before = await self._look(connection, path)
            if before is None:
                return await self._insert(connection, path, content, is_readonly=bool(is_readonly)), True
            return await self._update(connection, before, content, is_readonly=is_readonly), False

    async def replace(
        self, path: str, content: bytes | None, *, is_readonly: bool | None = None, if_hash: str | None = None
    ) -> FileEntry:
        """Change an existing file, or only whether it is read-only.

        Raises:
            ConflictError: `file_changed`: its content has not the SHA-256 of `if_hash` (hex, `sha256:` may precede).
        """
        path = writable(path)
        async with self._writing() as connection:
            before = _found(await self._look(connection, path), path)
            if if_hash is not None:
                found = await connection.fetchval(HASH, self._workspace, path)
                if found != if_hash.removeprefix("sha256:"):
                    message = f"{path} has changed; read it again."
                    raise ConflictError(message, "file_changed")
            return await self._update(connection, before, content, is_readonly=is_readonly)

    async def delete(self, path: str, *, recursive: bool = False) -> bool:
        """Delete a file or directory; False if there was none.

        Raises:
            ForbiddenError: it is, or would take along, a read-only file.
            ConflictError: `directory_not_empty`, without `recursive`.
        """
        path = writable(path)
        async with self._writing() as connection:
            tree = await self._tree(connection, path)
            if tree["entries"] == 0:
                return False
            if tree["entries"] > 1 and not recursive:
                message = f"{path} is not empty; delete it recursively."
                raise ConflictError(message, "directory_not_empty")
            if tree["is_readonly"]:
                raise _readonly(path)
            await connection.execute(DELETE, self._workspace, path)
            return True

    async def move(self, source: str, target: str) -> FileEntry:
        """Rename a file or a tree."""
        source, target = writable(source), writable(target)
        async with self._writing() as connection:
            tree = await self._check_target(connection, source, target)
            if tree["is_readonly"]:
                raise _readonly(source)
            await self._make_parents(connection, target)
            await connection.execute(MOVE, self._workspace, source, target)
            return _entry(await connection.fetchrow(STAT, self._workspace, [target]))

    async def copy(self, source: str, target: str) -> FileEntry:
        """Copy a file or a tree; the copies can be written."""
        source, target = writable(source), writable(target)
        async with self._writing() as connection:
            tree = await self._check_target(connection, source, target)
            await self._make_parents(connection, target, entries=tree["entries"], size_bytes=tree["bytes"])
            await connection.execute(COPY, self._workspace, source, target)
            return _entry(await connection.fetchrow(STAT, self._workspace, [target]))

    async def seed(self, files: Sequence[InitialFile]) -> None:
        """Put in the files that a session starts with: the last one of a path, and none over an existing file."""
        if not files:
            return
        latest = {writable(file.path): file for file in files}
        contents = {path: decode_content(file.content, file.encoding) for path, file in latest.items()}
        directories = sorted({parent for path in latest for parent in parents(path)})
        for content in contents.values():
            _check_size(content)
        async with self._writing() as connection:
            await self._reserve(
                connection, entries=len(latest) + len(directories), size_bytes=sum(map(len, contents.values()))
            )
            await connection.execute(INSERT_DIRECTORIES, self._workspace, directories)
            await connection.execute(
                SEED, self._workspace, list(latest), [f.is_readonly for f in latest.values()], list(contents.values())
            )
            for row in await connection.fetch(STAT, self._workspace, [*directories, *latest]):
                if row["path"] in (latest if row["is_directory"] else directories):
                    raise _not_a_directory(row["path"])

    # ------------------------------------------------------------ inside a write

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        with translate():
            async with self._tenant.transaction() as connection:
                status = await connection.fetchval(LOCK, self._workspace)
                if status is None or status == "deleted":
                    raise NotFoundError("workspace", f"wsp_{self._workspace}")
                if status != "active":
                    message = "The workspace is archived: its files can be read and not written."
                    raise ForbiddenError(message, "workspace_archived")
                yield connection

    async def _look(self, connection: Connection, path: str) -> Any:
        """Return the row of a path, or None; what is above it must be directories."""
        rows = {row["path"]: row for row in await connection.fetch(STAT, self._workspace, [path, *parents(path)])}
        for parent in parents(path):
            if parent in rows and not rows[parent]["is_directory"]:
                raise _not_a_directory(parent)
        return rows.get(path)

    async def _insert(self, connection: Connection, path: str, content: bytes, *, is_readonly: bool) -> FileEntry:
        _check_size(content)
        await self._make_parents(connection, path, entries=1, size_bytes=len(content))
        row = await connection.fetchrow(INSERT, self._workspace, path, is_readonly, len(content), content)
        return _entry(row)

    async def _update(
        self, connection: Connection, before: Any, content: bytes | None, *, is_readonly: bool | None
    ) -> FileEntry:
        path = before["path"]
        if before["is_directory"]:
            raise _is_directory(path)
        if content is not None:
            if before["is_readonly"]:
                raise _readonly(path)
            _check_size(content)
            await self._reserve(connection, size_bytes=len(content) - before["size_bytes"])
        return _entry(await connection.fetchrow(UPDATE, self._workspace, path, content, is_readonly))

    async def _make_parents(self, connection: Connection, path: str, *, entries: int = 0, size_bytes: int = 0) -> None:
        """Make the directories above a path that are missing, if there is room for them and for what is to follow."""
        above = parents(path)
        there = {row["path"] for row in await connection.fetch(STAT, self._workspace, above)} if above else set()
        missing = [parent for parent in above if parent not in there]
        await self._reserve(connection, entries=entries + len(missing), size_bytes=size_bytes)
        if missing:
            await connection.execute(INSERT_DIRECTORIES, self._workspace, missing)

    async def _reserve(self, connection: Connection, *, entries: int = 0, size_bytes: int = 0) -> None:
        if size_bytes <= 0 and entries <= 0:
            return
        usage: Any = await connection.fetchrow(USAGE, self._workspace)
        if usage["bytes"] + size_bytes > MAX_WORKSPACE_BYTES:
            message = f"Input exceeds allowed limits: a workspace holds at most {MAX_WORKSPACE_BYTES} bytes."
            raise InvalidInputError(message, "workspace_full")
        if usage["entries"] + entries > MAX_ENTRIES:
            message = f"Input exceeds allowed limits: a workspace holds at most {MAX_ENTRIES} files."
            raise InvalidInputError(message, "workspace_full")

    async def _tree(self, connection: Connection, path: str) -> Any:
        return await connection.fetchrow(TREE, self._workspace, path)

    async def _check_target(self, connection: Connection, source: str, target: str) -> Any:
        """Return the measures of the tree at `source`, which is to go to `target`."""
        tree = await self._tree(connection, source)
        if tree["entries"] == 0:
            raise NotFoundError("file", source)
        if source != target and is_within(target, source):
            message = f"{target} is inside of {source}."
            raise InvalidInputError(message, "invalid_path")
        if await self._look(connection, target):
            raise _exists(target)
        if tree["path_bytes"] + len(target.encode()) - len(source.encode()) > MAX_PATH_BYTES:
            message = f"A path below {target} would have more than {MAX_PATH_BYTES} bytes."
            raise InvalidInputError(message, "invalid_path")
        return tree


def _entry(row: Any) -> FileEntry:
    return FileEntry(
        id=str(row["id"]),
        path=row["path"],
        is_directory=row["is_directory"],
        is_readonly=row["is_readonly"],
        size_bytes=row["size_bytes"],
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
    )


def _found(row: Any, path: str) -> Any:
    if row is None:
        raise NotFoundError("file", path)
    return row


def _check_size(content: bytes) -> None:
    if len(content) > MAX_FILE_BYTES:
        message = f"Input exceeds allowed limits: a file has at most {MAX_FILE_BYTES} bytes."
        raise InvalidInputError(message, "file_too_large")


def _exists(path: str) -> ConflictError:
    return ConflictError(f"{path} exists.", "file_exists")


def _readonly(path: str) -> ForbiddenError:
    return ForbiddenError(f"{path} is read-only, or holds a file that is.", "file_readonly")


def _is_directory(path: str) -> InvalidInputError:
    return InvalidInputError(f"{path} is a directory.", "is_a_directory")


def _not_a_directory(path: str) -> InvalidInputError:
    return InvalidInputError(f"{path} is a file or a directory, and is needed as the other.", "not_a_directory")
