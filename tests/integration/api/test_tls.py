"""TLS at the front door, over real sockets: who is shown which certificate, and when."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from api.ending import Ending
from api.http import tls
from api.http.sse import Streams
from api.http.tls import Certificate
from api.listening import listening, take_port
from runtime.core.errors import InvalidInputError
from runtime.process.settings import HttpSettings
from tests.certificates import HOST, serial_of, write_certificate

PATIENCE_S = 10.0
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def scheme(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.scheme)


class Pair:
    """The files of a server's certificate."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"
        self.serial = write_certificate(self.certificate, self.key)

    def replace(self) -> int:
        """Put another pair in their place; return its serial number."""
        self.serial = write_certificate(self.certificate, self.key)
        return self.serial


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@asynccontextmanager
async def serving(pair: Pair) -> AsyncIterator[int]:
    """Serve as `perdure serve` does; yield the port."""
    http = HttpSettings(port=0, tls_certificate=pair.certificate, tls_key=pair.key)
    app = FastAPI()
    app.add_route("/", scheme)
    app.state.streams = Streams(1, 1)
    with take_port(http) as listener:
        async with listening(app, http, listener, Ending(lambda _: None)), asyncio.timeout(PATIENCE_S):
            yield listener.getsockname()[1]


@asynccontextmanager
async def dialled(port: int) -> AsyncIterator[Line]:
    """Connect to a server, whatever certificate it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def shown(line: Line) -> int:
    """Return the serial number of the certificate that a connection began with."""
    return serial_of(line[1].get_extra_info("ssl_object").getpeercert(binary_form=True))


async def ask(line: Line) -> bytes:
    """Send a request and return the body of its answer."""
    line[1].write(GET)
    head = await line[0].readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await line[0].readexactly(length)


async def until_shown(port: int, serial: int) -> None:
    """Connect until a connection begins with that certificate."""
    seen = None
    while seen != serial:
        async with dialled(port) as line:
            seen = shown(line)


@pytest.mark.usefixtures("brisk")
async def test_a_certificate_that_is_replaced_is_shown_to_new_connections_and_old_ones_go_on(pair: Pair) -> None:
    async with serving(pair) as port, dialled(port) as line:
        assert shown(line) == pair.serial
        assert await ask(line) == b"https"
        await until_shown(port, pair.replace())
        assert await ask(line) == b"https"


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files looked at all the time."""
    monkeypatch.setattr(tls, "CHECK_S", 0.001)


def spoil_certificate(pair: Pair) -> None:
    pair.certificate.write_text("nonsense")


def spoil_key(pair: Pair) -> None:
    write_certificate(pair.certificate.with_suffix(".other"), pair.key)


def remove_key(pair: Pair) -> None:
    pair.key.unlink()


@pytest.mark.parametrize("spoil", [spoil_certificate, spoil_key, remove_key])
async def test_a_pair_that_is_of_no_use_is_told_once_and_the_old_one_stays(
    pair: Pair, spoil: Callable[[Pair], None]
) -> None:
    certificate = Certificate(pair.certificate, pair.key)
    with structlog.testing.capture_logs() as entries:
        spoil(pair)
        for _ in range(3):
            certificate.renew()
        assert [(entry["event"], entry["log_level"]) for entry in entries] == [("certificate_refused", "error")]
        assert await handshake(certificate.context) == pair.serial
        new = pair.replace()
        certificate.renew()
        assert entries[-1]["event"] == "certificate_renewed"
    assert await handshake(certificate.context) == new


async def handshake(context: ssl.SSLContext) -> int:
    """Return the serial number of the certificate that a server with this context shows."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    async with server, dialled(server.sockets[0].getsockname()[1]) as line:
        return shown(line)


def test_nothing_older_than_tls_1_2_is_spoken(pair: Pair) -> None:
    assert Certificate(pair.certificate, pair.key).context.minimum_version == ssl.TLSVersion.TLSv1_2


def refusal(pair: Pair) -> str:
    with pytest.raises(InvalidInputError) as caught:
        Certificate(pair.certificate, pair.key)
    assert caught.value.stable_code == "tls_unusable"
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_file_that_is_missing_is_named_with_its_setting(pair: Pair) -> None:
    pair.key.unlink()
    assert refusal(pair) == f"PERDURE_HTTP__TLS_KEY: {pair.key} cannot be read: No such file or directory."
    pair.certificate.unlink()
    assert refusal(pair).startswith(f"PERDURE_HTTP__TLS_CERTIFICATE: {pair.certificate} cannot be read")


def test_a_key_with_a_password_is_refused_and_the_way_out_is_said(pair: Pair) -> None:
    write_certificate(pair.certificate, pair.key, password=b"secret")
    message = refusal(pair)
    assert f"{pair.key} needs a password; take it off with `openssl pkey -in {pair.key}" in message


def test_files_that_hold_something_else_are_refused(pair: Pair) -> None:
    pair.certificate, pair.key = pair.key, pair.certificate
    assert "holds no certificate in PEM form" in refusal(pair)
    pair.certificate = pair.key
    assert "holds no key in PEM form" in refusal(pair)


def test_a_key_of_another_certificate_is_refused(pair: Pair) -> None:
    spoil_key(pair)
    assert refusal(pair).endswith(f"cannot be used with {pair.certificate}: it is that of another certificate.")


def test_a_certificate_that_is_damaged_is_refused(pair: Pair) -> None:
    lines = pair.certificate.read_text().splitlines()
    pair.certificate.write_text("\n".join([lines[0], "AAAA", lines[-1]]))
    assert f"cannot be used with {pair.certificate}: " in refusal(pair)


def test_plain_http_needs_none() -> None:
    assert Certificate.of(HttpSettings()) is None
