"""A vendor's endpoint that answers at once: OpenAI's Chat Completions, streamed, twenty chunks and the usage.

It parses no more HTTP than it must, so that its own cost is small.
"""

import asyncio
import json
import re
from argparse import ArgumentParser
from typing import Any, Final

import uvloop

WORDS: Final = [f"word{number}" for number in range(20)]
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    data = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "bench"}
    return _http(b"data: " + json.dumps({**data, "choices": choices, "usage": usage}).encode() + b"\n\n")


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "finish_reason": finish_reason}]


def _http(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_REPLY: Final = b"".join(
    [
        _HEAD,
        _chunk(_choice({"role": "assistant", "content": ""})),
        *(_chunk(_choice({"content": word if n == 0 else f" {word}"})) for n, word in enumerate(WORDS)),
        _chunk(_choice({}, "stop")),
        _chunk([], {"prompt_tokens": 11, "completion_tokens": len(WORDS), "total_tokens": 11 + len(WORDS)}),
        _http(b"data: [DONE]\n\n"),
        _http(b""),
    ]
)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if length := _LENGTH.search(head):
                await reader.readexactly(int(length[1]))
            writer.write(_REPLY)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(main(parser.parse_args().port))
