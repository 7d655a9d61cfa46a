from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api.http.middleware import FrontDoor

LIMIT = 100


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body; `/bug` raises."""
    if scope["path"] == "/bug":
        message = "secret details"
        raise RuntimeError(message)
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(FrontDoor(echo, LIMIT, loopback_only=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9000") as client:
        yield client


async def post(
    client: httpx.AsyncClient, body: bytes = b"{}", headers: Mapping[str, str] = MappingProxyType({})
) -> httpx.Response:
    return await client.post("/", content=body, headers={"content-type": "application/json", **headers})


async def test_request_id_is_echoed(client: httpx.AsyncClient) -> None:
    reply = await client.get("/", headers={"X-Request-Id": "abc-1"})
    assert reply.headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("given", ["", "x" * 200, "a\tb"])
async def test_request_id_that_is_no_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    reply = await client.get("/", headers={"X-Request-Id": given})
    assert len(reply.headers["x-request-id"]) == 32


async def test_errors_have_a_request_id_too(client: httpx.AsyncClient) -> None:
    reply = await client.get("/bug", headers={"X-Request-Id": "abc-2"})
    assert (reply.status_code, reply.headers["x-request-id"]) == (500, "abc-2")


async def test_bug_tells_the_client_nothing(client: httpx.AsyncClient) -> None:
    reply = await client.get("/bug")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["error"]["code"] == "internal"
    assert "secret" not in reply.text
    assert "Traceback" not in reply.text


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9000", "127.0.0.1", "127.0.0.9:1", "[::1]:9000", "a.localhost"]
)
async def test_loopback_hosts_are_served(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:9000", "10.0.0.1", "[2001:db8::1]"])
async def test_name_that_was_rebound_to_us_is_refused(client: httpx.AsyncClient, host: str) -> None:
    reply = await client.get("/", headers={"Host": host})
    assert (reply.status_code, reply.json()["code"]) == (403, "foreign_host")


CROSS_SITE: list[Mapping[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "http://127.0.0.1:8000"},
    {"origin": "null"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_page_of_another_site_cannot_change_anything(
    client: httpx.AsyncClient, headers: Mapping[str, str]
) -> None:
    reply = await post(client, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (403, "cross_site_request")


async def test_empty_post_of_another_site_is_refused_as_well(client: httpx.AsyncClient) -> None:
    reply = await client.post("/", headers={"Origin": "https://evil.example"})
    assert reply.status_code == 403


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:9000"}, {"sec-fetch-site": "none"}, {}]
)
async def test_own_pages_and_programs_are_served(client: httpx.AsyncClient, headers: Mapping[str, str]) -> None:
    assert (await post(client, headers=headers)).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
async def test_body_that_is_not_json_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    reply = await client.post("/", content=b"x=1", headers={"content-type": content_type})
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/problem+json"])
async def test_json_by_another_name_is_taken(client: httpx.AsyncClient, content_type: str) -> None:
    assert (await client.post("/", content=b"{}", headers={"content-type": content_type})).status_code == 200


async def test_request_without_body_needs_no_content_type(client: httpx.AsyncClient) -> None:
    assert (await client.post("/")).status_code == 200


async def test_body_that_says_it_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    reply = await post(client, b"x" * (LIMIT + 1))
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


async def test_body_of_the_limit_is_taken(client: httpx.AsyncClient) -> None:
    assert (await post(client, b"x" * LIMIT)).text == str(LIMIT)


@pytest.mark.parametrize("address", ["/%00", "/a%0A", "/?q=%00", "/%ff", "/?q=%ff", "/?q=%ed%a0%80"])
async def test_address_that_is_no_clean_text_is_refused(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.get(address)).status_code == 400


@pytest.mark.parametrize("address", ["/%C3%BC", "/?q=%C3%BC%0A", "/?q=100%"])
async def test_address_with_text_of_any_language_is_served(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.get(address)).status_code == 200


async def test_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    reply = await post(client, headers={"content-encoding": "gzip"})
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")
    assert (await post(client, headers={"content-encoding": "identity"})).status_code == 200


async def test_change_reason_is_checked_everywhere(client: httpx.AsyncClient) -> None:
    reply = await client.get("/", headers={"Everruns-Change-Reason": "%07"})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_change_reason")
