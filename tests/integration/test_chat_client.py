"""The chat's client against a server that breaks off where a test says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import pytest

from api.terminal.chat.client import Client
from api.terminal.remote import Remote
from runtime.core.errors import ConflictError, InvalidInputError, OverloadedError

SESSION_ID: Final = "session_" + "1" * 32
TOKEN: Final = "evr_pat_1"  # noqa: S105  of nobody
CONNECTED: Final = b'event: connected\ndata: {"status":"connected"}\n\n'
DISCONNECTING: Final = b'event: disconnecting\ndata: {"reason":"server_maintenance","retry_ms":100}\n\n'
DROPPED: Final = b""  # a connection that ends without a word


def reply(body: Any, status: str = "200 OK", headers: str = "") -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n{headers}\r\n"
    return head.encode() + text


def stream(*frames: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + b"".join(frames)


def event(sequence: int | None, event_type: str, **data: Any) -> bytes:
    envelope = {"id": "event_1", "type": event_type, "ts": "", "session_id": SESSION_ID, "context": {}, "data": data}
    place = {} if sequence is None else {"sequence": sequence}
    return f"event: {event_type}\ndata: {json.dumps(envelope | place)}\n\n".encode()


def idled(sequence: int) -> bytes:
    return event(sequence, "session.idled", turn_id=f"turn_{sequence}")


class Script:
    """A server that gives one prepared answer to each request, and remembers the requests."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self._answers = list(answers)
        self.requests: list[str] = []
        self.url = ""
        self.notices: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((line for line in head.lower().splitlines() if line.startswith("content-length:")), ":0")
        body = await reader.readexactly(int(length.partition(":")[2]))
        self.requests.append(head + body.decode())
        writer.write(self._answers.pop(0))
        writer.close()
        await writer.wait_closed()

    def header(self, name: str) -> list[str]:
        lines = (line for request in self.requests for line in request.splitlines())
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name}:")]


@asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[tuple[Script, Client]]:
    script = Script(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    remote = Remote(script.url, TOKEN, lambda: script.notices.append("away"))
    try:
        yield script, Client(remote)
    finally:
        await remote.close()
        server.close()
        await server.wait_closed()


SESSION: Final = reply({"id": SESSION_ID})


async def test_a_message_whose_answer_was_lost_is_repeated_under_the_same_key() -> None:
    busy = reply({"detail": "moving"}, "503 Service Unavailable")
    async with scripted(SESSION, DROPPED, busy, reply({"id": "message_1"}, "201 Created")) as (script, client):
        await client.session(SESSION_ID)
        assert await client.send(SESSION_ID, "Grüße") == "message_1"
        keys = script.header("idempotency-key")
        assert len(keys) == 3
        assert len(set(keys)) == 1
        assert texts(script.requests[1:]) == ["Grüße"] * 3
        assert script.notices == []


def texts(requests: Sequence[str]) -> list[str]:
    return [json.loads(request.partition("\r\n\r\n")[2])["message"]["content"][0]["text"] for request in requests]


async def test_two_messages_have_two_keys() -> None:
    sent = reply({"id": "message_1"}, "201 Created")
    async with scripted(sent, sent) as (script, client):
        await client.send(SESSION_ID, "again")
        await client.send(SESSION_ID, "again")
        assert len(set(script.header("idempotency-key"))) == 2


async def test_a_stream_that_breaks_goes_on_where_it_was_with_each_event_once() -> None:
    cut = idled(3)[:-20]
    delta = event(None, "output.message.delta", turn_id="t", message_id="m", delta="a", accumulated="a")
    answers = (
        SESSION,
        stream(CONNECTED, idled(1), delta, idled(2), cut),
        DROPPED,
        stream(CONNECTED, idled(2), idled(3), b": heartbeat\n\n", DISCONNECTING, idled(9)),
        stream(CONNECTED, b"event: later.invention\ndata: {}\n\n", idled(4)),
    )
    async with scripted(*answers) as (script, client):
        await client.session(SESSION_ID)
        seen: list[int | None] = []
        async with aclosing(client.follow(SESSION_ID, 0)) as events:
            async for one in events:
                seen.append(one.sequence)
                if one.sequence == 4:
                    break
        assert seen == [1, None, 2, 3, 4]
        cursors = [request.split("after_sequence=")[1].split("&")[0] for request in script.requests[1:]]
        assert cursors == ["0", "2", "2", "3"]


async def test_a_server_that_stays_away_is_mentioned_once() -> None:
    away = [reply({"detail": "starting"}, "503 Service Unavailable", "Retry-After: 1\r\n")] * 3
    async with scripted(SESSION, *away, stream(CONNECTED, idled(1))) as (script, client):
        await client.session(SESSION_ID)
        async with aclosing(client.follow(SESSION_ID, 0)) as events:
            assert (await anext(events)).sequence == 1
        assert script.notices == ["away"]


async def test_a_stream_that_is_refused_says_why() -> None:
    gone = reply({"detail": "No session 'x'.", "code": "session_not_found"}, "404 Not Found")
    async with scripted(SESSION, gone) as (_, client):
        await client.session(SESSION_ID)
        with pytest.raises(InvalidInputError, match=r"No session 'x'\."):
            await anext(client.follow(SESSION_ID, 0))


async def test_results_that_nobody_waits_for_are_no_error() -> None:
    late = reply({"detail": "Session is not waiting for tool results."}, "409 Conflict")
    async with scripted(reply({"status": "active"}), late) as (_, client):
        assert await client.submit(SESSION_ID, [{"tool_call_id": "call_1", "result": 1}])
        assert not await client.submit(SESSION_ID, [{"tool_call_id": "call_1", "result": 1}])


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", reply([], "404 Not Found")])
async def test_another_program_at_the_address_is_told(answer: bytes) -> None:
    async with scripted(answer) as (script, client):
        with pytest.raises(InvalidInputError, match=f"What answers at {script.url} is not Perdure"):
            await client.open_session(None)


async def test_the_first_call_does_not_wait_for_a_server() -> None:
    async with scripted(reply({"detail": "The server is overloaded."}, "503 Service Unavailable")) as (_, client):
        with pytest.raises(OverloadedError, match="overloaded"):
            await client.open_session(None)


async def test_an_agent_is_named_by_id_or_by_name() -> None:
    agent_id = "agent_" + "2" * 32
    async with scripted(SESSION, SESSION, SESSION) as (script, client):
        for agent in (None, "helper", agent_id):
            await client.open_session(agent)
        bodies = [json.loads(request.partition("\r\n\r\n")[2]) for request in script.requests]
        assert bodies == [{}, {"agent_name": "helper"}, {"agent_id": agent_id}]


async def test_each_call_and_stream_shows_the_token() -> None:
    async with scripted(SESSION, stream(CONNECTED, idled(1))) as (script, client):
        await client.session(SESSION_ID)
        async with aclosing(client.follow(SESSION_ID, 0)) as events:
            await anext(events)
        assert script.header("authorization") == [f"Bearer {TOKEN}"] * 2


async def test_whoever_lacks_a_token_hears_where_one_goes() -> None:
    stranger = reply({"detail": "Log in first.", "code": "unauthenticated"}, "401 Unauthorized")
    async with scripted(stranger) as (script, _):
        remote = Remote(script.url, None, lambda: None)
        with pytest.raises(InvalidInputError, match=r"Log in first\. Set PERDURE_TOKEN"):
            await Client(remote).session(SESSION_ID)
        await remote.close()
        assert script.header("authorization") == []


@pytest.mark.parametrize("token", ["", "two words", "line\n", "gr\u00fc\u00dfe"])
def test_what_can_be_no_token_is_refused_before_it_is_sent(token: str) -> None:
    with pytest.raises(InvalidInputError, match="A token has visible"):
        Remote("127.0.0.1", token, lambda: None)


async def test_a_decision_that_nobody_asks_for_is_a_conflict_and_its_id_a_part_of_the_path() -> None:
    late = reply({"detail": "It was decided.", "code": "already_decided"}, "409 Conflict")
    async with scripted(reply({"decision": "skip"}), late) as (script, client):
        await client.decide(SESSION_ID, "a/b", {"decision": "skip", "attempt": 1})
        with pytest.raises(ConflictError, match="It was decided"):
            await client.decide(SESSION_ID, "a/b", {"decision": "retry", "attempt": 1})
        assert f"POST /api/v1/durable/sessions/{SESSION_ID}/effects/a%2Fb/decision " in script.requests[0]
