"""What operators see of the cluster, and of sessions that were stopped."""

import json
import uuid
from typing import Any

import httpx
import msgspec
import pytest

from api.app import create_app
from api.http import snapshots
from api.http.deps import House
from runtime.core.errors import OverloadedError
from runtime.core.ids import hex_of
from runtime.core.metrics.counts import Counts
from runtime.core.metrics.histogram import bucket_of
from runtime.core.metrics.ring import Levels, Point
from runtime.ports.listed import COUNTED_MOST
from runtime.ports.operations import Worker
from runtime.process.mint import now
from runtime.store.pool import Pool
from tests.fakes import OVERVIEW, FakeGateway, FakeOperations
from tests.integration.api.test_durable import info
from tests.integration.api.test_lists import walk
from tests.integration.api.test_sessions import open_session
from tests.integration.store.test_isolation import furnish
from tests.tenancy import found_org

STOP = "UPDATE sessions SET quarantined = true, crashes = $2, last_sequence = 2 WHERE id = $1"
BEGIN = """
INSERT INTO events (org_id, session_id, sequence, id, type, epoch, turn_id, body)
SELECT org_id, id, $2, gen_random_uuid(), $3, 1, $4, $5 FROM sessions WHERE id = $1
"""
EMPTY = "UPDATE sessions SET quarantined = false, crashes = '[]'"
TURN = uuid.UUID(int=7)


async def stop(pool: Pool, session_id: str, *crashes: dict[str, Any]) -> None:
    """Have a session be in quarantine after these crashes, in the tool that it began last."""
    key = hex_of(session_id)
    await pool.execute(STOP, key, json.dumps(crashes))
    await pool.execute(BEGIN, key, 1, "reason.started", TURN, "{}")
    body = json.dumps({"data": {"tool_call": {"id": "c", "name": "detonate", "arguments": {"secret": "no"}}}})
    await pool.execute(BEGIN, key, 2, "tool.started", TURN, body)


async def test_all_is_well_while_nobody_says_otherwise(client: httpx.AsyncClient) -> None:
    health = (await client.get("/v1/durable/health")).json()
    assert (health["status"], health["reasons"], health["load_percentage"]) == ("healthy", [], 5.0)
    assert health["workers"] == {
        "active": 2, "starting": 0, "draining": 0, "standby": 1, "most": 4, "total_capacity": 200,
    }  # fmt: skip
    assert health["sessions"] == {"placed": 10, "waiting": 0}
    assert health["dlq"] == {"total": 0, "is_total_exact": True, "organizations": {}}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"waiting": 3}, "degraded", "3 sessions wait for an actor"),
        ({"sessions": 190}, "degraded", "almost full"),
        ({"quarantined": None}, "degraded", "does not reach the database"),
        ({"ready": 0}, "unhealthy", "No session actor"),
    ],
)
async def test_health_says_what_is_wrong(
    client: httpx.AsyncClient, cluster: FakeOperations, change: dict[str, Any], status: str, words: str
) -> None:
    cluster.seen = msgspec.structs.replace(OVERVIEW, **change)
    health = (await client.get("/v1/durable/health")).json()
    assert health["status"] == status
    [reason] = health["reasons"]
    assert words in reason


async def test_health_is_answered_without_a_supervisor(client: httpx.AsyncClient, cluster: FakeOperations) -> None:
    cluster.error = OverloadedError(1.0, "the supervisor is restarting")
    reply = await client.get("/v1/durable/health")
    assert reply.status_code == httpx.codes.OK
    assert (reply.json()["status"], reply.json()["workers"]) == ("unhealthy", None)


async def test_a_breaker_that_is_open_is_named(client: httpx.AsyncClient) -> None:
    await client.post("/v1/durable/circuit-breakers/elsewhere/open")
    health = (await client.get("/v1/durable/health")).json()
    await client.delete("/v1/durable/circuit-breakers/elsewhere")
    assert (health["status"], health["open_circuit_breakers"]) == ("degraded", ["elsewhere"])


async def test_many_in_quarantine_are_so_many_at_least(client: httpx.AsyncClient, cluster: FakeOperations) -> None:
    most = {"org_1": COUNTED_MOST, "org_2": 1}
    cluster.seen = msgspec.structs.replace(OVERVIEW, quarantined=COUNTED_MOST + 1, quarantined_in=most)
    health = (await client.get("/v1/durable/health")).json()
    assert health["dlq"] == {"total": COUNTED_MOST, "is_total_exact": False, "organizations": most}


async def test_points_say_what_happened_and_what_is_not_known(
    client: httpx.AsyncClient, cluster: FakeOperations
) -> None:
    busy = Counts(turns_completed=4, turn_ms=2_000, model_calls=4, priced_calls=1, cost_microusd=12_500)
    busy.first_token[bucket_of(150)] = 4
    cluster.points = [Point(1_700_000_000, Counts(), Levels()), Point(1_700_000_010, busy, Levels(actors=3))]
    series = (await client.get("/v1/durable/metrics/timeseries")).json()
    assert (series["resolution_seconds"], series["instance_count"]) == (10, 3)
    quiet, loud = series["points"]
    shown = ("timestamp", "turns_completed", "avg_turn_ms", "first_token_p50_ms", "cost_usd", "actors")
    assert [quiet[name] for name in shown] == ["2023-11-14T22:13:20.000Z", 0, None, None, None, 0]
    assert [loud[name] for name in shown] == ["2023-11-14T22:13:30.000Z", 4, 500, 150, 0.0125, 3]
    later = await client.get("/v1/durable/metrics/timeseries", params={"after": "2023-11-14T22:13:20Z"})
    assert later.json()["points"] == [loud]
    cluster.points = []
    assert (await client.get("/v1/durable/metrics/timeseries")).json()["instance_count"] is None


