"""Organisations see nothing of each other: by what statements say, and again by what the server's roles may see."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from runtime.agents.built_in import built_in_id
from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.authored.definition import AgentDefinition, SessionDefinition
from runtime.core.errors import NotFoundError, SchemaMismatchError, StoreRefusedError
from runtime.core.ids import hex_of
from runtime.ports.providers import KeptModel, Provider
from runtime.ports.secrets import Kind
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store.agents import AgentStore
from runtime.store.events import EventLog
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore, reconcile
from runtime.store.images import ImageStore
from runtime.store.keys import SessionKeys
from runtime.store.migrate import migrate
from runtime.store.pool import DatabaseRole, Pool, connect, open_pool, translate
from runtime.store.providers import ProviderStore
from runtime.store.tenant import Tenant
from runtime.store.workspaces import WorkspaceStore
from tests.tenancy import VAULT, found_org, ours, secrets_in, sessions_in

# Who there is belongs to nobody in particular, and these to the database as a whole.
OF_NO_ORG: Final = {
    "access_revision", "deployment", "logins", "organizations", "schema_migrations", "tokens", "user_identities",
    "models_revision",
    "login_attempts", "users", "members",  # a user looks for their own in all organisations
    "rate_usage",  # counts by a key that names whom it counts
    "circuit_breakers",  # of providers, for the whole server
    "metric_points",  # sums over all organisations
    "model_tickets",  # calls of all organisations that wait for a provider in turn, without what they say
    "model_allowances",
    "model_flows",
    "retention_walk",  # a place among the sessions of all organisations
}  # fmt: skip
TABLES: Final = """
SELECT c.relname AS name, c.relrowsecurity AS is_guarded,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id') AS has_org
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
SETTING: Final = "SELECT coalesce(current_setting('perdure.org', true), '')"
PERMISSION_DENIED: Final = "42501"


