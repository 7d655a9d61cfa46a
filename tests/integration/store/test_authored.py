"""What a new kind of authored things needs: a table and a description, and no SQL for names, lists and life cycle."""

from typing import Any, Final

import msgspec
import pytest

from runtime.agents.built_in import built_in_id
from runtime.core.authored.definition import AgentDefinition
from runtime.core.errors import ConflictError, InvalidInputError, NotFoundError
from runtime.process.mint import new_id
from runtime.store.authored import AuthoredStore
from runtime.store.harnesses import HarnessStore
from runtime.store.kind import Kind
from runtime.store.pool import Pool
from tests.tenancy import ours

BASE: Final = built_in_id("base")
PLAIN: Final = AgentDefinition()

TABLE: Final = """
CREATE TABLE recipes (
    org_id uuid NOT NULL, id uuid NOT NULL, name text NOT NULL, status text NOT NULL DEFAULT 'active',
    revision bigint NOT NULL DEFAULT 1,
    config json NOT NULL, harness_id uuid, servings integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz, deleted_at timestamptz, PRIMARY KEY (org_id, id),
    CONSTRAINT recipes_harness_id_fkey FOREIGN KEY (org_id, harness_id) REFERENCES harnesses (org_id, id)
);
CREATE UNIQUE INDEX recipes_name ON recipes (org_id, name) WHERE status <> 'deleted'
"""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: str
    revision: int
    definition: AgentDefinition
    harness_id: str | None
    servings: int
    created_at: str
    updated_at: str
    archived_at: str | None


RECIPES: Final = Kind(
    name="recipe",
    table="recipes",
    thing=Recipe,
    prefix="recipe",
    definition=AgentDefinition,
    references={"harness_id": "harness"},
    columns=("servings",),
)


class RecipeStore(AuthoredStore[Recipe]):
    async def create(self, name: str, **values: Any) -> Recipe:
        return await self._create(name, {"harness_id": None, "servings": 1, "config": PLAIN, **values})

    async def upsert(self, name: str, servings: int, key: str | None = None) -> tuple[Recipe, bool]:
        return await self._upsert(name, {"harness_id": None, "servings": servings, "config": PLAIN}, key)

    async def patch(self, key: str, name: str | None = None, status: str | None = None, **values: Any) -> Recipe:
        return await self._patch(key, values, name=name, status=status)

    async def names(self, offset: int = 0, limit: int | None = None) -> tuple[list[str], int]:
        found = await self._page(offset=offset, limit=limit)
        return [recipe.name for recipe in found.items], found.total


@pytest.fixture
async def recipes(db: Pool) -> RecipeStore:
    await db.execute(TABLE)
    await HarnessStore(ours(db)).provision()
    return RecipeStore(ours(db), RECIPES)


async def test_columns_of_its_own_come_back(recipes: RecipeStore) -> None:
    definition = AgentDefinition(description="Hot", tags=("soup",))
    made = await recipes.create("borshch", harness_id=BASE, servings=4, config=definition)
    assert (made.definition, made.harness_id, made.servings, made.revision) == (definition, BASE, 4, 1)
    assert await recipes.get("borshch") == await recipes.get(made.id) == made


async def test_patch_keeps_what_it_does_not_name(recipes: RecipeStore) -> None:
    made = await recipes.create("borshch", harness_id=BASE, servings=4)
    changed = await recipes.patch(made.id, servings=6)
    assert (changed.name, changed.harness_id, changed.servings, changed.revision) == ("borshch", BASE, 6, 2)
    assert (await recipes.patch(made.id, harness_id=None)).harness_id is None


async def test_reference_to_nothing_names_what_is_missing(recipes: RecipeStore) -> None:
    nobody = new_id("harness")
    made = await recipes.create("borshch")
    for refused in (recipes.create("other", harness_id=nobody), recipes.patch(made.id, harness_id=nobody)):
        with pytest.raises(NotFoundError) as caught:
            await refused
        assert (caught.value.kind, caught.value.key) == ("harness", nobody)


async def test_life_is_the_same_for_every_kind(recipes: RecipeStore) -> None:
    made = await recipes.create("borshch")
    await recipes.archive(made.id)
    with pytest.raises(ConflictError) as caught:
        await recipes.patch(made.id, servings=2)
    assert caught.value.stable_code == "recipe_archived"
    heir = await recipes.create("borshch")
    assert (await recipes.get(made.id)).name == f"borshch-{made.id[-8:]}"
    with pytest.raises(ConflictError) as caught:
        await recipes.patch(made.id, name="borshch", status="active")
    assert caught.value.stable_code == "recipe_exists"
    for _ in range(2):
        await recipes.archive(heir.id)
    with pytest.raises(NotFoundError):
        await recipes.get(heir.id)
    with pytest.raises(ConflictError) as caught:
        await recipes.upsert("borshch", 2, heir.id)
    assert caught.value.stable_code == "recipe_deleted"


async def test_upsert_says_whether_it_created(recipes: RecipeStore) -> None:
    first, is_new = await recipes.upsert("borshch", 1)
    second, is_new_again = await recipes.upsert("borshch", 2)
    assert (is_new, is_new_again) == (True, False)
    assert (second.id, second.servings, second.revision) == (first.id, 2, 2)


@pytest.mark.parametrize(
    ("offset", "limit", "names"),
    [(0, None, "dcba"), (0, 2, "dc"), (2, 2, "ba"), (3, 2, "a"), (4, 2, ""), (0, 4, "dcba"), (9, None, "")],
)
async def test_total_is_right_on_every_page(recipes: RecipeStore, offset: int, limit: int | None, names: str) -> None:
    for name in "abcd":
        await recipes.create(name)
    assert await recipes.names(offset, limit) == (list(names), 4)


async def test_nothing_at_all_is_a_page_too(recipes: RecipeStore) -> None:
    assert await recipes.names(0, 2) == ([], 0)


async def test_text_that_cannot_be_stored_is_refused(recipes: RecipeStore) -> None:
    with pytest.raises(InvalidInputError):
        await recipes.create("a\0b")
