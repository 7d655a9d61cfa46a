"""Agents, harnesses and workspaces in a real browser: made, copied, and what they stand on."""

import uuid

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.chat import see_whole, write
from tests.client import Client

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def home(server_url: str) -> str:
    return server_url


@pytest.fixture
def word() -> str:
    return uuid.uuid4().hex[:6]


async def test_a_harness_is_made_and_an_agent_shows_what_comes_from_it(
    page: Page, home: str, client: Client, word: str
) -> None:
    await page.goto(f"{home}/harnesses")
    await page.get_by_role("link", name="New harness").click()
    await page.get_by_label("Name", exact=False).first.fill(f"rules-{word}")
    await page.get_by_role("textbox", name="System prompt").fill("Answer in verse.")
    await page.get_by_role("checkbox", name="Current time").check()
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/harnesses/harness_*")
    made = (await client.http.get(f"/harnesses/rules-{word}")).json()
    assert [one["ref"] for one in made["capabilities"]] == ["current_time"]
    body = {"name": f"poet-{word}", "system_prompt": "Rhyme.", "harness_name": f"rules-{word}"}
    agent = (await client.http.post("/agents", json=body)).json()
    await page.goto(f"{home}/agents/{agent['id']}")
    stands_on = page.get_by_role("region", name="What it stands on")
    await expect(stands_on.get_by_role("listitem").first).to_contain_text("Answer in verse.")
    await expect(stands_on.get_by_role("listitem").first).to_contain_text("current_time")
    comes_to = page.get_by_role("region", name="What it comes to")
    prompts = comes_to.get_by_role("region", name="System prompt").get_by_role("listitem")
    await expect(prompts.filter(has_text=f"from the harness rules-{word}")).to_contain_text("Answer in verse.")
    await expect(prompts.last).to_contain_text("Rhyme.")
    await expect(comes_to.get_by_role("region", name="Model")).to_contain_text("from the server's default")
    await expect(comes_to.get_by_role("region", name="Tools")).to_contain_text("of the capability current_time")
    await client.open(agent_id=agent["id"], title=f"Ode {word}", system_prompt="In English.")
    await page.reload()
    await page.get_by_role("region", name="Who uses it").get_by_role("link", name=f"Ode {word}").click()
    await page.get_by_role("link", name="Setup").click()
    await expect(prompts.filter(has_text="from the session")).to_contain_text("In English.")
    await expect(prompts.filter(has_text=f"from the harness rules-{word}")).to_contain_text("Answer in verse.")
    await change_on_an_archived_harness(page, home, client, agent)


