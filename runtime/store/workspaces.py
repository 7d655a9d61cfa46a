"""Workspaces, without their files (see `files.py`): shared ones have a name, a session's own has none."""

from collections.abc import Sequence
from typing import Final

from runtime.core.authored.definition import Workspace
from runtime.store.authored import AuthoredStore
from runtime.store.kind import Kind
from runtime.store.tenant import Tenant

WORKSPACES: Final = Kind(
    name="workspace",
    table="workspaces",
    thing=Workspace,
    prefix="wsp",
    columns=("description",),
    searched=("name", "description"),
    makes_way=False,  # names are those of active ones only
)


class WorkspaceStore(AuthoredStore[Workspace]):
    """The workspaces of an organisation (`runtime.ports.authored.Workspaces`)."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant, WORKSPACES)

    async def create(self, name: str, description: str | None = None) -> Workspace:
        """Store a new workspace. Raises ConflictError("workspace_exists") for a name that is used."""
        return await self._create(name, {"description": description})

    async def list(self, *, search: str = "", include_archived: bool = False) -> Sequence[Workspace]:
        """Return the shared workspaces, newest first; `search` looks at name and description."""
        return (await self._page(search=search, include_archived=include_archived)).items

    async def patch(
        self,
        workspace_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> Workspace:
        """Change what is given; the files of an archived workspace can be read and not written."""
        values = {} if description is None else {"description": description}
        return await self._patch(workspace_id, values, name=name, status=status)
