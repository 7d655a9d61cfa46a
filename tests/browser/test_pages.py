"""The console in a real browser, on a server that nobody harms."""

import asyncio
import base64
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from playwright.async_api import FilePayload, Locator, Page, Route, expect

from runtime.core.ids import hex_of
from runtime.store.pool import connect
from tests.browser.chat import answers, open_session, see_whole, write
from tests.browser.frames import scrolled
from tests.client import Client, script
from tests.conftest import Figure
from tests.server import ServerProcess

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

WORDS: Final = "one two three four five six seven eight nine ten"
# One pixel.
DOT: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DROPPED: Final = """
(bytes) => {
  const given = new DataTransfer()
  given.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"}))
  return given
}
"""
FILL: Final = """
INSERT INTO events (org_id, session_id, sequence, id, type, epoch, body)
SELECT (SELECT org_id FROM sessions WHERE sessions.id = $1), $1, n, numbered.id::uuid, 'tool.progress', 1,
  json_build_object(
    'id', 'event_' || numbered.id, 'type', 'tool.progress', 'ts', '2026-01-01T00:00:00.000Z', 'session_id', $2::text,
    'sequence', n, 'context', json_build_object(),
    'data', json_build_object('tool_call_id', 'call', 'tool_name', 'count', 'message', n::text))
FROM (
    SELECT n, '0190000000007000' || lpad(to_hex(n), 16, '8000000000000000') AS id FROM generate_series(1, $3) n
) numbered
"""


@pytest.fixture(scope="module")
def home(server_url: str) -> str:
    return server_url


