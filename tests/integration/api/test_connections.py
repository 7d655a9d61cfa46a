"""What every connection must keep to, over real sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

import api.listening
from api.ending import Ending
from api.http import connections, errors
from api.http.connections import protocol
from api.http.middleware import FrontDoor
from api.http.sse import Streams
from api.listening import listening, take_port
from runtime.process.settings import HttpSettings

PATIENCE_S = 10.0
GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
UPGRADE = GET[:-2] + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[..., Awaitable[Line]]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"hello {len(body)}")(scope, receive, send)


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[Dial]:
    """Serve with these limits, and give a way to connect, from an address of this machine."""
    config = uvicorn.Config(
        hello,
        port=0,
        http=protocol(HttpSettings(**limits)),
        log_config=None,
        log_level=logging.ERROR,
        lifespan="off",
        timeout_keep_alive=1,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    lines: list[Line] = []

    async def dial(address: str = "127.0.0.1") -> Line:
        lines.append(await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))
        return lines[-1]

    try:
        async with asyncio.timeout(PATIENCE_S):
            yield dial
    finally:
        for _, writer in lines:
            writer.close()
        await server.shutdown()


async def ask(line: Line, request: bytes = GET) -> tuple[int, bytes]:
    """Send a request and read its answer."""
    reader, writer = line
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


def code(body: bytes) -> str:
    return str(msgspec.json.decode(body)["code"])


def with_header(size: int) -> bytes:
    return b"GET / HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * size + b"\r\n\r\n"


@pytest.mark.parametrize("size", [2_000, 50_000])
async def test_a_header_that_is_too_large_is_refused(size: int) -> None:
    async with serving(header_limit_bytes=1024) as dial:
        line = await dial()
        status, body = await ask(line, with_header(size))
        assert (status, code(body)) == (431, "header_too_large")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await ask(line)


async def test_a_header_that_never_ends_is_refused_while_it_comes() -> None:
    async with serving(header_limit_bytes=1024) as dial:
        line = await dial()
        status, body = await ask(line, with_header(5_000_000)[:-2])
        assert (status, code(body)) == (431, "header_too_large")


async def test_a_large_address_counts_too() -> None:
    async with serving(header_limit_bytes=1024) as dial:
        assert (await ask(await dial(), GET.replace(b"/ ", b"/" + b"x" * 2_000 + b" ")))[0] == 431


async def test_bodies_are_no_headers() -> None:
    async with serving(header_limit_bytes=1024) as dial:
        line = await dial()
        for size in (500_000, 10):
            head = f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n".encode()
            assert await ask(line, head + b"x" * size) == (200, f"hello {size}".encode())


@pytest.mark.parametrize("start", [b"", b"\r\n", b"GET / HT", GET[:-2]])
async def test_a_client_that_does_not_come_to_the_end_of_its_header_is_hung_up_on(start: bytes) -> None:
    async with serving(header_timeout_s=0.05) as dial:
        for earlier in (b"", GET):
            line = await dial()
            if earlier:
                await ask(line, earlier)
            line[1].write(start)
            assert await line[0].read() == b""


async def test_one_connection_more_than_may_be_is_told_so_and_may_come_again() -> None:
    async with serving(connections=2) as dial:
        first, second = await dial(), await dial()
        assert [(await ask(line))[0] for line in (first, second)] == [200, 200]
        third = await dial()
        status, body = await ask(third)
        assert (status, code(body)) == (503, "too_many_connections")
        assert msgspec.json.decode(body)["retry_after_seconds"] == 5
        assert await third[0].read() == b""
        assert (await ask(first))[0] == 200
        second[1].close()
        await second[1].wait_closed()
        assert await answered(dial) == 200


async def answered(dial: Dial, address: str = "127.0.0.1") -> int:
    """Connect until there is room: the server hears of a connection's end a moment later."""
    while (status := (await ask(await dial(address)))[0]) in (429, 503):
        pass
    return status


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this machine that is taken for one of another."""
    monkeypatch.setattr(connections, "is_local", lambda host: host == "127.0.0.1")
    return "127.0.0.2"


async def test_an_address_has_no_more_connections_than_it_may(far: str) -> None:
    async with serving(connections_per_address=2) as dial:
        first, second = await dial(far), await dial(far)
        third = await dial(far)
        status, body = await ask(third)
        assert (status, code(body)) == (429, "too_many_connections_of_address")
        assert msgspec.json.decode(body)["retry_after_seconds"] == 5
        assert await third[0].read() == b""
        assert [(await ask(line))[0] for line in (first, second)] == [200, 200]
        assert (await ask(await dial("127.0.0.3")))[0] == 200
        second[1].close()
        await second[1].wait_closed()
        assert await answered(dial, far) == 200


async def test_whoever_asks_for_an_upgrade_gets_none_and_is_no_longer_counted_when_gone(far: str) -> None:
    async with listened(connections_per_address=1) as dial:
        line = await dial(far)
        assert [(await ask(line, request))[0] for request in (UPGRADE, GET)] == [200, 200]
        line[1].close()
        await line[1].wait_closed()
        assert await answered(dial, far) == 200


def posting(length: int, body: bytes = b"", method: str = "POST /") -> bytes:
    kind = "content-type: application/json"
    return f"{method} HTTP/1.1\r\nhost: localhost\r\n{kind}\r\ncontent-length: {length}\r\n\r\n".encode() + body


async def test_a_body_that_does_not_come_to_its_end_is_refused_and_its_connection_closed() -> None:
    async with listened(body_timeout_s=0.05) as dial:
        for sent in (b"", b"[" * 200_000):  # after which it may take longer, but not without a word
            line = await dial()
            status, body = await ask(line, posting(len(sent) + 1, sent))
            assert (status, code(body)) == (408, "body_too_slow")
            assert await line[0].read() == b""


async def test_the_rest_of_a_body_that_was_answered_is_not_waited_for_without_end() -> None:
    async with listened(body_timeout_s=0.05) as dial:
        request = posting(10).replace(b"localhost", b"elsewhere")
        line = await dial()
        assert (await ask(line, request))[0] == 403
        line[1].write(b"[")  # after which uvicorn waits for what may never come
        assert await line[0].read() == b""
        line = await dial()
        assert (await ask(line, request))[0] == 403
        line[1].write(b"[" * 10)
        await asyncio.sleep(0.1)
        assert (await ask(line))[0] == 200


async def test_answers_are_not_hurried_by_a_body_that_was_sent_or_that_nobody_reads() -> None:
    async with listened(body_timeout_s=0.05) as dial:
        for request in (posting(2, b"[]", "GET /stream"), posting(2, b"", "GET /stream")):
            reader, writer = await dial()
            writer.write(request)
            assert (await reader.readuntil(b"last")).startswith(b"HTTP/1.1 200")


async def test_bodies_that_are_not_whole_hold_no_more_than_they_may_in_sum() -> None:
    async with listened(body_limit_bytes=1_000, bodies_limit_bytes=4_000) as dial:
        lines = [await dial() for _ in range(3)]
        asked = {asyncio.create_task(ask(line, posting(1_000, b" " * 900))): line for line in lines}
        [refused], waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        status, body = refused.result()
        assert (status, code(body)) == (503, "too_many_bodies")
        assert msgspec.json.decode(body)["retry_after_seconds"] == 5
        assert await asked[refused][0].read() == b""
        for one in waiting:
            asked[one][1].write(b" " * 100)
        assert [await one for one in waiting] == [(200, b"1000")] * 2
        assert (await ask(await dial(), posting(1_000, b" " * 1_000)))[0] == 200


async def test_whoever_does_not_read_what_is_answered_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.listening, "UNREAD_S", 1)
    async with listened() as dial:
        _, writer = await dial()
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # TCP's can
        writer.write(GET.replace(b"/ ", b"/endless "))
        await gone.wait()


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


gone = asyncio.Event()


async def endless() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65_536
                await asyncio.sleep(0)
        finally:
            gone.set()

    return StreamingResponse(parts())


async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(0.1)  # longer than a body may take
        yield b"last"

    return StreamingResponse(parts())


@asynccontextmanager
async def listened(**limits: Any) -> AsyncIterator[Dial]:
    """Serve as `perdure serve` does, and give a way to connect."""
    http = HttpSettings(port=0, **limits)
    app = FastAPI()
    app.state.streams = Streams(1, 1)
    app.add_middleware(FrontDoor, http=http)
    app.add_api_route("/", echo, methods=["GET", "POST"])
    app.add_api_route("/stream", stream)
    app.add_api_route("/endless", endless)
    errors.install(app)
    lines: list[Line] = []
    with take_port(http) as listener:

        async def dial(address: str = "127.0.0.1") -> Line:
            lines.append(await asyncio.open_connection(*listener.getsockname(), local_addr=(address, 0)))
            return lines[-1]

        async with listening(app, http, listener, Ending(lambda _: None)), asyncio.timeout(PATIENCE_S):
            yield dial
            for _, writer in lines:
                writer.close()


@pytest.mark.parametrize("trusted", ["", "127.0.0.2/32"])
async def test_loopback_and_trusted_proxies_may_have_any_number(far: str, trusted: str) -> None:
    async with serving(connections_per_address=1, proxies=trusted) as dial:
        for address in ("127.0.0.1", far if trusted else "127.0.0.1"):
            lines = [await dial(address) for _ in range(5)]
            assert [(await ask(line))[0] for line in lines] == [200] * 5


@pytest.mark.parametrize("garbage", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/x\r\n\r\n"])
async def test_what_is_no_http_is_refused_as_all_else(garbage: bytes) -> None:
    async with serving() as dial:
        line = await dial()
        status, body = await ask(line, garbage)
        assert (status, code(body)) == (400, "invalid_http")
        assert await line[0].read() == b""
