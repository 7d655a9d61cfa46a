"""What was deleted leaves the tables, and nothing else does."""

import asyncio

import asyncpg
import pytest

from runtime.agents.built_in import built_in_id
from runtime.core.access.principal import ANONYMOUS_USER, DEFAULT_ORG
from runtime.core.authored.definition import SessionDefinition
from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.identity import Initiator
from runtime.ports.images import Fetched
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store import forgetting as forgetting_store
from runtime.store.files import WorkspaceFiles
from runtime.store.forgetting import Forgetting
from runtime.store.harnesses import HarnessStore
from runtime.store.identity.logins import LoginStore
from runtime.store.images import ImageStore, ShownImageStore
from runtime.store.keys import SessionKeys
from runtime.store.pool import DatabaseRole, Pool, open_pool
from runtime.store.workspaces import WorkspaceStore
from tests.stage import PATIENCE_S
from tests.tenancy import found_org, ours, sessions_in

AGE = "UPDATE sessions SET deleted_at = deleted_at - make_interval(days => $2) WHERE id = $1"
REST = (
    "UPDATE sessions SET created_at = now() - make_interval(days => $2), updated_at = now() - make_interval(days => $2)"
)
LOG = """
INSERT INTO events (org_id, session_id, sequence, id, type, epoch, body)
SELECT org_id, id, n, gen_random_uuid(), 'turn.started', 1, '{}' FROM sessions, generate_series(1, 10) AS n
WHERE id = $1
"""
SNAPSHOT = (
    "INSERT INTO snapshots (org_id, session_id, sequence, version, state) SELECT org_id, id, 1, 'v', '' FROM sessions"
)
# So many sessions before another one, which they are like, but that they are at work every day.
MANY = """
INSERT INTO sessions (org_id, id, harness_id, workspace_id, config, owner_id, created_at)
SELECT s.org_id, lpad(to_hex(n), 32, '0')::uuid, s.harness_id, s.workspace_id, s.config, s.owner_id, s.created_at
FROM sessions s, generate_series(1, $2) AS n WHERE s.id = $1
"""
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'sessions'"
AT = "UPDATE logins SET expires_at = now() - make_interval(days => $2) WHERE id = $1"
REVISION = "SELECT revision FROM access_revision"
ORGS_READ = READ.replace("sessions", "organizations")
PNG = b"\x89PNG\r\n\x1a\n"
KEPT = (
    "events",
    "snapshots",
    "key_values",
    "images",
    "fetched_images",
    "files",
    "pins",
    "session_titles",
    "sessions",
    "workspaces",
)


@pytest.fixture
async def forgetting(db: Pool, database: str) -> Forgetting:
    await HarnessStore(ours(db)).provision()
    return Forgetting(await open_pool(database, role=DatabaseRole.ENGINE, max_size=1), grace_days=7)


async def opened(db: Pool, workspace_id: str | None = None, org_id: str = DEFAULT_ORG) -> str:
    """Open a session of which something is kept in every table."""
    new = NewSession(
        id=new_id("session"),
        harness_id=built_in_id("generic"),
        workspace_id=workspace_id or new_id("wsp"),
        owns_workspace=workspace_id is None,
        definition=SessionDefinition(),
        title="A title",
    )
    await sessions_in(db, org_id).create(new)
    await sessions_in(db, org_id).pin(new.id, is_pinned=True)
    await db.execute(LOG, hex_of(new.id))
    await SessionKeys(ours(db, org_id), new.id).set("a", "b")
    await ImageStore(ours(db, org_id)).create(PNG, "a.png", new.id)
    await ShownImageStore(ours(db, org_id), new.id).keep(new_id("message"), "https://example.com/a.png", Fetched(PNG))
    if workspace_id is None:
        await WorkspaceFiles(ours(db, org_id), new.workspace_id).write("/a.txt", b"a")
    return new.id


async def count(db: Pool) -> dict[str, int]:
    return {table: await db.fetchval(f"SELECT count(*) FROM {table}") for table in KEPT}


async def forget_due(forgetting: Forgetting) -> list[str]:
    due = await forgetting.due()
    for session_id in due:
        await forgetting.forget(session_id)
    return due


async def test_a_deleted_session_is_forgotten_after_its_grace_time_and_not_before(
    db: Pool, forgetting: Forgetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting_store, "EVENTS_AT_ONCE", 3)
    empty = await count(db)
    gone = await opened(db)
    await db.execute(SNAPSHOT)
    one = await count(db)
    assert all(one[table] > empty[table] for table in KEPT)
    await opened(db)
    await sessions_in(db).delete(gone)
    await db.execute(AGE, hex_of(gone), 6)
    assert await forget_due(forgetting) == []
    await db.execute(AGE, hex_of(gone), 2)
    assert await forget_due(forgetting) == [gone]
    assert await count(db) == {**one, "snapshots": 0}
    assert await forget_due(forgetting) == []


