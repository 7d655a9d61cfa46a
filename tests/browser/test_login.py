"""The console where people must say who they are."""

import uuid

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.chat import see_whole, write
from tests.server import PASSWORD, ROOT, ServerProcess

pytestmark = [pytest.mark.timeout(200), pytest.mark.asyncio(loop_scope="session")]

AT_ONCE_MS = 8_000  # before the next look at the sessions, which comes every fifteen seconds


@pytest.fixture(scope="module")
def home(guarded: ServerProcess) -> str:
    return guarded.url


async def test_a_visitor_is_sent_to_log_in_and_back_and_out_again(page: Page, home: str) -> None:
    await page.goto(f"{home}/welcome?simulated=true")
    await page.wait_for_url("**/login?**")
    await page.get_by_label("E-mail address").fill(ROOT)
    await page.get_by_label("Password").fill("not this one")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{home}/welcome?simulated=true")
    await page.get_by_role("link", name="New chat").click()
    await write(page, "Who am I?")
    await see_whole(page, "Who am I?")
    assert "access_token" not in await page.evaluate("document.cookie")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")
    await page.goto(home)
    await page.wait_for_url("**/login?**")


async def test_a_login_that_ran_out_is_renewed_without_a_word(page: Page, home: str) -> None:
    """Promised: also where the server cannot be asked at first, for that is no logging out."""
    await log_in(page, home)
    await page.context.clear_cookies(name="access_token")
    await write(page, "Still here.")
    await see_whole(page, "Still here.")

    async def put_off(route: Route) -> None:
        await route.fulfill(status=503, json={"code": "store_unavailable", "detail": "Later."})

    await page.route("**/auth/refresh", put_off, times=1)
    async with page.expect_response(lambda reply: reply.url.endswith("/auth/refresh") and not reply.ok):
        await page.context.clear_cookies(name="access_token")
        await write(page, "And here again.")
    await see_whole(page, "And here again.")


async def newcomer(home: str) -> str:
    """Have somebody make an account; return their address."""
    email = f"{uuid.uuid4().hex[:8]}@example.org"
    async with httpx.AsyncClient(base_url=f"{home}/api/v1") as http:
        body = {"email": email, "password": PASSWORD, "name": "Ada"}
        (await http.post("/auth/register", json=body)).raise_for_status()
    return email


async def log_in_beside(page: Page, email: str) -> None:
    """Log in again in another tab, where a page says that its login has run out."""
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Log in again").click()
    other = await opened.value
    await other.get_by_label("E-mail address").fill(email)
    await other.get_by_label("Password").fill(PASSWORD)
    await other.get_by_role("button", name="Log in").click()
    await other.wait_for_url("**/agents/*")
    await other.close()
    # Without a screen no page is ever hidden, so none hears that one has come back to it.
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")


async def test_a_login_that_is_over_leaves_what_is_typed(page: Page, home: str) -> None:
    """Promised: whoever has to log in again does so beside the page, and goes on there; somebody else does not."""
    await log_in(page, home)
    await page.goto(f"{home}/agents/new")
    name = f"kept-{uuid.uuid4().hex[:6]}"
    await page.get_by_label("Name", exact=False).first.fill(name)
    await page.get_by_role("textbox", name="System prompt").fill("Typed before.")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Save").click()
    over = page.get_by_text("Your login has run out")
    await expect(over).to_be_visible()
    await log_in_beside(page, ROOT)
    await expect(over).to_have_count(0, timeout=AT_ONCE_MS)
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/agents/agent_*")
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Typed before.")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Save").click()
    await log_in_beside(page, await newcomer(home))
    await page.wait_for_url(f"{home}/", wait_until="commit", timeout=AT_ONCE_MS)


async def test_a_member_is_added_given_a_role_and_taken_out(page: Page, home: str) -> None:
    """Promised: what one may not do is not hidden behind the page; the server says so."""
    email = await newcomer(home)
    await log_in(page, home)
    await page.goto(f"{home}/settings/members")
    await page.get_by_label("E-mail address").fill("nobody@example.org")
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_role("button", name="Add").click()
    member = page.get_by_role("listitem").filter(has_text=email)
    await member.get_by_role("combobox", name="Role of Ada").select_option("viewer")
    await expect(member.get_by_role("combobox")).to_have_value("viewer")  # which it shows once it is kept
    await page.reload()
    await expect(member.get_by_role("combobox")).to_have_value("viewer")
    await member.get_by_role("button", name="Take out").click()
    await member.get_by_role("button", name="Really delete?").click()
    await expect(member).to_have_count(0)


async def test_an_organisation_is_made_named_anew_and_entered(page: Page, home: str) -> None:
    """Promised: nothing of one organisation is seen in another."""
    word = uuid.uuid4().hex[:6]
    await log_in(page, home)
    await write(page, f"A word of the first: {word}")
    await see_whole(page, word)
    session = page.url
    await page.goto(f"{home}/settings/organizations")
    make = page.get_by_role("form", name="Make an organisation")
    await make.get_by_label("Name").fill(f"Second {word}")
    await make.get_by_role("button").click()
    there = page.get_by_role("listitem").filter(has_text=f"Second {word}")
    here = page.get_by_role("main").get_by_role("listitem").filter(has_text="you are here")
    first = await here.locator("div.truncate").inner_text()
    await there.get_by_role("button", name="Go there").click()
    await page.wait_for_url(f"{home}/")
    await expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    await page.goto(session)
    await expect(page.get_by_role("alert").first).to_contain_text("session")
    await expect(page.get_by_text(word)).to_have_count(0)
    await page.goto(f"{home}/settings/organizations")
    ours = page.get_by_role("region", name="This organisation")
    await ours.get_by_label("Name").fill(f"Third {word}")
    await ours.get_by_label("Delete sessions").fill("30")
    await ours.get_by_role("button", name="Save").click()
    await expect(here).to_contain_text(f"Third {word}")
    await expect(ours.get_by_label("Delete sessions")).to_have_value("30")
    await page.get_by_role("listitem").filter(has_text=first).get_by_role("button", name="Go there").click()
    await expect(page.get_by_role("navigation", name="Main").get_by_text(word).first).to_be_visible()


async def log_in(page: Page, home: str) -> None:
    """Log in as the first administrator, by a link that would lead elsewhere."""
    await page.goto(f"{home}/login?back=/%5Celsewhere.example")
    await page.get_by_label("E-mail address").fill(ROOT)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("heading", name="What shall we work on?").wait_for()
