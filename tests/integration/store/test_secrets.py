"""Secrets in rows: of one owner, sealed, and opening nowhere else."""

import asyncio

import pytest

from runtime.core.access.principal import ANONYMOUS_USER
from runtime.core.authored.definition import HarnessDefinition
from runtime.core.errors import InvalidInputError, SecretUnreadableError
from runtime.core.ids import hex_of
from runtime.ports.secrets import Kind
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import DatabaseRole, Pool, open_pool
from runtime.store.secrets import MAX_SECRETS, MAX_VALUE_BYTES, OwnedSecrets
from tests.integration.ground import PostgresGround
from tests.tenancy import found_org, ours, secrets_in

COPY = """
UPDATE secrets SET envelope = (SELECT envelope FROM secrets WHERE name = $1 AND owner_id = $2) WHERE name = $3
"""


@pytest.fixture
async def session_id(db: Pool) -> str:
    harness = await HarnessStore(ours(db)).create("home", HarnessDefinition())
    return await PostgresGround(db, harness.id).open()


@pytest.fixture
def secrets(db: Pool, session_id: str) -> OwnedSecrets:
    return secrets_in(db, Kind.SESSION, session_id)


async def test_a_secret_is_kept_until_it_is_replaced_or_deleted(secrets: OwnedSecrets) -> None:
    assert await secrets.reveal("A") is None
    assert await secrets.put({"A": "1", "B": "2"}) == 2
    assert await secrets.put({"A": "ä\n"}) == 2
    assert await secrets.put({}) == 2
    assert await secrets.reveal("A") == "ä\n"
    assert await secrets.delete("A")
    assert not await secrets.delete("A")
    assert [info.name for info in await secrets.list()] == ["B"]


async def test_the_database_never_holds_a_value(secrets: OwnedSecrets, db: Pool) -> None:
    await secrets.put({"A": "a-very-private-value"})
    row = await db.fetchval("SELECT s::text FROM secrets s")
    assert "private" not in row


async def test_owners_do_not_see_each_others_secrets(secrets: OwnedSecrets, db: Pool, session_id: str) -> None:
    await secrets.put({"A": "1"})
    other = await found_org(db)
    for others in (
        secrets_in(db, Kind.CONNECTION, ANONYMOUS_USER),
        secrets_in(db, Kind.LAYER, session_id),
        secrets_in(db, Kind.SESSION, session_id, other),
    ):
        assert await others.list() == []
        assert await others.reveal("A") is None


async def test_a_row_that_was_copied_does_not_open(secrets: OwnedSecrets, db: Pool, session_id: str) -> None:
    await secrets.put({"A": "1", "B": "2"})
    await secrets_in(db, Kind.CONNECTION, ANONYMOUS_USER).put({"C": "3"})
    for name, owner in (("B", secrets), ("C", secrets_in(db, Kind.CONNECTION, ANONYMOUS_USER))):
        await db.execute(COPY, "A", hex_of(session_id), name)
        with pytest.raises(SecretUnreadableError, match="changed or moved"):
            await owner.reveal(name)
    assert await secrets.reveal("A") == "1"


async def test_a_row_of_another_organisation_does_not_open(secrets: OwnedSecrets, db: Pool, session_id: str) -> None:
    await secrets.put({"A": "1"})
    other = await found_org(db)
    await db.execute("UPDATE secrets SET org_id = $1", hex_of(other))
    with pytest.raises(SecretUnreadableError):
        await secrets_in(db, Kind.SESSION, session_id, other).reveal("A")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("a\0", "x"),
        ("a", ""),
        ("a", "\0"),
        ("a", "\udfff"),
        ("ä" * 129, "x"),
        ("a", "x" * (MAX_VALUE_BYTES + 1)),
    ],
)
async def test_what_cannot_be_kept_is_refused_with_all_that_came_along(
    secrets: OwnedSecrets, name: str, value: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await secrets.put({"good": "y", name: value})
    assert len(str(caught.value)) < 400
    assert await secrets.list() == []


async def test_a_full_store_takes_no_new_secret_but_still_replaces(secrets: OwnedSecrets) -> None:
    await secrets.put({f"s{n}": "x" for n in range(MAX_SECRETS)})
    with pytest.raises(InvalidInputError, match="At most"):
        await secrets.put({"new": "x"})
    assert await secrets.put({"s7": "y"}) == MAX_SECRETS
    assert await secrets.reveal("s7") == "y"


async def test_writers_at_once_leave_one_of_their_values(secrets: OwnedSecrets) -> None:
    await asyncio.gather(*(secrets.put({"A": str(n)}) for n in range(8)))
    assert await secrets.reveal("A") in {str(n) for n in range(8)}


async def test_secrets_go_with_their_session(secrets: OwnedSecrets, db: Pool, session_id: str) -> None:
    await secrets.put({"A": "1"})
    await secrets_in(db, Kind.LAYER, session_id).put({"H": "1"})
    await db.execute("UPDATE sessions SET deleted_at = now() WHERE id = $1", hex_of(session_id))
    assert await db.fetchval("SELECT forget_session($1, 100)", hex_of(session_id))
    assert await db.fetchval("SELECT count(*) FROM secrets") == 0


async def test_the_roles_of_a_server_see_one_organisation(secrets: OwnedSecrets, db: Pool, database: str) -> None:
    await secrets.put({"A": "1"})
    other = await found_org(db)
    for role in DatabaseRole:
        pool = await open_pool(database, role=role, max_size=1)
        assert await pool.fetchval("SELECT count(*) FROM secrets") == 0
        assert await ours(pool, other).fetchval("SELECT count(*) FROM secrets") == 0
        assert await ours(pool).fetchval("SELECT count(*) FROM secrets") == 1
        await pool.close()
