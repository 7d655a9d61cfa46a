"""What a session actor stands on, as `runtime.wiring` puts it together, when many sessions want all of it at once."""

import asyncio
import json

from runtime.core.authored.definition import AssignedCapability, SessionDefinition
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.process.settings import JournalSettings, Settings
from runtime.store.harnesses import HarnessStore
from runtime.store.placement import PlacementStore
from runtime.store.pool import Pool, open_pool
from runtime.store.workspaces import WorkspaceStore
from runtime.wiring import open_actor
from tests.integration.ground import settle
from tests.stage import Conversation, Process
from tests.tenancy import VAULT, ours, sessions_in

SESSIONS = 40
STEPS = 4
CONNECTIONS = 3
HELD = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
OUTCOMES = """
SELECT body->'data'->>'tool_name' || ' ' || (body->'data'->>'status') AS outcome, count(*) AS count
FROM events WHERE type = 'tool.completed' GROUP BY outcome
"""


def script() -> str:
    """Return a message on which the simulated model uses the workspace and the keys again and again."""
    calls = [
        {"name": "write_file", "arguments": {"path": "/shared.txt", "content": "x" * 10_000}},
        {"name": "read_file", "arguments": {"path": "/shared.txt"}},
        {"name": "kv_store", "arguments": {"operation": "set", "key": "a", "value": "1"}},
    ]
    lines = "\n".join(json.dumps({"say": "Working.", "call": calls}) for _ in range(STEPS))
    return f"```sim\n{lines}\n```"


async def opened(outside: Pool, workspace_id: str) -> str:
    harness = await HarnessStore(ours(outside)).get("base")
    new = NewSession(
        id=new_id("session"),
        harness_id=harness.id,
        workspace_id=workspace_id,
        owns_workspace=False,
        definition=SessionDefinition(
            capabilities=(AssignedCapability("session_file_system"), AssignedCapability("session_storage"))
        ),
    )
    return (await sessions_in(outside).create(new)).id


async def most_held(outside: Pool, until: asyncio.Event) -> int:
    """Return how many connections others held at most, until something happens."""
    most = 0
    while not until.is_set():
        most = max(most, await outside.fetchval(HELD))
    return most


async def test_busy_actor_holds_three_connections_and_nothing_starves(database: str) -> None:
    """Promised: an actor has three, the journal's its own. Many sessions in one workspace get along with the others."""
    outside = await open_pool(database, max_size=1)
    await HarnessStore(ours(outside)).provision()
    workspace_id = (await WorkspaceStore(ours(outside)).create("shared")).id
    session_ids = [await opened(outside, workspace_id) for _ in range(SESSIONS)]
    epochs = await settle(PlacementStore(outside), dict.fromkeys(session_ids, "here"))
    settings = Settings.load(journal=JournalSettings(snapshot_every_events=1).model_dump())
    runtime = await open_actor(settings, database, lambda _: VAULT)
    process, is_over = Process(runtime.services), asyncio.Event()
    watching = asyncio.create_task(most_held(outside, is_over))
    chats = [Conversation(process, session_id, epochs[session_id]) for session_id in session_ids]
    await asyncio.gather(*(chat.watch() for chat in chats))
    await asyncio.gather(*(chat.send(script()) for chat in chats))
    await process.seen("session.idled", SESSIONS)
    is_over.set()
    assert await watching == CONNECTIONS
    outcomes = {row["outcome"]: row["count"] for row in await outside.fetch(OUTCOMES)}
    done = dict.fromkeys(("write_file success", "read_file success", "kv_store success"), SESSIONS * STEPS)
    assert outcomes == done
    await process.close()
    assert await outside.fetchval("SELECT count(*) FROM snapshots") == SESSIONS
    await runtime.close()
    await outside.close()
