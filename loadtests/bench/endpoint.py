"""A vendor's endpoint that speaks every protocol: twenty words and the usage, at once.

A model whose name ends in `-slow` takes three seconds for them, and one in `-tools` first calls two tools in parallel.
It parses no more than it must, so that its own cost is small.
"""

import asyncio
import json
import re
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

import uvloop

from loadtests.protocols import PATHS, Called, Said, frames, heard

MODELS: Final = {
    "responses": "gpt-4.1-mini",
    "chat": "gpt-4.1-mini",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3.8-flash",
}
PROVIDERS: Final = {
    "responses": "openai",
    "chat": "openai_completions",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
WORDS: Final = 20
SLOW_S: Final = 3.0  # from the request to the last word
_TEXT: Final = Said(" ".join(f"word{number}" for number in range(WORDS)), output_tokens=WORDS)
_NUMBER: Final = "00000000"
_CALLS: Final = Said(calls=tuple(Called(f"call_{_NUMBER}_{b}", "add", {"a": 1, "b": b}) for b in (2, 3)))
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _chunks(said: Said) -> Mapping[str, Sequence[bytes]]:
    return {name: [*map(_chunk, frames(name, said, model, 1)), _chunk(b"")] for name, model in MODELS.items()}


_SPOKEN: Final = _chunks(_TEXT)
_WHOLE: Final = {name: _HEAD + b"".join(chunks) for name, chunks in _SPOKEN.items()}
_CALLING: Final = {name: _HEAD + b"".join(chunks) for name, chunks in _chunks(_CALLS).items()}
_numbers: Final = count()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            path = head.split(b" ", 2)[1].decode()
            protocol = PATHS.get(path, "gemini")
            model = path.encode() if protocol == "gemini" else body
            if b"-slow" in model:
                await _dawdle(writer, protocol)
            elif b"-tools" in model and [*heard(protocol, json.loads(body))][-1].text:
                number = b"%08d" % next(_numbers)  # what calls are named by must be new in each conversation
                writer.write(_CALLING[protocol].replace(_NUMBER.encode(), number))
            else:
                writer.write(_WHOLE[protocol])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _dawdle(writer: asyncio.StreamWriter, protocol: str) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    chunks = _SPOKEN[protocol]
    writer.write(_HEAD)
    for number, chunk in enumerate(chunks, 1):
        await asyncio.sleep(began + SLOW_S * number / len(chunks) - loop.time())
        writer.write(chunk)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", port, limit=1 << 24, backlog=4_096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(main(parser.parse_args().port))
