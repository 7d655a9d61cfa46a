"""What operators see of a server that runs. Its turns are counted where they happen, and come with heartbeats."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from runtime.core.metrics.ring import RESOLUTION_S
from runtime.process.mint import timestamp
from tests.client import Client, script

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

Json = dict[str, Any]
COUNTED = ("turns_completed", "model_calls", "output_tokens")


@pytest_asyncio.fixture(loop_scope="session")
async def client(server_url: str) -> AsyncIterator[Client]:
    async with Client(server_url) as client:
        yield client


async def points(client: Client, after: str) -> list[Json]:
    reply = await client.http.get("/durable/metrics/timeseries", params={"after": after})
    found: list[Json] = reply.raise_for_status().json()["points"]
    return found


def total(found: list[Json], name: str) -> int:
    return sum(point[name] for point in found)


async def test_turns_of_all_processes_are_in_the_last_hour(client: Client) -> None:
    began = timestamp(-2.0 * RESOLUTION_S)
    before = await points(client, began)
    session_id = await client.open()

    async def counted(_: Client) -> list[Json] | None:
        found = await points(client, began)
        return found if all(total(found, name) > total(before, name) for name in COUNTED) else None

    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": "counted"}))
        assert (await stream.wait_for_end()).type == "turn.completed"
        found = await client.until(counted, "a point with the turn")
    assert all(found[-1][level] >= 1 for level in ("actors", "sessions"))
    assert any(point["first_token_p50_ms"] is not None for point in found)
    times = [point["timestamp"] for point in found]
    assert times == sorted(set(times))


async def test_a_server_at_work_is_healthy_and_its_workers_have_worked(client: Client) -> None:
    health = (await client.http.get("/durable/health")).raise_for_status().json()
    assert health["status"] != "unhealthy", "other tests may have stopped calls to a provider"
    assert health["workers"]["active"] >= 1
    assert health["dashboard_url"].startswith("http://127.0.0.1:")
    page = await client.until(accepting, "those to leave whom other tests have drained")
    assert page["total"] >= 1


async def accepting(client: Client) -> Json | None:
    page: Json = (await client.http.get("/durable/workers")).raise_for_status().json()
    return page if all(worker["hostname"] and worker["accepting_tasks"] for worker in page["data"]) else None
