"""What goes wrong at a vendor, in the codes of the wire, whichever protocol it speaks."""

import json
import pickle
from collections.abc import AsyncIterator

import pytest

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.models.router import Models
from runtime.ports.model import ModelRef
from runtime.process.settings import ModelSettings
from tests.lean import Lean
from tests.model_servers import Answer, Broken, Called, Garbage, Hung, ModelServer, Refused, Said, Stalled, model_server
from tests.model_servers.requests import ADD, asked, ref, user
from tests.model_servers.server import KEY

VENDORS = pytest.mark.parametrize(
    "model",
    [
        ref("openai", "gpt-6.1-terra"),
        ref("openai_completions", "gpt-6.1-terra"),
        ref("anthropic", "claude-sonnet-5-5"),
        ref("gemini", "gemini-3.8-flash"),
    ],
    ids=lambda model: model.provider,
)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


@pytest.fixture
async def models(server: ModelServer) -> AsyncIterator[Models]:
    made = Models(ModelSettings(), server.environment())
    yield made
    await made.aclose()


async def failing(
    models: Models, server: ModelServer, model: ModelRef, answer: Answer
) -> ModelUnavailableError | ModelRejectedError:
    """Return the error of a call, and check that it was tried once and is fit to be shown and shipped."""
    server.answer(answer)
    error = await outcome(models, model)
    assert len(server.requests) == 1
    assert KEY not in f"{error} {error.said}"
    assert error.provider == model.provider
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes
    return error


async def outcome(models: Models, model: ModelRef) -> ModelUnavailableError | ModelRejectedError:
    try:
        items = [item async for item in models.stream(asked(model, user("Hi."), tools=(ADD,)))]
    except (ModelUnavailableError, ModelRejectedError) as err:
        return err
    pytest.fail(f"The call succeeded: {items[-1]}")


@VENDORS
async def test_throttling_tells_how_long_to_wait(models: Models, server: ModelServer, model: ModelRef) -> None:
    error = await failing(models, server, model, Refused(429, {"retry-after": "7"}, kind="rate_limit_error"))

    assert isinstance(error, ModelUnavailableError)
    assert (error.failure, error.status, error.retry_after_s) == ("provider_rate_limited", 429, 7.0)


@VENDORS
@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
async def test_a_server_error_may_pass(models: Models, server: ModelServer, model: ModelRef, status: int) -> None:
    error = await failing(models, server, model, Refused(status, kind="api_error"))

    assert isinstance(error, ModelUnavailableError)
    assert (error.failure, error.status, error.retry_after_s) == ("provider_unavailable", status, 0.0)
    assert f"was reached at {server.base_url}" in str(error)
    assert f"failed (status {status})" in str(error)


@VENDORS
@pytest.mark.parametrize(
    ("refused", "failure"),
    [
        (Refused(401, message=f"Incorrect API key provided: {KEY}"), "provider_misconfigured"),
        (Refused(403), "provider_misconfigured"),
        (Refused(402), "provider_quota_exhausted"),
        (Refused(404, error_code="model_not_found"), "model_unavailable"),
        (Refused(413, kind="request_too_large"), "request_too_large"),
        (Refused(400, message="prompt is too long: 300000 tokens > 200000 maximum"), "request_too_large"),
        (Refused(400, message="Invalid schema for function 'add': no."), "invalid_tool_schema"),
        (Refused(400, message="tools.0.custom.input_schema: no."), "invalid_tool_schema"),
        (Refused(400, message="Your organization must be verified."), "provider_attestation_required"),
        (Refused(400, message=f"Unknown parameter in {KEY}."), "processing_error"),
        (Refused(400, message="tool.1" * 9_000 + " prompt is too long"), "processing_error"),
    ],
    ids=[
        "wrong-key",
        "forbidden",
        "unpaid",
        "no-model",
        "too-large",
        "too-long",
        "schema-of-openai",
        "schema-of-anthropic",
        "unverified",
        "other",
        "endless",
    ],
)
async def test_a_refusal_is_for_good(
    models: Models, server: ModelServer, model: ModelRef, refused: Refused, failure: str
) -> None:
    error = await failing(models, server, model, refused)

    assert isinstance(error, ModelRejectedError)
    assert (error.failure, error.status) == (failure, refused.status)


@VENDORS
async def test_a_refused_key_names_the_setting(models: Models, server: ModelServer, model: ModelRef) -> None:
    error = await failing(models, server, model, Refused(401))

    assert "_API_KEY and start again" in str(error)


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        (ref("openai", "gpt-6.1-terra"), Refused(429, kind="insufficient_quota", error_code="insufficient_quota")),
        (ref("anthropic", "claude-sonnet-5-5"), Refused(400, message="Your credit balance is too low")),
    ],
    ids=["openai", "anthropic"],
)
async def test_spent_credit_is_not_taken_for_throttling(
    models: Models, server: ModelServer, model: ModelRef, refused: Refused
) -> None:
    assert (await failing(models, server, model, refused)).failure == "provider_quota_exhausted"


