"""The edges of a running server, attacked: TLS, names, proxies, pages of other sites, rates and streams."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from runtime.store.pool import connect
from tests.certificates import HOST, serial_of, write_certificate
from tests.server import ONE_ACTOR, ServerProcess

pytestmark = pytest.mark.timeout(300)

APP = "https://app.example.com"
PER_MINUTE = 20
PATIENCE_S = 60.0
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Edge(ServerProcess):
    """A server with everything that its edges have, behind a proxy that is this test."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"
        self.serial = self.renew()
        settings = {
            "PERDURE_HTTP__TLS_CERTIFICATE": str(self.certificate),
            "PERDURE_HTTP__TLS_KEY": str(self.key),
            "PERDURE_HTTP__HOSTS": "api.example.com,*.example.org",
            "PERDURE_HTTP__PROXIES": HOST,
            "PERDURE_HTTP__CORS_ORIGINS": APP,
            "PERDURE_HTTP__SSE_PER_ORG": "2",
            "PERDURE_LIMITS__REQUESTS_PER_MINUTE": str(PER_MINUTE),
        }
        super().__init__(folder / "data", {**ONE_ACTOR, **settings})

    def renew(self) -> int:
        """Put another certificate in the place of its own; return the serial number."""
        self.serial = write_certificate(self.certificate, self.key)
        return self.serial


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    server = Edge(tmp_path_factory.mktemp("edge"))
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def client_at(edge: Edge, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that address, as the proxy tells of it."""
    passed_on = {"X-Forwarded-For": address}
    async with httpx.AsyncClient(
        base_url=f"{edge.url}/api/v1", verify=edge.trust, headers=passed_on, timeout=PATIENCE_S
    ) as client:
        yield client


@asynccontextmanager
async def dialled(edge: Edge) -> AsyncIterator[Line]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(HOST, edge.port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def status(line: Line, address: str) -> int:
    """Ask on a connection for whatever is not there."""
    line[1].write(f"HEAD /api/nothing HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {address}\r\n\r\n".encode())
    return int((await line[0].readuntil(b"\r\n\r\n")).split()[1])


async def test_certificate_is_renewed_without_a_restart_and_a_broken_one_is_not_taken(edge: Edge) -> None:
    """Promised: new connections see the new one within seconds, and old connections go on."""
    assert edge.url.startswith("https://")
    address = "192.0.2.1"
    async with asyncio.timeout(PATIENCE_S), dialled(edge) as old:
        assert await status(old, address) == 404
        new, seen = edge.renew(), None
        while seen != new:
            async with dialled(edge) as line:
                seen = serial_of(line[1].get_extra_info("ssl_object").getpeercert(binary_form=True))
        assert await status(old, address) == 404
        whole = edge.key.read_bytes()
        edge.key.write_text("nonsense")
        await asyncio.to_thread(edge.until_said, "certificate_refused")
        async with dialled(edge) as line:
            assert serial_of(line[1].get_extra_info("ssl_object").getpeercert(binary_form=True)) == new
        edge.key.write_bytes(whole)


async def test_names_that_are_not_its_own_are_refused(edge: Edge) -> None:
    async with client_at(edge, "192.0.2.2") as client:
        for host in ("api.example.com", "api.example.com:443", "eu.example.org", "localhost"):
            assert (await client.get("/capabilities", headers={"Host": host})).status_code == 200
        for host in ("evil.example", "example.org", "10.0.0.1"):
            reply = await client.get("/capabilities", headers={"Host": host})
            assert (reply.status_code, reply.json()["code"]) == (403, "foreign_host")
            assert "PERDURE_HTTP__HOSTS" in reply.json()["detail"]
        reply = await client.get("/capabilities", headers={"X-Forwarded-Host": "evil.example"})
        assert reply.json()["code"] == "foreign_host"


async def test_every_reply_protects_itself(edge: Edge) -> None:
    async with client_at(edge, "192.0.2.3") as client:
        for path, own in (("/capabilities", "default-src 'none'"), (f"{edge.url}/api-doc/", "script-src 'self'")):
            reply = await client.get(path)
            assert own in reply.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["strict-transport-security"] == "max-age=31536000"
            assert "server" not in reply.headers
        assert (await client.get("/capabilities")).headers["cache-control"] == "no-store"


async def test_only_pages_that_are_named_may_call(edge: Edge) -> None:
    async with client_at(edge, "192.0.2.4") as client:
        for origin, code in ((APP, 201), ("https://evil.example", 403)):
            said = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            reply = await client.post("/sessions", json={}, headers=said)
            assert reply.status_code == code
            assert (reply.headers.get("access-control-allow-origin") == origin) is (code == 201)
            asked = {**said, "Access-Control-Request-Method": "POST"}
            reply = await client.options("/sessions", headers=asked)
            assert ("access-control-allow-origin" in reply.headers) is (code == 201)


async def test_address_that_asks_too_often_waits_and_nobody_else_does(edge: Edge) -> None:
    async with client_at(edge, "192.0.2.5") as client, client_at(edge, "192.0.2.6") as other:
        replies = [await client.get("/capabilities") for _ in range(PER_MINUTE)]
        refused = replies[-1]
        while refused.status_code == 200:  # one comes back every three seconds
            refused = await client.get("/capabilities")
        assert all(reply.status_code == 200 for reply in replies)
        assert replies[0].headers["ratelimit-policy"] == f'"address";q={PER_MINUTE};w=60'
        assert replies[0].headers["ratelimit"] == f'"address";r={PER_MINUTE - 1};t=57'
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) == refused.json()["retry_after_seconds"] <= 3
        assert refused.headers["ratelimit"].startswith('"address";r=0;t=')
        assert (await other.get("/capabilities")).status_code == 200
        spoofed = {"X-Forwarded-For": "198.51.100.99, 192.0.2.5"}  # the proxy adds whom it sees to what it is told
        assert 429 in [(await client.get("/capabilities", headers=spoofed)).status_code for _ in range(5)]


async def test_other_front_doors_are_told_of_it(edge: Edge) -> None:
    async with asyncio.timeout(PATIENCE_S), client_at(edge, "192.0.2.7") as client:
        await client.get("/capabilities")
        connection = await connect(edge.database)
        try:
            while not await connection.fetchval("SELECT count(*) FROM rate_usage WHERE key = 'address:192.0.2.7'"):
                await connection.fetchval("SELECT 1")
        finally:
            await connection.close()


async def test_streams_of_an_organisation_are_limited(edge: Edge) -> None:
    async with client_at(edge, "192.0.2.8") as client:
        sessions = [(await client.post("/sessions", json={})).json()["id"] for _ in range(3)]
        streams = [client.stream("GET", f"/sessions/{session}/sse") for session in sessions[:2]]
        async with streams[0] as first, streams[1] as second:
            assert (first.status_code, second.status_code) == (200, 200)
            reply = await client.get(f"/sessions/{sessions[2]}/sse")
            assert (reply.status_code, reply.json()["code"]) == (429, "too_many_streams")
            assert int(reply.headers["retry-after"]) > 0
