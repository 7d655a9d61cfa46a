"""Sessions on a real database."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest

from runtime.agents.capability import Capability, Registry
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.capabilities.catalogue import BUILT_IN
from runtime.core import event as ev
from runtime.core.authored.definition import (
    AssignedCapability,
    ClientTool,
    HarnessDefinition,
    SessionDefinition,
)
from runtime.core.event import ToolOutputDelta
from runtime.core.ids import hex_of
from runtime.core.placement.supervision import Record
from runtime.engine.services import Services, Tunables
from runtime.fetch.outbound import WayOut
from runtime.host.journal import Journal
from runtime.ports.journal import JournalStore
from runtime.ports.model import Model, Models
from runtime.ports.outbound import OutboundRequest
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.process.outbound_settings import OutboundSettings
from runtime.store.definitions import Definitions
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore
from runtime.store.images import ShownImageStore
from runtime.store.journal import PostgresJournal
from runtime.store.keys import SessionKeys
from runtime.store.layer_secrets import ConnectionsInSession, SecretsOfSession
from runtime.store.placement import PlacementStore
from runtime.store.pool import Pool, connect, open_pool
from tests.integration.ground import CLEAN, settle
from tests.stage import FAST, PATIENCE_S, Conversation, Gate, OneModel, Process, ScriptedModel, Step, decoded
from tests.tenancy import VAULT, ours, sessions_in

CLIENT_TOOL = ClientTool("ask_human", "Ask the human.", {"type": "object", "properties": {}})


class Probe(Capability):
    """Tools that keep count of what they did."""

    id, name, description = "probe", "Probe", "Counts effects."

    def __init__(self) -> None:
        self.effects: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.gate: Gate | None = None

    @tool(on_interrupt=OnInterrupt.ONCE)
    async def pay(self, context: ToolContext) -> str:
        """Do what must not be done twice."""
        await self._act("pay", context)
        return "paid"

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def look(self, context: ToolContext) -> str:
        """Do what may be repeated."""
        await self._act("look", context)
        return "seen"

    @tool(on_interrupt=OnInterrupt.ASK, display_name="Wire transfer")
    async def wire(self, context: ToolContext) -> str:
        """Do what only a person may judge when it was cut off."""
        await self._act("wire", context)
        return "wired"

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def visit(self, context: ToolContext, url: str) -> str:
        """Return what is there."""
        return (await context.outbound.fetch(OutboundRequest(url=url))).body.decode()

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def betray(self, context: ToolContext, name: str) -> str:
        """Put a secret out, letter by letter."""
        value = await context.secrets.reveal(name) or ""
        for letter in f"<{value}>":
            context.emit(ToolOutputDelta(context.tool_call_id, "betray", letter, "stdout"))
        return "told"

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def account(self, context: ToolContext) -> dict[str, object]:
        """Use the user's account at github."""
        connection = context.connection("github")
        key = await connection.reveal()
        return {"said": key, "length": len(key)}

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def share(self, context: ToolContext) -> None:
        """Wait for what somebody else has stopped."""
        shared = asyncio.create_task(asyncio.sleep(60))
        shared.cancel()
        await shared

    async def _act(self, name: str, context: ToolContext) -> None:
        self.effects.append((name, context.tool_call_id))
        self.keys.append(context.idempotency_key)
        if self.gate is not None:
            await self.gate.pass_through()