@VENDORS
@pytest.mark.parametrize("is_torn", [True, False], ids=["torn", "closed"])
@pytest.mark.parametrize("after_events", [0, 2, 5, 7])
async def test_half_an_answer_is_not_an_answer(
    models: Models, server: ModelServer, model: ModelRef, *, is_torn: bool, after_events: int
) -> None:
    said = Said("One two three four five six seven eight.", calls=(Called("call_1", "add", {"a": 1, "b": 2}),))
    error = await failing(models, server, model, Broken(said, after_events, is_torn))

    assert isinstance(error, ModelUnavailableError)
    assert error.failure == "provider_unavailable"


@VENDORS
@pytest.mark.parametrize("after_events", [0, 3])
async def test_silence_is_given_up_on(server: ModelServer, model: ModelRef, after_events: int) -> None:
    impatient = Models(ModelSettings(stall_timeout_s=0.3, first_byte_timeout_s=1), server.environment())

    error = await failing(impatient, server, model, Stalled(Said("One two three."), after_events))

    await impatient.aclose()
    assert isinstance(error, ModelUnavailableError)
    assert error.failure == "provider_unavailable"
    assert "fell silent" in str(error)
    assert "PERDURE_MODEL__STALL_TIMEOUT_S" in str(error)


@VENDORS
async def test_a_reply_that_never_begins_is_given_up_on(server: ModelServer, model: ModelRef) -> None:
    impatient = Models(ModelSettings(stall_timeout_s=60, first_byte_timeout_s=0.3), server.environment())
    server.answer(Hung())

    error = await outcome(impatient, model)

    assert isinstance(error, ModelUnavailableError)
    assert error.failure == "provider_unavailable"
    await impatient.aclose()


@VENDORS
@pytest.mark.parametrize(
    "garbage",
    [
        Garbage(),
        Garbage("", "text/event-stream"),
        Garbage("data: {not json\n\n", "text/event-stream"),
        Garbage('event: message_start\ndata: {"type": "message_start"}\n\n', "text/event-stream"),
        Garbage('data: {"choices": [{"delta": {"tool_calls": [{}]}}]}\n\n', "text/event-stream"),
        Garbage('event: response.created\ndata: {"type": "response.created"}\n\n', "text/event-stream"),
        Garbage("data: []\n\ndata: 7\n\n", "text/event-stream"),
        Garbage('{"ok": true}', "application/json"),
    ],
    ids=["html", "empty", "half-json", "hollow-anthropic", "hollow-chat", "hollow-responses", "not-objects", "json"],
)
async def test_garbage_is_noticed(models: Models, server: ModelServer, model: ModelRef, garbage: Garbage) -> None:
    error = await failing(models, server, model, garbage)

    assert isinstance(error, ModelUnavailableError)
    assert error.failure == "provider_unavailable"


@pytest.mark.parametrize(
    ("reason", "kind", "words"),
    [
        ("length", ModelRejectedError, "It broke off within a tool call. It had become as long as"),
        ("tool_calls", ModelUnavailableError, "The arguments of a tool call are no JSON object."),
    ],
)
async def test_a_call_that_cannot_be_read_is_the_models_failure_and_not_its_endpoints(
    reason: str, kind: type[Exception], words: str
) -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "add", "arguments": '{"a": 1'}}
    chunk = {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": reason}]}
    request = asked(ref("openai_completions", "gpt-6.1-terra"), user("Hi."))

    with pytest.raises(kind, match=words) as caught:
        await Lean().items(request, [b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(chunk).encode()])

    assert isinstance(caught.value, ModelRejectedError | ModelUnavailableError)
    assert caught.value.failure == "answer_unusable"


async def test_arguments_without_end_are_given_up_on() -> None:
    more = {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 1_000_000}}]}}]}
    piece = b"data: %b\n\n" % json.dumps(more).encode()
    request = asked(ref("openai_completions", "gpt-6.1-terra"), user("Hi."))

    with pytest.raises(ModelRejectedError) as caught:
        await Lean(limit_bytes=1_000).items(request, [piece] * 40)

    assert caught.value.failure == "answer_too_large"
    assert "1000 bytes (PERDURE_MODEL__ANSWER_LIMIT_BYTES)" in str(caught.value)


@VENDORS
async def test_nobody_listening_may_pass(model: ModelRef) -> None:
    async with model_server() as server:
        environment = server.environment()
    absent = Models(ModelSettings(), environment)

    error = await outcome(absent, model)

    assert isinstance(error, ModelUnavailableError)
    assert error.failure == "provider_unavailable"
    assert f"could not be reached at {server.base_url}" in str(error)
    assert "_BASE_URL and the network" in str(error)
    await absent.aclose()


@VENDORS
async def test_an_address_is_told_without_the_secrets_in_it(model: ModelRef) -> None:
    async with model_server() as server:
        environment = server.environment()
    secretive = {
        name: value.replace("://", "://me:hush@") + "?key=hush" if name.endswith("_URL") else value
        for name, value in environment.items()
    }
    absent = Models(ModelSettings(), secretive)

    error = await outcome(absent, model)

    assert error.failure == "provider_unavailable"
    assert "hush" not in str(error)
    await absent.aclose()
