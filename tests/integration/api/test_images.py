"""Uploaded images, and messages that show them."""

from dataclasses import replace

import httpx
import pytest

from api.app import create_app
from api.http.deps import House
from runtime.core.files.quotas import LEAST_IMAGE_BYTES
from runtime.core.message import ImageFilePart, TextPart
from runtime.process.settings import HttpSettings
from runtime.store.images import ImageStore
from runtime.store.pool import Pool
from runtime.wiring import FrontDoor
from tests.fakes import FakeGateway
from tests.tenancy import VAULT, found_org, ours

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
UNKNOWN = "img_" + "0" * 32
LIMIT = 4_000


@pytest.fixture
def http_settings() -> HttpSettings:
    return HttpSettings(body_limit_bytes=LIMIT)


async def upload(
    client: httpx.AsyncClient, content: bytes = PNG, name: str = "cat.png", query: str = ""
) -> httpx.Response:
    return await client.post(f"/v1/images{query}", files={"file": (name, content, "text/html")})


async def show(client: httpx.AsyncClient, image_id: str) -> httpx.Response:
    session = (await client.post("/v1/sessions", json={})).json()
    content = [{"type": "text", "text": "Look:"}, {"type": "image_file", "image_id": image_id, "filename": "cat.png"}]
    return await client.post(f"/v1/sessions/{session['id']}/messages", json={"message": {"content": content}})


async def test_an_image_is_kept_listed_read_and_deleted(client: httpx.AsyncClient) -> None:
    made = await upload(client)
    image = made.json()
    assert (made.status_code, image["filename"], image["content_type"]) == (201, "cat.png", "image/png")
    assert (image["size_bytes"], image["metadata"], image["session_id"]) == (len(PNG), {}, None)
    assert made.headers["location"] == f"/api/v1/images/{image['id']}"
    newer = (await upload(client, name="dog.png")).json()
    listed = (await client.get("/v1/images", params={"limit": 2})).json()
    assert listed == [newer, image]
    read = await client.get(f"/v1/images/{image['id']}")
    assert (read.content, read.headers["content-type"]) == (PNG, "image/png")
    assert (read.headers["x-content-type-options"], read.headers["content-security-policy"]) == ("nosniff", "sandbox")
    assert (await client.delete(f"/v1/images/{image['id']}")).status_code == 204
    assert (await client.get(f"/v1/images/{image['id']}")).json()["code"] == "image_not_found"
    assert (await client.delete(f"/v1/images/{image['id']}")).json()["code"] == "image_not_found"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"), (b"RIFF0000WEBP", "image/webp")],
)
async def test_what_kind_an_image_is_its_bytes_say(client: httpx.AsyncClient, content: bytes, kind: str) -> None:
    assert (await upload(client, content)).json()["content_type"] == kind


@pytest.mark.parametrize(
    ("name", "kept"), [(r"C:\pictures\cat.png", "cat.png"), ("../../etc/passwd", "passwd"), ("a" * 300, "a" * 255)]
)
async def test_the_name_of_an_image_is_no_path(client: httpx.AsyncClient, name: str, kept: str) -> None:
    assert (await upload(client, name=name)).json()["filename"] == kept


async def test_what_is_no_picture_is_refused(client: httpx.AsyncClient) -> None:
    for content in (b"", b"<svg onload='alert(1)'/>", b"RIFF0000WAVE"):
        refused = await upload(client, content)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_image")


async def test_a_form_must_hold_a_file_and_keep_to_the_limit(client: httpx.AsyncClient) -> None:
    for files in ({"picture": ("cat.png", PNG)}, {"file": (None, "a field")}):
        refused = await client.post("/v1/images", files=files)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input"), refused.text
    broken = await client.post(
        "/v1/images", content=b"no form", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code == 400
    large = await upload(client, PNG + b"0" * LIMIT)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


async def test_an_organisation_keeps_images_up_to_a_limit(house: House, acting: Pool, pool: Pool) -> None:
    large = PNG + b"0" * (LEAST_IMAGE_BYTES - len(PNG) + 1)
    await pool.execute("DELETE FROM images")
    limited = replace(house, stores=FrontDoor(acting, VAULT, 2 * LEAST_IMAGE_BYTES).stores, http=HttpSettings())
    transport = httpx.ASGITransport(create_app(limited), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as client:
        first = (await upload(client)).json()
        refused = await upload(client, large)
        assert (refused.status_code, refused.json()["code"]) == (400, "images_full")
        assert refused.json()["detail"].startswith("Input exceeds allowed limits: an organisation keeps at most 20000")
        assert (await upload(client)).status_code == 201
        assert (await upload(client)).json()["code"] == "images_full"  # a small one counts too
        await client.delete(f"/v1/images/{first['id']}")
        assert (await upload(client)).status_code == 201
    others = ImageStore(ours(pool, await found_org(pool)), 2 * LEAST_IMAGE_BYTES)
    assert (await others.create(large, "theirs.png")).size_bytes == len(large)


async def test_an_image_goes_with_its_session(client: httpx.AsyncClient, pool: Pool) -> None:
    session = (await client.post("/v1/sessions", json={})).json()
    image = (await upload(client, query=f"?session_id={session['id']}")).json()
    assert image["session_id"] == session["id"]
    stranger = await upload(client, query="?session_id=session_" + "0" * 32)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "session_not_found")
    assert (await upload(client, query="?session_id=mine")).json()["code"] == "invalid_session_id"


async def test_a_message_shows_an_image_that_is_there(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    image = (await upload(client)).json()
    sent = await show(client, image["id"])
    part = {"type": "image_file", "image_id": image["id"], "filename": "cat.png"}
    assert (sent.status_code, sent.json()["content"][1]) == (201, part)
    _, given = gateway.sent[-1]
    assert given.message.content == (TextPart("Look:"), ImageFilePart(image["id"], "cat.png"))


async def test_a_message_that_shows_what_is_not_there_is_refused(
    client: httpx.AsyncClient, pool: Pool, house: House
) -> None:
    theirs = await ImageStore(ours(pool, await found_org(pool))).create(PNG, "theirs.png")
    deleted = (await upload(client)).json()["id"]
    await client.delete(f"/v1/images/{deleted}")
    for image_id in (UNKNOWN, theirs.id, deleted):
        refused = await show(client, image_id)
        assert (refused.status_code, refused.json()["code"]) == (404, "image_not_found")
    assert (await show(client, "cat.png")).json()["code"] == "invalid_img_id"
