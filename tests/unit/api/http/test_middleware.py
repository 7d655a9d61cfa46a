import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from api.http.headers import Outlet
from api.http.intake import LEAST_BYTES_PER_S, Intake, Room
from api.http.middleware import FrontDoor
from runtime.process.settings import HttpSettings

LIMIT = 1_000


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body; `/bug` raises."""
    if scope["path"] == "/bug":
        message = "secret details"
        raise RuntimeError(message)
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def calling(**http: Any) -> httpx.AsyncClient:
    """Return a client of an application behind the front door, with these settings."""
    transport = httpx.ASGITransport(FrontDoor(echo, HttpSettings(body_limit_bytes=LIMIT, **http)))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9000")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with calling() as client:
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


async def test_name_that_was_rebound_to_us_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/", headers={"Host": "localhost:9000"})).status_code == 200
    reply = await client.get("/", headers={"Host": "evil.example"})
    assert (reply.status_code, reply.json()["code"]) == (403, "foreign_host")
    assert "PERDURE_HTTP__HOSTS" in reply.json()["detail"]


async def test_name_that_was_given_to_us_is_served() -> None:
    async with calling(hosts="api.example.com") as client:
        assert (await client.get("/", headers={"Host": "api.example.com"})).status_code == 200


async def test_request_with_two_hosts_is_refused(client: httpx.AsyncClient) -> None:
    reply = await client.get("/", headers=[("Host", "localhost"), ("Host", "evil.example")])
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_input")


async def test_replies_are_protected_and_refusals_too(client: httpx.AsyncClient) -> None:
    for path in ("/", "/bug", "/%00"):
        assert (await client.get(path)).headers["x-content-type-options"] == "nosniff"


CROSS_SITE: list[Mapping[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "http://127.0.0.1:8000"},
    {"origin": "null"},
    {"origin": "http://["},
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


@pytest.mark.parametrize(("part_bytes", "may"), [(50 * LEAST_BYTES_PER_S, True), (LEAST_BYTES_PER_S, False)])
async def test_body_may_take_longer_the_more_has_come_of_it(
    monkeypatch: pytest.MonkeyPatch, part_bytes: int, *, may: bool
) -> None:
    loop, late_s = asyncio.get_running_loop(), 0
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + late_s)

    async def part() -> Message:
        nonlocal late_s
        late_s += 50
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b" " * part_bytes, "more_body": True}

    async def send(_message: Message) -> None:
        raise AssertionError

    settings = HttpSettings(body_limit_bytes=10 * part_bytes)
    scope = {"path": "/", "scheme": "http"}
    receive = Intake(part, scope, settings, Room(settings.body_limit_bytes * 4), Outlet(send, scope, "1"))
    await receive()
    with contextlib.nullcontext() if may else pytest.raises(HTTPException, match="within 60 s"):
        for _ in range(3):
            await receive()


def test_nobody_holds_more_of_all_bodies_than_is_left_for_the_others() -> None:
    room = Room(1_200)
    assert [room.take("a", 300), room.take("a", 300), room.take("a", 1)] == [True, True, False]
    assert [room.take("b", 300), room.take("b", 1)] == [True, False]
    assert room.take("c", 150)
    room.give_back("a", 600)
    assert [room.take("b", 75), room.take("b", 150)] == [True, True]


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


# ---------------------------------------------------------------- pages of other sites that are allowed

APP = "https://app.example.com"


@pytest.fixture
async def shared() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that pages of APP may call."""
    async with calling(cors_origins=APP) as client:
        yield client


async def preflight(client: httpx.AsyncClient, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return await client.options("/", headers={"Origin": origin, **asked})


async def test_no_page_of_another_site_may_read_anything_unless_it_is_named(client: httpx.AsyncClient) -> None:
    for reply in (await preflight(client, APP), await client.get("/", headers={"Origin": APP})):
        assert [name for name in reply.headers if name.startswith("access-control")] == []


async def test_page_that_is_named_may_ask_and_change_and_read(shared: httpx.AsyncClient) -> None:
    reply = await preflight(shared, APP)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == APP
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert reply.headers["access-control-allow-headers"] == "authorization,content-type"
    assert reply.headers["x-request-id"]
    reply = await post(shared, headers={"origin": APP, "sec-fetch-site": "cross-site"})
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == APP
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "RateLimit" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/bug", "/%00"])
async def test_page_that_is_named_may_read_errors_too(shared: httpx.AsyncClient, path: str) -> None:
    reply = await shared.get(path, headers={"Origin": APP})
    assert reply.status_code >= 400
    assert reply.headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://app.example.com", "https://app.example.com.evil.example", f"{APP}:8443", "null"],
)
async def test_other_pages_still_may_not(shared: httpx.AsyncClient, origin: str) -> None:
    reply = await preflight(shared, origin)
    assert reply.status_code == 400
    assert "access-control-allow-origin" not in reply.headers
    reply = await post(shared, headers={"origin": origin, "sec-fetch-site": "cross-site"})
    assert (reply.status_code, reply.json()["code"]) == (403, "cross_site_request")
    assert "access-control-allow-origin" not in reply.headers


async def test_browser_that_does_not_say_which_page_it_is_is_not_trusted(shared: httpx.AsyncClient) -> None:
    assert (await post(shared, headers={"sec-fetch-site": "cross-site"})).status_code == 403


# ---------------------------------------------------------------- behind a proxy


async def test_own_page_behind_a_trusted_proxy_is_served_under_the_name_that_it_has_there() -> None:
    passed_on = {"host": "10.0.0.7:9000", "x-forwarded-host": "api.example.com", "x-forwarded-proto": "https"}
    own = {"origin": "https://api.example.com"}
    async with calling(hosts="api.example.com", proxies="127.0.0.1") as client:
        reply = await post(client, headers={**passed_on, **own})
        assert reply.status_code == 200
        assert "strict-transport-security" in reply.headers
        foreign = {**passed_on, "x-forwarded-host": "evil.example"}
        assert (await post(client, headers=foreign)).json()["code"] == "foreign_host"
    async with calling(hosts="api.example.com") as client:
        assert (await post(client, headers={**passed_on, **own})).json()["code"] == "foreign_host"


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/api/v1/images", "multipart/form-data; boundary=x", 200),
        ("/api/v1/images", "application/json", 415),
        ("/api/v1/images/", "multipart/form-data; boundary=x", 415),
        ("/api/v1/sessions", "multipart/form-data; boundary=x", 415),
    ],
)
async def test_a_form_is_taken_where_a_file_is_uploaded_and_nowhere_else(
    client: httpx.AsyncClient, path: str, kind: str, status: int
) -> None:
    assert (await client.post(path, content=b"x", headers={"content-type": kind})).status_code == status


async def test_a_form_of_another_sites_page_is_refused(client: httpx.AsyncClient) -> None:
    """Browsers send a form anywhere without asking first."""
    headers = {"content-type": "multipart/form-data; boundary=x", "origin": "https://evil.example"}
    assert (await client.post("/api/v1/images", content=b"x", headers=headers)).status_code == 403
