"""A floor: uvicorn without a framework, that answers as the server does and keeps no promise.

Its turns have the frames of a real one, in number, names and size. What the client and HTTP cost is in both.
"""

import asyncio
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from uuid import uuid4

import uvicorn

SIZES: Final = (
    ("input.message", 493),
    ("session.activated", 607),
    ("turn.started", 646),
    ("reason.started", 795),
    ("output.message.started", 752),
    ("output.message.delta", 695),
    ("output.message.delta", 940),
    ("llm.generation", 1592),
    ("output.message.completed", 1145),
    ("reason.completed", 869),
    ("turn.completed", 922),
    ("session.idled", 599),
)  # bytes, of a turn with 20 words
FRAMES: Final = [f"event: {name}\ndata: ".encode().ljust(size, b".") + b"\n\n" for name, size in SIZES]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BareApp:
    """An ASGI application. A session is whoever listens to its id."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Open a session, take a message or stream."""
        parts = scope["path"].split("/")
        if parts[-1] == "sse":
            await self._stream(parts[-2], receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        await _answer(send, 201, b'{"id": "%s"}' % uuid4().hex.encode())
        if parts[-1] == "messages":
            await self._turn(parts[-2])

    async def _turn(self, session_id: str) -> None:
        for frames in (FRAMES[:6], FRAMES[6:]):
            for queue in self._listeners[session_id]:
                for frame in frames:
                    queue.put_nowait(frame)
            await asyncio.sleep(0)

    async def _stream(self, session_id: str, receive: Receive, send: Send) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        writing = asyncio.create_task(_copy(queue, send))
        self._listeners[session_id].add(queue)
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listeners[session_id].discard(queue)
        writing.cancel()


async def _copy(queue: "asyncio.Queue[bytes]", send: Send) -> None:
    await _head(send, 200, b"text/event-stream")
    await send({"type": "http.response.body", "body": b"event: connected\ndata: {}\n\n", "more_body": True})
    while True:
        ready = [await queue.get()]
        while not queue.empty():
            ready.append(queue.get_nowait())
        await send({"type": "http.response.body", "body": b"".join(ready), "more_body": True})


async def _answer(send: Send, status: int, body: bytes) -> None:
    await _head(send, status, b"application/json")
    await send({"type": "http.response.body", "body": body})


async def _head(send: Send, status: int, content_type: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]})


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(BareApp(), port=parser.parse_args().port, log_level="error", access_log=False, lifespan="off")
