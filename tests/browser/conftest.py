"""A real browser for tests of the console: Debian's Chromium, driven by Playwright. All tests share its process."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright, expect

from tests.browser.chromium import CHROMIUM
from tests.client import Client

PATIENCE_MS: Final = 30_000  # of a machine that does much else
SIZE: Final[ViewportSize] = {"width": 1280, "height": 860}

expect.set_options(timeout=PATIENCE_MS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium-headless-shell")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of a visitor of its own, which must neither break its policy nor raise an error that nobody caught."""
    context = await browser.new_context(viewport=SIZE, color_scheme="light")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    broken: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            broken.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    await context.close()
    assert broken == []


@pytest_asyncio.fixture(loop_scope="session")
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """Another client of the server that a file's tests share, which its `home` says."""
    url: str = request.getfixturevalue("home")
    async with Client(url) as client:
        yield client
