"""Workspaces in Postgres."""

import pytest

from runtime.core.errors import ConflictError, InvalidInputError, NotFoundError
from runtime.core.ids import hex_of
from runtime.process.mint import new_id
from runtime.store.pool import Pool
from runtime.store.workspaces import WorkspaceStore
from tests.tenancy import ours


@pytest.fixture
def workspaces(db: Pool) -> WorkspaceStore:
    return WorkspaceStore(ours(db))


async def test_a_workspace_comes_back_as_it_was_stored(workspaces: WorkspaceStore) -> None:
    stored = await workspaces.create("shared", "For all")
    assert (stored.name, stored.description, stored.status) == ("shared", "For all", "active")
    assert await workspaces.get(stored.id) == stored


async def test_a_name_is_free_again_once_its_workspace_is_archived(workspaces: WorkspaceStore) -> None:
    first = await workspaces.create("shared")
    with pytest.raises(ConflictError) as caught:
        await workspaces.create("shared")
    assert caught.value.stable_code == "workspace_exists"
    await workspaces.archive(first.id)
    second = await workspaces.create("shared")
    assert second.id != first.id
    with pytest.raises(ConflictError):
        await workspaces.patch(first.id, status="active")


async def test_a_patch_changes_what_is_given(workspaces: WorkspaceStore) -> None:
    workspace = await workspaces.create("shared", "old")
    assert (await workspaces.patch(workspace.id, description="new")).description == "new"
    renamed = await workspaces.patch(workspace.id, name="other")
    assert (renamed.name, renamed.description) == ("other", "new")
    with pytest.raises(InvalidInputError):
        await workspaces.patch(workspace.id, status="deleted")
    archived = await workspaces.patch(workspace.id, status="archived")
    assert archived.archived_at is not None
    with pytest.raises(ConflictError):
        await workspaces.patch(workspace.id, name="third")


async def test_the_second_archiving_deletes(workspaces: WorkspaceStore) -> None:
    workspace = await workspaces.create("shared")
    await workspaces.archive(workspace.id)
    assert (await workspaces.get(workspace.id)).status == "archived"
    await workspaces.archive(workspace.id)
    with pytest.raises(NotFoundError):
        await workspaces.get(workspace.id)
    with pytest.raises(NotFoundError):
        await workspaces.archive(workspace.id)
    with pytest.raises(NotFoundError):
        await workspaces.patch(workspace.id, name="x")


async def test_the_list_shows_shared_workspaces_and_not_those_of_sessions(workspaces: WorkspaceStore, db: Pool) -> None:
    own = new_id("wsp")
    await ours(db).execute("INSERT INTO workspaces (org_id, id) VALUES (current_org(), $1)", hex_of(own))
    await workspaces.create("alpha", "Great plans")
    beta = await workspaces.create("beta")
    assert [w.name for w in await workspaces.list()] == ["beta", "alpha"]
    assert [w.name for w in await workspaces.list(search="PLAN")] == ["alpha"]
    assert (await workspaces.get(own)).name == own
    await workspaces.archive(beta.id)
    assert [w.name for w in await workspaces.list()] == ["alpha"]
    assert [w.name for w in await workspaces.list(include_archived=True)] == ["beta", "alpha"]


async def test_texts_that_cannot_be_stored_are_refused(workspaces: WorkspaceStore) -> None:
    with pytest.raises(InvalidInputError):
        await workspaces.create("a\0b")
    workspace = await workspaces.create("shared")
    with pytest.raises(InvalidInputError):
        await workspaces.patch(workspace.id, description="\ud800")
    assert await workspaces.list(search="\0") == []
