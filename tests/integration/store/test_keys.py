"""The key-value store of a session."""

import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.errors import InvalidInputError
from runtime.core.ids import hex_of
from runtime.process.mint import new_id
from runtime.store.keys import MAX_KEYS, SessionKeys
from runtime.store.pool import Pool
from tests.tenancy import ours

FILL = """
INSERT INTO key_values (org_id, session_id, key, value) SELECT $3, $1, n::text, '' FROM generate_series(1, $2) AS n
"""


@pytest.fixture
def keys(db: Pool) -> SessionKeys:
    return SessionKeys(ours(db), new_id("session"))


async def test_a_value_is_kept_until_it_is_replaced_or_deleted(keys: SessionKeys) -> None:
    assert await keys.get("a") is None
    await keys.set("a", "1")
    await keys.set("a", "ä\n")
    assert await keys.get("a") == "ä\n"
    assert await keys.delete("a")
    assert not await keys.delete("a")
    assert await keys.get("a") is None


async def test_pairs_are_listed_by_key(keys: SessionKeys) -> None:
    for key in ("b", "a"):
        await keys.set(key, key.upper())
    assert [(pair.key, pair.value) for pair in await keys.list()] == [("a", "A"), ("b", "B")]


async def test_pairs_are_paged_by_key(keys: SessionKeys) -> None:
    for key in ("c", "a", "b"):
        await keys.set(key, key.upper())
    page = await keys.page(1, 1)
    assert ([(pair.key, pair.value) for pair in page.items], page.total) == ([("b", "B")], 3)
    assert (await keys.page(3, 1)).items == []


async def test_sessions_do_not_see_each_others_values(keys: SessionKeys, db: Pool) -> None:
    await keys.set("a", "1")
    assert await SessionKeys(ours(db), new_id("session")).list() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "x"),
        ("a\0", "x"),
        ("a", "\0"),
        ("\ud800", "x"),
        ("a", "\udfff"),
        ("ä" * 129, "x"),
        ("a", "x" * (2**20 + 1)),
    ],
)
async def test_what_cannot_be_kept_is_refused(keys: SessionKeys, key: str, value: str) -> None:
    with pytest.raises(InvalidInputError):
        await keys.set(key, value)
    assert await keys.list() == []


async def test_a_full_store_takes_no_new_key_but_still_replaces(keys: SessionKeys, db: Pool) -> None:
    await db.execute(
        FILL,
        keys._session,
        MAX_KEYS,
        hex_of(DEFAULT_ORG),
    )
    with pytest.raises(InvalidInputError):
        await keys.set("new", "x")
    await keys.set("7", "x")
    assert await keys.get("7") == "x"
