"""Whole turns with a vendor's real protocol: from the POST to the model's server and back over SSE."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.store.pool import connect
from tests.client import Client, Stream, check, text_of
from tests.model_servers import Broken, Called, ModelServer, Refused, Said, Stalled, model_server
from tests.model_servers.server import KEY
from tests.server import ONE_ACTOR, ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMPATIENT = {
    "PERDURE_MODEL__RETRY_BASE_S": "0.05",
    "PERDURE_MODEL__STALL_TIMEOUT_S": "1",
    "PERDURE_MODEL__MAX_ATTEMPTS": "3",
}
ADD = Called("call_1", "add", {"a": 2, "b": 3})
MULTIPLY = Called("call_2", "multiply", {"a": 2, "b": 3})
VENDORS = ("openai:gpt-5", "openai_completions:gpt-4o", "anthropic:claude-sonnet-4-5")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def models() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory, models: ModelServer) -> AsyncIterator[ServerProcess]:
    running = ServerProcess(_data_dir(tmp_path_factory), models.environment() | IMPATIENT | ONE_ACTOR)
    await asyncio.to_thread(running.start)
    yield running
    await asyncio.to_thread(running.stop)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vendors(models: ModelServer, process: ServerProcess) -> AsyncIterator[tuple[ModelServer, Client]]:
    async with Client(process.url) as client:
        yield models, client


def _data_dir(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("vendors") / "data"


async def _everything_in(database: str) -> str:
    """Every row of every table, as text."""
    connection = await connect(database)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await connection.fetch(f'SELECT * FROM "{table["tablename"]}"') for table in tables]
    await connection.close()
    return str([tuple(row) for found in rows for row in found])


async def _turn(client: Client, session_id: str, text: str, turns: int = 1) -> Stream:
    async with client.listen(session_id) as stream:
        await client.send(session_id, text)
        await stream.wait_for_end(turns)
        check(stream, await client.events(session_id))
        return stream


@pytest.mark.parametrize("model", VENDORS)
async def test_a_turn_calls_tools_and_the_next_turn_knows_what_was_said(
    vendors: tuple[ModelServer, Client], model: str
) -> None:
    models, client = vendors
    models.requests.clear()
    models.answer(Said("Let me see.", calls=(ADD, MULTIPLY)), Said("Five and six."), Said("You are welcome."))
    session_id = await client.open(model_id=model, capabilities=[{"ref": "test_math"}])

    stream = await _turn(client, session_id, "What are 2 + 3 and 2 * 3?")
    await _turn(client, session_id, "Thanks!", turns=2)

    assert len(stream.of_type("tool.completed")) == 2
    assert all(frame.data["success"] for frame in stream.of_type("tool.completed"))
    ended = stream.of_type("turn.completed")[0].data
    assert (ended["llm_call_count"], ended["usage"]["input_tokens"], ended["usage"]["output_tokens"]) == (2, 22, 14)
    assert ended["usage"]["estimated_cost_usd"] > 0
    third = str(models.requests[2].body)
    assert all(words in third for words in ("What are 2 + 3", "Let me see.", "call_1", "Five and six.", "Thanks!"))


async def test_a_model_may_be_named_by_its_id(vendors: tuple[ModelServer, Client]) -> None:
    """Session actors know no list of models: what an id means is settled when it is set."""
    models, client = vendors
    models.requests.clear()
    listed = {model["provider_type"]: model for model in await client.models()}
    first, second = listed["anthropic"], listed["openai"]
    session_id = await client.open(model_id=first["id"])

    await _turn(client, session_id, "Hello")
    async with client.listen(session_id) as stream:
        await client.send(session_id, "Hello again", controls={"model_id": second["id"]})
        await stream.wait_for_end(2)

    assert [request.body["model"] for request in models.requests] == [first["model_id"], second["model_id"]]
    assert (await client.http.get(f"/sessions/{session_id}")).json()["model_id"] == first["id"]
    assert (await client.messages(session_id))[-2]["controls"]["model_id"] == second["id"]


async def test_thinking_is_shown_and_its_signature_goes_back_to_the_vendor_but_never_to_a_client(
    vendors: tuple[ModelServer, Client],
) -> None:
    models, client = vendors
    models.requests.clear()
    signature = "signature-for-the-vendor-only"
    models.answer(Said("Let me see.", thinking="Adding helps.", signature=signature, calls=(ADD,)), Said("Five."))
    session_id = await client.open(model_id=VENDORS[2], capabilities=[{"ref": "test_math"}])

    stream = await _turn(client, session_id, "What is 2 + 3?")

    assert stream.of_type("reason.thinking.completed")[0].data["thinking"] == "Adding helps."
    assert signature in str(models.requests[1].body)
    assert signature not in str([frame.body for frame in stream.frames])
    assert signature not in str(await client.messages(session_id))


async def test_a_key_that_a_vendor_repeats_is_neither_stored_nor_logged(
    vendors: tuple[ModelServer, Client], process: ServerProcess
) -> None:
    models, client = vendors
    models.requests.clear()
    models.answer(Refused(400, message=f"The key {KEY} is not for this model."))
    session_id = await client.open(model_id=VENDORS[0])

    await _turn(client, session_id, "Which key did you get?")

    assert KEY in str(models.requests[0].headers)
    stored = await _everything_in(process.database)
    assert "Which key did you get?" in stored
    assert "The key *** is not for this model." in stored
    assert KEY not in stored
    assert KEY not in process.log


@pytest.mark.parametrize("fault", [
    Refused(429, {"retry-after": "0"}), Refused(503), Broken(Said("Half of"), 4), Stalled(Said("Half of"), 4),
], ids=["throttled", "down", "broken off", "stalled"])  # fmt: skip
async def test_a_fault_that_passes_is_survived(vendors: tuple[ModelServer, Client], fault: object) -> None:
    models, client = vendors
    models.requests.clear()
    models.answer(fault, Said("Here I am."))  # type: ignore[arg-type]  # one of the answers above
    session_id = await client.open(model_id=VENDORS[1])

    stream = await _turn(client, session_id, "Are you there?")

    assert stream.of_type("turn.completed")
    assert len(models.requests) == 2
    assert text_of((await client.messages(session_id))[-1]) == "Here I am."
    assert stream.of_type("llm.generation")[0].data["metadata"]["retry"]["attempts"] == 1


@pytest.mark.parametrize(("fault", "code"), [
    (Refused(401), "provider_misconfigured"),
    (Refused(404), "model_unavailable"),
    (Refused(429, kind="insufficient_quota", error_code="insufficient_quota"), "provider_quota_exhausted"),
])  # fmt: skip
async def test_a_fault_that_stays_fails_the_turn_at_once_and_the_session_stays_usable(
    vendors: tuple[ModelServer, Client], fault: Refused, code: str
) -> None:
    models, client = vendors
    models.requests.clear()
    models.answer(fault, Said("Better now."))
    session_id = await client.open(model_id=VENDORS[1])

    stream = await _turn(client, session_id, "Are you there?")
    assert stream.of_type("turn.failed")[0].data["error_code"] == code
    assert len(models.requests) == 1

    await _turn(client, session_id, "And now?", turns=2)
    assert text_of((await client.messages(session_id))[-1]) == "Better now."


async def test_a_missing_key_says_which_setting_to_set(vendors: tuple[ModelServer, Client]) -> None:
    _, client = vendors
    session_id = await client.open(model_id="groq:llama-3.3-70b-versatile")

    stream = await _turn(client, session_id, "Hello")

    assert stream.of_type("turn.failed")[0].data["error_code"] == "provider_misconfigured"
    assert "GROQ_API_KEY" in text_of((await client.messages(session_id))[-1])
