"""What the head of every reply says to browsers."""

from collections.abc import Sequence

import pytest
from starlette.types import Message, Scope

from api.http.headers import Header, Outlet

ALWAYS = {"content-security-policy", "x-content-type-options", "cross-origin-resource-policy", "x-request-id"}
PAGE = ALWAYS | {"referrer-policy", "cross-origin-opener-policy"}
API = ALWAYS | {"cache-control"}
HTTPS = {"strict-transport-security"}


async def sent(path: str, scheme: str = "http", own: Sequence[Header] = ()) -> dict[str, list[str]]:
    """Return the head of a reply that has some headers of its own."""
    head: dict[str, list[str]] = {}

    async def send(message: Message) -> None:
        for name, value in message["headers"]:
            head.setdefault(name.decode(), []).append(value.decode())

    outlet = Outlet(send, {"path": path, "scheme": scheme}, "id")
    await outlet({"type": "http.response.start", "status": 200, "headers": list(own)})
    return head


@pytest.mark.parametrize(
    ("path", "scheme", "names"),
    [
        ("/", "http", PAGE),
        ("/api-doc/files/swagger-ui.css", "http", PAGE),
        ("/api/v1/sessions", "http", API),
        ("/", "https", PAGE | HTTPS),
        ("/api/v1/sessions", "https", API | HTTPS),
    ],
)
async def test_every_reply_is_protected(path: str, scheme: str, names: set[str]) -> None:
    head = await sent(path, scheme)
    assert set(head) == names
    assert all(len(values) == 1 for values in head.values())


@pytest.mark.parametrize("path", ["/", "/api/v1/sessions"])
async def test_nobody_may_frame_or_script_a_reply(path: str) -> None:
    policy = (await sent(path))["content-security-policy"][0]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("name", ["content-security-policy", "cache-control", "x-content-type-options"])
async def test_what_a_reply_says_itself_is_left(name: str) -> None:
    head = await sent("/api/v1/sessions/x/sse", own=[(name.encode(), b"own")])
    assert head[name] == ["own"]
    assert set(head) == API


async def test_whoever_deals_with_a_request_may_add_to_its_reply() -> None:
    heads: list[Message] = []

    async def send(message: Message) -> None:
        heads.append(message)

    scope: Scope = {"path": "/", "scheme": "http"}
    outlet = Outlet(send, scope, "id")
    scope["reply_headers"].append((b"x-added", b"1"))
    await outlet({"type": "http.response.start", "status": 200, "headers": []})
    assert (b"x-added", b"1") in heads[0]["headers"]
