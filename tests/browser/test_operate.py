"""What an operator sees and does in a real browser, on a server that nobody harms."""

import re
import uuid
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from runtime.core.ids import hex_of
from runtime.store.pool import connect
from tests.browser.axe import serious_findings
from tests.client import Client
from tests.server import ServerProcess

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def home(server_url: str) -> str:
    return server_url


async def test_an_actor_is_drained_and_its_session_goes_on_elsewhere(page: Page, home: str, client: Client) -> None:
    session_id = await client.open()
    await client.send(session_id, "Hello.")
    name = (await client.until_idle(session_id))["actor"]["name"]
    await page.goto(f"{home}/operate")
    actor = page.get_by_role("listitem").filter(has=page.get_by_text(name, exact=True))
    await expect(actor).to_contain_text("1 session" if await held(client, name) == 1 else "sessions")
    await actor.get_by_role("button", name=f"Drain {name}").click()
    await actor.get_by_role("button", name="Really drain?").click()
    await expect(page.get_by_text("It takes on nothing more")).to_be_visible()
    await expect(actor).to_have_count(0)
    await client.send(session_id, "And again.")
    place = await client.until_idle(session_id)
    assert place["actor"]["name"] != name


async def held(client: Client, name: str) -> int:
    """Return how many sessions an actor holds."""
    [there] = [actor for actor in await client.actors("session") if actor["name"] == name]
    return int(there["sessions"])


async def test_calls_to_a_provider_are_stopped_and_let_go_on(page: Page, home: str, client: Client) -> None:
    key = f"elsewhere-{uuid.uuid4().hex[:6]}"
    await page.goto(f"{home}/operate")
    breakers = page.get_by_role("region", name="Circuit breakers")
    await breakers.get_by_label("Stop all calls to a provider").fill(key)
    await breakers.get_by_label("Stop all calls to a provider").press("Enter")
    breaker = breakers.get_by_role("listitem").filter(has_text=key)
    await expect(breaker).to_contain_text(re.compile("open: it is not called.*by an operator"))
    await breaker.get_by_role("button", name="Let calls go on").click()
    await expect(breaker).to_contain_text("closed: it is called")
    await breaker.get_by_role("button", name="Forget").click()
    await expect(breaker).to_have_count(0)
    listed = (await client.http.get("/durable/circuit-breakers")).json()["data"]
    assert key not in [one["key"] for one in listed]


async def test_a_session_in_quarantine_is_released_on_its_page(
    page: Page, home: str, client: Client, server: ServerProcess
) -> None:
    session_id = await client.open()
    connection = await connect(server.database)
    await connection.execute("UPDATE sessions SET quarantined = true WHERE id = $1", uuid.UUID(hex_of(session_id)))
    await connection.close()
    await page.goto(f"{home}/sessions/{session_id}")
    line = page.get_by_role("status").filter(has_text="In quarantine")
    await line.get_by_role("button", name="Release it").click()
    await expect(line).to_have_count(0)
    await expect(page.get_by_test_id("place")).to_be_visible()
    assert (await client.place(session_id))["quarantined"] is False


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_for_operators(page: Page, home: str, scheme: Literal["light", "dark"]) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    assert await serious_findings(page, home, ["/operate"]) == {}
