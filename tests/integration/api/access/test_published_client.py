"""The published client with a personal access token, in each mode; test_access_server.py has it over a real socket."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from everruns_sdk import Everruns
from everruns_sdk.errors import AuthenticationError
from fastapi import FastAPI

from runtime.core.access.principal import ANONYMOUS_USER, DEFAULT_ORG
from runtime.ports.identity import Initiator, User
from runtime.wiring.access import Access
from tests.identity import ADMIN
from tests.identity_provider import AUDIENCE, Provider, ProviderServer

pytestmark = pytest.mark.filterwarnings("ignore:.*personal access token is deprecated:DeprecationWarning")
BY = Initiator(reason="test")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with ProviderServer() as provider:
        yield provider


@pytest.fixture(params=["none", "admin", "full", "external"])
def mode(request: pytest.FixtureRequest, provider: Provider) -> dict[str, Any]:
    oidc = {"auth_oidc_issuer": provider.url, "auth_oidc_audience": AUDIENCE}
    return {"mode": request.param, **(oidc if request.param == "external" else {})}


@pytest.fixture
async def user(access: Access, mode: dict[str, Any]) -> User:
    """Somebody who may have a token."""
    accounts = access.identity.accounts
    if mode["mode"] == "none":
        return await accounts.users.get(ANONYMOUS_USER)
    if mode["mode"] == "admin":
        found = await accounts.users.find(ADMIN["auth_admin_email"])
        assert found is not None
        return found[0]
    return await accounts.create_administrator("ada@example.org", "", None, BY)


def everruns(app: FastAPI, key: str, org_id: str | None = None) -> Everruns:
    """Return the client, whose requests go to an application in this process."""
    client = Everruns(api_key=key, base_url="http://localhost/api", org_id=org_id)
    sent = client._client
    client._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=sent.base_url, headers=sent.headers)
    return client


async def test_it_works_with_a_token_and_not_without(
    app: FastAPI, access: Access, user: User, mode: dict[str, Any]
) -> None:
    _, key = await access.identity.minting.issue(user.id, "sdk", BY)
    for org_id in (None, DEFAULT_ORG):
        async with everruns(app, key, org_id) as client:
            agent = await client.agents.create(name="poet", system_prompt="Answer in one line.")
            session = await client.sessions.create(agent_id=agent.id)
            await client.messages.create(session.id, "What survives a crash?")
            assert session.organization_id == DEFAULT_ORG
    async with everruns(app, "evr_pat_" + "0" * 43) as stranger:
        if mode["mode"] == "none":
            assert (await stranger.agents.get(agent.id)).name == "poet"
        else:
            with pytest.raises(AuthenticationError):
                await stranger.agents.get(agent.id)
