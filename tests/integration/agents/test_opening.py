"""Opening a session without HTTP, as an actor does."""

import pytest

from runtime.agents.authoring import Authoring
from runtime.agents.capability import Registry
from runtime.agents.opening import Opener, Opening
from runtime.capabilities.catalogue import BUILT_IN
from runtime.core.access.principal import ANONYMOUS, ANONYMOUS_USER
from runtime.core.authored.definition import AgentDefinition, InitialFile, SessionDefinition
from runtime.core.errors import ConflictError, InvalidInputError, NotFoundError
from runtime.ports.stores import Stores
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from runtime.wiring import stores_of
from tests.stage import OneModel
from tests.tenancy import VAULT, ours

REGISTRY = Registry(BUILT_IN)


@pytest.fixture
async def stores(db: Pool) -> Stores:
    await HarnessStore(ours(db)).provision()
    return stores_of(ours(db), ANONYMOUS_USER, VAULT)


@pytest.fixture
def opener(stores: Stores) -> Opener:
    return Opener(stores, REGISTRY, OneModel(), ANONYMOUS)


@pytest.fixture
def authoring(stores: Stores) -> Authoring:
    return Authoring(stores, REGISTRY, OneModel(), ANONYMOUS)


async def test_session_stands_on_its_agent_with_the_files_of_both(
    stores: Stores, opener: Opener, authoring: Authoring
) -> None:
    files = (InitialFile("/a.txt", "agent"), InitialFile("/b.txt", "agent"))
    agent, _ = await authoring.save_agent("helper", AgentDefinition(initial_files=files), harness="base")
    own = SessionDefinition(initial_files=(InitialFile("/b.txt", "session"),))
    session, layers = await opener.open(Opening(agent="helper", definition=own, title="Work"))
    assert (session.agent_id, session.harness_id, session.title) == (agent.id, agent.harness_id, "Work")
    assert layers[-2:] == [agent.definition, own]
    workspace = stores.files(session.workspace_id)
    assert [(await workspace.read(path)).content for path in ("/a.txt", "/b.txt")] == [b"agent", b"session"]


async def test_session_that_names_nothing_gets_the_default_harness(stores: Stores, opener: Opener) -> None:
    session, _ = await opener.open(Opening())
    assert session.harness_id == (await stores.harnesses.get("default")).id


async def test_session_whose_files_do_not_fit_is_not_there(stores: Stores, opener: Opener) -> None:
    files = (InitialFile("/a", "a file"), InitialFile("/a/b", "in a directory"))
    with pytest.raises(InvalidInputError):
        await opener.open(Opening(definition=SessionDefinition(initial_files=files)))
    assert (await stores.sessions.list()).total == 0


async def test_nothing_is_opened_on_what_is_archived(stores: Stores, opener: Opener, authoring: Authoring) -> None:
    agent, _ = await authoring.save_agent("helper", AgentDefinition())
    await stores.agents.archive(agent.id)
    workspace = await stores.workspaces.create("shared")
    await stores.workspaces.archive(workspace.id)
    for opening, kind in ((Opening(agent="helper"), "agent"), (Opening(workspace_id=workspace.id), "workspace")):
        with pytest.raises(ConflictError) as caught:
            await opener.open(opening)
        assert caught.value.stable_code == f"{kind}_archived"


async def test_layer_that_cannot_be_run_is_not_stored(stores: Stores, authoring: Authoring) -> None:
    with pytest.raises(NotFoundError):
        await authoring.save_agent("helper", AgentDefinition(), harness="nobody")
    with pytest.raises(NotFoundError):
        await authoring.put_agent("agent_" + "0" * 32, "helper", AgentDefinition(), harness="nobody")
    with pytest.raises(ConflictError):
        await authoring.put_agent("other", "helper", AgentDefinition())
    assert (await stores.agents.list()).total == 0
