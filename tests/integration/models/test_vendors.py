"""Every vendor's protocol over real HTTP: what is streamed, what is sent back, what is counted."""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from runtime.core.errors import ModelRejectedError
from runtime.core.message import ImagePart, ToolCallPart
from runtime.models.router import Models
from runtime.models.vendors import VENDORS as TABLE
from runtime.models.vendors import Api, Vendor
from runtime.ports.model import Model, ModelRef, ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta
from runtime.process.settings import ModelSettings
from tests.model_servers import Called, ModelServer, Said, Stalled, model_server
from tests.model_servers.requests import ADD, agent, asked, ref, result, user

OPENAI = ref("openai", "gpt-6.1-terra")
COMPLETIONS = ref("openai_completions", "gpt-6.1-terra")
ANTHROPIC = ref("anthropic", "claude-sonnet-5-5")
GEMINI = ref("gemini", "gemini-3.8-flash")
VENDORS = pytest.mark.parametrize("model", [OPENAI, COMPLETIONS, ANTHROPIC, GEMINI], ids=lambda model: model.provider)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


@pytest.fixture
async def models(server: ModelServer) -> AsyncIterator[Models]:
    made = Models(ModelSettings(), server.environment())
    yield made
    await made.aclose()


async def collect(models: Model, request: ModelRequest) -> list[StreamItem]:
    return [item async for item in models.stream(request)]


async def replied(models: Model, request: ModelRequest) -> ModelReply:
    last = (await collect(models, request))[-1]
    assert isinstance(last, ModelReply)
    return last


@VENDORS
async def test_text_is_streamed_in_deltas_and_then_whole(models: Models, server: ModelServer, model: ModelRef) -> None:
    server.answer(Said("One two three."))

    items = await collect(models, asked(model, user("Count.")))

    assert [item.text for item in items if isinstance(item, TextDelta)] == ["One", " two", " three."]
    assert isinstance(items[-1], ModelReply)
    assert items[-1].text == "One two three."
    assert items[-1].finish_reason == "stop"
    assert items[-1].response_id is not None


@VENDORS
async def test_thinking_is_streamed_before_the_text(models: Models, server: ModelServer, model: ModelRef) -> None:
    server.answer(Said("Four.", thinking="Two and two."))

    items = await collect(models, asked(model, user("2+2?"), reasoning_effort="high"))

    kinds = [type(item) for item in items]
    assert kinds == [ReasoningDelta, ReasoningDelta, ReasoningDelta, TextDelta, ModelReply]
    assert isinstance(items[-1], ModelReply)
    assert items[-1].thinking == "Two and two."


@VENDORS
async def test_parallel_tool_calls_arrive_whole_and_in_order(
    models: Models, server: ModelServer, model: ModelRef
) -> None:
    calls = (Called("call_1", "add", {"a": 1, "b": 2}), Called("call_2", "add", {"a": 3, "b": 4}))
    server.answer(Said("Adding.", calls=calls))

    reply = await replied(models, asked(model, user("Add."), tools=(ADD,)))

    assert reply.tool_calls == (
        ToolCallPart("call_1", "add", {"a": 1, "b": 2}),
        ToolCallPart("call_2", "add", {"a": 3, "b": 4}),
    )


@VENDORS
async def test_a_call_id_that_was_used_before_is_renamed(models: Models, server: ModelServer, model: ModelRef) -> None:
    server.answer(Said(calls=(Called("call_0", "add", {"a": 1, "b": 1}),)))
    first = await replied(models, asked(model, user("Add."), tools=(ADD,)))
    server.answer(Said(calls=(Called("call_0", "add", {"a": 2, "b": 2}),)))

    second = await replied(models, asked(model, user("Add."), agent(first), result("call_0", 2), tools=(ADD,)))

    assert [call.id for call in second.tool_calls] == ["call_0_2"]


