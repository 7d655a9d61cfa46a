"""What the tests of the store share."""

import pytest

from runtime.store.files import WorkspaceFiles
from runtime.store.pool import Pool
from runtime.store.workspaces import WorkspaceStore


@pytest.fixture
async def workspace_id(db: Pool) -> str:
    """A new workspace."""
    return (await WorkspaceStore(db).create("work")).id


@pytest.fixture
def files(db: Pool, workspace_id: str) -> WorkspaceFiles:
    """The files of a new workspace."""
    return WorkspaceFiles(db, workspace_id)
