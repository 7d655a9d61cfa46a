import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from everruns_sdk import models as sdk

from runtime.core import event as ev
from runtime.core.ids import format_id, hex_of
from runtime.core.message import Message, Role, TextPart
from runtime.ports.events import PAGE_LIMIT, PART_BYTES, Filter, Part, Range, StoredEvent
from runtime.store.events import EventLog
from runtime.store.pool import Pool
from tests.tenancy import ours

TURNS = [format_id("turn", number) for number in range(3)]
# Two turns after the start of the session, as types with the number of their turn.
LOG = [
    ("session.started", 0),
    *[
        (name, turn)
        for turn in (1, 2)
        for name in ("input.message", "turn.started", "tool.completed", "turn.completed")
    ],
]


def event_id(sequence: int) -> str:
    return format_id("event", sequence << 64)


def payload(event_type: str, turn: int, sequence: int) -> ev.Payload:
    match event_type:
        case "session.started":
            return ev.SessionStarted(harness_id="harness_1")
        case "input.message":
            content = (TextPart(f"Question {turn}"),)
            message = Message(
                id=f"message_{sequence}", role=Role.USER, content=content, created_at="2026-01-01T00:00:00Z"
            )
            return ev.InputMessage(message=message)
        case "turn.started":
            return ev.TurnStarted(turn_id=TURNS[turn], input_message_id="message_1")
        case "tool.completed":
            return ev.ToolCompleted(
                tool_call_id=f"call_{turn}",
                tool_name=f"tool_{turn}",
                success=True,
                status="success",
                result=(TextPart('{"a":1}'),),
            )
        case _:
            return ev.TurnCompleted(turn_id=TURNS[turn], iterations=1)


def event(session_id: str, sequence: int, event_type: str, turn: int) -> ev.Event:
    return ev.Event(
        id=event_id(sequence),
        type=event_type,
        ts=f"2026-01-01T00:00:{sequence % 60:02}.000Z",
        session_id=session_id,
        context=ev.Context(turn_id=TURNS[turn], exec_id=f"exec_{sequence}"),
        data=payload(event_type, turn, sequence),
        sequence=sequence,
        tags=("odd",) if sequence % 2 else None,
    )


INSERT = """
INSERT INTO events (org_id, session_id, sequence, id, type, epoch, turn_id, body)
SELECT org_id, id, $2, $3, $4, $5, $6, $7 FROM sessions WHERE id = $1
"""


async def write(pool: Pool, session_id: str, log: Sequence[tuple[str, int]], noise: str = "") -> None:
    rows = []
    for sequence, (event_type, turn) in enumerate(log, 1):
        body = ev.encode(event(session_id, sequence, event_type, turn)).decode().replace("Question", f"Question{noise}")
        key, turn_key = hex_of(event_id(sequence)), hex_of(TURNS[turn])
        rows.append((hex_of(session_id), sequence, key, event_type, 1, turn_key, body))
    await pool.executemany(INSERT, rows)
    await pool.execute("UPDATE sessions SET last_sequence = $2 WHERE id = $1", hex_of(session_id), len(rows))


@pytest.fixture
async def session_id(client: httpx.AsyncClient, pool: Pool) -> str:
    """A session with the log above."""
    opened: str = (await client.post("/v1/sessions", json={})).json()["id"]
    await write(pool, opened, LOG)
    return opened