async def test_a_first_visit_leads_to_a_first_reply(page: Page, home: str) -> None:
    """Promised: nobody needs a key, a manual or a second page; what was written stays while it cannot be sent."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # In an upgrade another front door may be asked for what the page begins with.
    await page.route("**/assets/index-*.js", lambda route: route.fulfill(status=404), times=1)
    await page.goto(home)
    await expect(page.get_by_role("heading", name="What shall we work on?")).to_be_visible()
    await page.route("**/api/v1/sessions", lambda route: route.fulfill(status=503, body="{}"), times=1)
    await write(page, "Hello there")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Write a message")).to_have_value("Hello there")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/sessions/session_*")
    await see_whole(page, "Hello there")
    await expect(page.get_by_role("navigation", name="Main").get_by_text("Hello there").first).to_be_visible()
    assert [url for url in asked if not url.startswith((home, "data:"))] == []


async def test_an_answer_is_seen_while_it_comes_and_a_reload_doubles_nothing(
    page: Page, home: str, client: Client
) -> None:
    session_id = await client.open()
    await open_session(page, home, session_id)
    await write(page, script({"think": "Hm.", "say": f"**{WORDS}**", "tokens_per_second": 2}))
    await expect(answers(page).and_(page.locator("[data-open=true]"))).to_contain_text("one two")
    await page.reload()
    await see_whole(page, WORDS)
    await expect(page.locator('[data-role="user"]')).to_have_count(1)
    await expect(answers(page).locator("strong, [data-streamdown=strong]")).to_have_text(WORDS)


async def test_a_turn_is_steered_and_stopped(page: Page, home: str, client: Client) -> None:
    session_id = await client.open(capabilities=["test_math"])
    slow = {"say": WORDS, "call": [{"name": "add", "arguments": {"a": 1, "b": 2}}], "tokens_per_second": 6}
    await open_session(page, home, session_id)
    await write(page, script(slow, {"say": WORDS * 50, "tokens_per_second": 10}))
    await expect(answers(page).last).to_contain_text("one")
    await write(page, "And mind this.")
    await expect(page.locator('[data-role="user"]')).to_have_count(2)
    await expect(answers(page)).to_have_count(2)
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_text("Stopped")).to_be_visible()
    await client.until_idle(session_id)
    assert [m["role"] for m in await client.messages(session_id)].count("user") == 3  # two, and the note of the stop


async def test_calls_stand_side_by_side_with_arguments_and_results(page: Page, home: str, client: Client) -> None:
    session_id = await client.open(capabilities=["test_math"])
    numbers = (("add", 6, 36), ("divide", 6, 0), ("subtract", 9_007_199_254_740_993, 2**53))
    calls = [{"name": name, "arguments": {"a": a, "b": b}} for name, a, b in numbers]
    await open_session(page, home, session_id)
    await write(page, script({"call": calls}, {"say": WORDS}))
    await see_whole(page, WORDS)
    good, bad = page.get_by_role("region", name="add"), page.get_by_role("region", name="divide")
    await expect(bad).to_contain_text("failed")
    await good.locator("summary").click()
    await expect(good).to_contain_text("42")
    await expect(good).to_contain_text('"b": 36')
    large = page.get_by_role("region", name="subtract")
    await large.locator("summary").click()
    await expect(large).to_contain_text('"a": 9007199254740993')  # which no number of a page's is
    await page.get_by_role("link", name="Effects").click()
    effects = page.get_by_role("region", name="Effects").get_by_role("listitem")
    await expect(effects).to_have_count(3)
    await expect(effects.filter(has_text="divide")).to_contain_text("failed")
    await effects.filter(has_text="add").get_by_role("link", name="Its turn").click()
    await expect(page.get_by_role("list", name="What the turn did, over time")).to_contain_text("divide")


async def test_what_an_agent_keeps_is_shown_and_events_are_found_by_type_and_text(
    page: Page, home: str, client: Client
) -> None:
    session_id = await client.open(capabilities=["session_storage"])
    keep = {"name": "kv_store", "arguments": {"operation": "set", "key": "port", "value": "Iquique"}}
    await open_session(page, home, session_id)
    await page.route("**/messages", lambda route: route.fulfill(status=503, body="{}"), times=1)
    async with page.expect_response("**/messages"):
        await write(page, script({"call": [keep]}, {"say": WORDS}))
    await page.get_by_role("link", name="Storage").click()  # what waits is sent all the same
    await client.until_idle(session_id)
    await expect(page.get_by_role("term")).to_contain_text("port")
    await expect(page.get_by_role("definition")).to_have_text("Iquique")
    await page.get_by_role("link", name="Events").click()
    log = page.get_by_role("listbox", name="Event log")
    await page.get_by_role("combobox", name="Type").select_option("tool.completed")
    await expect(page.get_by_text("1 event found")).to_be_visible()
    await expect(log.get_by_role("option")).to_have_text(re.compile("tool.completed"))
    await find_one_more(page, client, session_id, script({"call": [keep]}, {"say": WORDS}))
    everything = page.get_by_role("button", name="All events")
    await everything.click()
    await expect(everything).to_have_count(0)  # what is typed before that is lost with the list that goes
    await page.get_by_role("searchbox", name="Text in it").fill("iquique")
    await page.get_by_role("searchbox", name="Text in it").press("Enter")
    await expect(page.get_by_text(re.compile("events found"))).to_be_visible()
    await expect(log.get_by_role("option").first).to_contain_text("input.message")
    await log.focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("region", name="Event", exact=True)).to_contain_text("Iquique")
    await page.reload()
    await expect(page.get_by_text(re.compile("events found"))).to_be_visible()


async def test_a_draft_outlives_other_pages_and_what_an_address_cannot_say_is_not_read(
    page: Page, home: str, client: Client
) -> None:
    session_id = await client.open()
    await client.send(session_id, "hello")
    await open_session(page, home, session_id)
    await page.get_by_role("textbox", name="Write a message").fill("A long draft.")
    await page.goto(f"{home}/sessions/{session_id}/events?at=0&turn=yesterday&type=0")
    await expect(page.get_by_role("status").filter(has_text=re.compile("[0-9]+ events?$"))).to_be_visible()
    await page.get_by_role("link", name="Chat", exact=True).click()
    await expect(page.get_by_role("textbox", name="Write a message")).to_have_value("A long draft.")


async def find_one_more(page: Page, client: Client, session_id: str, message: str) -> None:
    """Have one more event come that is looked for: what was found before is not read again, nor counted."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await client.send(session_id, message)
    await client.until_idle(session_id)
    await expect(page.get_by_text("2 events found")).to_be_visible()
    news = [url for url in asked if "types=" in url]
    assert [url for url in news if "after_sequence=0" in url or "limit=" in url] == []
    assert [url for url in asked if url.endswith("/summary")] == []
    assert len(news) > 0


