"""A town of its own for the way out: a network namespace with public and inner addresses, and names that lie.

Run as a program in the namespace, it sends the requests of `ERRANDS` through the real client and prints what became of
each, and who was connected to: whoever is inside must not have been, not even by a connection that says nothing.
"""

import asyncio
import json
import re
import socket
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

from runtime.core.authored.network import Reach
from runtime.core.errors import PerdureError
from runtime.engine.fetching import Fetching
from runtime.fetch.outbound import WayOut
from runtime.models.dialects.transport import Transport
from runtime.ports.outbound import OutboundRequest
from runtime.process.outbound_settings import OutboundSettings
from runtime.process.settings import ModelSettings

PUBLIC: Final = "93.184.216.34"
OTHER: Final = "93.184.216.35"
OWN: Final = "93.184.217.1"  # looks public, and is the operator's
PUBLIC_6: Final = "2606:2800:220:1::34"
METADATA: Final = "169.254.169.254"
INNER: Final = ("10.0.0.5", "100.100.100.200", METADATA, OWN, "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1")
OUTER: Final = (PUBLIC, OTHER, PUBLIC_6)
NAMES: Final = {
    "public.example": [PUBLIC],
    "other.example": [OTHER],
    "six.example": [PUBLIC_6],
    "own.example": [OWN],
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "private.example": ["10.0.0.5"],
    "metadata.example": [METADATA],
    "metadata6.example": ["fd00:ec2::254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "sixtofour.example": ["2002:7f00:1::1"],
    "both.example": [PUBLIC, "127.0.0.1"],
    "families.example": [PUBLIC, "::1"],
}
PROVIDERS: Final = (
    "public.example",
    "own.example",
    "loopback.example",
    "both.example",
    "metadata6.example",
    "10.0.0.5",
)
ANY_REACH: Final = Reach()
MB: Final = 1 << 20
ERRANDS: Final[dict[str, tuple[Reach, OutboundRequest]]] = {
    "public": (ANY_REACH, OutboundRequest(url="http://public.example/hello")),
    "public over ipv6": (ANY_REACH, OutboundRequest(url="http://six.example/hello")),
    "public address": (ANY_REACH, OutboundRequest(url=f"http://{PUBLIC}/hello")),
    "first answer of fickle": (ANY_REACH, OutboundRequest(url="http://fickle.example/close")),
    "second answer of fickle": (ANY_REACH, OutboundRequest(url="http://fickle.example/hello")),
    "own": (ANY_REACH, OutboundRequest(url="http://own.example/hello")),
    **{
        name.removesuffix(".example"): (ANY_REACH, OutboundRequest(url=f"http://{name}/hello"))
        for name in NAMES
        if name not in ("public.example", "other.example", "six.example", "own.example")
    },
    **{
        url: (ANY_REACH, OutboundRequest(url=url))
        for url in (
            "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://[::]/", "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", f"http://{METADATA}/latest/meta-data/",
            "http://10.0.0.5/", "http://[fd00:ec2::254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::1]/",
            "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/", "http://\uff11\uff12\uff17.0.0.1/",
        )
    },
    **{
        f"redirect to {where}": (ANY_REACH, OutboundRequest(url=f"http://public.example/to/{status}/{where}"))
        for status, where in (
            (302, f"http://{METADATA}/latest/"), (301, "http://127.0.0.1/"), (307, "http://[::ffff:127.0.0.1]/"),
            (302, "http://metadata.example/"), (308, "http://public.example/to/302/http://loopback.example/"),
            (302, "file:///etc/passwd"), (302, "//10.0.0.5/"),
        )
    },
    "redirect to other": (
        ANY_REACH,
        OutboundRequest(
            url="http://public.example/to/302/http://other.example/headers",
            headers={"Authorization": "Bearer secret", "Cookie": "a=b", "X-Key": "secret"},
        ),
    ),
    "headers at home": (
        ANY_REACH,
        OutboundRequest(url="http://public.example/to/302//headers", headers={"Authorization": "Bearer secret"}),
    ),
    "redirects without end": (ANY_REACH, OutboundRequest(url="http://public.example/round")),
    "cookie set": (ANY_REACH, OutboundRequest(url="http://public.example/cookie")),
    "cookie kept": (ANY_REACH, OutboundRequest(url="http://public.example/headers")),
    "allowed": (Reach(allowed=("public.example",)), OutboundRequest(url="http://public.example/hello")),
    "not allowed": (Reach(allowed=("public.example",)), OutboundRequest(url="http://other.example/hello")),
    "redirect to what is not allowed": (
        Reach(allowed=("public.example",)),
        OutboundRequest(url="http://public.example/to/302/http://other.example/hello"),
    ),
    "blocked": (Reach(blocked=("*.example",)), OutboundRequest(url="http://public.example/hello")),
    "allowed by name, and inside": (
        Reach(allowed=("loopback.example", "127.0.0.1")),
        OutboundRequest(url="http://loopback.example/hello"),
    ),
    "bomb": (ANY_REACH, OutboundRequest(url="http://public.example/bomb")),
    "bomb of deflate": (ANY_REACH, OutboundRequest(url="http://public.example/deflated")),
    "endless": (ANY_REACH, OutboundRequest(url="http://public.example/endless")),
    "endless header": (ANY_REACH, OutboundRequest(url="http://public.example/header")),
    "drip": (ANY_REACH, OutboundRequest(url="http://public.example/drip", within_s=1.0)),
    "silence": (ANY_REACH, OutboundRequest(url="http://public.example/silence", within_s=1.0)),
    "name that nobody knows": (ANY_REACH, OutboundRequest(url="http://nobody.example/")),
    "name that is never answered": (ANY_REACH, OutboundRequest(url="http://silent.example/", within_s=1.0)),
    "not http": (ANY_REACH, OutboundRequest(url="http://public.example/garbage")),
    "cut": (ANY_REACH, OutboundRequest(url="http://public.example/cut")),
    "post": (ANY_REACH, OutboundRequest(url="http://public.example/echo", method="POST", body=b"said")),
}  # fmt: skip

PICTURES: Final = (
    "http://public.example/picture",
    "http://public.example/to/302/http://other.example/picture",
    "http://public.example/hello",
    "http://public.example/round",
    "http://public.example/bomb",
    "http://loopback.example/picture",
    "http://both.example/picture",
    "http://127.0.0.1/picture",
    f"http://public.example/to/302/http://{METADATA}/picture",
    "http://public.example/to/307/http://loopback.example/picture",
)

UNTIL_CLOSED: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
ENDLESS: Final = {  # the beginning, what follows again and again, and the pause between
    "endless": (UNTIL_CLOSED, b"x" * MB, 0.0),
    "header": (b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 10_000, 0.0),
    "drip": (UNTIL_CLOSED, b".", 0.05),
}


class Names(asyncio.DatagramProtocol):
    """A server of names, RFC 1035. `fickle.example` is public first and then this machine; `silent.example` is mute."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        name, kind = ".".join(labels), int.from_bytes(data[at + 1 : at + 3])
        if name == "silent.example":
            return
        self.asked[f"{name} {kind}"] += 1
        family, length = (socket.AF_INET6, 16) if kind == 28 else (socket.AF_INET, 4)
        found = [a for a in self._addresses(name) if (":" in a) == (length == 16)]
        known = name == "fickle.example" or name in NAMES
        answers = b"".join(
            b"\xc0\x0c" + kind.to_bytes(2) + b"\0\1\0\0\0\0" + length.to_bytes(2) + socket.inet_pton(family, address)
            for address in found
        )
        head = data[:2] + (b"\x85\x80" if known else b"\x85\x83") + b"\0\1" + len(found).to_bytes(2) + b"\0\0\0\0"
        self._transport.sendto(head + data[12 : at + 5] + answers, addr)

    def _addresses(self, name: str) -> list[str]:
        if name != "fickle.example":
            return NAMES.get(name, [])
        return [PUBLIC] if self.asked["fickle.example 1"] <= 1 else ["127.0.0.1", METADATA]


class Town:
    """Serves HTTP on every address of the town, and notes which of them anybody connected to."""

    def __init__(self) -> None:
        self.connected: list[str] = []
        self._fixed = {
            "round": _said(b"", "302 Go", "Location: /round"),
            "picture": _said(b"\x89PNG\r\n\x1a\n"),
            "cookie": _said(b"", "200 OK", "Set-Cookie: kept=yes"),
            "bomb": _bomb("gzip", 31),
            "deflated": _bomb("deflate", 15),
            "garbage": b"220 mail.example ESMTP\r\n",
            "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.append(str(writer.get_extra_info("sockname")[0]))
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                path = request.split()[1].decode()
                async for piece in self._answer(path, request, reader):
                    writer.write(piece)
                    await writer.drain()
                if path in ("/close", "/garbage", "/cut"):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, request: bytes, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        match path.strip("/").split("/", 2):
            case ["to", status, where]:
                yield _said(b"", f"{status} Go", f"Location: {unquote(where)}")
            case ["headers"]:
                yield _said(request)
            case ["echo"]:
                yield _said(await reader.readexactly(4))
            case ["silence"]:
                await reader.read()
            case [name] if name in ENDLESS:
                head, piece, pause_s = ENDLESS[name]
                yield head
                while True:
                    yield piece
                    await asyncio.sleep(pause_s)
            case [name, *_]:
                yield self._fixed.get(name, _said(b"hello"))


def _said(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def _bomb(encoding: str, window: int) -> bytes:
    """Return an answer that unpacks to half a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    blocks = [packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    packed = blocks[0] + blocks[1] * 511
    return UNTIL_CLOSED.replace(b"\r\n\r\n", f"\r\nContent-Encoding: {encoding}\r\n\r\n".encode()) + packed


async def run() -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    names, town = Names(), Town()
    await loop.create_datagram_endpoint(lambda: names, local_addr=("127.0.0.53", 53))
    four = await asyncio.start_server(town.serve, "0.0.0.0", 80)  # noqa: S104 - of the namespace
    six = await asyncio.start_server(town.serve, "::", 80, family=socket.AF_INET6)
    settings = OutboundSettings.model_validate({"inside": OWN})
    way = WayOut(settings)
    await way.client()
    found: dict[str, Any] = {}
    for name, (reach, request) in ERRANDS.items():
        before_s = loop.time()
        try:
            reply = await way.of(reach).fetch(request)
            found[name] = {"status": reply.status, "url": reply.url, "body": reply.body[:2_000].decode()}
        except PerdureError as err:
            found[name] = {"error": err.stable_code, "words": str(err)}
        found[name]["took_s"] = loop.time() - before_s
    fetching = Fetching(way.of(ANY_REACH))
    pictures = {url: (await fetching.fetch(url)).words for url in PICTURES}
    await way.aclose()
    transport = Transport(ModelSettings(), settings.inside)
    for name in PROVIDERS:
        try:
            await transport.get(f"http://{name}/v1/models", {"Authorization": "Bearer secret"}, is_trusted=False)
            found[f"provider at {name}"] = {"status": 200}
        except PerdureError as err:
            found[f"provider at {name}"] = {"error": err.stable_code}
    await transport.aclose()
    four.close()
    six.close()
    return {
        "found": found,
        "pictures": pictures,
        "connected": town.connected,
        "asked": names.asked,
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    """Return the most memory that this program has had; `getrusage` counts what its parent had, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _build() -> None:
    commands = [["ip", "link", "set", "lo", "up"]]
    for address in (*INNER, *OUTER):
        width = 128 if ":" in address else 32
        commands.append(["ip", "addr", "add", f"{address}/{width}", "dev", "lo", *(["nodad"] if width == 128 else [])])
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write("nameserver 127.0.0.53\noptions timeout:3 attempts:1\n")
    commands.append(["mount", "--bind", file.name, "/etc/resolv.conf"])
    for command in commands:
        subprocess.run(command, check=True)  # noqa: S603 - ours


if __name__ == "__main__":
    _build()
    json.dump(asyncio.run(run()), sys.stdout)