async def change_on_an_archived_harness(page: Page, home: str, client: Client, agent: dict[str, str]) -> None:
    """Change an agent whose harness is in no list any more: it stays where it stands."""
    path, harness = f"/agents/{agent['id']}", f"/harnesses/{agent['harness_id']}"
    name = (await client.http.get(harness)).json()["name"]
    (await client.http.delete(harness)).raise_for_status()
    await page.goto(home + path)
    await expect(page.get_by_label("Stands on").locator("option:checked")).to_have_text(name)
    await page.get_by_role("textbox", name="System prompt").fill("Rhyme twice.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    changed = (await client.http.get(path)).json()
    assert (changed["system_prompt"], changed["harness_id"]) == ("Rhyme twice.", agent["harness_id"])


async def test_lists_show_text_and_not_the_signs_of_markdown(page: Page, home: str, client: Client, word: str) -> None:
    body = {"name": f"plain-{word}", "system_prompt": "# Role\n\nYou are **terse**, see [this](http://x.test)."}
    (await client.http.post("/agents", json=body)).raise_for_status()
    await page.goto(f"{home}/agents")
    await page.get_by_label("Search agents").fill(f"plain-{word}")
    card = page.get_by_role("main").get_by_role("listitem")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("Role You are terse, see this.")


async def test_a_copy_of_an_agent_has_what_the_form_does_not_show(
    page: Page, home: str, client: Client, word: str
) -> None:
    """Promised: a copy is whole, and never takes the place of another agent."""
    model = "llmsim:sim-echo"
    body = {"name": f"first-{word}", "system_prompt": "Rhyme.", "tags": ["art"], "default_model_id": model}
    original = (await client.http.post("/agents", json=body)).json()
    await page.goto(f"{home}/agents/{original['id']}")
    await page.get_by_role("button", name="Copy").click()
    name = page.get_by_label("Name", exact=False).first
    await expect(name).to_have_value(f"first-{word}-2")
    await name.fill(f"first-{word}")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("There is an agent called")
    await name.fill(f"second-{word}")
    await page.get_by_role("textbox", name="System prompt").fill("Rhyme twice.")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/agents/agent_*")
    copy = (await client.http.get(f"/agents/second-{word}")).json()
    assert (copy["tags"], copy["default_model_id"], copy["system_prompt"]) == (["art"], model, "Rhyme twice.")
    assert (await client.http.get(f"/agents/first-{word}")).json()["system_prompt"] == "Rhyme."


async def test_what_others_assign_to_an_agent_meanwhile_stays(page: Page, home: str, client: Client, word: str) -> None:
    """Promised: whoever saves a text puts back no capability that somebody else took away."""
    assigned = [{"ref": "current_time"}]
    body = {"name": f"shared-{word}", "system_prompt": "Rhyme.", "capabilities": assigned}
    agent = f"/agents/{(await client.http.post('/agents', json=body)).json()['id']}"
    await page.goto(home + agent)
    clock = page.get_by_role("checkbox", name="Current time")
    await expect(clock).to_be_checked()
    (await client.http.patch(agent, json={"capabilities": []})).raise_for_status()
    await page.get_by_role("textbox", name="System prompt").fill("Rhyme twice.")
    await page.get_by_role("button", name="Save").click()
    await expect(clock).not_to_be_checked()
    changed = (await client.http.get(agent)).json()
    assert (changed["system_prompt"], changed["capabilities"]) == ("Rhyme twice.", [])
    await expect(page.get_by_text("Saved")).to_be_visible()
    await clock.check()
    await expect(page.get_by_text("Saved")).to_be_hidden()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    assert [one["ref"] for one in (await client.http.get(agent)).json()["capabilities"]] == ["current_time"]


async def test_an_agent_is_archived_once_and_a_page_that_cannot_be_read_anew_keeps_what_was_typed(
    page: Page, home: str, client: Client, word: str
) -> None:
    """Promised: whoever archives never deletes, and a moment without the server takes nothing away."""
    body = {"name": f"old-{word}", "system_prompt": "Rhyme."}
    agent = f"/agents/{(await client.http.post('/agents', json=body)).json()['id']}"
    await page.goto(home + agent)
    prompt = page.get_by_role("textbox", name="System prompt")
    await prompt.fill("Typed and not saved.")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=500, json={"code": "internal", "detail": "Out of order."})

    await page.route(f"**/api/v1{agent}", refuse)
    await page.get_by_role("button", name="Archive").dblclick()
    await page.get_by_role("button", name="Really archive?").click()
    await expect(page.get_by_role("alert")).to_have_text("Out of order.")
    await expect(prompt).to_have_value("Typed and not saved.")
    await page.unroute(f"**/api/v1{agent}")
    await page.get_by_role("button", name="Archive").click()
    await page.get_by_role("button", name="Really archive?").click()
    await page.wait_for_url(f"{home}/agents")
    await page.go_back()
    await expect(page.get_by_text("It is archived")).to_be_visible()
    await expect(page.get_by_role("button", name="Archive")).to_have_count(0)
    await page.goto(f"{home}/agents/new")
    await page.get_by_label("Name", exact=False).first.fill(f"old-{word}")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("There is an archived agent called")
    assert (await client.http.get(agent)).json()["status"] == "archived"
    await page.goto(f"{home}/?agent={agent.rsplit('/', 1)[-1]}")
    await expect(page.get_by_role("combobox", name="Agent").locator("option:checked")).to_have_text(f"old-{word}")


async def test_a_harness_that_the_server_brings_is_read_and_copied(page: Page, home: str) -> None:
    await page.goto(f"{home}/harnesses/default")
    await expect(page.get_by_role("textbox", name="System prompt")).to_be_disabled()
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("textbox", name="System prompt")).to_be_enabled()
    await expect(page.get_by_role("button", name="Save")).to_be_visible()


async def test_a_session_is_started_in_a_workspace(page: Page, home: str, client: Client, word: str) -> None:
    async def put_off(route: Route) -> None:
        if route.request.method == "POST":
            await route.fulfill(status=503, json={"code": "store_unavailable", "detail": "Later."})
        else:
            await route.continue_()

    await page.route("**/api/v1/workspaces", put_off)
    await page.goto(f"{home}/workspaces")
    await page.get_by_label("Name").fill(f"Attic {word}")
    await page.get_by_role("button", name="Make").click()
    await expect(page.get_by_role("alert")).to_have_text("Later.")
    await page.unroute("**/api/v1/workspaces")
    await page.get_by_role("button", name="Make").click()
    await expect(page.get_by_label("Name")).to_have_value("")
    row = page.get_by_role("listitem").filter(has_text=f"Attic {word}")
    await row.get_by_role("button", name="Start a session in it").click()
    await page.wait_for_url("**/sessions/session_*")
    await write(page, "In the attic")
    await see_whole(page, "In the attic")
    session = (await client.http.get(f"/sessions/{page.url.rsplit('/', 1)[-1]}")).json()
    workspace = (await client.http.get(f"/workspaces/{session['workspace_id']}")).json()
    assert workspace["name"] == f"Attic {word}"
    await page.goto(f"{home}/workspaces")
    await row.get_by_role("button", name="Archive").dblclick()
    await row.get_by_role("button", name="Really archive?").click()
    await expect(row).to_have_count(0)
    assert (await client.http.get(f"/workspaces/{workspace['id']}")).json()["status"] == "archived"