async def test_a_picture_is_attached_dropped_seen_and_sent(page: Page, home: str, client: Client) -> None:
    """Promised: what is no picture is said beside it; a picture goes along once, and is there after a reload."""
    await page.goto(home)
    attach = page.get_by_label("Attach a picture")
    files = (("dot.png", "image/png", DOT), ("notes.txt", "text/plain", b"none"), ("fake.png", "image/png", b"none"))
    await attach.set_input_files([FilePayload(name=name, mimeType=kind, buffer=data) for name, kind, data in files])
    attached = page.get_by_role("list", name="Attached pictures").get_by_role("listitem")
    await expect(attached.filter(has_text="notes.txt").get_by_role("alert")).to_contain_text("Not a PNG")
    await expect(attached.filter(has_text="fake.png").get_by_role("alert")).to_be_visible()
    await expect(attached.filter(has_text="dot.png").get_by_role("img")).to_be_visible()
    box = page.get_by_role("textbox", name="Write a message")
    await box.fill("What is this?")
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
    await page.get_by_role("button", name="Remove notes.txt").click()
    await page.get_by_role("button", name="Remove fake.png").click()
    await look_elsewhere(page, "Agents", "New chat", attached)
    await expect(attached).to_have_count(1)
    await box.dispatch_event("drop", {"dataTransfer": await page.evaluate_handle(DROPPED, list(DOT))})
    await expect(attached.filter(has_text="dropped.png").get_by_role("img")).to_be_visible()
    await box.press("Enter")
    await page.wait_for_url("**/sessions/session_*")
    said = page.locator('[data-role="user"]')
    await expect(said.get_by_role("img")).to_have_count(2)
    await page.reload()
    await expect(said.get_by_role("img")).to_have_count(2)
    await said.get_by_role("button", name="Enlarge dot.png").click()
    await expect(page.get_by_role("dialog", name="dot.png").get_by_role("img")).to_be_visible()
    await page.keyboard.press("Escape")
    [message] = [m for m in await client.messages(page.url.rsplit("/", 1)[-1]) if m["role"] == "user"]
    kinds = [(part["type"], part.get("filename")) for part in message["content"]]
    assert kinds == [("text", None), ("image_file", "dot.png"), ("image_file", "dropped.png")]


def holding(until: asyncio.Event) -> Callable[[Route], Awaitable[None]]:
    """Return what holds requests until something is so."""

    async def hold(route: Route) -> None:
        await until.wait()
        await route.continue_()

    return hold


async def look_elsewhere(page: Page, there: str, back: str, left: Locator) -> None:
    """Follow one link and then, once what was left is gone, another: as somebody comes back to what they were at."""
    await page.get_by_role("link", name=there, exact=True).click()
    await page.wait_for_url(f"**/{there.lower()}")
    await expect(left).to_have_count(0)
    await page.get_by_role("link", name=back, exact=True).click()


async def test_tools_of_a_client_that_is_not_there_are_answered_together(page: Page, home: str, client: Client) -> None:
    kind = {"type": "client_side", "description": "Looks.", "parameters": {"type": "object"}}
    session_id = await client.open(tools=[{**kind, "name": name} for name in ("look", "listen")])
    await open_session(page, home, session_id)
    await write(page, script({"call": [{"name": "look"}, {"name": "listen"}]}, {"say": WORDS}))
    look = page.get_by_label("Answer of look")
    await look.fill("A light.")
    await look_elsewhere(page, "Turns", "Chat", look)
    await page.get_by_label("Answer of listen").fill("A bell.")
    await page.get_by_role("button", name="Hand in").click()
    await see_whole(page, WORDS)
    results = [m for m in await client.messages(session_id) if m["role"] == "tool_result"]
    assert sorted(m["content"][0]["result"] for m in results) == ["A bell.", "A light."]


