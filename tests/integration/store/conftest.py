"""What the tests of the store share."""

import pytest

from runtime.store.files import WorkspaceFiles
from runtime.store.pool import Pool
from runtime.store.workspaces import WorkspaceStore
from tests.tenancy import ours


@pytest.fixture
async def workspace_id(db: Pool) -> str:
    """A new workspace."""
    return (await WorkspaceStore(ours(db)).create("work")).id


@pytest.fixture
def files(db: Pool, workspace_id: str) -> WorkspaceFiles:
    """The files of a new workspace."""
    return WorkspaceFiles(ours(db), workspace_id)
