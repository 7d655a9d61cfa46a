"""The list of sessions: few of them and very many."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from runtime.agents.built_in import built_in_id
from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.authored.definition import AgentDefinition, SessionDefinition
from runtime.core.errors import InvalidInputError, NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.listed import COUNTED_MOST
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store import listing
from runtime.store.agents import AgentStore
from runtime.store.harnesses import HarnessStore
from runtime.store.listing import Choice, among_all, among_newest, count, newest
from runtime.store.migrate import MIGRATIONS, migrate
from runtime.store.pool import DatabaseRole, Pool, connect, open_pool
from runtime.store.rows import public_id
from runtime.store.sessions import SessionStore
from tests.tenancy import ours, sessions_in

CROWD = COUNTED_MOST + 500
# Two at a time have the same time, and all have theirs before now.
FILL = """
WITH w AS (INSERT INTO workspaces (org_id, id) VALUES (current_org(), gen_random_uuid()) RETURNING org_id, id)
INSERT INTO sessions (org_id, owner_id, id, harness_id, agent_id, workspace_id, config, title, created_at)
SELECT w.org_id, lpad('1', 32, '0')::uuid, gen_random_uuid(), $1, $2, w.id, '{}', $3,
    now() - make_interval(secs => n / 2 + 1)
FROM w, generate_series(1, $4::int) AS n
"""
# Three sessions under the schema of the first six migrations.
BEFORE = """
WITH h AS (INSERT INTO harnesses (id, name, config) VALUES (gen_random_uuid(), 'old', '{}') RETURNING id),
    w AS (INSERT INTO workspaces (id) VALUES (gen_random_uuid()) RETURNING id)
