"""A client for tests: it sends, and records every frame of a stream, coming back by cursor as the SDK does."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from httpx_sse import SSEError, aconnect_sse

PATIENCE_S: Final = 100.0  # of a machine that does much else; a test may take 120
RETRY_S: Final = 0.05
LIFECYCLE: Final = ("connected", "disconnecting")
TURN_ENDS: Final = ("turn.completed", "turn.failed", "turn.cancelled", "turn.sealed")

Json = dict[str, Any]


def script(*lines: Mapping[str, Any], about: str = "Go on.") -> str:
    """Return the text of a message that scripts the simulated model, a line for each of its calls."""
    return "\n".join([about, "```sim", *(json.dumps(line) for line in lines), "```"])


def text_of(message: Json) -> str:
    """Return the text of a message."""
    return "".join(part["text"] for part in message["content"] if part["type"] == "text")


@dataclass(frozen=True)
class Frame:
    """One frame of a stream. `id` is the SSE id, which only durable events have."""

    type: str
    id: str | None
    body: Json

    @property
    def sequence(self) -> int | None:
        """The sequence of a durable event."""
        return self.body.get("sequence")

    @property
    def data(self) -> Json:
        """The payload of an event."""
        data: Json = self.body["data"]
        return data


class Stream:
    """All that one client has seen of a session. It follows from the session's first event on."""

    def __init__(self, http: httpx.AsyncClient, session_id: str, parameters: Mapping[str, Any]) -> None:
        self._http = http
        self._path = f"/sessions/{session_id}/sse"
        self._parameters = dict(parameters)
        self._news = asyncio.Condition()
        self.frames: list[Frame] = []
        self.connections = 0

    @property
    def durable(self) -> list[Frame]:
        """The journaled events, as they came."""
        return [frame for frame in self.frames if frame.sequence is not None]

    def of_type(self, event_type: str) -> list[Frame]:
        """Return the frames of a type, as they came."""
        return [frame for frame in self.frames if frame.type == event_type]

    async def wait_for(self, event_type: str, count: int = 1) -> Frame:
        """Wait until `count` frames of a type have come, and return the last of those."""
        await self.until(lambda: len(self.of_type(event_type)) >= count, f"{count} of {event_type}")
        return self.of_type(event_type)[count - 1]

    async def wait_for_end(self, turns: int = 1) -> Frame:
        """Wait until the session has gone idle `turns` times; return how the last of those turns ended."""
        await self.wait_for("session.idled", turns)
        return [frame for frame in self.frames if frame.type in TURN_ENDS][turns - 1]

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait for whatever frames bring about."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._news:
                await self._news.wait_for(is_so)
        except TimeoutError:
            seen = [f"{frame.sequence or '-'} {frame.type}" for frame in self.frames]
            message = f"Waited for {what} in vain; seen: {seen}"
            raise AssertionError(message) from None

    async def follow(self) -> None:
        """Read, and read on from the last event when the connection ends; for ever."""
        while True:
            try:
                async with aconnect_sse(self._http, "GET", self._path, params=self._parameters) as source:
                    self.connections += 1
                    async for sse in source.aiter_sse():
                        if sse.data:  # of a comment httpx-sse makes an event without data
                            await self._take(Frame(sse.event, sse.id or None, json.loads(sse.data)))
            except (httpx.TransportError, SSEError):
                await asyncio.sleep(RETRY_S)

    async def _take(self, frame: Frame) -> None:
        async with self._news:
            self.frames.append(frame)
            self._news.notify_all()
        if frame.type not in LIFECYCLE:
            # Of whatever came last, a delta too: that is what the SDKs do.
            self._parameters.pop("after_sequence", None)
            self._parameters["since_id"] = frame.body["id"]


