"""Settings in a real browser: models, tokens, the audit log, and secrets of a session."""

import re
import uuid
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.client import Client

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

CANARY: Final = "a-value-that-nobody-sees"


@pytest.fixture(scope="module")
def home(server_url: str) -> str:
    return server_url


async def test_a_model_is_made_a_favourite_and_taken_out_of_use_and_back(page: Page, home: str, client: Client) -> None:
    model = (await client.http.get("/models")).json()["data"][-1]
    path, name = f"/models/{model['id']}", model["display_name"]
    await page.goto(f"{home}/settings/models")
    await page.get_by_label("Search models").fill(model["model_id"])
    star = page.get_by_role("button", name=f"{name} is a favourite")
    switch = page.get_by_role("checkbox", name=f"{name} is enabled")
    await star.click()
    await switch.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await expect(switch).not_to_be_checked()
    await until_kept(client, path, is_favorite=True, enabled=False)
    await page.reload()
    await page.get_by_label("Search models").fill(model["model_id"])
    await expect(switch).not_to_be_checked()
    await star.click()
    await switch.click()
    await expect(switch).to_be_checked()
    await until_kept(client, path, is_favorite=False, enabled=True)


async def until_kept(client: Client, path: str, **wanted: bool) -> None:
    """Wait until the server says so of a model."""

    async def is_kept(_: Client) -> bool:
        model = (await client.http.get(path)).json()
        return {name: model[name] for name in wanted} == wanted

    await client.until(is_kept, f"{wanted}")


async def test_the_default_of_the_organisation_is_chosen(page: Page, home: str, client: Client) -> None:
    echo = (await client.http.get("/models/llmsim:sim-echo")).json()  # what answers by default as it is
    await page.goto(f"{home}/settings/models")
    choice = page.get_by_label("Default of the organisation")
    await choice.select_option(echo["id"])
    await expect(choice).to_have_value(echo["id"])  # which it shows once it is kept
    kept = (await client.http.get("/resolve-org")).json()["default_model_id"]
    assert kept in (echo["id"], "llmsim:sim-echo")
    await page.reload()
    await expect(choice).to_have_value(echo["id"])
    await choice.select_option(label="The server's default")
    await expect(choice).to_have_value("")
    assert (await client.http.get("/resolve-org")).json()["default_model_id"] is None


async def test_models_that_take_over_are_put_in_order_by_keys_and_by_pointer(
    page: Page, home: str, client: Client
) -> None:
    echo, lorem = ("llmsim:sim-echo", "llmsim:sim-lorem")
    names = {key: (await client.http.get(f"/models/{key}")).json()["display_name"] for key in (echo, lorem)}
    await page.goto(f"{home}/settings/models")
    chain = page.get_by_role("list", name="When a model fails").get_by_role("listitem")
    for name in names.values():
        await page.get_by_label("Another one").select_option(label=f"{name} · Simulated")
        await page.get_by_role("button", name="Add to the chain").click()
        await expect(chain.filter(has_text=name)).to_be_visible()
    up = page.get_by_role("button", name=f"Move {names[lorem]} up")
    await up.focus()  # it may be there before the server has it
    await until_chain(client, [echo, lorem])
    await page.keyboard.press("Enter")
    await until_chain(client, [lorem, echo])
    await expect(up).to_be_focused()
    await expect(page.get_by_text(f"{names[lorem]} is number 1 of 2 now")).to_be_attached()
    await chain.first.drag_to(chain.last)
    await until_chain(client, [echo, lorem])
    await page.get_by_role("button", name=f"Take {names[echo]} out").click()
    await until_chain(client, [lorem])
    await page.reload()
    await expect(chain).to_have_count(1)
    await page.get_by_role("button", name="Use the server's").click()
    await until_chain(client, [])
    await expect(chain).to_have_count(0)


async def until_chain(client: Client, wanted: list[str]) -> None:
    """Wait until the organisation keeps this chain."""

    async def is_kept(_: Client) -> bool:
        return bool((await client.http.get("/resolve-org")).json()["fallback_models"] == wanted)

    await client.until(is_kept, f"{wanted}")