INSERT INTO sessions (id, harness_id, workspace_id, config, title, is_pinned, deleted_at)
SELECT gen_random_uuid(), h.id, w.id, '{}', s.title, s.is_pinned, s.deleted_at FROM h, w, (
    VALUES ('An old one', true, NULL), ('A deleted one', false, now()), (NULL, false, NULL)
) AS s (title, is_pinned, deleted_at)
"""
IN_ORDER = "SELECT id FROM sessions WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC"
RETITLE = "UPDATE sessions SET title = $2 WHERE id = $1"
BREAK = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'session_titles_newest_of_org'::regclass"
LOOKED_UP = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'session_titles_grams'"
PATIENCE_S = 20.0
TITLES = (
    "Trip to Lviv", "trip to L'viv", "A \\ and a '", "100% of it", "Überfahrt", "數據分析報告", "ab", "b", "  ", "",
    "the same again and again", "A&B | !C <-> :*", "line\nbreak",
)  # fmt: skip
TEXTS = (
    "trip", "TRIP TO L", "'", "\\", "% o", "überf", "數據", "告", "ab", "b", " ", "  ", "again and again", "gain",
    "&b | !c <-> :", "e\nb", "nothing like it", "x",
)  # fmt: skip


@pytest.fixture
async def sessions(db: Pool) -> SessionStore:
    await HarnessStore(ours(db)).provision()
    return sessions_in(db)


async def opened(sessions: SessionStore, title: str | None = None, agent_id: str | None = None) -> str:
    new = NewSession(
        id=new_id("session"),
        harness_id=built_in_id("generic"),
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(),
        agent_id=agent_id,
        title=title,
    )
    return (await sessions.create(new)).id


async def agent(db: Pool) -> str:
    made, _ = await AgentStore(ours(db)).upsert("helper", built_in_id("generic"), AgentDefinition())
    return made.id


async def crowd(db: Pool, *, title: str | None = None, agent_id: str | None = None) -> None:
    """Open more sessions than are counted, all before now."""
    await ours(db).execute(FILL, hex_of(built_in_id("generic")), agent_id and hex_of(agent_id), title, CROWD)
    await db.execute("VACUUM ANALYZE sessions")
    await db.execute("VACUUM ANALYZE session_titles")


async def test_list_is_read_to_its_end_behind_one_session_after_another(sessions: SessionStore, db: Pool) -> None:
    await crowd(db)
    found: list[str] = []
    has_more = True
    while has_more:
        page = await sessions.list(after_id=found[-1] if found else None, limit=1_000)
        left = CROWD - len(found)
        assert (page.total, page.is_total_exact) == (min(COUNTED_MOST, left), left <= COUNTED_MOST)
        found += [session.id for session in page.items]
        has_more = page.has_more
    assert found == [public_id("session", row["id"]) for row in await db.fetch(IN_ORDER)]


async def test_total_is_exact_as_far_as_is_counted_and_never_too_high(sessions: SessionStore, db: Pool) -> None:
    await crowd(db)
    for offset, total in ((0, COUNTED_MOST), (COUNTED_MOST - 10, COUNTED_MOST), (COUNTED_MOST, COUNTED_MOST + 21)):
        page = await sessions.list(offset=offset)
        assert (page.total, page.is_total_exact, page.has_more) == (max(total, offset + 21), False, True)
    await db.execute("UPDATE sessions SET deleted_at = now() WHERE id IN (SELECT id FROM sessions LIMIT 500)")
    page = await sessions.list()
    assert (page.total, page.is_total_exact) == (COUNTED_MOST, True)
    last = await sessions.list(offset=COUNTED_MOST - 5)
    assert (len(last.items), last.total, last.is_total_exact, last.has_more) == (5, COUNTED_MOST, True, False)


async def test_deleted_session_can_still_be_read_behind(sessions: SessionStore) -> None:
    first, second, third = [await opened(sessions) for _ in range(3)]
    await sessions.delete(second)
    assert [session.id for session in (await sessions.list(after_id=second)).items] == [first]
    assert [session.id for session in (await sessions.list()).items] == [third, first]
    with pytest.raises(NotFoundError):
        await sessions.list(after_id=new_id("session"))


async def test_text_is_found_in_old_titles_as_in_new_ones(sessions: SessionStore, db: Pool) -> None:
    for title in TITLES:
        await opened(sessions, title)
    new = [await sessions.list(search=text) for text in TEXTS]
    await db.execute("UPDATE sessions SET created_at = now() - interval '1 year'")
    await db.execute("UPDATE session_titles SET created_at = now() - interval '1 year'")
    await crowd(db, title="q")
    for text, few in zip(TEXTS, new, strict=True):
        titles = {title for title in TITLES if text.lower() in title.lower()}
        assert ({session.title for session in few.items}, few.total) == (titles, len(titles))
        many = await sessions.list(search=text)
        assert {session.id for session in many.items} == {session.id for session in few.items}
        assert (many.total, many.is_total_exact) == (few.total, True)


async def test_frequent_text_is_found_among_the_newest(sessions: SessionStore, db: Pool) -> None:
    await crowd(db, title="Weekly report")
    page = await sessions.list(search="weekly", limit=2)
    assert (len(page.items), page.is_total_exact, page.has_more) == (2, False, True)
    assert COUNTED_MOST <= page.total <= CROWD
    further = await sessions.list(search="weekly", limit=2, after_id=page.items[-1].id)
    assert [s.id for s in (*page.items, *further.items)] == [s.id for s in (await sessions.list(limit=4)).items]


async def test_rare_text_of_an_agent_is_paged_too(sessions: SessionStore, db: Pool) -> None:
    agent_id = await agent(db)
    made = [await opened(sessions, f"Needle {number}", agent_id) for number in range(4)]
    await opened(sessions, "Needle of another")
    await db.execute("UPDATE sessions SET created_at = now() - interval '1 year'")
    await db.execute("UPDATE session_titles t SET created_at = s.created_at FROM sessions s WHERE s.id = t.id")
    await crowd(db, title="q", agent_id=agent_id)
    page = await sessions.list(search="needle", agent_id=agent_id, limit=3, offset=1)
    assert ([session.id for session in page.items], page.total, page.has_more) == (made[2::-1], 4, False)
    page = await sessions.list(search="needle", agent_id=agent_id, limit=1, after_id=made[3])
    assert ([session.id for session in page.items], page.total, page.has_more) == ([made[2]], 3, True)
    beyond = await sessions.list(search="needle", agent_id=agent_id, offset=9)
    assert (beyond.items, beyond.total) == ([], 4)


async def test_frequent_text_is_found_where_an_agent_has_it(sessions: SessionStore, db: Pool) -> None:
    agent_id = await agent(db)
    made = [await opened(sessions, f"Weekly {number}", agent_id) for number in range(3)]
    await crowd(db, title="Weekly report")
    page = await sessions.list(search="weekly", agent_id=agent_id, limit=2)
    assert ([session.id for session in page.items], page.total, page.has_more) == (made[:0:-1], 3, True)


async def test_index_of_titles_follows_what_becomes_of_sessions(sessions: SessionStore, db: Pool) -> None:
    kept, renamed, deleted, untitled = [await opened(sessions, f"first {n}") for n in range(4)]
    await db.execute(RETITLE, hex_of(renamed), "second")
    await db.execute(RETITLE, hex_of(untitled), None)
    await sessions.delete(deleted)
    late = await opened(sessions)
    await db.execute(RETITLE, hex_of(late), "third")
    rows = await db.fetch("SELECT id, title FROM session_titles")
    titles = {public_id("session", row["id"]): row["title"] for row in rows}
    assert titles == {kept: "first 0", renamed: "second", late: "third"}


async def test_search_that_takes_too_long_is_refused_in_words(
    sessions: SessionStore, db: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(db, title="q")
    monkeypatch.setattr(listing, "SEARCH_TIMEOUT_S", 1e-6)
    with pytest.raises(InvalidInputError) as caught:
        await sessions.list(search="anything")
    assert caught.value.stable_code == "search_too_broad"


@pytest.fixture
async def acting(database: str) -> AsyncIterator[Pool]:
    """Connections of a front door, which policies hold back."""
    pool = await open_pool(database, role=DatabaseRole.API)
    yield pool
    await pool.close()


async def test_lists_are_answered_from_their_indexes(sessions: SessionStore, db: Pool, acting: Pool) -> None:
    agent_id = await agent(db)
    await crowd(db)
    await crowd(db, title="Old", agent_id=agent_id)
    await crowd(db, title="Older", agent_id=agent_id)
    start = await db.fetchrow("SELECT created_at, id FROM sessions OFFSET 5000 LIMIT 1")
    assert start is not None
    tenant = ours(acting)
    everyone, of_agent, behind = Choice(), Choice(hex_of(agent_id)), Choice(after=tuple(start))
    for statement, choice, arguments, index in (
        (newest(everyone), everyone, (0, 20), "sessions_newest_of_org"),
        (newest(behind), behind, (0, 20), "sessions_newest_of_org"),
        (newest(of_agent), of_agent, (0, 20), "sessions_newest_of_agent"),
        (count(everyone), everyone, (), "sessions_newest_of_org"),
        (among_newest(everyone), everyone, (0, 20, "needle"), "session_titles_newest_of_org"),
    ):
        rows = await tenant.fetch(f"EXPLAIN {statement}", *arguments, *choice.arguments)
        plan = "\n".join(row[0] for row in rows)
        assert f" {index}\n" in plan or f" {index} " in plan
        assert "Seq Scan" not in plan
        assert "Sort Key: sessions" not in plan
    looked_up = await db.fetchval(LOOKED_UP)
    await tenant.fetch(among_all(everyone), 0, 20, "needle")
    async with acting.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    async with asyncio.timeout(PATIENCE_S):
        while await db.fetchval(LOOKED_UP) == looked_up:
            pass


async def test_sessions_from_before_the_index_of_titles_are_in_it(empty_database: str, tmp_path: Path) -> None:
    before = sorted(MIGRATIONS.glob("*.sql"))[:6]
    for path in before:
        shutil.copy(path, tmp_path)
    await migrate(empty_database, tmp_path)
    pool = await open_pool(empty_database)
    await pool.execute(BEFORE)
    await migrate(empty_database)
    assert [tuple(row) for row in await pool.fetch("SELECT title, org_id::text FROM session_titles")] == [
        ("An old one", str(UUID(hex_of(DEFAULT_ORG))))
    ]
    shown = await sessions_in(pool).list()
    await pool.close()
    assert sorted((session.title or "", session.is_pinned) for session in shown.items) == [
        ("", False), ("An old one", True),
    ]  # fmt: skip


async def test_broken_build_of_an_index_is_begun_anew(empty_database: str, tmp_path: Path) -> None:
    for path in MIGRATIONS.glob("*.sql"):
        if int(path.name[:4]) <= 12:
            shutil.copy(path, tmp_path)
    await migrate(empty_database, tmp_path)
    connection = await connect(empty_database)
    await connection.execute("DELETE FROM schema_migrations WHERE number = 12")
    await connection.execute("DROP INDEX sessions_newest_of_org")
    await connection.execute(BREAK)
    assert 12 in [step.number for step in await migrate(empty_database)]
    broken = await connection.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
    assert (broken, await connection.fetchval("SELECT to_regclass('sessions_newest_of_org') IS NOT NULL")) == (0, True)
    await connection.close()