class Client:
    """One program that talks to a server."""

    def __init__(self, url: str) -> None:
        timeout = httpx.Timeout(PATIENCE_S)
        self.http = httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=timeout)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def open(self, **body: Any) -> str:
        """Open a session and return its id."""
        return str((await self._post("/sessions", body))["id"])

    async def send(self, session_id: str, text: str, **more: Any) -> Json:
        """Send a message; it is committed when this returns."""
        body = {"message": {"content": [{"type": "text", "text": text}]}, **more}
        return await self._post(f"/sessions/{session_id}/messages", body)

    async def submit(self, session_id: str, **results: Any) -> Json:
        """Hand in results of client-side tools, by tool call id."""
        listed = [{"tool_call_id": call_id, "result": result} for call_id, result in results.items()]
        return await self._post(f"/sessions/{session_id}/tool-results", {"tool_results": listed})

    async def events(self, session_id: str) -> list[Json]:
        """Return the journal."""
        return await self._list(f"/sessions/{session_id}/events")

    async def messages(self, session_id: str) -> list[Json]:
        """Return the conversation."""
        return await self._list(f"/sessions/{session_id}/messages")

    async def actors(self, role: str = "session") -> list[Json]:
        """Return the actors of a role."""
        return [actor for actor in await self._list("/durable/actors") if actor["role"] == role]

    async def models(self) -> list[Json]:
        """Return the models on offer."""
        return await self._list("/models")

    async def place(self, session_id: str) -> Json:
        """Return where a session stands."""
        reply = await self.http.get(f"/durable/sessions/{session_id}")
        place: Json = reply.raise_for_status().json()
        return place

    async def pid(self, session_id: str) -> int:
        """Return the process id of a session's actor."""
        return int((await self.place(session_id))["actor"]["pid"])

    async def until(self, is_so: Callable[["Client"], Any], what: str) -> Any:
        """Ask until the answer is truthy, and return it; a server that is away is asked again."""
        answer: Any = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        answer = await is_so(self)
                    except httpx.TransportError:
                        answer = None
                    if answer:
                        return answer
                    await asyncio.sleep(RETRY_S)
        except TimeoutError:
            message = f"Waited for {what} in vain; last answer: {answer}"
            raise AssertionError(message) from None

    async def until_idle(self, session_id: str) -> Json:
        """Wait until a session rests, and return where it stands."""

        async def rests(_: "Client") -> Json | None:
            place = await self.place(session_id)
            return place if place["status"] == "idle" else None

        place: Json = await self.until(rests, "the turn to end")
        return place

    @asynccontextmanager
    async def listen(self, session_id: str, **parameters: Any) -> AsyncIterator[Stream]:
        """Follow a session from its first event on, or as `parameters` say."""
        stream = Stream(self.http, session_id, parameters or {"after_sequence": 0})
        following = asyncio.create_task(stream.follow(), name=f"stream {secrets.token_hex(3)}")
        try:
            await stream.wait_for("connected")
            yield stream
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _post(self, path: str, body: Json) -> Json:
        reply = await self.http.post(path, json=body)
        assert reply.is_success, reply.text
        answer: Json = reply.json()
        return answer

    async def _list(self, path: str) -> list[Json]:
        reply = await self.http.get(path)
        data: list[Json] = reply.raise_for_status().json()["data"]
        return data


def check(stream: Stream, events: list[Json]) -> None:
    """Assert what holds whatever died: a dense journal, seen once and whole, and nothing finished done twice."""
    sequences = [event["sequence"] for event in events]
    assert sequences == list(range(1, len(events) + 1)), sequences
    assert [frame.body for frame in stream.durable] == events
    _check_turns(events)
    _check_deltas(stream)


def _check_turns(events: list[Json]) -> None:
    started = [event["data"]["turn_id"] for event in events if event["type"] == "turn.started"]
    ended = [event["data"]["turn_id"] for event in events if event["type"] in TURN_ENDS]
    assert started == ended
    assert _count(events, "reason.started") == _count(events, "reason.completed")
    begun = _once(event["data"]["message_id"] for event in events if event["type"] == "output.message.started")
    assert begun <= _once(e["data"]["message"]["id"] for e in events if e["type"] == "output.message.completed")
    called = _once(event["data"]["tool_call"]["id"] for event in events if event["type"] == "tool.started")
    assert called <= _once(event["data"]["tool_call_id"] for event in events if event["type"] == "tool.completed")


def _once(ids: Iterable[str]) -> set[str]:
    listed = list(ids)
    assert len(listed) == len(set(listed)), listed
    return set(listed)


def _count(events: list[Json], event_type: str) -> int:
    return sum(event["type"] == event_type for event in events)


def _check_deltas(stream: Stream) -> None:
    whole = {f.data["message"]["id"]: text_of(f.data["message"]) for f in stream.of_type("output.message.completed")}
    for delta in _deltas_that_hold(stream):
        text = whole.get(delta.data["message_id"], "")
        assert text.startswith(delta.data["accumulated"]), (text, delta.data)
        assert delta.data["accumulated"].endswith(delta.data["delta"])


def _deltas_that_hold(stream: Stream) -> list[Frame]:
    deltas: list[Frame] = []
    for frame in stream.frames:
        if frame.type == "reason.recovered":  # the message starts again, perhaps with other words
            deltas = [delta for delta in deltas if delta.data["turn_id"] != frame.data["turn_id"]]
        elif frame.type == "output.message.delta":
            deltas.append(frame)
    return deltas