async def test_what_an_answer_holds_can_neither_run_nor_call_out(page: Page, home: str, client: Client) -> None:
    """Promised: a model may say anything; a browser neither runs it nor tells anybody."""
    session_id = await client.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    bad = (
        '<img src="http://127.0.0.1:1/spy" onerror="window.ran=1"> ![x](http://127.0.0.1:1/spy) '
        "[link](javascript:window.ran=1) [good](https://example.org/a) <script>window.ran=1</script> **end**"
    )
    await open_session(page, home, session_id)
    await write(page, script({"say": bad}))
    await expect(answers(page).get_by_text("end", exact=True)).to_be_visible()
    assert await page.evaluate("window.ran") is None
    assert [url for url in asked if "spy" in url] == []
    link = answers(page).locator("a[href]")
    await expect(link).to_have_text("good")
    for name, value in (("href", "https://example.org/a"), ("target", "_blank"), ("rel", "noopener noreferrer")):
        await expect(link).to_have_attribute(name, value)


async def test_an_agent_is_made_corrected_and_talked_to(page: Page, home: str) -> None:
    await page.goto(f"{home}/agents/new")
    await page.get_by_label("Name", exact=False).first.fill("Not A Name")
    await page.get_by_role("textbox", name="System prompt").fill("Answer in one line.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("Name", exact=False).first.locator("..").get_by_role("alert")).to_be_visible()
    await page.get_by_label("Name", exact=False).first.fill("console-poet")
    await page.get_by_role("checkbox", name="Current time").check()
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/agents/agent_*")
    await expect(page.get_by_role("heading", name="console-poet")).to_be_visible()  # until then it is the form before
    await page.get_by_role("textbox", name="System prompt").fill("Answer in two lines.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved")
    await page.reload()
    await expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Answer in two lines.")
    await page.get_by_role("button", name="Chat with it").click()
    await expect(page.get_by_role("combobox", name="Agent")).to_have_value(re.compile("agent_"))
    await write(page, "A rhyme, please.")
    await see_whole(page, "A rhyme, please.")


async def test_a_file_is_changed_and_what_changed_it_meanwhile_is_seen(page: Page, home: str, client: Client) -> None:
    """Promised: neither what is typed nor what others wrote meanwhile is lost, also where asking for it anew fails."""
    session_id = await client.open(initial_files=[{"path": "notes/plan.md", "content": "# Plan\n"}])
    await page.goto(f"{home}/sessions/{session_id}/files")
    await page.get_by_role("button", name=re.compile("plan.md")).click()
    text = page.get_by_test_id("editor").get_by_role("textbox")
    await expect(text).to_contain_text("# Plan")
    await text.press("Control+End")
    await page.keyboard.type("Carry on.")
    await look_elsewhere(page, "Turns", "Files", text)
    await expect(page.get_by_text("edited", exact=True)).to_be_visible()
    await page.get_by_role("button", name=re.compile("plan.md")).click()
    await expect(text).to_contain_text("Carry on.")
    address = f"/sessions/{session_id}/fs/notes/plan.md"
    (await client.http.put(address, json={"content": "# Plan\nWait.\n"})).raise_for_status()
    await page.route(f"{home}/api/v1/sessions/{session_id}", lambda route: route.fulfill(status=500, body="{}"))
    await have_a_turn(page, client, session_id)
    await expect(page.get_by_text("It was changed while you edited it")).to_be_visible()
    await page.get_by_role("button", name="Changes").click()
    await expect(page.get_by_test_id("editor").locator(".cm-deletedChunk")).to_contain_text("Wait.")
    await expect(text).to_contain_text("Carry on.")
    await save_what_others_changed(page, client, session_id, address)
    await save_what_is_gone(page, text, client, address)


async def have_a_turn(page: Page, client: Client, session_id: str) -> None:
    """Have a turn, after which files may be other ones, and the page hear of it: it asks for the session, in vain."""
    async with page.expect_response(lambda reply: reply.status == 500):
        await client.send(session_id, "Go on.")
        await client.until_idle(session_id)


async def save_what_others_changed(page: Page, client: Client, session_id: str, address: str) -> None:
    """Save a file that somebody has just changed: that is seen before it is replaced, even if a turn comes between."""
    is_wanted = asyncio.Event()
    await page.route("**/fs/*plan.md", holding(is_wanted))
    (await client.http.put(address, json={"content": "# Plan\nWait on.\n"})).raise_for_status()
    await page.get_by_role("button", name="Save").click()
    await have_a_turn(page, client, session_id)
    is_wanted.set()
    await expect(page.get_by_test_id("editor").locator(".cm-deletedChunk")).to_contain_text("Wait on.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    assert (await client.http.get(address)).json()["content"] == "# Plan\nCarry on."


async def save_what_is_gone(page: Page, text: Locator, client: Client, address: str) -> None:
    """Type on in a file that somebody else deletes, and save it all the same."""
    await text.press("Control+End")
    await page.keyboard.type(" Still.")
    (await client.http.delete(address)).raise_for_status()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("It was changed while you edited it")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    assert (await client.http.get(address)).json()["content"] == "# Plan\nCarry on. Still."


async def test_a_hundred_thousand_events_are_scrolled(
    page: Page, home: str, client: Client, server: ServerProcess, figure: Figure
) -> None:
    """Promised: of a long log few rows are drawn, and pages are read where one looks."""
    session_id = await client.open()
    await fill(server.database, session_id, 100_000)
    await page.goto(f"{home}/sessions/{session_id}/events?at=50000")
    log = page.get_by_test_id("log")
    await expect(log.get_by_role("option", selected=True)).to_contain_text("tool.progress")
    await expect(page.get_by_role("region", name="Event")).to_contain_text('"message": "50000"')
    for share, sequence in ((0.25, 25_010), (0, 1), (1, 100_000)):
        await log.evaluate("(it, share) => { it.scrollTop = it.scrollHeight * share }", share)
        await expect(log.locator(f'[aria-posinset="{sequence}"]')).to_contain_text("tool.progress")
    assert await log.get_by_role("option").count() < 150
    figure(await scrolled(log, "100,000 events"))
    await page.goto(f"{home}/sessions/{session_id}/turns?turn=turn_of_long_ago")
    await expect(page.get_by_text("It began further back")).to_be_visible()
    async with page.expect_response(re.compile("before_sequence=99401")):
        await page.get_by_role("button", name="Earlier").click()


async def fill(database: str, session_id: str, count: int) -> None:
    """Give a session a log of so many events."""
    connection = await connect(database)
    await connection.execute(FILL, uuid.UUID(hex_of(session_id)), session_id, count)
    await connection.execute(
        "UPDATE sessions SET last_sequence = $2 WHERE id = $1", uuid.UUID(hex_of(session_id)), count
    )
    await connection.close()


async def test_everything_is_reached_by_keyboard(page: Page, home: str, client: Client) -> None:
    session_id = await client.open(title="Voyage of the Beagle")
    is_wanted = asyncio.Event()
    await page.route("**/assets/palette-*.js", holding(is_wanted))
    await page.goto(home)
    opener = page.get_by_role("button", name="Commands")
    await opener.focus()
    await page.route("**/assets/palette-*", lambda route: route.abort(), times=1)  # for a moment nobody answers
    await page.keyboard.press("Control+k")
    await page.keyboard.type("beag")
    is_wanted.set()
    await expect(page.get_by_role("option", name="Voyage of the Beagle", selected=True)).to_be_visible()
    await page.keyboard.type("le")
    await expect(page.get_by_role("dialog", name="Commands").get_by_role("combobox")).to_have_value("beagle")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Commands")).to_have_count(0)
    await expect(opener).to_be_focused()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("voyage")
    await expect(page.get_by_role("option", name="Voyage of the Beagle", selected=True)).to_be_visible()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/sessions/{session_id}")
