"""Who is held to which rate, by what a request shows."""

from dataclasses import replace

import httpx
import pytest

from api.http.deps import House
from api.http.limits import Allowances
from runtime.core.rate import Rate
from tests.identity import Enter, registered, told

LIMIT = 5
SLOW = Rate(LIMIT, 3_600)  # so slow that nothing comes back during a test
TOKENS = "/auth/personal-access-tokens"


@pytest.fixture
def allowances() -> Allowances:
    return Allowances(requests=SLOW, failures=SLOW)


@pytest.fixture
def house(house: House, allowances: Allowances) -> House:
    return replace(house, allowances=allowances)


async def tokens(enter: Enter, count: int) -> list[httpx.AsyncClient]:
    """Return clients that show different tokens of one user."""
    client = await registered(enter, "ada@example.org")
    made = [await client.post(TOKENS, json={"name": f"token {at}"}) for at in range(count)]
    return [await enter(reply.json()["key"]) for reply in made]


async def statuses(client: httpx.AsyncClient, times: int) -> list[int]:
    return [(await client.get("/sessions")).status_code for _ in range(times)]


async def test_each_credential_is_held_to_a_rate_of_its_own(enter: Enter) -> None:
    first, second = await tokens(enter, 2)
    assert await statuses(first, LIMIT) == [200] * LIMIT
    refused = await first.get("/sessions")
    assert told(refused) == (429, "rate_limited")
    assert refused.headers["ratelimit-policy"] == '"credential";q=5;w=3600'
    assert refused.headers["ratelimit"].startswith('"credential";r=0;t=7')
    assert 0 < int(refused.headers["retry-after"]) <= 720
    assert (await second.get("/sessions")).headers["ratelimit"] == '"credential";r=4;t=2880'


@pytest.mark.parametrize("allowances", [Allowances(org_requests=SLOW)])
async def test_credentials_of_one_organisation_share_its_rate(enter: Enter) -> None:
    first, second = await tokens(enter, 2)  # which took two
    assert await statuses(first, 2) == [200, 200]
    assert await statuses(second, 2) == [200, 429]
    stranger = await registered(enter, "bob@example.org")
    assert await statuses(stranger, 1) == [200]


async def test_who_shows_nothing_is_held_to_a_rate_by_address(enter: Enter) -> None:
    assert await statuses(await enter(), LIMIT + 2) == [401] * LIMIT + [429] * 2
    assert told(await (await enter()).post("/auth/login", json={})) == (429, "rate_limited")


async def test_bad_credentials_are_held_to_a_rate_and_keep_no_good_one_out(enter: Enter) -> None:
    [good] = await tokens(enter, 1)
    bad = [await enter(f"evr_pat_{at:064}") for at in range(LIMIT + 2)]
    assert [(await client.get("/sessions")).status_code for client in bad] == [401] * LIMIT + [429] * 2
    refused = await bad[0].get("/sessions")
    assert told(refused) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 0
    assert await statuses(good, 1) == [200]


async def test_what_a_credential_may_not_do_counts_too(enter: Enter) -> None:
    client = await registered(enter, "ada@example.org")
    reply = await client.post(TOKENS, json={"name": "reader", "scopes": ["sessions:read"]})
    reader = await enter(reply.json()["key"])
    asked = [(await reader.get("/agents")).status_code for _ in range(LIMIT + 1)]
    assert asked == [403] * LIMIT + [429]