async def test_cached_tokens_are_not_counted_twice_and_cost_is_estimated(models: Models, server: ModelServer) -> None:
    said = Said("Yes.", input_tokens=100, output_tokens=10, cache_read_tokens=1000, cache_creation_tokens=500)
    server.answer(said)

    usage = (await replied(models, asked(ANTHROPIC, user("Yes?")))).usage

    assert (usage.input_tokens, usage.output_tokens) == (100, 10)
    assert (usage.cache_read_tokens, usage.cache_creation_tokens) == (1000, 500)
    assert usage.estimated_cost_usd is not None
    assert usage.estimated_cost_usd > 0


@pytest.mark.parametrize("model", [OPENAI, COMPLETIONS], ids=lambda model: model.provider)
async def test_openai_s_cached_tokens_are_taken_out_of_its_input_tokens(
    models: Models, server: ModelServer, model: ModelRef
) -> None:
    server.answer(Said("Yes.", input_tokens=100, cache_read_tokens=1000))

    usage = (await replied(models, asked(model, user("Yes?")))).usage

    assert (usage.input_tokens, usage.cache_read_tokens) == (100, 1000)


async def test_the_cost_of_an_unknown_model_is_left_out(models: Models, server: ModelServer) -> None:
    server.answer(Said("Yes."))

    reply = await replied(models, asked(ref("openai", "my-own-finetune"), user("Yes?")))

    assert reply.usage.estimated_cost_usd is None


async def test_anthropic_gets_its_signed_thinking_back(models: Models, server: ModelServer) -> None:
    call = Called("call_1", "add", {"a": 1, "b": 2})
    server.answer(Said("Adding.", thinking="I add.", signature="signed", calls=(call,)))
    first = await replied(models, asked(ANTHROPIC, user("Add."), tools=(ADD,)))

    await collect(models, asked(ANTHROPIC, user("Add."), agent(first), result("call_1", 3), tools=(ADD,)))

    sent = server.requests[-1].body["messages"]
    assert sent[1]["content"] == [
        {"type": "thinking", "thinking": "I add.", "signature": "signed"},
        {"type": "text", "text": "Adding."},
        {"type": "tool_use", "id": "call_1", "name": "add", "input": {"a": 1, "b": 2}},
    ]
    assert sent[2]["content"][0]["tool_use_id"] == "call_1"