@pytest.fixture
async def api(database: str) -> AsyncIterator[Pool]:
    """The one connection of a front door, which all its requests share."""
    pool = await open_pool(database, role=DatabaseRole.API, max_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Pool]:
    """The one connection of an actor."""
    pool = await open_pool(database, role=DatabaseRole.ENGINE, max_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def other(db: Pool) -> str:
    """Another organisation; the default one has its built-in harnesses too."""
    await HarnessStore(ours(db)).provision()
    return await found_org(db)


async def furnish(pool: Pool, org_id: str) -> str:
    """Give an organisation one of everything, as its front doors do; return its session."""
    tenant = ours(pool, org_id)
    await AgentStore(tenant).upsert("helper", built_in_id("generic"), AgentDefinition())
    new = NewSession(
        id=new_id("session"),
        harness_id=built_in_id("generic"),
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(),
        title="A title",
    )
    sessions = sessions_in(pool, org_id)
    await sessions.create(new)
    await sessions.pin(new.id, is_pinned=True)
    await WorkspaceFiles(tenant, new.workspace_id).write("/a.txt", b"a")
    await ImageStore(tenant).create(b"\x89PNG\r\n\x1a\n", "a.png", new.id)
    await SessionKeys(tenant, new.id).set("a", "b")
    await secrets_in(pool, Kind.SESSION, new.id, org_id).put({"a": "b"})
    await furnish_models(tenant)
    return new.id


async def furnish_models(tenant: Tenant) -> None:
    providers = ProviderStore(tenant, VAULT)
    provider = await providers.create(Provider(id=new_id("provider"), name="mine", type="openai"), None)
    await providers.add_model(
        KeptModel(id=new_id("model"), provider_id=provider.id, name="m", display_name="M", source="manual")
    )


async def log_something(db: Pool, session_id: str) -> None:
    for statement in (
        "INSERT INTO events (org_id, session_id, sequence, id, type, epoch, body)"
        " SELECT org_id, id, 1, gen_random_uuid(), 'turn.started', 1, '{}' FROM sessions WHERE id = $1",
        "INSERT INTO fetched_images (org_id, session_id, message_id, url_digest, words)"
        " SELECT org_id, id, gen_random_uuid(), '', '' FROM sessions WHERE id = $1",
        "INSERT INTO snapshots (org_id, session_id, sequence, version, state)"
        " SELECT org_id, id, 1, 'v', '' FROM sessions WHERE id = $1",
        "INSERT INTO audit (org_id, id, action, subject_kind)"
        " SELECT org_id, gen_random_uuid(), 'made', 'session' FROM sessions WHERE id = $1",
    ):
        await db.execute(statement, hex_of(session_id))


async def guarded_tables(db: Pool) -> list[str]:
    return [row["name"] for row in await db.fetch(TABLES) if row["has_org"] and row["name"] not in OF_NO_ORG]


async def test_every_table_of_an_organisation_is_behind_a_policy(db: Pool) -> None:
    rows = await db.fetch(TABLES)
    assert [row["name"] for row in rows if not row["has_org"] and row["name"] not in OF_NO_ORG] == []
    assert [
        row["name"] for row in rows if row["has_org"] and not row["is_guarded"] and row["name"] not in OF_NO_ORG
    ] == []


async def test_a_statement_that_forgets_the_organisation_still_sees_no_other(db: Pool, api: Pool, other: str) -> None:
    for org_id in (DEFAULT_ORG, other):
        await log_something(db, await furnish(api, org_id))
    for table in await guarded_tables(db):
        for org_id in (DEFAULT_ORG, other):
            seen = await ours(api, org_id).fetch(f"SELECT DISTINCT org_id FROM {table}")
            assert [row["org_id"].hex for row in seen] == [hex_of(org_id)], table


async def test_where_nobody_says_whose_there_is_nothing(db: Pool, api: Pool, other: str) -> None:
    await log_something(db, await furnish(api, other))
    for table in await guarded_tables(db):
        assert await api.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_stores_see_their_own_organisation_even_where_no_policy_holds(db: Pool, other: str) -> None:
    """The owner of the tables passes policies by; what the statements say does not depend on them."""
    session_id = await furnish(db, other)
    workspace_id = (await sessions_in(db, other).get(session_id)).workspace_id
    events, files, sessions = EventLog(ours(db)), WorkspaceFiles(ours(db), workspace_id), sessions_in(db)
    assert await events.head(session_id) is None
    assert await events.beginning(session_id) is None
    assert (await sessions.list()).items == []
    assert (await sessions.list(search="title")).items == []
    assert (await AgentStore(ours(db)).list()).items == []
    assert await SessionKeys(ours(db), session_id).list() == []
    assert await files.list() == []
    for refused in (
        sessions.get(session_id),
        sessions.check(session_id),
        sessions.patch(session_id, {"locale": "uk"}),
        sessions.pin(session_id, is_pinned=True),
        sessions.delete(session_id),
        AgentStore(ours(db)).get("helper"),
        WorkspaceStore(ours(db)).get(workspace_id),
        files.write("/b.txt", b"b"),
    ):
        with pytest.raises(NotFoundError):
            await refused
    assert (await sessions_in(db, other).get(session_id)).is_pinned


async def test_an_id_of_another_organisation_may_be_used_and_reaches_nothing(db: Pool, api: Pool, other: str) -> None:
    agent_id, generic = new_id("agent"), built_in_id("generic")
    theirs, _ = await AgentStore(ours(api, other)).upsert("helper", generic, AgentDefinition(), agent_id=agent_id)
    mine, is_new = await AgentStore(ours(api)).upsert("mine", generic, AgentDefinition(), agent_id=agent_id)
    assert (is_new, mine.name) == (True, "mine")
    assert await AgentStore(ours(api, other)).get(agent_id) == theirs


async def test_what_refers_to_another_organisation_is_not_there(api: Pool, other: str) -> None:
    agent, _ = await AgentStore(ours(api, other)).upsert("helper", built_in_id("generic"), AgentDefinition())
    new = NewSession(
        id=new_id("session"),
        harness_id=built_in_id("generic"),
        agent_id=agent.id,
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(),
    )
    with pytest.raises(StoreRefusedError, match="23503"):  # foreign_key_violation
        await sessions_in(api).create(new)


@pytest.mark.parametrize("role", list(DatabaseRole))
async def test_no_row_can_be_written_for_another(database: str, other: str, role: DatabaseRole) -> None:
    pool = await open_pool(database, role=role, max_size=1)
    statement = "INSERT INTO files (org_id, workspace_id, path, id) VALUES ($1, $1, '/x', gen_random_uuid())"
    with pytest.raises(StoreRefusedError, match=PERMISSION_DENIED), translate():
        await ours(pool).execute(statement, hex_of(other))
    await pool.close()


async def test_nothing_of_a_request_is_left_on_its_connection(api: Pool, other: str) -> None:
    """One connection serves all: after a success, a refusal, a bug and a client that left, it is nobody's."""
    tenant = ours(api, other)
    assert await tenant.fetchval(SETTING) != ""
    assert await api.fetchval(SETTING) == ""
    with pytest.raises(asyncpg.PostgresError):
        await tenant.execute("SELECT 1 / 0")
    assert await api.fetchval(SETTING) == ""

    async def trip() -> None:
        async with tenant.transaction() as connection:
            await connection.execute("SELECT 1")
            raise KeyError

    with pytest.raises(KeyError):
        await trip()
    assert await api.fetchval(SETTING) == ""

    async def hang(has_begun: asyncio.Event) -> None:
        async with tenant.transaction() as connection:
            await connection.execute("SELECT 1")
            has_begun.set()
            await connection.execute("SELECT pg_sleep(60)")

    has_begun = asyncio.Event()
    task = asyncio.create_task(hang(has_begun))
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await api.fetchval(SETTING) == ""


async def test_requests_of_two_organisations_never_meet_on_a_connection(api: Pool, other: str) -> None:
    async def ask(org_id: str) -> bool:
        return bool(await ours(api, org_id).fetchval(SETTING) == str(asyncpg.pgproto.pgproto.UUID(hex_of(org_id))))

    assert all(await asyncio.gather(*(ask(org_id) for org_id in (DEFAULT_ORG, other) * 50)))


async def test_actors_know_nothing_of_users_and_tokens(engine: Pool) -> None:
    for table in ("users", "tokens", "logins", "members", "user_identities", "audit", "organizations", "pins"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await engine.fetch(f"SELECT * FROM {table}")


async def test_actors_see_files_and_keys_of_the_one_that_they_name(api: Pool, engine: Pool, other: str) -> None:
    session_id = await furnish(api, other)
    for table in ("files", "key_values", "secrets", "workspaces"):
        assert await engine.fetchval(f"SELECT count(*) FROM {table}") == 0
        assert await ours(engine).fetchval(f"SELECT count(*) FROM {table}") == 0
        assert await ours(engine, other).fetchval(f"SELECT count(*) FROM {table}") == 1
    assert await SessionKeys(ours(engine, other), session_id).get("a") == "b"


@pytest.mark.parametrize("role", list(DatabaseRole))
async def test_a_server_can_neither_change_the_log_nor_the_schema(database: str, role: DatabaseRole) -> None:
    pool = await open_pool(database, role=role, max_size=1)
    for statement in (
        "DELETE FROM events",
        "UPDATE events SET body = '{}'",
        "TRUNCATE sessions",
        "DROP TABLE sessions",
        "ALTER TABLE sessions DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (a int)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    await pool.close()


@pytest.fixture
async def owner(postgres: str) -> AsyncIterator[str]:
    """A user of Postgres that is no superuser, as a managed server's is."""
    name = f"owner_{secrets.token_hex(6)}"
    admin = await connect(postgres)
    await admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
    yield name
    await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await admin.close()


async def test_a_database_whose_owner_is_no_superuser_is_kept_apart_too(
    postgres: str, empty_database: str, database: str, owner: str
) -> None:
    del database  # which was migrated, so the roles are there
    admin = await connect(postgres)
    await admin.execute(f"ALTER DATABASE {empty_database.rpartition('/')[2]} OWNER TO {owner}")
    await admin.execute(f"GRANT perdure_api, perdure_engine TO {owner} WITH ADMIN OPTION")
    await admin.close()
    address = urlsplit(empty_database)
    dsn = address._replace(netloc=f"{owner}@{address.netloc.rpartition('@')[2]}").geturl()
    await migrate(dsn)
    await reconcile(dsn)
    api = await open_pool(dsn, role=DatabaseRole.API, max_size=1)
    session_id = await furnish(api, DEFAULT_ORG)
    assert await api.fetchval("SELECT count(*) FROM sessions") == 0
    await sessions_in(api).check(session_id)
    await api.close()
    cleared = await connect(empty_database)
    await cleared.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}")
    await cleared.close()


async def test_who_may_not_make_the_roles_is_told(
    postgres: str, empty_database: str, database: str, owner: str
) -> None:
    del database
    admin = await connect(postgres)
    await admin.execute(f"ALTER DATABASE {empty_database.rpartition('/')[2]} OWNER TO {owner}")
    await admin.close()
    address = urlsplit(empty_database)
    dsn = address._replace(netloc=f"{owner}@{address.netloc.rpartition('@')[2]}").geturl()
    with pytest.raises(SchemaMismatchError, match="perdure_api"):
        await migrate(dsn)
    cleared = await connect(empty_database)
    await cleared.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}")
    await cleared.close()
