"""Harnesses in Postgres: the built-in ones, chains of parents, changes."""

import asyncio

import pytest

from runtime.agents.built_in import built_in_id
from runtime.core.authored.definition import HarnessDefinition
from runtime.core.authored.lineage import MAX_DEPTH
from runtime.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from runtime.process.mint import new_id
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from tests.tenancy import ours

PLAIN = HarnessDefinition()


@pytest.fixture
async def harnesses(db: Pool) -> HarnessStore:
    store = HarnessStore(ours(db))
    await store.provision()
    return store


async def test_the_built_in_harnesses_are_there(harnesses: HarnessStore) -> None:
    base, generic = await harnesses.get("base"), await harnesses.get("generic")
    assert (base.is_built_in, base.definition.capabilities) == (True, ())
    assert base.definition.system_prompt == "You are a helpful assistant."
    assert len(generic.definition.capabilities) == 25
    assert generic.definition.tags == ("generic", "built-in", "default")
    assert await harnesses.get("default") == generic
    assert await harnesses.get(built_in_id("generic")) == generic


async def test_servers_that_start_at_once_agree_and_change_nothing(harnesses: HarnessStore) -> None:
    before = await harnesses.list()
    await asyncio.gather(*(harnesses.provision() for _ in range(4)))
    assert await harnesses.list() == before


async def test_servers_that_start_at_once_on_an_empty_database_agree(harnesses: HarnessStore, db: Pool) -> None:
    before = [harness.name for harness in await harnesses.list()]
    for _ in range(40):
        await db.execute("DELETE FROM harnesses")
        await asyncio.gather(*(harnesses.provision() for _ in range(8)))
        assert [harness.name for harness in await harnesses.list()] == before


async def test_a_newer_version_updates_what_is_built_in(harnesses: HarnessStore, db: Pool) -> None:
    await db.execute("UPDATE harnesses SET config = '{\"system_prompt\": \"old\"}' WHERE name = 'base'")
    await harnesses.provision()
    base = await harnesses.get("base")
    assert (base.definition.system_prompt, base.revision) == ("You are a helpful assistant.", 2)


async def test_a_built_in_harness_cannot_be_changed(harnesses: HarnessStore) -> None:
    key = built_in_id("base")
    with pytest.raises(ForbiddenError):
        await harnesses.patch(key, {"system_prompt": "x"})
    with pytest.raises(ForbiddenError):
        await harnesses.archive(key)
    with pytest.raises(ConflictError):
        await harnesses.create("base", PLAIN)


async def test_a_harness_comes_back_as_it_was_stored(harnesses: HarnessStore) -> None:
    definition = HarnessDefinition(system_prompt="x", embedder_metadata={"a": "b"}, tags=("t",))
    stored = await harnesses.create("mine", definition, parent_id=built_in_id("base"))
    assert (stored.definition, stored.parent_id, stored.is_built_in) == (definition, built_in_id("base"), False)
    assert await harnesses.get("mine") == stored


async def test_a_duplicate_name_is_a_conflict_unless_it_is_archived(harnesses: HarnessStore) -> None:
    first = await harnesses.create("mine", PLAIN)
    with pytest.raises(ConflictError) as caught:
        await harnesses.create("mine", PLAIN)
    assert caught.value.stable_code == "harness_exists"
    await harnesses.archive(first.id)
    second = await harnesses.create("mine", PLAIN)
    assert (await harnesses.get("mine")).id == second.id
    assert (await harnesses.get(first.id)).status == "archived"


async def test_a_patch_replaces_what_it_names(harnesses: HarnessStore) -> None:
    parent = await harnesses.create("parent", PLAIN)
    child = await harnesses.create("child", HarnessDefinition(system_prompt="keep"))
    patched = await harnesses.patch(child.id, {"description": "new"}, name="renamed", parent_id=parent.id)
    assert patched.definition == HarnessDefinition(system_prompt="keep", description="new")
    assert (patched.name, patched.parent_id, patched.revision) == ("renamed", parent.id, 2)