async def test_an_organisation_has_a_grace_time_of_its_own(db: Pool, forgetting: Forgetting) -> None:
    other = await found_org(db)
    await db.execute("UPDATE organizations SET deletion_grace_days = 0 WHERE id = $1", hex_of(other))
    gone, kept = await opened(db, org_id=other), await opened(db)
    await sessions_in(db, other).delete(gone)
    await sessions_in(db).delete(kept)
    assert await forget_due(forgetting) == [gone]


async def test_what_others_use_stays(db: Pool, forgetting: Forgetting) -> None:
    shared = await WorkspaceStore(ours(db)).create("shared")
    gone = await opened(db, shared.id)
    parent = await opened(db)
    home = (await sessions_in(db).get(parent)).workspace_id
    child = await opened(db, home)
    await db.execute("UPDATE sessions SET parent_id = $1 WHERE id = $2", hex_of(parent), hex_of(child))
    for session_id in (gone, parent):
        await sessions_in(db).delete(session_id)
        await db.execute(AGE, hex_of(session_id), 8)
    assert await forget_due(forgetting) == [gone, parent]
    assert (await WorkspaceStore(ours(db)).get(shared.id)).status == "active"
    left = await sessions_in(db).get(child)
    assert (left.parent_id, left.workspace_id) == (None, home)
    assert (await WorkspaceFiles(ours(db), home).read("/a.txt")).content == b"a"


async def test_the_workspace_of_a_deleted_session_is_not_there_meanwhile(db: Pool, forgetting: Forgetting) -> None:
    session_id = await opened(db)
    workspace_id = (await sessions_in(db).get(session_id)).workspace_id
    await sessions_in(db).delete(session_id)
    with pytest.raises(NotFoundError):
        await WorkspaceStore(ours(db)).get(workspace_id)
    with pytest.raises(NotFoundError):
        await WorkspaceFiles(ours(db), workspace_id).write("/b.txt", b"b")
    assert await forgetting.due() == []


async def test_sessions_at_rest_are_kept_as_long_as_their_organisation_says(db: Pool, forgetting: Forgetting) -> None:
    other = await found_org(db)
    await db.execute("UPDATE organizations SET retention_days = 10 WHERE id = $1", hex_of(other))
    outdated, kept = await opened(db, org_id=other), await opened(db)
    at_work, fresh = await opened(db, org_id=other), await opened(db, org_id=other)
    await db.execute(REST + " WHERE id = ANY($1::uuid[])", [hex_of(s) for s in (outdated, kept, at_work)], 11)
    await db.execute("UPDATE sessions SET status = 'active' WHERE id = $1", hex_of(at_work))
    assert await forgetting.delete_outdated() == 1
    assert await forgetting.delete_outdated() == 0
    with pytest.raises(NotFoundError):
        await sessions_in(db, other).get(outdated)
    for org_id, session_id in ((DEFAULT_ORG, kept), (other, at_work), (other, fresh)):
        await sessions_in(db, org_id).check(session_id)


async def test_a_session_that_rested_too_long_takes_its_own_workspace_out_of_sight(
    db: Pool, forgetting: Forgetting
) -> None:
    await db.execute("UPDATE organizations SET retention_days = 10")
    alone, one, another, host = [await opened(db) for _ in range(4)]
    homes = [(await sessions_in(db).get(session_id)).workspace_id for session_id in (alone, one, host)]
    await opened(db, homes[2])  # and is there to stay
    shared = await WorkspaceStore(ours(db)).create("shared")
    outdated = [alone, one, another, host, await opened(db, homes[1]), await opened(db, shared.id)]
    await db.execute(REST + " WHERE id = ANY($1::uuid[])", [hex_of(s) for s in outdated], 11)
    assert await forgetting.delete_outdated() == len(outdated)
    for home in homes[:2]:
        with pytest.raises(NotFoundError):
            await WorkspaceStore(ours(db)).get(home)
        with pytest.raises(NotFoundError):
            await WorkspaceFiles(ours(db), home).write("/a.txt", b"b")
    for kept in (homes[2], shared.id):
        assert (await WorkspaceStore(ours(db)).get(kept)).status == "active"


async def test_a_session_whose_message_came_in_that_moment_stays(db: Pool, forgetting: Forgetting) -> None:
    await db.execute("UPDATE organizations SET retention_days = 10")
    session_id = await opened(db)
    await db.execute(REST + " WHERE id = $1", hex_of(session_id), 11)
    async with db.acquire() as writer:
        append = writer.transaction()
        await append.start()
        await writer.execute(
            "UPDATE sessions SET status = 'active', updated_at = now() WHERE id = $1", hex_of(session_id)
        )
        deleting = asyncio.create_task(forgetting.delete_outdated())
        async with asyncio.timeout(PATIENCE_S):
            while not await db.fetchval(BUSY):
                pass
        await append.commit()
    assert await deleting == 0
    await sessions_in(db).check(session_id)


