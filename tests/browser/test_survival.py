"""The console while processes are killed: what was accepted is answered, whole and once, on an open page."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.chat import answers, open_session, see_whole, write
from tests.client import Client, script
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]

WORDS = "one two three four five six seven eight nine ten"
RESTART_MS = 150_000


@pytest.fixture(scope="module")
def home(stage: ServerProcess) -> str:
    return stage.url


async def test_an_answer_is_whole_when_its_actor_dies_in_the_middle(page: Page, home: str, client: Client) -> None:
    session_id = await client.open()
    await open_session(page, home, session_id)
    await write(page, script({"say": WORDS, "tokens_per_second": 2}))
    await expect(answers(page).last).to_contain_text("one two")
    os.kill(await client.pid(session_id), signal.SIGKILL)
    await see_whole(page, WORDS)
    await expect(page.get_by_test_id("moved")).to_have_text("The session moved to another process. Nothing was lost.")
    await expect(answers(page)).to_have_count(1)


async def test_an_answer_is_whole_when_the_server_dies_in_the_middle(
    page: Page, home: str, client: Client, stage: ServerProcess
) -> None:
    session_id = await client.open()
    await open_session(page, home, session_id)
    await write(page, script({"say": WORDS, "tokens_per_second": 3}))
    await expect(answers(page).last).to_contain_text("one two")
    await asyncio.to_thread(stage.kill9)
    await expect(page.get_by_test_id("broken")).to_be_visible()
    await write(page, script({"say": "I heard you."}, about="Sent while nobody was there."))
    await asyncio.to_thread(stage.start)
    await expect(answers(page).last).to_contain_text("I heard you.", timeout=RESTART_MS)
    await see_whole(page, "I heard you.")
    await expect(answers(page).first).to_contain_text(WORDS)
    await expect(page.locator('[data-role="user"]')).to_have_count(2)
    await expect(page.get_by_test_id("broken")).to_have_count(0)


async def test_a_person_decides_in_the_conversation_what_became_of_a_call(
    page: Page, home: str, client: Client, tmp_path: Path
) -> None:
    session_id = await client.open(capabilities=["saboteur"])
    diary = tmp_path / "diary"
    arguments = {"diary": str(diary), "gate": str(tmp_path / "gate")}
    await open_session(page, home, session_id)
    await write(page, script({"call": [{"name": "work_ask", "arguments": arguments}]}, {"say": WORDS}))
    await client.until(lambda _: asyncio.to_thread(diary.exists), "the tool to begin")
    os.kill(await client.pid(session_id), signal.SIGKILL)
    card = page.get_by_role("region", name="Hard work")
    await expect(card).to_contain_text("waits for you")
    await card.get_by_role("textbox").fill('{"receipt": 7}')
    await page.get_by_role("link", name="Effects").click()
    effect = page.get_by_role("region", name="Effects").get_by_role("listitem").filter(has_text="Hard work")
    await expect(effect).to_contain_text("in doubt: it waits for you")
    await expect(effect.get_by_role("button", name=re.compile("happened", re.IGNORECASE))).to_be_enabled()
    await expect(effect.get_by_role("textbox")).to_have_value('{"receipt": 7}')
    await page.goto(f"{home}/operate")
    waiting = page.get_by_role("region", name="Waits for a decision").get_by_role("listitem")
    await waiting.filter(has=page.locator(f'a[href$="{session_id}"]')).get_by_role("link").click()
    await card.get_by_role("textbox").fill('{"receipt": 7}')
    await card.get_by_role("button", name=re.compile("happened", re.IGNORECASE)).click()
    await see_whole(page, WORDS)
    await expect(card).to_contain_text("It happened")
    [effect] = (await client.http.get(f"/durable/sessions/{session_id}/effects")).json()["data"]
    assert (effect["state"], [d["decision"] for d in effect["decisions"]]) == ("done", ["happened"])
    assert diary.read_text().count("began") == 1
