"""A database that a server without organisations wrote: after the upgrade it is the default organisation's, whole."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from runtime.core.ids import hex_of
from runtime.store.agents import AgentStore
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore, reconcile
from runtime.store.migrate import MIGRATIONS, migrate
from runtime.store.pool import DatabaseRole, connect, open_pool
from tests.integration.conftest import Deployment
from tests.laws import check_log
from tests.stage import ScriptedModel, say
from tests.tenancy import found_org, ours, sessions_in

WRITTEN: Final = Path(__file__).parent / "store" / "schema_8.sql"
SESSION: Final = "session_01a21b753762700081b314d594204fdd"
OTHER_SESSION: Final = "session_01a21b75618e7000af06c12a1b9b3efc"
LAST: Final = {SESSION: 33, OTHER_SESSION: 11}


@pytest.fixture
async def upgraded(empty_database: str, tmp_path: Path) -> str:
    for path in sorted(MIGRATIONS.glob("*.sql"))[:8]:
        shutil.copy(path, tmp_path)
    await migrate(empty_database, tmp_path)
    connection = await connect(empty_database)
    await connection.execute(WRITTEN.read_text())
    await connection.close()
    await migrate(empty_database)
    await reconcile(empty_database)
    return empty_database


async def test_all_that_was_there_is_the_default_organisations(upgraded: str) -> None:
    owner, api = await open_pool(upgraded), await open_pool(upgraded, role=DatabaseRole.API)
    other = await found_org(owner)
    try:
        for session_id, last in LAST.items():
            session = await sessions_in(api).get(session_id)
            assert session.last_sequence == last
            count = "SELECT count(*) FROM events WHERE session_id = $1"
            assert await ours(api).fetchval(count, hex_of(session_id)) == last
            assert await ours(api, other).fetchval(count, hex_of(session_id)) == 0
        session = await sessions_in(api).get(SESSION)
        assert session.is_pinned
        assert (await WorkspaceFiles(ours(api), session.workspace_id).read("/poem.txt")).content == b"Nothing is lost."
        assert [agent.name for agent in (await AgentStore(ours(api)).list()).items] == ["poet"]
        assert "workshop" in {harness.name for harness in await HarnessStore(ours(api)).list()}
    finally:
        await owner.close()
        await api.close()


async def test_its_conversations_go_on(upgraded: str) -> None:
    pool = await open_pool(upgraded, role=DatabaseRole.ENGINE)
    deployment = Deployment(pool, "")
    try:
        before = await deployment.log(SESSION)
        model = ScriptedModel(say("It did."))
        chat = await deployment.converse(deployment.process(model), SESSION)
        await chat.send("Did the poem survive?")
        await chat.turns_ended()
        log = await deployment.log(SESSION)
        assert log[: len(before)] == before
        check_log(log)
        assert "Nothing is lost." in str(model.requests[0].history)
    finally:
        await deployment.close()
        await pool.close()
