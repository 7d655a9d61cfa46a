"""Pictures of the console's pages for the documents, in both themes (`make screenshots`).

python -m tests.browser.shots
"""

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Page, ViewportSize, async_playwright, expect

from tests.browser.chat import see_whole
from tests.browser.chromium import CHROMIUM
from tests.client import Client, script
from tests.installed import REPOSITORY
from tests.server import ServerProcess

PICTURES: Final = REPOSITORY / "docs" / "console"
SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
SURVIVED: Final = (
    "Everything that was **accepted**. Here is what happened to this very answer:\n\n"
    "1. My process was killed in the middle of the second line.\n"
    "2. A warm standby took over, read the journal, and went on.\n"
    "3. The page stayed open; nothing was lost, and nothing was said twice.\n\n"
    "`kill -9` is a way to move me, not to stop me."
)
SETTINGS: Final = (
    "providers", "models", "organizations", "members", "tokens", "connections", "bounds", "audit",
)  # fmt: skip
OTHERS: Final = ("Plan the release", "Why is the build slow?", "Summarise the incident", "Draft a reply to Ada")


async def play(client: Client) -> str:
    """Have a server hold what pictures show; return the session to look at."""
    for name, words in (("release-notes", "Writes release notes."), ("on-call", "Looks into what woke somebody.")):
        body = {"name": name, "display_name": name.replace("-", " ").title(), "description": words}
        reply = await client.http.post("/agents", json={**body, "system_prompt": words})
        reply.raise_for_status()
    for text in OTHERS:
        session_id = await client.open()
        await client.send(session_id, text)
        await client.until_idle(session_id)
    (await client.http.post("/workspaces", json={"name": "Release 1.0"})).raise_for_status()
    (await client.http.post("/user/connections/github", json={"api_key": "not-a-real-key"})).raise_for_status()
    files = [{"path": "notes/plan.md", "content": "# Plan\n\nShip it, then watch it.\n"}]
    session_id = await client.open(
        title="What survives a crash?", capabilities=["test_math", "session_storage"], initial_files=files
    )
    kept = {"operation": "set", "key": "next step", "value": "Tell Ada what was killed, and when."}
    keep = {"call": [{"name": "kv_store", "arguments": kept}]}
    await client.send(session_id, script(keep, {"say": "Noted."}, about="Note the next step."))
    noted = (await client.until_idle(session_id))["last_sequence"]
    calls = [{"name": name, "arguments": {"a": 6, "b": 7}} for name in ("add", "multiply")]
    first = {"think": "Two sums, then the answer.", "say": "Two sums first.", "call": calls}
    async with client.listen(session_id, after_sequence=noted) as stream:
        last = {"say": SURVIVED, "tokens_per_second": 25}
        await client.send(session_id, script(first, last, about="What survives a crash?"))
        await stream.wait_for("output.message.delta", 12)
        os.kill(await client.pid(session_id), signal.SIGKILL)
        await stream.wait_for_end()
    return session_id


async def take(page: Page, home: str, session_id: str, theme: str) -> None:
    """Take a picture of every page."""
    session = f"/sessions/{session_id}"
    pages = {
        "home": "/",
        "chat": session,
        "turns": f"{session}/turns",
        "events": f"{session}/events?at=12",
        "effects": f"{session}/effects",
        "files": f"{session}/files",
        "storage": f"{session}/keys",
        "setup": f"{session}/setup",
        "agents": "/agents",
        "agent": "/agents/on-call",
        "resolved": "/agents/on-call",
        "harnesses": "/harnesses",
        "workspaces": "/workspaces",
        "welcome": "/welcome",
        "operate": "/operate",
        **{name: f"/settings/{name}" for name in SETTINGS},
    }
    for name, address in pages.items():
        await page.goto(f"{home}{address}")
        await page.get_by_role("main").get_by_role("heading").first.wait_for()
        await expect(page.locator(".breathing")).to_have_count(0)
        if name == "chat":
            await see_whole(page, "not to stop me.")
            await expect(page.get_by_text("accepted", exact=True)).to_be_visible()
        if name == "resolved":
            await page.get_by_role("region", name="What it comes to").evaluate("(it) => it.scrollIntoView()")
        await page.screenshot(path=PICTURES / f"{name}-{theme}.png")


async def pictures(home: str) -> None:
    """Take all of them."""
    async with Client(home) as client, async_playwright() as playwright:
        session_id = await play(client)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            context = await browser.new_context(viewport=SIZE, color_scheme=theme, reduced_motion="reduce")
            await take(await context.new_page(), home, session_id, theme)
            await context.close()
        await browser.close()


def main() -> None:
    """Start a server, take the pictures, stop it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", {"PERDURE_ACTORS__WARM_STANDBYS": "2"})
        asyncio.run(pictures(server.start().url))
        server.stop()


if __name__ == "__main__":
    main()
