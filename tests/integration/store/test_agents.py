"""Agents in Postgres: upsert by id and by name, archiving, search."""

import asyncio

import pytest

from runtime.agents.built_in import built_in_id
from runtime.core.authored.definition import Agent, AgentDefinition, ClientTool
from runtime.core.authored.definition import AssignedCapability as Use
from runtime.core.errors import ConflictError, InvalidInputError, NotFoundError
from runtime.ports.listed import Listed
from runtime.process.mint import new_id
from runtime.store.agents import AgentStore
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from tests.tenancy import ours

GENERIC = built_in_id("generic")


@pytest.fixture
async def agents(db: Pool) -> AgentStore:
    await HarnessStore(ours(db)).provision()
    return AgentStore(ours(db))


async def make(agents: AgentStore, name: str, **fields: str) -> Agent:
    return (await agents.upsert(name, GENERIC, AgentDefinition(**fields)))[0]  # type: ignore[arg-type]  # strings only


async def test_an_agent_comes_back_as_it_was_stored(agents: AgentStore) -> None:
    definition = AgentDefinition(
        system_prompt="Häng an \\ \u2028",
        capabilities=(Use("session", {"auto_title": True}), Use("noop")),
        tools=(ClientTool("ask", "Ask.", {"type": "object"}),),
        parallel_tool_calls=False,
    )
    stored, created = await agents.upsert("helper", GENERIC, definition)
    assert created
    assert stored.definition == definition
    assert (stored.status, stored.revision, stored.harness_id) == ("active", 1, GENERIC)
    assert stored.created_at.endswith("Z")
    assert await agents.get("helper") == stored
    assert await agents.get(stored.id) == stored


async def test_the_same_name_updates_the_agent(agents: AgentStore) -> None:
    first = await make(agents, "helper", system_prompt="one")
    second, created = await agents.upsert("helper", built_in_id("base"), AgentDefinition(system_prompt="two"))
    assert not created
    assert (second.id, second.revision, second.definition.system_prompt) == (first.id, 2, "two")
    assert second.harness_id == built_in_id("base")
    assert second.created_at == first.created_at


async def test_an_id_that_exists_updates_that_agent_and_may_rename_it(agents: AgentStore) -> None:
    first = await make(agents, "helper")
    renamed, created = await agents.upsert("renamed", GENERIC, AgentDefinition(), agent_id=first.id)
    assert not created
    assert (renamed.id, renamed.name) == (first.id, "renamed")
    with pytest.raises(NotFoundError):
        await agents.get("helper")


async def test_a_new_id_creates_with_that_id(agents: AgentStore) -> None:
    wanted = new_id("agent")
    stored, created = await agents.upsert("helper", GENERIC, AgentDefinition(), agent_id=wanted)
    assert (stored.id, created) == (wanted, True)


async def test_a_new_id_cannot_take_the_name_of_an_active_agent(agents: AgentStore) -> None:
    await make(agents, "helper")
    with pytest.raises(ConflictError) as caught:
        await agents.upsert("helper", GENERIC, AgentDefinition(), agent_id=new_id("agent"))
    assert caught.value.stable_code == "agent_exists"


async def test_the_same_name_brings_an_archived_agent_back(agents: AgentStore) -> None:
    first = await make(agents, "helper")
    await agents.archive(first.id)
    assert (await agents.get("helper")).status == "archived"
    back = await make(agents, "helper")
    assert (back.id, back.status, back.archived_at) == (first.id, "active", None)


async def test_an_archived_agent_gives_its_name_to_a_new_id(agents: AgentStore) -> None:
    old = await make(agents, "helper")
    await agents.archive(old.id)
    new, _ = await agents.upsert("helper", GENERIC, AgentDefinition(), agent_id=new_id("agent"))
    assert (await agents.get("helper")).id == new.id
    assert (await agents.get(old.id)).name == f"helper-{old.id[-8:]}"


async def test_the_second_archiving_deletes_for_good(agents: AgentStore) -> None:
    agent = await make(agents, "helper")
    await agents.archive(agent.id)
    await agents.archive(agent.id)
    for key in (agent.id, "helper"):
        with pytest.raises(NotFoundError):
            await agents.get(key)
    with pytest.raises(NotFoundError):
        await agents.archive(agent.id)
    with pytest.raises(ConflictError):
        await agents.upsert("helper", GENERIC, AgentDefinition(), agent_id=agent.id)
    assert (await make(agents, "helper")).id != agent.id


async def test_upserts_of_one_name_at_once_make_one_agent(agents: AgentStore) -> None:
    made = await asyncio.gather(*(agents.upsert("helper", GENERIC, AgentDefinition()) for _ in range(8)))
    assert len({agent.id for agent, _ in made}) == 1
    assert sum(created for _, created in made) == 1
    assert (await agents.get("helper")).revision == 8