async def sequences(client: httpx.AsyncClient, session_id: str, query: str = "") -> list[int]:
    reply = await client.get(f"/v1/sessions/{session_id}/events?{query}")
    assert reply.status_code == 200, reply.text
    return [sdk.Event(**body).sequence or 0 for body in reply.json()["data"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", list(range(1, 10))),
        ("limit=3", [7, 8, 9]),
        ("after_sequence=4", [5, 6, 7, 8, 9]),
        ("after_sequence=4&limit=2", [5, 6]),
        ("after_sequence=99", []),
        (f"since_id={event_id(7)}", [8, 9]),
        (f"since_id={event_id(7)[:-1]}f", [8, 9]),
        (f"since_id={event_id(7)}&limit=1", [8]),
        ("before_sequence=5", [1, 2, 3, 4]),
        ("before_sequence=9&limit=3", [3, 4, 5, 6, 7, 8]),
        ("before_sequence=9&limit=2", [7, 8]),
        ("around=5&window=1", [4, 5, 6]),
        (f"around={event_id(5)}&window=2", [3, 4, 5, 6, 7]),
        ("around=1", list(range(1, 10))),
        ("types=turn.started&types=turn.completed", [3, 5, 7, 9]),
        ("types=turn.started&types=turn.completed&exclude=turn.started", [5, 9]),
        ("exclude=turn.started&limit=3", [6, 8, 9]),
        ("types=output.message.delta", []),
        (f"turn_id={TURNS[2]}", [6, 7, 8, 9]),
        ("exec_id=exec_4", [4]),
        ("trace_id=nope", []),
        ("tags=odd&tags=other", [1, 3, 5, 7, 9]),
        ("tool_name=tool_2", [8]),
        ("q=QUESTION+1", [2]),
        ("from_ts=2026-01-01T00:00:08Z", [8, 9]),
        ("to_ts=2026-01-01T01:00:02%2B01:00", [1, 2]),
        ("order_desc=true&limit=2", [9, 8]),
    ],
)
async def test_list_reads(client: httpx.AsyncClient, session_id: str, query: str, expected: list[int]) -> None:
    assert await sequences(client, session_id, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "types=nope",
        "exclude=nope",
        "limit=0",
        "limit=1001",
        "limit=x",
        "since_id=event_1",
        "after_sequence=-1",
        "after_sequence=9223372036854775808",
        "after_sequence=1&before_sequence=2",
        f"after_sequence=1&since_id={event_id(1)}",
        "around=1&after_sequence=1",
        f"around=1&since_id={event_id(1)}",
        "around=1&before_sequence=1",
        "around=x",
        "around=1&window=501",
        "turn_id=x",
        "from_ts=yesterday",
        "from_ts=0001-01-01T00:00:00%2B14:00",
        "&".join(["tags=x"] * 21),
        "&".join(["types=turn.started"] * 101),
    ],
)
async def test_list_refuses(client: httpx.AsyncClient, session_id: str, query: str) -> None:
    reply = await client.get(f"/v1/sessions/{session_id}/events?{query}")
    assert reply.status_code == 400
    assert reply.json()["code"].startswith("invalid_")


async def test_sixty_four_types_are_taken(client: httpx.AsyncClient, session_id: str) -> None:
    query = "&".join(["types=turn.started"] * 64)
    assert await sequences(client, session_id, query) == [3, 7]


async def test_total_is_told_with_a_limit(client: httpx.AsyncClient, session_id: str) -> None:
    url = f"/v1/sessions/{session_id}/events"
    assert "x-total-count" not in (await client.get(url)).headers
    assert (await client.get(url, params={"limit": 2})).headers["x-total-count"] == "9"
    reply = await client.get(url, params={"limit": 1, "types": "turn.started"})
    assert reply.headers["x-total-count"] == "2"


async def test_bodies_are_sent_as_they_were_stored(client: httpx.AsyncClient, session_id: str, pool: Pool) -> None:
    stored = await pool.fetchval("SELECT body FROM events WHERE session_id = $1 AND sequence = 4", hex_of(session_id))
    reply = await client.get(f"/v1/sessions/{session_id}/events?exec_id=exec_4")
    assert reply.content == b'{"data":[' + stored.encode() + b"]}"


async def test_long_log_is_read_whole(client: httpx.AsyncClient, pool: Pool) -> None:
    opened = (await client.post("/v1/sessions", json={})).json()["id"]
    await write(pool, opened, [("turn.started", 1)] * (2 * PAGE_LIMIT + 1))
    assert await sequences(client, opened) == list(range(1, 2 * PAGE_LIMIT + 2))
    assert await sequences(client, opened, f"before_sequence={PAGE_LIMIT + 1}") == list(range(1, PAGE_LIMIT + 1))
    assert len(await sequences(client, opened, "order_desc=true")) == PAGE_LIMIT


