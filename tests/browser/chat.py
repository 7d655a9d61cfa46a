"""What a visitor of the console does, in words of the page."""

import re

from playwright.async_api import Locator, Page, expect


async def open_session(page: Page, home: str, session_id: str) -> None:
    """Go to a session's conversation."""
    await page.goto(f"{home}/sessions/{session_id}")


async def write(page: Page, text: str) -> None:
    """Write a message and send it."""
    box = page.get_by_role("textbox", name=re.compile("Write a message|Say something"))
    await box.fill(text)
    await box.press("Enter")


def answers(page: Page) -> Locator:
    """Return what the agent said, the oldest first."""
    return page.locator('[data-role="agent"]')


async def see_whole(page: Page, text: str) -> None:
    """Wait until the last answer is this, is whole, and is there once."""
    last = answers(page).last
    await expect(last).to_contain_text(text)
    await expect(last).not_to_have_attribute("data-open", "true")
    assert (await last.inner_text()).count(text) == 1
