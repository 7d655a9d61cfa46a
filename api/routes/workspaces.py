"""Workspaces: the routes of docs/wire.md, "Agents, harnesses, workspaces"."""

from fastapi import APIRouter, Response

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import Archived, Page, Search, WorkspaceId, whole
from api.schemas.file import WorkspaceBody, WorkspacePatch, WorkspaceReply

router = APIRouter(prefix="/api/v1/workspaces", tags=["workspaces"], route_class=JsonRoute)


@router.get("")
async def list_workspaces(
    deps: Needs, search: Search = "", *, include_archived: Archived = False
) -> Page[WorkspaceReply]:
    """List the shared workspaces, newest first."""
    found = await deps.stores.workspaces.list(search=search, include_archived=include_archived)
    return whole([WorkspaceReply.of(workspace) for workspace in found])


@router.post("", status_code=201, openapi_extra=audited("workspace.created"))
async def create_workspace(body: WorkspaceBody, deps: Needs, response: Response) -> WorkspaceReply:
    """Create a workspace that sessions can share."""
    workspace = await deps.stores.workspaces.create(body.name, body.description)
    response.headers["Location"] = f"/api/v1/workspaces/{workspace.id}"
    return WorkspaceReply.of(workspace)


@router.get("/{workspace_id}")
async def get_workspace(workspace_id: WorkspaceId, deps: Needs) -> WorkspaceReply:
    """Return a workspace."""
    return WorkspaceReply.of(await deps.stores.workspaces.get(workspace_id))


@router.patch("/{workspace_id}", openapi_extra=audited("workspace.changed"))
async def patch_workspace(workspace_id: WorkspaceId, body: WorkspacePatch, deps: Needs) -> WorkspaceReply:
    """Change what is given."""
    changed = await deps.stores.workspaces.patch(
        workspace_id, name=body.name, description=body.description, status=body.status
    )
    return WorkspaceReply.of(changed)


@router.delete("/{workspace_id}", status_code=204, openapi_extra=audited("workspace.archived"))
async def delete_workspace(workspace_id: WorkspaceId, deps: Needs) -> None:
    """Archive a workspace: its files can be read and not written. An archived one is deleted."""
    await deps.stores.workspaces.archive(workspace_id)
