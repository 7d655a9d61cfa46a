"""From a fresh server to an answer of a real provider, and what becomes of the key that was typed in."""

import uuid
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Page, Request, expect

from tests.browser.chat import see_whole, write
from tests.client import Client
from tests.model_servers import ModelServer, Said, model_server

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
    await forget(client, name)


async def add_provider(page: Page, name: str, vendor: ModelServer) -> None:
    """Fill in the form with a wrong key first, then with the right one."""
    key = page.get_by_label("API key")
    await page.get_by_label("Type").select_option("openai_compatible")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Base URL").fill(f"{vendor.base_url}/v1")
    await key.fill("sk-not-this-one")
    await page.get_by_role("button", name="Test connection").click()
    await expect(key.locator("..").get_by_role("alert")).to_contain_text("check its API key")
    await key.fill(KEY)
    await page.get_by_role("button", name="Test connection").click()
    await expect(page.get_by_text("It answers: 2 models")).to_be_visible()
    await page.get_by_role("button", name="Add", exact=True).click()


async def said(request: Request) -> str:
    """Return the body of a reply, which may have none."""
    reply = await request.response()
    return "" if reply is None or reply.status == NO_CONTENT else await reply.text()


async def test_whoever_has_no_key_goes_on_with_the_simulated_model(page: Page, home: str) -> None:
    await page.goto(f"{home}/welcome")
    await page.get_by_role("button", name="Go on with the simulated model").click()
    await page.get_by_label("Name").fill(f"first-{uuid.uuid4().hex[:6]}")
    await page.get_by_role("button", name="Make it and chat").click()
    await page.wait_for_url("**/?agent=*")
    await write(page, "Say this back")
    await see_whole(page, "Say this back")


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
