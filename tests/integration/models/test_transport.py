"""How vendors are reached: through the proxy of the environment, and over TLS with the certificates of the machine."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runtime.fetch.trust import trusting
from runtime.models.dialects import transport
from runtime.models.dialects.dialect import RefusedError
from runtime.models.dialects.transport import Transport
from runtime.process.mint import now
from runtime.process.settings import ModelSettings

HOST = "127.0.0.1"


async def greeting(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="data: hello\n\n")


@asynccontextmanager
async def serving(
    context: ssl.SSLContext | None = None, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = greeting
) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve on a free port; yield where, and what was asked for."""
    asked: list[str] = []

    async def noted(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(f"{request.method} {request.raw_path}")
        return await answer(request)

    runner = web.ServerRunner(web.Server(noted))
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
    try:
        yield f"{HOST}:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def posted(url: str) -> bytes:
    """Return what is answered."""
    way = Transport(ModelSettings())
    try:
        async with way.post(url, {}, b"{}") as pieces:
            return b"".join([piece async for piece in pieces])
    finally:
        await way.aclose()


@pytest.fixture(autouse=True)
def _fresh_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    transport.proxy_of.cache_clear()


async def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as (proxy, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy}")
        assert await posted("http://vendor.example/v1/messages") == b"data: hello\n\n"
    assert asked == ["POST http://vendor.example/v1/messages"]


async def test_what_the_environment_excepts_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as (proxy, past), serving() as (vendor, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy}")
        monkeypatch.setenv("NO_PROXY", HOST)
        await posted(f"http://{vendor}/v1/messages")
    assert (asked, past) == (["POST /v1/messages"], [])


async def in_two(request: web.BaseRequest) -> web.StreamResponse:
    """Refuse in two segments, the second of which goes out when the first has been read."""
    reply = web.StreamResponse(status=400, headers={"content-length": "8"})
    await reply.prepare(request)
    await reply.write(b"in ")
    await asyncio.sleep(0.05)
    await reply.write(b"parts")
    return reply


async def test_a_refusal_in_two_segments_is_read_to_its_end() -> None:
    async with serving(answer=in_two) as (vendor, _):
        way = Transport(ModelSettings())
        for asking in (posted(f"http://{vendor}/"), way.get(f"http://{vendor}/", {}, is_trusted=True)):
            with pytest.raises(RefusedError) as refused:
                await asking
            assert (refused.value.status, refused.value.body) == (400, b"in parts")
        await way.aclose()


@pytest.fixture
def started_anew() -> Iterator[Callable[[], None]]:
    """Has this process read whom to trust again, as if it began."""
    yield trusting.cache_clear
    trusting.cache_clear()


async def test_a_certificate_must_be_known_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started_anew: Callable[[], None]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "pem"))
    async with serving(context) as (vendor, asked):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await posted(f"https://{vendor}/")
        assert not asked
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pem"))
        started_anew()
        assert await posted(f"https://{vendor}/") == b"data: hello\n\n"


def self_signed(path: Path) -> Path:
    """Write a key and a certificate for this machine."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(hours=1))
        .not_valid_after(now() + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
