"""From a fresh server to an answer of a real provider, and what becomes of the key that was typed in."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Request, expect

from tests.browser.chat import see_whole, write
from tests.client import Client
from tests.model_servers import ModelServer, Said, model_server
from tests.model_servers.clouds import service_account

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

KEY: Final = "sk-canary-of-the-console"
NO_CONTENT: Final = 204


@pytest.fixture(scope="module")
def home(server_url: str) -> str:
    return server_url


@pytest_asyncio.fixture(loop_scope="session")
async def vendor() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        running.wanted_key = KEY
        yield running


async def test_a_provider_is_added_and_answers_and_its_key_never_comes_back_out(
    page: Page, home: str, client: Client, vendor: ModelServer
) -> None:
    """Promised: what is typed in as a key is in no page, no storage and no reply."""
    heard: list[Request] = []

    def hear(request: Request) -> None:
        heard.append(request)

    page.on("requestfinished", hear)
    name = f"Vendor {uuid.uuid4().hex[:6]}"
    await page.goto(f"{home}/welcome")
    await add_provider(page, name, vendor)
    await page.get_by_label("Model").select_option(label="qwen-5")
    await page.get_by_label("Name").fill(f"first-{uuid.uuid4().hex[:6]}")
    await page.get_by_role("button", name="Make it and chat").click()
    await page.wait_for_url("**/?agent=*")
    vendor.answer(Said("An answer of a real provider."))
    await write(page, "Hello there")
    await see_whole(page, "An answer of a real provider.")
    asked = vendor.requests[-1]
    assert (asked.body["model"], asked.headers["authorization"]) == ("qwen-5", f"Bearer {KEY}")
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state])"
    assert KEY not in await page.content() + await page.evaluate(kept)
    replies = [await said(request) for request in heard if "/api/" in request.url]
    assert len(replies) > 5
    assert KEY not in "".join(replies)
    await change_limits(page, home, name)
    await forget(client, name)


async def add_provider(page: Page, name: str, vendor: ModelServer) -> None:
    """Fill in the form with a wrong key first, then with the right one and a wrong limit, then with what is right."""
    key, most = page.get_by_label("API key"), page.get_by_label("Calls at a time")
    await page.get_by_label("Type").select_option("openai_compatible")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Base URL").fill(f"{vendor.base_url}/v1")
    await key.fill("sk-not-this-one")
    await page.get_by_role("button", name="Test connection").click()
    await expect(key.locator("..").get_by_role("alert")).to_contain_text("check its API key")
    await key.fill(KEY)
    await most.fill("0")
    await page.get_by_role("button", name="Test connection").click()
    await expect(most.locator("..").get_by_role("alert")).to_contain_text("greater than or equal to 1")
    await most.fill("8")
    await page.get_by_role("button", name="Test connection").click()
    await expect(page.get_by_text("It answers: 2 models")).to_be_visible()
    await page.get_by_role("button", name="Add", exact=True).click()


def row_of(page: Page, name: str) -> Locator:
    """Return where a provider stands in the list."""
    return page.get_by_role("main").get_by_role("listitem").filter(has_text=name)


async def change_limits(page: Page, home: str, name: str) -> None:
    """Take one limit away and set another."""
    await page.goto(f"{home}/settings/providers")
    row = row_of(page, name)
    await expect(row).to_contain_text("8 at a time")
    await row.get_by_role("button", name=f"Change {name}").click()
    await row.get_by_label("Calls at a time").fill("")
    await row.get_by_label("Tokens a minute").fill("200000")
    await row.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("200,000 tokens a minute")
    await expect(row).not_to_contain_text("at a time")


async def test_a_cloud_lets_in_by_a_file_that_is_not_shown_again(
    page: Page, home: str, client: Client, vendor: ModelServer
) -> None:
    vendor.wanted_key = None
    name = f"Cloud {uuid.uuid4().hex[:6]}"
    await page.goto(f"{home}/settings/providers")
    await page.get_by_role("button", name="Add a provider").click()
    await page.get_by_label("Type").select_option("vertex")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Base URL").fill(vendor.base_url)
    file = page.get_by_label("Service account key (JSON)")
    await file.fill("{}")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(file.locator("..").get_by_role("alert")).to_contain_text("the whole JSON file")
    await file.fill(json.dumps(json.loads(service_account()), indent=2))
    await page.get_by_role("button", name="Add", exact=True).click()
    change = row_of(page, name).get_by_role("button", name=f"Change {name}")
    await change.click()
    await expect(file).to_have_value("")
    await expect(page.get_by_label("Location")).to_have_value("global")
    await page.get_by_label("Location").fill("eu")
    await page.get_by_role("button", name="Save").click()
    await expect(change).to_be_focused()
    assert "PRIVATE KEY" not in await page.content()
    listed = (await client.http.get("/providers")).json()["data"]
    [kept] = [provider for provider in listed if provider["name"] == name]
    assert kept["credentials"] == {"project": "perdure-test", "location": "eu"}
    assert kept["api_key_set"]
    await forget(client, name)


async def said(request: Request) -> str:
    """Return the body of a reply, which may have none."""
    reply = await request.response()
    return "" if reply is None or reply.status == NO_CONTENT else await reply.text()


async def test_whoever_has_no_key_goes_on_with_the_simulated_model(page: Page, home: str) -> None:
    await page.goto(f"{home}/welcome")
    await page.get_by_role("button", name="Go on with the simulated model").click()
    begin = page.get_by_role("button", name="Make it and chat")
    await expect(begin).to_be_visible()  # a provider, too, has a name
    await page.get_by_label("Name").fill(f"first-{uuid.uuid4().hex[:6]}")
    await begin.click()
    await page.wait_for_url("**/?agent=*")
    await write(page, "Say this back")
    await see_whole(page, "Say this back")


async def test_a_model_named_for_an_agent_that_is_refused_serves_the_next_try(
    page: Page, home: str, client: Client, vendor: ModelServer
) -> None:
    vendor.listed = []
    name = f"Vendor {uuid.uuid4().hex[:6]}"
    await page.goto(f"{home}/welcome")
    await page.get_by_label("Type").select_option("openai_compatible")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Base URL").fill(f"{vendor.base_url}/v1")
    await page.get_by_label("API key").fill(KEY)
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_label("Name of the model").fill("qwen-5")
    agent = page.locator("input[name=name]")
    await agent.fill("Not A Name")
    await page.get_by_role("button", name="Make it and chat").click()
    await expect(agent.locator("..").get_by_role("alert")).to_be_visible()
    await agent.fill(f"first-{uuid.uuid4().hex[:6]}")
    await page.get_by_role("button", name="Make it and chat").click()
    await page.wait_for_url("**/?agent=*")
    await forget(client, name)


async def test_an_address_where_nobody_answers_is_said_beside_it(page: Page, home: str) -> None:
    await page.goto(f"{home}/welcome")
    await page.get_by_label("Type").select_option("openai_compatible")
    await page.get_by_label("Base URL").fill("http://127.0.0.1:1/v1")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_label("Base URL").locator("..").get_by_role("alert")).to_contain_text(
        "could not be reached"
    )
    await expect(page.get_by_role("button", name="Add it all the same")).to_be_visible()


async def forget(client: Client, name: str) -> None:
    """Delete a provider by its name: the server is shared."""
    listed = (await client.http.get("/providers")).json()["data"]
    [made] = [provider["id"] for provider in listed if provider["name"] == name]
    (await client.http.delete(f"/providers/{made}")).raise_for_status()
