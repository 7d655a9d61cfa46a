"""Operators see circuit breakers, open them and close them."""

import httpx

from runtime.process.mint import new_id

PATH = "/v1/durable/circuit-breakers"


async def test_an_operator_opens_closes_and_drops_a_breaker(client: httpx.AsyncClient) -> None:
    key = new_id("provider")
    assert (await client.get(f"{PATH}/{key}")).status_code == 404
    opened = (await client.post(f"{PATH}/{key}/open")).json()
    assert (opened["key"], opened["state"], opened["forced"]) == (key, "open", True)
    assert opened["opened_at"].endswith("Z")
    assert key in [breaker["key"] for breaker in (await client.get(PATH)).json()["data"]]
    assert (await client.post(f"{PATH}/{key}/close")).json()["state"] == "closed"
    assert (await client.get(f"{PATH}/{key}")).json()["state"] == "closed"
    assert (await client.delete(f"{PATH}/{key}")).json() == {"deleted": True}
    assert (await client.delete(f"{PATH}/{key}")).json() == {"deleted": False}


async def test_nothing_can_be_closed_that_never_opened(client: httpx.AsyncClient) -> None:
    reply = await client.post(f"{PATH}/{new_id('provider')}/close")
    assert (reply.status_code, reply.json()["code"]) == (404, "circuit_breaker_not_found")


async def test_a_key_is_that_of_a_provider(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{PATH}/a%20b/open")).status_code == 400