async def test_a_harness_cannot_become_its_own_ancestor(harnesses: HarnessStore) -> None:
    a = await harnesses.create("a", PLAIN)
    b = await harnesses.create("b", PLAIN, parent_id=a.id)
    c = await harnesses.create("c", PLAIN, parent_id=b.id)
    for parent in (a, b, c):
        with pytest.raises(InvalidInputError) as caught:
            await harnesses.patch(a.id, {}, parent_id=parent.id)
        assert caught.value.stable_code == "harness_cycle"


async def test_two_changes_at_once_cannot_close_a_circle(harnesses: HarnessStore) -> None:
    for round_number in range(5):
        a = await harnesses.create(f"a-{round_number}", PLAIN)
        b = await harnesses.create(f"b-{round_number}", PLAIN)
        results = await asyncio.gather(
            harnesses.patch(a.id, {}, parent_id=b.id), harnesses.patch(b.id, {}, parent_id=a.id), return_exceptions=True
        )
        assert sum(isinstance(result, InvalidInputError) for result in results) == 1


async def test_a_chain_of_parents_has_an_end(harnesses: HarnessStore) -> None:
    parent = await harnesses.create("h-0", PLAIN)
    for number in range(1, MAX_DEPTH):
        parent = await harnesses.create(f"h-{number}", PLAIN, parent_id=parent.id)
    with pytest.raises(InvalidInputError) as caught:
        await harnesses.create("one-too-many", PLAIN, parent_id=parent.id)
    assert caught.value.stable_code == "harness_chain_too_long"
    above = await harnesses.create("above", PLAIN)
    with pytest.raises(InvalidInputError) as caught:  # what stands below goes along
        await harnesses.patch((await harnesses.get("h-0")).id, {}, parent_id=above.id)
    assert caught.value.stable_code == "harness_chain_too_long"
    await harnesses.patch((await harnesses.get("h-1")).id, {}, parent_id=above.id)


async def test_a_parent_must_exist_and_be_active(harnesses: HarnessStore) -> None:
    parent = await harnesses.create("parent", PLAIN)
    await harnesses.archive(parent.id)
    for key in (parent.id, new_id("harness")):
        with pytest.raises(NotFoundError):
            await harnesses.create("child", PLAIN, parent_id=key)


async def test_archived_harnesses_are_read_only_and_deleted_ones_gone(harnesses: HarnessStore) -> None:
    mine = await harnesses.create("mine", PLAIN)
    await harnesses.archive(mine.id)
    with pytest.raises(ConflictError):
        await harnesses.patch(mine.id, {"description": "x"})
    assert (await harnesses.patch(mine.id, {}, status="active")).status == "active"
    await harnesses.archive(mine.id)
    await harnesses.archive(mine.id)
    with pytest.raises(NotFoundError):
        await harnesses.archive(mine.id)
    with pytest.raises(NotFoundError):
        await harnesses.patch(mine.id, {})


async def test_the_list_shows_built_in_ones_first(harnesses: HarnessStore) -> None:
    await harnesses.create("older", HarnessDefinition(description="For Cooking"))
    newer = await harnesses.create("newer", PLAIN)
    names = [harness.name for harness in await harnesses.list()]
    assert (set(names[:2]), names[2:]) == ({"base", "generic"}, ["newer", "older"])
    assert [harness.name for harness in await harnesses.list(search="cook")] == ["older"]
    await harnesses.archive(newer.id)
    assert len(await harnesses.list()) == 3
    assert len(await harnesses.list(include_archived=True)) == 4


async def test_default_is_no_name(harnesses: HarnessStore) -> None:
    mine = await harnesses.create("mine", PLAIN)
    with pytest.raises(InvalidInputError):
        await harnesses.create("default", PLAIN)
    with pytest.raises(InvalidInputError):
        await harnesses.patch(mine.id, {}, name="default")


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_looking_for_what_cannot_be_stored_finds_nothing(harnesses: HarnessStore, text: str) -> None:
    with pytest.raises(NotFoundError):
        await harnesses.get(text)
    found = await harnesses.list(search=text)
    assert found == []
