"""What axe finds in pages: whoever reads by ear, by keyboard or with little contrast must be able to use each."""

from collections.abc import Iterable
from typing import Any, Final

from playwright.async_api import Page, expect

from tests.installed import REPOSITORY

AXE: Final = REPOSITORY / "api" / "console" / "node_modules" / "axe-core" / "axe.min.js"
RUN: Final = "of => axe.run({resultTypes: ['violations'], ...of}).then(found => found.violations)"
OF_COLOURS: Final = {"runOnly": ["color-contrast", "link-in-text-block"]}  # what another theme may break
SERIOUS: Final = ("serious", "critical")


async def show(page: Page, url: str) -> None:
    """Go to a page and wait until all of it is there."""
    await page.goto(url)
    await page.get_by_role("main").get_by_role("heading").first.wait_for()
    # A session of another test that is at work breathes in the list, as a picture.
    await expect(page.locator(".breathing:not([role=img])")).to_have_count(0)


async def findings(page: Page) -> list[dict[str, Any]]:
    """Return what axe has to say about a page."""
    await page.evaluate(AXE.read_text())
    violations: list[dict[str, Any]] = await page.evaluate(RUN, {})
    return violations


async def findings_in_the_dark(page: Page) -> list[dict[str, Any]]:
    """Return what axe has to say about a page's colours once the system is dark, which it must follow.

    It has seen the page in the light.
    """
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    violations: list[dict[str, Any]] = await page.evaluate(RUN, OF_COLOURS)
    return violations


def serious_of(found: Iterable[dict[str, Any]]) -> list[Any]:
    """Return which of the findings are serious, with where they are."""
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found if each["impact"] in SERIOUS]