async def test_a_patch_replaces_what_it_names_and_keeps_the_rest(agents: AgentStore) -> None:
    agent = await make(agents, "helper", system_prompt="keep", description="old")
    patched = await agents.patch(agent.id, {"description": "new", "tags": ("a",)}, name="renamed")
    assert patched.definition == AgentDefinition(system_prompt="keep", description="new", tags=("a",))
    assert (patched.name, patched.revision) == ("renamed", 2)
    assert await agents.get("renamed") == patched


async def test_patches_at_once_all_count(agents: AgentStore) -> None:
    agent = await make(agents, "helper")
    fields = ("system_prompt", "description", "display_name", "model_id")
    await asyncio.gather(*(agents.patch(agent.id, {field: "x"}) for field in fields))
    patched = await agents.get(agent.id)
    assert [getattr(patched.definition, field) for field in fields] == ["x"] * 4
    assert patched.revision == 5


async def test_an_archived_agent_is_read_only_until_it_is_active_again(agents: AgentStore) -> None:
    agent = await make(agents, "helper")
    assert (await agents.patch(agent.id, {}, status="archived")).archived_at is not None
    with pytest.raises(ConflictError) as caught:
        await agents.patch(agent.id, {"description": "x"})
    assert caught.value.stable_code == "agent_archived"
    back = await agents.patch(agent.id, {"description": "x"}, status="active")
    assert (back.status, back.archived_at, back.definition.description) == ("active", None, "x")


async def test_a_patch_that_cannot_be_is_refused(agents: AgentStore) -> None:
    agent = await make(agents, "helper")
    await make(agents, "other")
    with pytest.raises(ConflictError):
        await agents.patch(agent.id, {}, name="other")
    with pytest.raises(InvalidInputError):
        await agents.patch(agent.id, {}, status="deleted")
    with pytest.raises(NotFoundError) as caught:
        await agents.patch(agent.id, {}, harness_id=new_id("harness"))
    assert caught.value.kind == "harness"
    with pytest.raises(NotFoundError):
        await agents.patch(new_id("agent"), {})
    assert (await agents.get(agent.id)).revision == 1


async def test_an_unknown_harness_is_named(agents: AgentStore) -> None:
    with pytest.raises(NotFoundError) as caught:
        await agents.upsert("helper", new_id("harness"), AgentDefinition())
    assert caught.value.stable_code == "harness_not_found"


async def test_a_malformed_id_is_no_name(agents: AgentStore) -> None:
    with pytest.raises(InvalidInputError):
        await agents.get("agent_123")


async def test_the_list_is_newest_first_in_pages(agents: AgentStore) -> None:
    for number in range(5):
        await make(agents, f"helper-{number}")
    page = await agents.list(offset=1, limit=2)
    assert ([agent.name for agent in page.items], page.total) == (["helper-3", "helper-2"], 5)
    assert await agents.list(offset=50) == Listed([], 50, 5)


async def test_search_looks_at_name_and_description_in_any_case(agents: AgentStore) -> None:
    await make(agents, "alpha", description="Plans TRIPS")
    await make(agents, "trip-planner")
    await make(agents, "beta", display_name="My Trip")
    await make(agents, "gamma", system_prompt="trip")
    found = await agents.list(search="Trip")
    assert ({agent.name for agent in found.items}, found.total) == ({"alpha", "trip-planner", "beta"}, 3)
    assert (await agents.list(search="100%_\\")).total == 0


async def test_archived_agents_are_listed_on_demand_and_deleted_ones_never(agents: AgentStore) -> None:
    for name, times in (("active", 0), ("archived", 1), ("deleted", 2)):
        agent = await make(agents, name)
        for _ in range(times):
            await agents.archive(agent.id)
    assert [agent.name for agent in (await agents.list()).items] == ["active"]
    assert [agent.name for agent in (await agents.list(include_archived=True)).items] == ["archived", "active"]


async def test_a_nul_is_refused_before_it_can_break_every_list(agents: AgentStore) -> None:
    with pytest.raises(InvalidInputError):
        await make(agents, "helper", description="a\0b")
    kept = await make(agents, "helper", system_prompt="a\0b \\u0000")
    assert (await agents.get(kept.id)).definition.system_prompt == "a\0b \\u0000"
    assert (await agents.list(search="help")).total == 1


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_looking_for_what_cannot_be_stored_finds_nothing(agents: AgentStore, text: str) -> None:
    with pytest.raises(NotFoundError):
        await agents.get(text)
    assert (await agents.list(search=text)).total == 0
