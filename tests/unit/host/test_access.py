"""Where a session lives it is seen once more who asks: whatever a front door has let through."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from runtime.core.access.principal import ANONYMOUS
from runtime.core.access.roles import GRANTED, MemberRole, Scope
from runtime.core.errors import ForbiddenError, NotFoundError
from runtime.wire.protocol import Ask, Cancel, Close, Rename, Send, Submit, Watch
from tests.fakes import SESSION_ID, MemoryJournal, MemoryRow
from tests.stage import FixedAgents, Process, ScriptedModel, given, say, services_for

FOREIGNER = msgspec.structs.replace(ANONYMOUS, org_id="org_" + "f" * 32)
VIEWER = msgspec.structs.replace(ANONYMOUS, role=MemberRole.VIEWER, scopes=GRANTED[MemberRole.VIEWER])
BLIND = msgspec.structs.replace(ANONYMOUS, scopes=frozenset({Scope.ACCOUNT}))
CHANGING: list[Ask] = [Send(given("hello")), Cancel(), Submit(()), Rename("a title"), Close()]


@pytest.fixture
async def store() -> MemoryJournal:
    store = MemoryJournal()
    store.rows[SESSION_ID] = MemoryRow(1)
    return store


@pytest.fixture
async def process(store: MemoryJournal) -> AsyncIterator[Process]:
    process = Process(services_for(store, FixedAgents({}, []), ScriptedModel(say("Yes."))))
    yield process
    await process.kill()


@pytest.mark.parametrize("ask", [*CHANGING, Watch()], ids=lambda ask: type(ask).__name__)
async def test_a_session_of_another_organisation_is_not_there(process: Process, store: MemoryJournal, ask: Ask) -> None:
    with pytest.raises(NotFoundError):
        await process.start(SESSION_ID, 1, ask, FOREIGNER)
    assert store.rows[SESSION_ID].lines == []


@pytest.mark.parametrize("ask", CHANGING, ids=lambda ask: type(ask).__name__)
async def test_who_may_only_look_changes_nothing(process: Process, store: MemoryJournal, ask: Ask) -> None:
    with pytest.raises(ForbiddenError):
        await process.start(SESSION_ID, 1, ask, VIEWER)
    assert store.rows[SESSION_ID].lines == []
    await process.start(SESSION_ID, 1, Watch(), VIEWER)


async def test_who_may_not_even_look_does_not_hear(process: Process) -> None:
    with pytest.raises(ForbiddenError):
        await process.start(SESSION_ID, 1, Watch(), BLIND)