class Deployment:
    """One database, and the processes that this test runs on it."""

    def __init__(self, pool: Pool, harness_id: str) -> None:
        self.pool = pool
        self.probe = Probe()
        self.way_out = WayOut(OutboundSettings())
        self.models: Models = OneModel()
        self.store = PostgresJournal(pool, pool)
        self.placements = PlacementStore(pool)
        self.harness_id = harness_id
        self._processes: list[Process] = []

    async def new_session(self, **own: Any) -> str:
        """Make a session; `own` is what else its definition says."""
        new = NewSession(
            id=new_id("session"),
            harness_id=self.harness_id,
            workspace_id=new_id("wsp"),
            owns_workspace=True,
            definition=SessionDefinition(
                capabilities=tuple(
                    AssignedCapability(ref) for ref in ("test_math", "session", "session_storage", "probe")
                ),
                tools=(CLIENT_TOOL,),
                **own,
            ),
        )
        return (await sessions_in(self.pool).create(new)).id

    def _services(
        self, model: Model, tunables: Tunables, journal: Journal | None, store: JournalStore | None
    ) -> Services:
        store = store or self.store
        return Services(
            journal=journal or Journal(store),
            store=store,
            composer=Definitions(self.pool, Registry([*BUILT_IN, self.probe])),
            models=self.models,
            model=model,
            workspace=lambda org_id, workspace_id: WorkspaceFiles(ours(self.pool, org_id), workspace_id),
            images=lambda org_id, session_id: ShownImageStore(ours(self.pool, org_id), session_id),
            keys=lambda org_id, session_id: SessionKeys(ours(self.pool, org_id), session_id),
            secrets=lambda org_id, session_id: SecretsOfSession(ours(self.pool, org_id), VAULT, session_id),
            connections=lambda org_id, session_id, user_id: ConnectionsInSession(
                ours(self.pool, org_id), VAULT, session_id, user_id
            ),
            outbound=self.way_out.of,
            tunables=tunables,
        )

    def process(
        self,
        model: Model,
        tunables: Tunables = FAST,
        journal: Journal | None = None,
        store: JournalStore | None = None,
    ) -> Process:
        process = Process(self._services(model, tunables, journal, store))
        self._processes.append(process)
        return process

    async def place(self, session_id: str, record: Record = CLEAN) -> int:
        return (await settle(self.placements, {session_id: "here"}, record))[session_id]

    async def converse(self, process: Process, session_id: str | None = None) -> Conversation:
        """Place a session, by default a new one, in a process, and watch it."""
        session_id = session_id or await self.new_session()
        conversation = Conversation(process, session_id, await self.place(session_id))
        await conversation.watch()
        return conversation

    async def begin(self, *scripts: Sequence[Step], tunables: Tunables = FAST) -> Conversation:
        """Start a process with a scripted model and a session in it."""
        return await self.converse(self.process(ScriptedModel(*scripts), tunables))

    async def log(self, session_id: str) -> list[ev.Event]:
        rows = await self.pool.fetch(
            "SELECT body FROM events WHERE session_id = $1 ORDER BY sequence", hex_of(session_id)
        )
        return decoded([row["body"].encode() for row in rows])

    async def status(self, session_id: str) -> str:
        return str(await self.pool.fetchval("SELECT status FROM sessions WHERE id = $1", hex_of(session_id)))

    async def eventually(self, met: Callable[[], bool]) -> None:
        """Let the others run until it is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not met():
                await self.pool.fetchval("SELECT 1")

    async def close(self) -> None:
        for process in self._processes:
            await process.kill()
        await self.way_out.aclose()


@pytest.fixture(scope="session")
def shared_database(postgres: str, template: str) -> Iterator[str]:
    """The address of one database for all tests whose sessions do not meet: a copy for each would cost more."""
    name = f"shared_{secrets.token_hex(6)}"
    asyncio.run(_run(postgres, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield f"{postgres.rpartition('/')[0]}/{name}"
    asyncio.run(_run(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


async def _run(dsn: str, statement: str) -> None:
    connection = await connect(dsn)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def shared_db(shared_database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(shared_database)
    yield pool
    await pool.close()


@pytest.fixture
async def deployment(shared_db: Pool) -> AsyncIterator[Deployment]:
    harness = await HarnessStore(ours(shared_db)).create(f"test-{secrets.token_hex(6)}", HarnessDefinition())
    made = Deployment(shared_db, harness.id)
    yield made
    await made.close()
