"""The console where people must say who they are."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.chat import see_whole, write
from tests.server import PASSWORD, ROOT, ServerProcess

pytestmark = [pytest.mark.timeout(200), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def home(guarded: ServerProcess) -> str:
    return guarded.url


async def test_a_visitor_is_sent_to_log_in_and_back_and_out_again(page: Page, home: str) -> None:
    await page.goto(f"{home}/agents")
    await page.wait_for_url("**/login?**")
    await page.get_by_label("E-mail address").fill(ROOT)
    await page.get_by_label("Password").fill("not this one")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{home}/agents")
    await page.get_by_role("link", name="New chat").click()
    await write(page, "Who am I?")
    await see_whole(page, "Who am I?")
    assert "access_token" not in await page.evaluate("document.cookie")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")
    await page.goto(home)
    await page.wait_for_url("**/login?**")


async def test_a_login_that_ran_out_is_renewed_without_a_word(page: Page, home: str) -> None:
    await page.goto(f"{home}/login")
    await page.get_by_label("E-mail address").fill(ROOT)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("heading", name="What shall we work on?").wait_for()
    await page.context.clear_cookies(name="access_token")
    await write(page, "Still here.")
    await see_whole(page, "Still here.")