async def test_no_more_of_a_log_is_in_memory_than_fits(client: httpx.AsyncClient, pool: Pool) -> None:
    session_id = (await client.post("/v1/sessions", json={})).json()["id"]
    noise = base64.b64encode(hashlib.shake_256(b"noise").digest(PART_BYTES // 4)).decode()  # a third of a part
    await write(pool, session_id, LOG[1:5] * 3 + [("input.message", 2)] * 2, noise)
    log, found = EventLog(ours(pool)), list(range(1, 15))

    def fits(part: Part[StoredEvent]) -> bool:
        return sum(len(event.body) for event in part.items) <= PART_BYTES

    for span in (Range(), Range(limit=14, newest=True), Range(limit=14, is_descending=True)):
        part = await log.read(session_id, Filter(), span)
        assert part.rest is not None
        assert fits(part)
        assert fits(await log.read(session_id, Filter(), part.rest))
    assert fits(await log.after(session_id, 0, 14))
    said = await log.messages(session_id, Range())
    assert 0 < len(said.items) < 8
    assert said.rest is not None

    assert await sequences(client, session_id) == found
    assert await sequences(client, session_id, "limit=12") == found[2:]
    assert await sequences(client, session_id, "limit=12&after_sequence=1") == found[1:13]
    assert await sequences(client, session_id, "limit=12&before_sequence=15&order_desc=true") == found[:0:-1]
    assert await sequences(client, session_id, "limit=12&before_sequence=15") == found[1:]
    assert await sequences(client, session_id, "around=7&window=5") == found[1:12]
    assert await sequences(client, session_id, "types=input.message&q=question") == [1, 5, 9, 13, 14]
    body = (await client.get(f"/v1/sessions/{session_id}/messages")).json()
    assert [message["sequence"] for message in body["data"]] == [1, 3, 5, 7, 9, 11, 13, 14]
    assert body["messages"] == body["data"]


async def test_an_event_that_is_larger_than_fits_comes_alone(client: httpx.AsyncClient, pool: Pool) -> None:
    session_id = (await client.post("/v1/sessions", json={})).json()["id"]
    noise = base64.b64encode(hashlib.shake_256(b"noise").digest(PART_BYTES)).decode()
    await write(pool, session_id, [("turn.started", 1), ("input.message", 1), ("turn.completed", 1)], noise)
    assert [len((await EventLog(ours(pool)).after(session_id, n, 9)).items) for n in range(4)] == [1, 1, 1, 0]
    assert await sequences(client, session_id) == [1, 2, 3]


async def test_who_names_no_place_begins_before_the_newest_message(client: httpx.AsyncClient, pool: Pool) -> None:
    log = EventLog(ours(pool))
    empty, unsaid, said = [(await client.post("/v1/sessions", json={})).json()["id"] for _ in range(3)]
    await write(pool, unsaid, [("turn.started", 1), ("turn.completed", 1)])
    await write(pool, said, [("input.message", 1), ("turn.started", 1), ("input.message", 2), ("turn.completed", 1)])
    assert [await log.beginning(session_id) for session_id in (empty, unsaid, said)] == [0, 2, 2]


async def test_page_begins_with_the_start_of_a_turn(client: httpx.AsyncClient, pool: Pool) -> None:
    opened = (await client.post("/v1/sessions", json={})).json()["id"]
    await write(
        pool, opened, [("turn.started", 1), ("tool.completed", 1), ("tool.completed", 1), ("turn.completed", 1)]
    )
    assert await sequences(client, opened, "before_sequence=5&limit=2") == [1, 2, 3, 4]


async def test_types_of_a_newer_server_stay_hidden(client: httpx.AsyncClient, session_id: str, pool: Pool) -> None:
    body = ev.encode(event(session_id, 10, "turn.completed", 1)).decode().replace("turn.completed", "dream.started")
    await pool.execute(INSERT, hex_of(session_id), 10, hex_of(event_id(10)), "dream.started", 1, None, body)
    assert await sequences(client, session_id, "limit=1") == [9]


async def test_messages_are_read_from_the_log(client: httpx.AsyncClient, session_id: str) -> None:
    body = (await client.get(f"/v1/sessions/{session_id}/messages")).json()
    messages = [sdk.Message(**message) for message in body["data"]]
    assert body["messages"] == body["data"]
    assert [message.role for message in messages] == ["user", "tool_result", "user", "tool_result"]
    assert messages[1].content[0].result == {"a": 1}
    assert [message["sequence"] for message in body["data"]] == [2, 4, 6, 8]
    assert messages[1].content[0].tool_call_id == "call_1"


async def test_summary_counts(client: httpx.AsyncClient, session_id: str) -> None:
    body: dict[str, Any] = (await client.get(f"/v1/sessions/{session_id}/events/summary")).json()
    assert (body["total"], body["turn_count"], body["error_count"]) == (9, 2, 0)
    assert {"event_type": "tool.completed", "count": 2} in body["by_type"]
    assert (body["first_ts"], body["last_ts"]) == ("2026-01-01T00:00:01.000Z", "2026-01-01T00:00:09.000Z")


@pytest.mark.parametrize(
    "query", ["types=nope", f"since_id={event_id(1)}&after_sequence=1", "since_id=x", "after_sequence=-1"]
)
async def test_stream_refuses_before_it_begins(client: httpx.AsyncClient, session_id: str, query: str) -> None:
    reply = await client.get(f"/v1/sessions/{session_id}/sse?{query}")
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