async def test_openai_gets_its_encrypted_reasoning_back(models: Models, server: ModelServer) -> None:
    call = Called("call_1", "add", {"a": 1, "b": 2})
    server.answer(Said(thinking="I add.", signature="encrypted", calls=(call,)))
    first = await replied(models, asked(OPENAI, user("Add."), tools=(ADD,)))

    await collect(models, asked(OPENAI, user("Add."), agent(first), result("call_1", 3), tools=(ADD,)))

    sent = server.requests[-1].body["input"]
    assert [item.get("type", item.get("role")) for item in sent] == [
        "user",
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    assert sent[1]["encrypted_content"] == "encrypted"


async def test_another_provider_s_private_state_is_not_sent(models: Models, server: ModelServer) -> None:
    server.answer(Said("Four.", thinking="Two and two.", signature="secret of anthropic"))
    first = await replied(models, asked(ANTHROPIC, user("2+2?")))

    await collect(models, asked(OPENAI, user("2+2?"), agent(first), user("Sure?")))

    body = json.dumps(server.requests[-1].body)
    assert "secret of anthropic" not in body
    assert "Four." in body


@VENDORS
async def test_a_steered_transcript_with_a_lost_result_is_sent_valid(
    models: Models, server: ModelServer, model: ModelRef
) -> None:
    calls = (ToolCallPart("call_1", "add", {"a": 1, "b": 2}), ToolCallPart("call_2", "add", {"a": 3, "b": 4}))
    history = (user("Add."), agent(ModelReply(tool_calls=calls)), user("Hurry!"), result("call_2", {"sum": 7}))

    await collect(models, asked(model, *history, tools=(ADD,)))

    assert answered(server.requests[-1].body) == ["call_1", "call_2", "Hurry!"]


def answered(body: dict[str, Any]) -> list[str]:
    """Return what follows the model's calls: the ids of results, then the words of the user."""
    marks = re.findall(
        r'"(?:tool_use_id|tool_call_id|functionResponse": {"id)": "(call_\d)"'
        r'|"function_call_output", "call_id": "(call_\d)"|"(Hurry!)"',
        json.dumps(body),
    )
    return [call or output or words for call, output, words in marks]


@VENDORS
async def test_the_system_prompt_and_pictures_are_sent(models: Models, server: ModelServer, model: ModelRef) -> None:
    picture = ImagePart(base64=PIXEL, media_type="image/png")

    await collect(models, asked(model, user("What is this?", "message_1", picture)))

    body = json.dumps(server.requests[-1].body)
    assert "Be brief." in body
    assert PIXEL in body.replace("-", "+").replace("_", "/")  # Gemini's base64 is the one for URLs


@VENDORS
async def test_speed_and_parallel_calls_reach_the_vendor(models: Models, server: ModelServer, model: ModelRef) -> None:
    await collect(models, asked(model, user("Hi."), tools=(ADD,), speed="priority", parallel_tool_calls=False))

    body = server.requests[-1].body
    if model is not GEMINI:  # which always calls as it likes
        choice = body["tool_choice"]
        assert body.get("parallel_tool_calls") is False or choice["disable_parallel_tool_use"] is True
    if model is not ANTHROPIC:  # which has only its own tiers
        assert "priority" in (body.get("service_tier"), body.get("serviceTier"))


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        (OPENAI, "OPENAI_API_KEY"),
        (ANTHROPIC, "ANTHROPIC_API_KEY"),
        (GEMINI, "GEMINI_API_KEY"),
    ],
    ids=["openai", "anthropic", "gemini"],
)
async def test_a_missing_key_is_named(model: ModelRef, setting: str) -> None:
    models = Models(ModelSettings(), {})

    with pytest.raises(ModelRejectedError, match=f"has no API key: set {setting} and start again") as caught:
        await collect(models, asked(model, user("Hi.")))

    assert caught.value.failure == "provider_misconfigured"


async def test_closing_the_stream_hangs_up(models: Models, server: ModelServer) -> None:
    server.answer(Stalled(Said("One two three."), after_events=4))

    async with aclosing(models.stream(asked(COMPLETIONS, user("Count.")))) as items:
        assert isinstance(await anext(items), TextDelta)

    await server.gone.wait()


async def test_requests_share_one_connection(models: Models, server: ModelServer) -> None:
    for _ in range(3):
        await collect(models, asked(OPENAI, user("Hi.")))

    assert len(server.peers) == 1


@pytest.mark.parametrize("vendor", [v for v in TABLE if v.api in (Api.CHAT, Api.OPENROUTER)], ids=lambda v: v.type)
async def test_every_vendor_of_openai_s_protocol_is_called_with_its_key(server: ModelServer, vendor: Vendor) -> None:
    key, address = vendor.keys[0], vendor.base_url_keys[0]
    models = Models(ModelSettings(), {key: "sk-of-vendor", address: f"{server.base_url}/v1"})

    reply = await replied(models, asked(ref(vendor.type, vendor.default_model), user("Hi."), tools=(ADD,)))

    assert reply.text == "Hello from the server."
    assert server.requests[-1].headers["authorization"] == "Bearer sk-of-vendor"
    assert server.requests[-1].body["model"] == vendor.default_model
    await models.aclose()


async def test_gemini_gets_its_thought_signature_back(models: Models, server: ModelServer) -> None:
    call = Called("call_1", "add", {"a": 1, "b": 2})
    server.answer(Said(thinking="I add.", signature="signed", calls=(call,)))
    first = await replied(models, asked(GEMINI, user("Add."), tools=(ADD,)))

    await collect(models, asked(GEMINI, user("Add."), agent(first), result("call_1", 3), tools=(ADD,)))

    assert b64encode(b"signed").decode() in json.dumps(server.requests[-1].body["contents"])