async def test_a_look_for_outdated_sessions_reads_so_many_and_the_next_goes_on(
    db: Pool, forgetting: Forgetting
) -> None:
    await db.execute("UPDATE organizations SET retention_days = 10")
    outdated = await opened(db)
    await db.execute(REST + " WHERE id = $1", hex_of(outdated), 11)
    await db.execute(MANY, hex_of(outdated), 5_000)  # before it
    first = await opened(db)
    assert [await forgetting.delete_outdated() for _ in range(3)] == [0, 1, 0]
    await db.execute(REST + " WHERE id = $1", hex_of(first), 11)
    assert [await forgetting.delete_outdated() for _ in range(2)] == [1, 0]  # after it


async def test_what_waits_long_in_one_organisation_is_not_read_for_the_others(db: Pool, forgetting: Forgetting) -> None:
    await db.execute("UPDATE organizations SET deletion_grace_days = 3650")
    session_id = await opened(db)
    await db.execute(MANY, hex_of(session_id), 200)
    await db.execute("UPDATE sessions SET deleted_at = now() - interval '10 days'")
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # few as they are
        before = await connection.fetchval(READ)
        assert await connection.fetch(forgetting_store.DUE, 7, 100) == []
        assert await connection.fetchval(READ) - before < 200


async def test_a_login_is_forgotten_a_month_after_its_end_and_nobody_needs_to_hear_of_it(
    db: Pool, forgetting: Forgetting
) -> None:
    store, logins = LoginStore(db), [new_id("login") for _ in range(4)]
    for number, login_id in enumerate(logins):
        await store.create(login_id, ANONYMOUS_USER, bytes([number]), 60.0, Initiator())
    for login_id, days in zip(logins[:3], (31, 32, 29), strict=True):
        await db.execute(AT, hex_of(login_id), days)
    before = await db.fetchval(REVISION)
    assert await forgetting.forget_logins() == 2
    assert await forgetting.forget_logins() == 0
    assert [row["id"].hex for row in await db.fetch("SELECT id FROM logins ORDER BY id")] == sorted(
        map(hex_of, logins[2:])
    )
    assert await db.fetchval(REVISION) == before
    await db.execute("DELETE FROM logins")  # one of them is good still
    assert await db.fetchval(REVISION) == before + 1


async def test_what_an_organisation_leaves_behind_goes_in_parts_and_its_files_after_the_grace_time(
    db: Pool, forgetting: Forgetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting_store, "SESSIONS_AT_ONCE", 2)
    empty, other = await count(db), await found_org(db)
    kept, left = await opened(db), [await opened(db, org_id=other) for _ in range(3)]
    home = await WorkspaceStore(ours(db, other)).create("named")
    await WorkspaceFiles(ours(db, other), home.id).write("/a.txt", b"a")
    await ImageStore(ours(db, other)).create(PNG, "a.png", None)
    assert await forgetting.empty_organization() == 0
    await db.execute("UPDATE organizations SET deleted_at = now() WHERE id = $1", hex_of(other))
    assert await forgetting.empty_organization() == 2
    while await forgetting.empty_organization():
        pass
    for session_id in left:
        with pytest.raises(NotFoundError):
            await sessions_in(db, other).check(session_id)
    assert await db.fetchval("SELECT count(*) FROM files WHERE path = '/a.txt'") == 5
    await sessions_in(db).check(kept)
    await db.execute("UPDATE sessions SET deleted_at = now() - interval '8 days' WHERE deleted_at IS NOT NULL")
    await db.execute(
        "UPDATE organizations SET deleted_at = now() - interval '8 days', empty_at = now() WHERE id = $1", hex_of(other)
    )
    while await forget_due(forgetting):
        pass
    while await forgetting.empty_organization():
        pass
    await sessions_in(db).delete(kept)
    await db.execute("UPDATE sessions SET deleted_at = now() - interval '8 days'")
    await forget_due(forgetting)
    assert await count(db) == empty
    assert await db.fetchval("SELECT empty_at FROM organizations WHERE id = $1", hex_of(other)) is None


async def test_organisations_without_such_sessions_are_not_looked_at(db: Pool, forgetting: Forgetting) -> None:
    await db.execute("INSERT INTO organizations (id, name) SELECT gen_random_uuid(), '' FROM generate_series(1, 200)")
    session_id = await opened(db)
    await sessions_in(db).delete(session_id)
    await db.execute(AGE, hex_of(session_id), 8)
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # few as they are
        before = await connection.fetchval(ORGS_READ)
        assert len(await connection.fetch(forgetting_store.DUE, 7, 100)) == 1
        assert await connection.fetchval(ORGS_READ) - before < 20


async def test_nobody_else_may_take_anything_out_of_the_log(db: Pool, forgetting: Forgetting) -> None:
    live = await opened(db)
    with pytest.raises(asyncpg.RestrictViolationError):
        await db.execute("DELETE FROM events")
    await forgetting.forget(live)  # it was not deleted
    assert await db.fetchval("SELECT count(*) FROM events") == 10
