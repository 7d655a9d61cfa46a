"""The files of workspaces, also under the sessions that they belong to (docs/wire.md, "Files")."""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from api.http.auth import needs
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import SessionId, WorkspaceId
from api.schemas.file import (
    Deleted,
    FileBody,
    FileInfo,
    FileList,
    FileStat,
    GrepBody,
    GrepList,
    PathsBody,
    SessionFile,
    StatBody,
)
from runtime.core.access.roles import Scope
from runtime.core.errors import InvalidInputError
from runtime.core.files.content import decode_content
from runtime.ports.files import File, Workspace

_BINARY: Final = "application/octet-stream"
_BYTES: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {_BINARY: {"schema": {"type": "string"}}}}}
# A file is somebody's content: a browser must never take it for a page of this server.
_SAFE_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


@dataclass(frozen=True, slots=True)
class Opened:
    """The files of a request; `owner_id` is the session or workspace in its address."""

    owner_id: str
    workspace: Workspace


async def _open_workspace(workspace_id: WorkspaceId, deps: Needs, request: Request) -> None:
    workspace = await deps.stores.workspaces.get(workspace_id)
    request.state.opened = Opened(workspace.id, deps.stores.files(workspace.id))


async def _open_session(session_id: SessionId, deps: Needs, request: Request) -> None:
    session = await deps.stores.sessions.get(session_id)
    request.state.opened = Opened(session.id, deps.stores.files(session.workspace_id))


async def _opened(request: Request) -> Opened:
    opened: Opened = request.state.opened
    return opened


Files = Annotated[Opened, Depends(_opened)]
FilePath = Annotated[str, Path(description="A path, with or without `workspace/` in front", max_length=4096)]
Recursive = Annotated[bool, Query(description="Whether to go into directories")]

_fs = APIRouter(tags=["files"], route_class=JsonRoute)


@_fs.post("/_/move")
async def move_file(body: PathsBody, files: Files) -> SessionFile:
    """Rename a file or directory."""
    return _without_content(await files.workspace.move(body.src_path, body.dst_path), files)


@_fs.post("/_/copy", status_code=201)
async def copy_file(body: PathsBody, files: Files) -> SessionFile:
    """Copy a file or directory."""
    return _without_content(await files.workspace.copy(body.src_path, body.dst_path), files)


@_fs.post("/_/grep", openapi_extra=needs(Scope.SESSIONS_READ))
async def grep_files(body: GrepBody, files: Files) -> GrepList:
    """Search the text files for a pattern."""
    return GrepList.of(list(await files.workspace.grep(body.pattern, path_contains=body.path_pattern)))


@_fs.post("/_/stat", openapi_extra=needs(Scope.SESSIONS_READ))
async def stat_file(body: StatBody, files: Files) -> FileStat:
    """Return what is known of a file."""
    return FileStat.of(await files.workspace.stat(body.path))


@_fs.get("/_/download/{path:path}", response_class=Response, responses=_BYTES)
async def download_file(path: FilePath, files: Files) -> Response:
    """Return the bytes of a file, to be saved."""
    file = await files.workspace.read(path)
    disposition = f"attachment; filename*=UTF-8''{quote(file.entry.name, safe='')}"
    return Response(file.content, 200, {**_SAFE_HEADERS, "Content-Disposition": disposition}, _BINARY)


@_fs.get("")
async def list_files(files: Files, *, recursive: Recursive = False) -> FileList:
    """List the root directory."""
    return await _listing("/", files, recursive=recursive)


@_fs.get("/{path:path}", response_model=FileList | SessionFile, responses=_BYTES)
async def read_file(
    path: FilePath,
    files: Files,
    *,
    recursive: Recursive = False,
    accept: Annotated[str, Header()] = "",
) -> FileList | SessionFile | Response:
    """Return a file, or what a directory holds. `Accept: application/octet-stream` asks for the bytes."""
    entry = await files.workspace.stat(path)
    if entry.is_directory:
        return await _listing(path, files, recursive=recursive)
    file = await files.workspace.read(path)
    if accept.startswith(_BINARY):
        return Response(file.content, 200, _SAFE_HEADERS, _BINARY)
    return SessionFile.read(file, files.owner_id)


@_fs.post("/{path:path}", status_code=201)
async def create_file(path: FilePath, body: FileBody, files: Files) -> SessionFile:
    """Create a file or directory, with the directories above it."""
    if body.is_directory:
        return _without_content(await files.workspace.create_directory(path), files)
    content = decode_content(body.content or "", body.encoding or "text")
    entry = await files.workspace.create(path, content, is_readonly=bool(body.is_readonly))
    return SessionFile.read(File(entry, content), files.owner_id)


@_fs.put("/{path:path}")
async def replace_file(path: FilePath, body: FileBody, files: Files) -> SessionFile:
    """Change a file that is there."""
    if body.is_directory:
        message = "A directory has nothing to replace."
        raise InvalidInputError(message)
    content = None if body.content is None else decode_content(body.content, body.encoding or "text")
    await files.workspace.replace(path, content, is_readonly=body.is_readonly)
    return SessionFile.read(await files.workspace.read(path), files.owner_id)


@_fs.delete("/{path:path}")
async def delete_file(path: FilePath, files: Files, *, recursive: Recursive = False) -> Deleted:
    """Delete a file or directory."""
    return Deleted(deleted=await files.workspace.delete(path, recursive=recursive))


async def _listing(path: str, files: Opened, *, recursive: bool) -> FileList:
    entries = await files.workspace.list(path, recursive=recursive)
    return FileList(data=[FileInfo.owned(entry, files.owner_id) for entry in entries])


def _without_content(entry: Any, files: Opened) -> SessionFile:
    return SessionFile(**FileInfo.owned(entry, files.owner_id).model_dump())


router = APIRouter()
router.include_router(_fs, prefix="/api/v1/workspaces/{workspace_id}/fs", dependencies=[Depends(_open_workspace)])
router.include_router(_fs, prefix="/api/v1/sessions/{session_id}/fs", dependencies=[Depends(_open_session)])