async def test_a_token_is_shown_once_and_revoked(page: Page, home: str, client: Client) -> None:
    name = f"laptop-{uuid.uuid4().hex[:6]}"
    await page.goto(f"{home}/settings/tokens")
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("checkbox", name="sessions:read").check()
    await page.get_by_role("button", name="Make a token").click()
    token = await page.get_by_test_id("token").inner_text()
    assert token.startswith("evr_pat_")
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as over plain HTTP
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Selected: copy it by keyboard")).to_be_visible()
    assert await page.evaluate("String(getSelection())") == token
    await page.get_by_role("button", name="I have it").click()
    await expect(page.get_by_test_id("token")).to_have_count(0)
    await expect(page.get_by_text(name, exact=True)).to_be_visible()
    assert token not in await page.content()
    revoke = page.get_by_role("button", name=f"Revoke {name}")
    await revoke.click()
    await page.get_by_role("button", name="Really delete?").click()
    await expect(page.get_by_text(name, exact=True)).to_have_count(0)
    listed = (await client.http.get("/auth/personal-access-tokens")).json()["data"]
    assert name not in [one["name"] for one in listed]


async def test_the_audit_log_is_filtered_and_exported(page: Page, home: str, client: Client, tmp_path: Path) -> None:
    name = f"audited-{uuid.uuid4().hex[:6]}"
    made = (await client.http.post("/agents", json={"name": name, "system_prompt": "x"})).json()["id"]
    (await client.http.delete(f"/agents/{made}")).raise_for_status()
    await page.goto(f"{home}/settings/audit")
    await page.get_by_label("Action").fill("agent.archived")
    await page.get_by_label("Of what").fill(made)
    await page.get_by_role("button", name="Filter").click()
    entries = page.get_by_role("main").get_by_role("listitem").filter(has_text=made)
    await expect(entries).to_have_count(1)
    await expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export as NDJSON").click()
    await (await download.value).save_as(tmp_path / "audit.ndjson")
    [line] = (tmp_path / "audit.ndjson").read_text().splitlines()
    assert made in line


async def test_a_secret_of_a_session_goes_in_and_only_its_name_comes_out(page: Page, home: str, client: Client) -> None:
    session_id = await client.open(capabilities=["session_storage"])
    await page.goto(f"{home}/sessions/{session_id}")
    await page.get_by_role("link", name="Secrets").click()
    await page.get_by_label("Name").fill("API=TOKEN\x7f")
    await page.get_by_label("Value").fill(CANARY)
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Value")).to_have_value("")
    await expect(page.get_by_label("Name")).to_have_value("API=TOKEN\x7f")
    await page.get_by_label("Name").fill("API_TOKEN")
    await page.get_by_label("Value").fill(CANARY)
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.get_by_role("listitem").filter(has_text="API_TOKEN")).to_contain_text(re.compile("set "))
    assert CANARY not in await page.content()
    await page.get_by_role("button", name="Delete API_TOKEN").click()
    await page.get_by_role("button", name="Really delete?").click()
    await expect(page.get_by_text("No secret yet.")).to_be_visible()
    assert (await client.http.get(f"/sessions/{session_id}/storage/secrets")).json()["data"] == []


async def test_a_connection_goes_in_and_only_its_name_comes_out(page: Page, home: str, client: Client) -> None:
    name = f"forge-{uuid.uuid4().hex[:6]}"
    await page.goto(f"{home}/settings/connections")
    await page.get_by_label("Of what").fill(name)
    await page.get_by_label("API key").fill(CANARY)
    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(page.get_by_role("listitem").filter(has_text=name)).to_contain_text("connected")
    assert CANARY not in await page.content()
    await page.get_by_role("button", name=f"Disconnect {name}").click()
    await page.get_by_role("button", name="Really delete?").click()
    await expect(page.get_by_text(name, exact=True)).to_have_count(0)
    listed = (await client.http.get("/user/connections")).json()["data"]
    assert name not in [one["provider"] for one in listed]


async def test_keys_and_limits_are_read_as_they_are(page: Page, home: str, client: Client) -> None:
    [key] = (await client.http.get("/secret-keys")).json()["data"]
    await page.goto(f"{home}/settings/bounds")
    await expect(page.get_by_role("listitem").filter(has_text=key["key_id"])).to_contain_text("current: it seals")
    limits = page.get_by_role("region", name="Limits").get_by_role("listitem")
    await expect(limits.filter(has_text="PERDURE_HTTP__BODY_LIMIT_BYTES")).to_contain_text("8,000,000")
    await expect(limits.filter(has_text="PERDURE_LIMITS__REQUESTS_PER_MINUTE")).to_contain_text("any number")
