"""An uploaded image, from a form to a model, through the running product."""

import httpx

from tests.client import Client

LARGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8_000  # more than is kept in memory while a form is read


async def test_an_image_is_uploaded_shown_and_deleted(client: Client) -> None:
    session_id = await client.open()
    made = await client.http.post(f"/images?session_id={session_id}", files={"file": ("cat.png", LARGE)})
    image = made.json()
    assert (made.status_code, image["content_type"], image["size_bytes"]) == (201, "image/png", len(LARGE))
    read = await client.http.get(f"/images/{image['id']}")
    assert (read.content, read.headers["content-type"]) == (LARGE, "image/png")
    content = [{"type": "text", "text": "Look:"}, {"type": "image_file", "image_id": image["id"]}]
    async with client.listen(session_id) as stream:
        sent = await client.http.post(f"/sessions/{session_id}/messages", json={"message": {"content": content}})
        assert sent.status_code == httpx.codes.CREATED
        await stream.wait_for_end()
    [told] = [event for event in await client.events(session_id) if event["type"] == "input.message"]
    assert told["data"]["message"]["content"] == content
    assert (await client.http.delete(f"/images/{image['id']}")).status_code == httpx.codes.NO_CONTENT
    refused = await client.http.post(f"/sessions/{session_id}/messages", json={"message": {"content": content}})
    assert (refused.status_code, refused.json()["code"]) == (404, "image_not_found")


async def test_a_form_of_another_sites_page_uploads_nothing(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = await client.http.post("/images", files={"file": ("cat.png", LARGE)}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site_request")
