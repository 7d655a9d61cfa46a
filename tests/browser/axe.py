"""What axe finds in pages: whoever reads by ear, by keyboard or with little contrast must be able to use each."""

from collections.abc import Iterable
from typing import Any, Final

from playwright.async_api import Page, expect

from tests.installed import REPOSITORY

AXE: Final = REPOSITORY / "api" / "console" / "node_modules" / "axe-core" / "axe.min.js"
RUN: Final = "axe.run().then(found => found.violations)"


async def serious_findings(page: Page, home: str, addresses: Iterable[str]) -> dict[str, Any]:
    """Return what is serious, by address; an address without any is left out."""
    found = {}
    for address in addresses:
        await page.goto(f"{home}{address}")
        await page.get_by_role("main").get_by_role("heading").first.wait_for()
        await expect(page.locator(".breathing")).to_have_count(0)
        await page.evaluate(AXE.read_text())
        violations = await page.evaluate(RUN)
        serious = [v for v in violations if v["impact"] in ("serious", "critical")]
        found[address or "/"] = [(v["id"], [node["html"] for node in v["nodes"]]) for v in serious]
    return {address: there for address, there in found.items() if there}
