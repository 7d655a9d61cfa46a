"""One line on a route has it noted in the audit log."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response

from api.http import errors
from api.http.audit import audited, changed
from api.http.auth import GuardedRoute
from api.http.limits import ANY, Limits
from runtime.core.access.principal import ANONYMOUS, ANONYMOUS_USER
from runtime.core.errors import ConflictError
from runtime.identity.anonymous import Anonymous
from runtime.ports.identity import Initiator
from runtime.process.behalf import ON_BEHALF_OF

router = APIRouter(tags=["agents"], route_class=GuardedRoute)


class Log:
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.noted: list[tuple[Any, ...]] = []

    async def record(
        self, by: Initiator, action: str, subject_kind: str, subject_id: str | None, details: tuple[Any, Any]
    ) -> None:
        self.noted.append((by, action, subject_kind, subject_id, details))


@router.post("/agents", openapi_extra=audited("agent.saved"))
async def save(response: Response) -> None:
    response.headers["Location"] = "/agents/agent_1"


@router.patch("/agents/{agent}", openapi_extra=audited("agent.changed"))
async def change(agent: str) -> None:
    changed({"status": "active"}, {"status": "archived", "id": agent})


@router.delete("/agents/{agent}", openapi_extra=audited("agent.archived"))
async def archive(agent: str) -> None:
    if agent == "gone":
        message = "It is gone."
        raise ConflictError(message)


@router.get("/agents/{agent}")
async def read(agent: str) -> str:
    return agent


@router.get("/organisation")
async def organisation() -> str:
    return ON_BEHALF_OF.get()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def client(log: Log) -> httpx.AsyncClient:
    app = FastAPI()
    app.state.house = SimpleNamespace(authenticator=Anonymous(), identity=SimpleNamespace(audit=log))
    app.state.limits = Limits(ANY)
    app.include_router(router)
    errors.install(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def test_what_is_done_is_noted_with_who_and_why(client: httpx.AsyncClient, log: Log) -> None:
    await client.delete("/agents/a1", headers={"Everruns-Change-Reason": "no%20use", "User-Agent": "x"})
    [(by, *noted)] = log.noted
    assert noted == ["agent.archived", "agent", "a1", (None, None)]
    assert (by.user_id, by.org_id, by.reason, by.user_agent) == (ANONYMOUS_USER, ANONYMOUS.org_id, "no use", "x")


async def test_the_subject_of_something_new_is_where_it_is(client: httpx.AsyncClient, log: Log) -> None:
    await client.post("/agents")
    assert log.noted[0][3] == "agent_1"


async def test_a_route_may_say_what_was_before(client: httpx.AsyncClient, log: Log) -> None:
    await client.patch("/agents/a1")
    assert log.noted[0][4] == ({"status": "active"}, {"status": "archived", "id": "a1"})


async def test_what_failed_and_what_was_only_read_is_not_noted(client: httpx.AsyncClient, log: Log) -> None:
    assert (await client.delete("/agents/gone")).status_code == 409
    assert (await client.get("/agents/a1")).status_code == 200
    assert log.noted == []


async def test_it_is_known_for_which_organisation_a_request_works(client: httpx.AsyncClient) -> None:
    assert (await client.get("/organisation")).json() == ANONYMOUS.org_id


def test_the_document_says_what_is_noted() -> None:
    [route] = [route for route in router.routes if getattr(route, "methods", None) == {"DELETE"}]
    assert isinstance(route, GuardedRoute)
    assert (route.openapi_extra or {})["x-audited"] == "agent.archived"
