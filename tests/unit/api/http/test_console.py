"""How the front door hands the console out."""

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from api.http.console import POLICY, Console

PAGE = "<!doctype html><title>Perdure</title>"
SCRIPT = "console.log(1);" * 100
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle as the build leaves it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "main-1a2b.js").write_text(SCRIPT)
    (tmp_path / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    return tmp_path


def browser(folder: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Console(folder)])
    headers = {"Accept-Encoding": "identity"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers)


@pytest.mark.parametrize("path", ["/", "/agents", "/sessions/session_1/events"])
async def test_every_address_of_the_console_is_its_page(bundle: Path, path: str) -> None:
    async with browser(bundle) as http:
        reply = await http.get(path, headers=HTML)
    assert (reply.status_code, reply.text) == (200, PAGE)
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "/agents", "*/*"),  # a program, which expects no page
        ("GET", "/api/v2/agents", "text/html"),
        ("GET", "/api-doc/nothing", "text/html"),
        ("GET", "/health/deep", "text/html"),
        ("GET", "/assets/main-0000.js", "text/html"),  # of an older build: a page would be taken for a script
        ("POST", "/agents", "text/html"),
    ],
)
async def test_what_is_not_of_the_console_stays_unknown(bundle: Path, method: str, path: str, accept: str) -> None:
    async with browser(bundle) as http:
        assert (await http.request(method, path, headers={"Accept": accept})).status_code == 404


async def test_what_is_named_by_its_content_is_kept_for_ever_and_comes_packed(bundle: Path) -> None:
    async with browser(bundle) as http:
        packed = await http.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "br, gzip"})
        plain = await http.get("/assets/main-1a2b.js")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == SCRIPT
    assert "immutable" in packed.headers["cache-control"]
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-type"].startswith("text/javascript")


async def test_a_browser_that_has_the_page_is_sent_nothing(bundle: Path) -> None:
    async with browser(bundle) as http:
        tag = (await http.get("/")).headers["etag"]
        again = await http.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_where_it_was_not_built_a_page_says_so(tmp_path: Path) -> None:
    async with browser(tmp_path / "nothing") as http:
        reply = await http.get("/")
    assert "make install" in reply.text


@pytest.mark.parametrize("source", ["script-src", "connect-src", "style-src"])
def test_the_page_may_use_this_server_only(source: str) -> None:
    allowed = dict(part.split(" ", 1) for part in POLICY.split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed[source] == "'self'"
