"""Where a stream begins, and what it carries: docs/wire.md, "Streams", against the running product."""

import asyncio
import json
from typing import Any

import pytest
from httpx_sse import aconnect_sse

from tests.client import PATIENCE_S, Client, Json, script

Talk = tuple[str, list[Json]]


@pytest.fixture
async def talk(client: Client) -> Talk:
    """A session after two turns, with its journal."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        for turn in (1, 2):
            await client.send(session_id, script({"say": f"Reply {turn}."}))
            await stream.wait_for_end(turn)
    return session_id, await client.events(session_id)


async def read(client: Client, session_id: str, last: str, headers: Json | None = None, **query: Any) -> list[Json]:
    """Return the events that a stream carries, up to one with that id."""
    seen: list[Json] = []
    url = f"/sessions/{session_id}/sse"
    async with (
        asyncio.timeout(PATIENCE_S),
        aconnect_sse(client.http, "GET", url, params=query, headers=headers or {}) as source,
    ):
        async for sse in source.aiter_sse():
            if not seen and sse.event == "connected":
                assert json.loads(sse.data) == {"status": "connected"}
                continue
            assert sse.event == json.loads(sse.data)["type"]
            seen.append(json.loads(sse.data))
            if seen[-1]["id"] == last:
                break
    return seen


async def test_without_a_cursor_it_begins_with_the_last_message(client: Client, talk: Talk) -> None:
    """Promised: a client that sends first and listens then sees all that came of its message."""
    session_id, events = talk
    newest = max(index for index, event in enumerate(events) if event["type"] == "input.message")
    assert await read(client, session_id, events[-1]["id"]) == events[newest:]


async def test_every_cursor_means_the_events_after_it(client: Client, talk: Talk) -> None:
    session_id, events = talk
    last, cursor = events[-1]["id"], events[4]["id"]
    assert await read(client, session_id, last, after_sequence=0) == events
    assert await read(client, session_id, last, after_sequence=5) == events[5:]
    assert await read(client, session_id, last, since_id=cursor) == events[5:]
    assert await read(client, session_id, last, {"Last-Event-ID": cursor}) == events[5:]
    newer = await read(client, session_id, last, {"Last-Event-ID": events[0]["id"]}, since_id=cursor)
    assert newer == events[5:]  # what the address says goes before what the browser remembers


async def test_cursor_may_be_an_event_that_was_never_stored(client: Client, talk: Talk) -> None:
    """Promised: an id is resolved by its order, for clients remember deltas too."""
    session_id, events = talk
    between = f"event_{int(events[4]['id'][6:], 16) + 1:032x}"
    assert await read(client, session_id, events[-1]["id"], since_id=between) == events[5:]


async def test_types_are_chosen_and_excluded(client: Client, talk: Talk) -> None:
    session_id, events = talk
    chosen = [event for event in events if event["type"] in ("turn.completed", "session.idled")]
    types = ["turn.completed", "session.idled", "turn.started"]
    seen = await read(client, session_id, events[-1]["id"], after_sequence=0, types=types, exclude=["turn.started"])
    assert seen == chosen


async def test_two_cursors_are_refused(client: Client, talk: Talk) -> None:
    session_id, events = talk
    query = {"since_id": events[0]["id"], "after_sequence": 1}
    reply = await client.http.get(f"/sessions/{session_id}/sse", params=query)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_input")


async def test_message_with_the_same_key_is_the_same_message(client: Client) -> None:
    """Promised: the same Idempotency-Key with the same body replays the first reply, and nothing happens."""
    session_id = await client.open()
    url, key = f"/sessions/{session_id}/messages", {"Idempotency-Key": "once"}
    body = {"message": {"content": [{"type": "text", "text": script({"say": "Hello."})}]}}
    async with client.listen(session_id) as stream:
        first = await client.http.post(url, json=body, headers=key)
        await stream.wait_for_end()
        again = await client.http.post(url, json=body, headers=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        body["message"]["content"] = [{"type": "text", "text": "Else."}]
        other = await client.http.post(url, json=body, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert [event["type"] for event in await client.events(session_id)].count("input.message") == 1


async def test_a_title_that_is_patched_is_heard_at_once_and_stays(client: Client) -> None:
    """Promised: what a client changes about a session, every listener hears, and nothing that comes later undoes it."""
    session_id = await client.open(title="first", capabilities=["session"])
    async with client.listen(session_id) as stream:
        for _ in range(2):
            reply = await client.http.patch(f"/sessions/{session_id}", json={"title": "second", "locale": "uk-UA"})
            assert (reply.json()["title"], reply.json()["status"]) == ("second", "started")
        heard = await stream.wait_for("session.title.updated")
        assert heard.body["data"] == {"title": "second", "previous_title": "first"}
        await client.send(session_id, script({"call": [{"name": "get_session_info", "arguments": {}}]}, {"say": "So."}))
        await stream.wait_for_end()
        [told] = stream.of_type("tool.completed")
        info = json.loads(told.body["data"]["result"][0]["text"])
        assert (info["title"], info["locale"]) == ("second", "uk-UA")
        assert len(stream.of_type("session.title.updated")) == 1
    assert (await client.http.get(f"/sessions/{session_id}")).json()["title"] == "second"
