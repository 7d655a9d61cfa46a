"""The rows of a big deployment, made inside Postgres: what a real one holds of each session, and few events."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg

from loadtests.cluster.plan import APART_MS, BORN_MS, Plan
from runtime.store.migrate import MIGRATIONS, migrate

# Rows are made under the schema of the first so many migrations; the later ones run on them, as they would on those of
# a deployment, and fill what they add.
EARLY: Final = 6
RARE: Final = "needle in the haystack"  # the title of one session, half-way to the oldest
CHUNK: Final = 500_000

# What sessions stand on: one harness, one workspace, some agents.
GROUND: Final = """
INSERT INTO harnesses (id, name, config) VALUES (lpad('1', 32, '0')::uuid, 'support', '{}');
INSERT INTO workspaces (id, name) VALUES (lpad('1', 32, '0')::uuid, 'shared');
"""
AGENTS: Final = """
INSERT INTO agents (id, name, harness_id, config)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'agent-' || n, lpad('1', 32, '0')::uuid,
    json_build_object('system_prompt', repeat('Be kind. ', 50))
FROM generate_series(1, $1::int) n
"""

# Session 0 is the youngest, and made last. Ids and names are those of plan.py.
ID: Final = f"""
(lpad(to_hex({BORN_MS} - n * {APART_MS}::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid
"""
SESSIONS: Final = f"""
INSERT INTO sessions (
    id, harness_id, agent_id, workspace_id, config, title, status, epoch, actor, last_sequence, steps, usage, preview,
    output_preview, created_at, updated_at, started_at, finished_at
)
SELECT {ID}, lpad('1', 32, '0')::uuid, lpad(to_hex(1 + n * 7919 % $1::bigint), 32, '0')::uuid, lpad('1', 32, '0')::uuid,
    '{{"tags":["support"],"locale":"en"}}',
    CASE WHEN n = $7::bigint THEN '{RARE}' WHEN n % 5 < 3 THEN 'Order ' || 7000000 + n || ': where is my parcel?' END,
    CASE WHEN b.is_in_turn THEN 'active' ELSE 'idle' END,
    1, CASE WHEN n < $4::bigint THEN 'session-' || lpad(to_hex(n * $6::bigint / $4::bigint), 12, '0') END,
    24, 3, '{{"input_tokens":1834,"output_tokens":412,"cache_read_tokens":1024,"estimated_cost_usd":0.0123}}',
    'Good morning! My order ' || 7000000 + n || ' has not come, though it was to be here on Monday.',
    'I am sorry to hear that. Your parcel left our house on Friday and is with the carrier, who says that it comes',
    t.at, t.at, t.at, CASE WHEN NOT b.is_in_turn THEN t.at END
FROM generate_series($3::bigint - 1, $2::bigint, -1) n,
    LATERAL (SELECT to_timestamp(({BORN_MS} - n * {APART_MS}::bigint) / 1000.0) AS at) t,
    LATERAL (SELECT n < $4::bigint AND (
        n < $5::bigint OR n * $8::bigint % greatest($4::bigint - $5::bigint, 1) < $8::bigint
    ) AS is_in_turn) b
"""
LAST_EVENTS: Final = """
INSERT INTO events (session_id, sequence, id, type, epoch, turn_id, body)
SELECT id, last_sequence, id, 'reason.started', epoch, id,
    json_build_object('type', 'reason.started', 'session_id', id, 'sequence', last_sequence, 'data', '{}'::json)
FROM sessions WHERE status = 'active'
"""
INDEXES: Final = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made
FROM pg_index i WHERE i.indrelid = 'sessions'::regclass AND NOT i.indisprimary
"""


async def fill(plan: Plan, progress: Callable[[str], None]) -> None:
    """Make everything, and bring the schema up to date."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(MIGRATIONS.glob("*.sql"))[:EARLY]:
            shutil.copy(file, folder)
        await migrate(plan.dsn, Path(folder))
    connection = await asyncpg.connect(plan.dsn)
    try:
        await connection.execute("SET session_replication_role = replica")  # what is generated refers to what is there
        await connection.execute("SET maintenance_work_mem = '1GB'")
        await _make(connection, plan, progress)
        progress("rows: later migrations ...")
        await migrate(plan.dsn)
        progress("rows: statistics ...")
        await connection.execute("VACUUM (ANALYZE) sessions")
        await connection.execute("ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    progress(f"rows: done in {time.perf_counter() - began:.0f} s")


async def _make(connection: "asyncpg.Connection[asyncpg.Record]", plan: Plan, progress: Callable[[str], None]) -> None:
    await connection.execute(GROUND)
    await connection.execute(AGENTS, plan.scale.agents)
    indexes = await connection.fetch(INDEXES)
    async with connection.transaction():  # of a table that is emptied in it nothing goes into the log
        await connection.execute("TRUNCATE sessions CASCADE")
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        await _sessions(connection, plan, progress)
        for index in indexes:
            progress(f"rows: {index['name']} ...")
            await connection.execute(index["made"])
    await connection.execute(LAST_EVENTS)


async def _sessions(
    connection: "asyncpg.Connection[asyncpg.Record]", plan: Plan, progress: Callable[[str], None]
) -> None:
    scale = plan.scale
    for end in range(scale.sessions, 0, -CHUNK):
        start = max(0, end - CHUNK)
        await connection.execute(
            SESSIONS, scale.agents, start, end, scale.placed, plan.dying, scale.actors, scale.sessions // 2,
            scale.in_turn - plan.dying,
        )  # fmt: skip
        progress(f"rows: {scale.sessions - start:,} of {scale.sessions:,} sessions ...")
