"""What an operator sees and does in a real browser, on a server that nobody harms."""

import json
import re
import uuid

import pytest
from playwright.async_api import Page, expect

from runtime.core.ids import hex_of
from runtime.store.pool import connect
from tests.browser.axe import findings, findings_in_the_dark, serious_of, show
from tests.client import Client
from tests.server import ServerProcess

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

DRAINED_MS = 60_000  # turns of others may run there, and are given some of it
STOP = "UPDATE sessions SET quarantined = true, crashes = $2 WHERE id = $1"


@pytest.fixture(scope="module")
def home(server_url: str) -> str:
    return server_url


async def test_an_actor_is_drained_and_its_session_goes_on_elsewhere(page: Page, home: str, client: Client) -> None:
    session_id = await client.open()
    await client.send(session_id, "Hello.")
    name = (await client.until_idle(session_id))["actor"]["name"]
    await page.goto(f"{home}/operate")
    actor = page.get_by_role("listitem").filter(has=page.get_by_text(name, exact=True))

    async def is_said(_: Client) -> bool:
        count = await held(client, name)  # which sessions of other tests change
        return f"· {count} session{'' if count == 1 else 's'} ·" in await actor.inner_text()

    await client.until(is_said, "the page to say how many sessions the actor holds")
    await actor.get_by_role("button", name=f"Drain {name}").click()
    await actor.get_by_role("button", name="Really drain?").click()
    await expect(page.get_by_text("It takes on nothing more")).to_be_visible()
    await expect(actor).to_have_count(0, timeout=DRAINED_MS)
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
    await expect(page.get_by_role("alert")).to_contain_text(f"Calls are stopped to: {key}.")
    assert serious_of(await findings(page)) == []
    await breaker.get_by_role("button", name="Let calls go on").click()
    await expect(breaker).to_contain_text("closed: it is called")
    await breaker.get_by_role("button", name="Forget").click()
    await expect(breaker).to_have_count(0)
    listed = (await client.http.get("/durable/circuit-breakers")).json()["data"]
    assert key not in [one["key"] for one in listed]


async def stop(server: ServerProcess, session_id: str) -> None:
    """Have a session be in quarantine, as after two crashes."""
    crashes = [{"at": 1_700_000_000.0 + n, "steps": 0, "cause": "its process ended (lease expired)"} for n in range(2)]
    connection = await connect(server.database)
    await connection.execute(STOP, uuid.UUID(hex_of(session_id)), json.dumps(crashes))
    await connection.close()


async def test_a_session_in_quarantine_is_released_by_its_cause_or_on_its_page(
    page: Page, home: str, client: Client, server: ServerProcess
) -> None:
    title = f"Kills {uuid.uuid4().hex[:6]}"
    in_list, on_page = [await client.open(title=title) for _ in range(2)]
    await stop(server, in_list)
    await page.goto(f"{home}/operate")
    stopped = page.get_by_role("region", name="In quarantine").get_by_role("listitem").filter(has_text=title)
    await expect(stopped).to_contain_text("died 2 times while it came to life")
    await stopped.get_by_text("Each time").click()
    await expect(stopped.get_by_text(": its process ended (lease expired)")).to_have_count(2)
    await stopped.get_by_role("button", name=f"Release {title}").click()
    await stopped.get_by_role("button", name="Really release?").click()
    await expect(stopped).to_have_count(0)
    assert (await client.place(in_list))["quarantined"] is False
    await stop(server, on_page)
    await page.goto(f"{home}/sessions/{on_page}")
    line = page.get_by_role("status").filter(has_text="In quarantine")
    await line.get_by_role("button", name="Release it").click()
    await expect(line).to_have_count(0)
    await expect(page.get_by_test_id("place")).to_be_visible()
    assert (await client.place(on_page))["quarantined"] is False


async def test_the_cluster_is_watched_live_also_on_a_phone(page: Page, home: str) -> None:
    await page.goto(f"{home}/operate")
    health = page.get_by_role("region", name="Health")
    await expect(health).to_contain_text(re.compile("All is well|It works"))
    await expect(health).to_contain_text("live")
    await expect(health.get_by_role("link", name="Ray dashboard")).to_have_attribute("href", re.compile("http://127"))
    hour = page.get_by_role("region", name="The last hour")
    # A server that has just started has no point.
    await expect(hour.locator("canvas")).to_have_count(8)
    listening = hour.get_by_role("figure", name="Listening")  # which this page does, so it comes with a later point
    await expect(listening).to_contain_text(re.compile("open streams[1-9]"))
    await page.set_viewport_size({"width": 380, "height": 800})
    await page.wait_for_function("document.documentElement.scrollWidth <= 380")
    figure = await hour.get_by_role("figure", name="Turns a second").bounding_box()
    assert figure is not None
    assert figure["x"] >= 0
    assert figure["x"] + figure["width"] <= 380


async def test_axe_finds_nothing_serious_for_operators(page: Page, home: str) -> None:
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await show(page, f"{home}/operate")
    assert serious_of([*await findings(page), *await findings_in_the_dark(page)]) == []
