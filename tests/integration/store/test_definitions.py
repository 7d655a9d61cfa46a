"""The live definitions: read anew for each turn, shared by the sessions that ask at once."""

import asyncio
from typing import Any

import asyncpg
import pytest

from runtime.agents.built_in import built_in_id
from runtime.agents.capability import Registry
from runtime.agents.live import Binding
from runtime.capabilities.catalogue import BUILT_IN
from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.authored.definition import AgentDefinition, HarnessDefinition, SessionDefinition
from runtime.core.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store.agents import AgentStore
from runtime.store.definitions import Definitions
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from tests.tenancy import ours, sessions_in

BASE = built_in_id("base")


class CountingPool:
    """A real pool that tells when a query begins, and keeps what it answered."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.began = asyncio.Event()
        self.answers: list[list[str]] = []

    async def fetch(self, *arguments: Any) -> list[asyncpg.Record]:
        self.began.set()
        rows = await self.pool.fetch(*arguments)
        self.answers.append(sorted(row["name"] for row in rows))
        return rows


@pytest.fixture
async def pool(db: Pool) -> CountingPool:
    await HarnessStore(ours(db)).provision()
    return CountingPool(db)


@pytest.fixture
def definitions(pool: CountingPool) -> Definitions:
    return Definitions(pool, Registry(BUILT_IN))  # type: ignore[arg-type]  # it has the one method that is used


def bound(harness_id: str = BASE, agent_id: str | None = None, **fields: Any) -> Binding:
    return Binding(new_id("session"), DEFAULT_ORG, harness_id, agent_id, SessionDefinition(**fields))


async def test_a_chain_of_harnesses_and_an_agent_are_composed(definitions: Definitions, db: Pool) -> None:
    child = await HarnessStore(ours(db)).create("child", HarnessDefinition(system_prompt="Child."), parent_id=BASE)
    agent, _ = await AgentStore(ours(db)).upsert("helper", child.id, AgentDefinition(system_prompt="Agent."))
    composed = await definitions.load(bound(child.id, agent.id, system_prompt="Session."))
    assert composed.system_prompt == "You are a helpful assistant.\n\nChild.\n\nSession.\n\nAgent."


async def test_the_generic_harness_can_be_composed(definitions: Definitions) -> None:
    composed = await definitions.load(bound(built_in_id("generic")))
    assert composed.capabilities == ("session_file_system", "session_storage", "session", "error_disclosure")
    assert "read_file" in composed.tools


async def test_each_turn_sees_the_definition_as_it_is_now(definitions: Definitions, db: Pool) -> None:
    agents = AgentStore(ours(db))
    agent, _ = await agents.upsert("helper", BASE, AgentDefinition(model_id="one"))
    session = bound(agent_id=agent.id)
    assert (await definitions.load(session)).model_id == "one"
    await agents.patch(agent.id, {"model_id": "two"})
    assert (await definitions.load(session)).model_id == "two"


async def test_a_changed_parent_is_seen_through_its_child(definitions: Definitions, db: Pool) -> None:
    harnesses = HarnessStore(ours(db))
    parent = await harnesses.create("parent", HarnessDefinition(system_prompt="one"))
    child = await harnesses.create("child", HarnessDefinition(), parent_id=parent.id)
    assert (await definitions.load(bound(child.id))).system_prompt == "one"
    await harnesses.patch(parent.id, {"system_prompt": "two"})
    assert (await definitions.load(bound(child.id))).system_prompt == "two"
    other = await harnesses.create("other", HarnessDefinition(system_prompt="three"))
    await harnesses.patch(child.id, {}, parent_id=other.id)
    assert (await definitions.load(bound(child.id))).system_prompt == "three"


async def test_a_session_that_was_patched_is_composed_anew_and_sent_once(
    definitions: Definitions, pool: CountingPool, db: Pool
) -> None:
    new = NewSession(
        id=new_id("session"),
        harness_id=BASE,
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(locale="de"),
    )
    sessions = sessions_in(db)
    await sessions.create(new)
    session = Binding(new.id, DEFAULT_ORG, BASE, None, new.definition)
    assert (await definitions.load(session)).locale == "de"
    await sessions.patch(new.id, {"locale": "uk"})
    assert [(await definitions.load(session)).locale for _ in range(2)] == ["uk", "uk"]
    await sessions.patch(new.id, {"locale": "pl"})
    assert (await definitions.load(session)).locale == "pl"
    assert [len(answer) for answer in pool.answers] == [1, 1, 0, 1]


async def test_what_has_not_changed_is_neither_sent_nor_composed_again(
    definitions: Definitions, pool: CountingPool, db: Pool
) -> None:
    agent, _ = await AgentStore(ours(db)).upsert("helper", BASE, AgentDefinition())
    session = bound(agent_id=agent.id)
    first = await definitions.load(session)
    second = await definitions.load(session)
    assert first is second
    assert pool.answers == [["base", "helper"], []]


async def test_sessions_that_ask_at_once_share_a_query(definitions: Definitions, pool: CountingPool) -> None:
    await asyncio.gather(*(definitions.load(bound()) for _ in range(20)))
    assert len(pool.answers) == 1
    pool.began.clear()
    first = asyncio.create_task(definitions.load(bound()))
    await pool.began.wait()  # who asks from now on may not have the answer of this query: it may be too old
    await asyncio.gather(first, *(definitions.load(bound()) for _ in range(20)))
    assert len(pool.answers) == 3


async def test_one_that_gives_up_does_not_disturb_the_others(definitions: Definitions, pool: CountingPool) -> None:
    loads = [asyncio.create_task(definitions.load(bound())) for _ in range(3)]
    await pool.began.wait()
    loads[0].cancel()
    results = await asyncio.gather(*loads, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert not any(isinstance(result, BaseException) for result in results[1:])


async def test_an_archived_agent_stops_the_turn_with_words(definitions: Definitions, db: Pool) -> None:
    agents = AgentStore(ours(db))
    agent, _ = await agents.upsert("helper", BASE, AgentDefinition())
    session = bound(agent_id=agent.id)
    await definitions.load(session)
    for status in ("archived", "deleted"):
        await agents.archive(agent.id)
        with pytest.raises(InvalidInputError, match=f"helper.*{status}"):
            await definitions.load(session)


async def test_what_never_was_is_not_found(definitions: Definitions) -> None:
    with pytest.raises(NotFoundError):
        await definitions.load(bound(new_id("harness")))
    with pytest.raises(NotFoundError):
        await definitions.load(bound(agent_id=new_id("agent")))


async def test_more_definitions_than_are_kept_are_read_again(
    definitions: Definitions, pool: CountingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.store.definitions.MAX_KEPT", 1)
    for _ in range(2):
        await definitions.load(bound())
    assert pool.answers == [["base"], ["base"]]


async def test_a_database_that_is_away_is_reported_and_asked_again_later(
    definitions: Definitions, pool: CountingPool, database: str
) -> None:
    working, pool.pool = pool.pool, await asyncpg.create_pool(database, min_size=1)
    await pool.pool.close()
    with pytest.raises(StoreUnavailableError):
        await definitions.load(bound())
    pool.pool = working
    assert (await definitions.load(bound())).harness_id == BASE