async def test_who_watches_is_shown_how_the_cluster_does_until_the_server_stops(
    house: House, cluster: FakeOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(house)
    point = Point(int(now().timestamp()) - 10, Counts(turns_completed=4), Levels())

    async def series(*, after: int) -> list[Point]:
        if cluster.looks > 1:
            app.state.streams.close()
        return [point] if point.at > after else []

    monkeypatch.setattr(cluster, "series", series)
    monkeypatch.setattr(snapshots, "EVERY_S", 0.0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        reply = await client.get("/api/v1/durable/sse")
    connected, shown, *_, last = [frame.splitlines() for frame in reply.text.strip().split("\n\n")]
    assert (connected[0], shown[0], last[0]) == ("event: connected", "event: snapshot", "event: disconnecting")
    snapshot = json.loads(shown[-1].removeprefix("data: "))
    assert (snapshot["health"]["status"], snapshot["point"]["turns_completed"]) == ("healthy", 4)
    assert snapshot["health"]["event_delivery"]["streams"] == 1


async def test_workers_come_a_page_at_a_time_and_by_status(client: httpx.AsyncClient, cluster: FakeOperations) -> None:
    cluster.worker_list = [
        Worker(actor=info(n), host="h", max_sessions=9, is_draining=n > 2, backpressure="draining" if n > 2 else None)
        for n in range(5)
    ]
    found = await walk(client, "/v1/durable/workers", limit=2)
    assert [worker["id"] for worker in found] == [f"session-{n}" for n in range(5)]
    draining = (await client.get("/v1/durable/workers", params={"status": "draining"})).json()
    assert [(w["id"], w["accepting_tasks"], w["backpressure_reason"]) for w in draining["data"]] == [
        ("session-3", False, "draining"),
        ("session-4", False, "draining"),
    ]
    assert draining["summary"] == {"active": 2, "draining": 0, "stopped": 0, "total_capacity": 200, "total_load": 10}


async def test_a_worker_is_drained_by_its_name(client: httpx.AsyncClient, gateway: FakeGateway) -> None:
    gateway.actor_list = [info(1)]
    reply = await client.post("/v1/durable/workers/session-1/drain")
    assert (reply.status_code, reply.json()["name"]) == (httpx.codes.ACCEPTED, "session-1")
    assert (await client.post("/v1/durable/workers/session-2/drain")).status_code == httpx.codes.NOT_FOUND


async def test_who_was_stopped_last_comes_first_with_what_is_known_of_why(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    await pool.execute(EMPTY)
    opened = [await open_session(client, title=f"bad {number}") for number in range(3)]
    for number, session in enumerate(opened):
        at = 1_700_000_000.0 + number
        await stop(pool, session["id"], {"at": 1.0, "steps": 0}, {"at": at, "steps": 0, "cause": "its process ended"})
    found = await walk(client, "/v1/durable/dlq", limit=2)
    assert [letter["session_title"] for letter in found] == ["bad 2", "bad 1", "bad 0"]
    assert found[2] == {
        "id": opened[0]["id"],
        "session_id": opened[0]["id"],
        "session_title": "bad 0",
        "agent_id": None,
        "original_task_id": f"turn_{TURN.hex}",
        "activity_type": "tool:detonate",
        "attempts": 2,
        "last_error": "its process ended",
        "error_history": [
            {"at": "1970-01-01T00:00:01.000Z", "error": "its process ended"},
            {"at": "2023-11-14T22:13:20.000Z", "error": "its process ended"},
        ],
        "is_given_up": False,
        "dead_at": "2023-11-14T22:13:20.000Z",
    }


async def test_a_session_in_quarantine_is_let_go_on_once(client: httpx.AsyncClient, pool: Pool) -> None:
    session = await open_session(client)
    await stop(pool, session["id"], {"at": 1.0, "steps": 0, "cause": "it hit a bug"})
    url = f"/v1/durable/dlq/{session['id']}/retry"
    assert (await client.post(url)).json()["last_error"] == "it hit a bug"
    assert (await client.get(f"/v1/durable/sessions/{session['id']}")).json()["quarantined"] is False
    again = await client.post(url)
    assert (again.status_code, again.json()["code"]) == (httpx.codes.NOT_FOUND, "dead_letter_not_found")


async def test_what_was_stopped_elsewhere_is_not_there(client: httpx.AsyncClient, pool: Pool) -> None:
    theirs = await furnish(pool, await found_org(pool))
    await stop(pool, theirs, {"at": 1.0, "steps": 0})
    assert theirs not in (await client.get("/v1/durable/dlq", params={"limit": 100})).text
    assert (await client.post(f"/v1/durable/dlq/{theirs}/retry")).status_code == httpx.codes.NOT_FOUND
    assert await pool.fetchval("SELECT quarantined FROM sessions WHERE id = $1", hex_of(theirs))
