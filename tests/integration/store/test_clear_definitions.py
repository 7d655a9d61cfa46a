"""Definitions that were stored before there were secrets lose theirs at the first start."""

import json
from typing import Any, Final

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.authored.definition import AgentDefinition, HarnessDefinition, SessionDefinition
from runtime.core.ids import hex_of
from runtime.ports.secrets import Kind
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store.agents import AgentStore
from runtime.store.harnesses import HarnessStore
from runtime.store.layer_secrets import SecretsOfSession
from runtime.store.pool import Pool
from runtime.wiring.secrets import withhold_stored
from tests.tenancy import RING, VAULT, ours, secrets_in, sessions_in

VALUE: Final = "Bearer in-the-clear"
SERVERS: Final[dict[str, Any]] = {
    "a": {"url": "https://a.example.com", "headers": {"Authorization": VALUE}, "of_tomorrow": 1},
    "odd": {"headers": {"X": 1}},
}
FLAG: Final = "SELECT definitions_withheld FROM deployment"


async def furnish(db: Pool, servers: dict[str, Any]) -> dict[str, str]:
    """Store definitions as an older version did; return ids by table."""
    harness = await HarnessStore(ours(db)).create("home", HarnessDefinition(mcp_servers=servers))
    agent, _ = await AgentStore(ours(db)).upsert("helper", harness.id, AgentDefinition(mcp_servers=servers))
    new = NewSession(
        id=new_id("session"),
        harness_id=harness.id,
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(mcp_servers=servers, locale="uk"),
    )
    await sessions_in(db).create(new)
    return {"harnesses": harness.id, "agents": agent.id, "sessions": new.id}


async def config(db: Pool, table: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await db.fetchval(f"SELECT config FROM {table} WHERE id = $1", hex_of(key)))
    return found


async def test_secrets_leave_stored_definitions_once(db: Pool, database: str) -> None:
    made = await furnish(db, {"a": SERVERS["a"]})
    await withhold_stored(database, RING)
    session = SecretsOfSession(ours(db, DEFAULT_ORG), VAULT, made["sessions"])
    for table, key in made.items():
        stored = await config(db, table, key)
        assert "in-the-clear" not in str(stored)
        assert stored["mcp_servers"]["a"]["of_tomorrow"] == 1
        assert await session.redeem(stored["mcp_servers"]["a"]["headers"]["Authorization"]) == VALUE
    assert (await config(db, "sessions", made["sessions"]))["locale"] == "uk"
    assert await secrets_in(db, Kind.AGENT, made["agents"]).reveal("mcp/a/headers/Authorization") == VALUE
    assert await db.fetchval(FLAG)
    before = await config(db, "agents", made["agents"])
    await withhold_stored(database, RING)
    assert await config(db, "agents", made["agents"]) == before


async def test_what_cannot_be_a_secret_does_not_stop_a_start(db: Pool, database: str) -> None:
    made = await furnish(db, {"odd": SERVERS["odd"]})
    await withhold_stored(database, RING)
    assert (await config(db, "agents", made["agents"]))["mcp_servers"] == {"odd": SERVERS["odd"]}
    assert await db.fetchval(FLAG)
