"""Amazon Bedrock and Google Vertex over real HTTP: what lets us in, what is streamed, what is sent back."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic_ai import messages as ai
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import InstructionPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider
from pydantic_ai.tools import ToolDefinition

from runtime.core.errors import InvalidInputError, ModelRejectedError, ModelUnavailableError
from runtime.core.message import ImagePart, ToolCallPart
from runtime.models.credentials import kept
from runtime.models.drivers import DRIVERS
from runtime.models.logins import google
from runtime.models.router import Models
from runtime.ports.model import Endpoint, ModelRef, ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta
from runtime.process.settings import ModelSettings
from tests.model_servers import Broken, Called, Garbage, ModelServer, Refused, Said, model_server
from tests.model_servers.clouds import ACCESS_KEY, private_key, service_account
from tests.model_servers.requests import ADD, agent, asked, result, user

REGION = {"region": "eu-central-1"}
CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
GIVEN = {
    "bedrock": {**REGION, **ACCESS_KEY},
    "vertex": {"service_account": service_account(), "location": "europe-west4"},
}
NAMES = {"bedrock": CLAUDE, "vertex": "gemini-3.8-flash"}
CLOUDS = pytest.mark.parametrize("cloud", ["bedrock", "vertex"])
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    made = Models(ModelSettings(), {})
    yield made
    await made.aclose()


def ref(server: ModelServer, cloud: str, name: str | None = None, **given: str) -> ModelRef:
    credentials = kept(DRIVERS[cloud], given or GIVEN[cloud], {})
    endpoint = Endpoint(cloud, "Cloud", server.base_url, credentials.key, is_trusted=True, details=credentials.details)
    return ModelRef(f"model_{cloud}", cloud, name or NAMES[cloud], f"provider_{cloud}", endpoint=endpoint)


def key_of(cloud: str) -> str:
    return kept(DRIVERS[cloud], GIVEN[cloud], {}).key or ""


async def collect(models: Models, request: ModelRequest) -> list[StreamItem]:
    return [item async for item in models.stream(request)]


async def replied(models: Models, request: ModelRequest) -> ModelReply:
    last = (await collect(models, request))[-1]
    assert isinstance(last, ModelReply)
    return last


@CLOUDS
async def test_thoughts_and_text_are_streamed_and_what_they_took_is_counted(
    models: Models, server: ModelServer, cloud: str
) -> None:
    server.answer(Said("One two.", thinking="I count.", input_tokens=100, output_tokens=7, cache_read_tokens=50))
    items = await collect(models, asked(ref(server, cloud), user("Count."), reasoning_effort="high"))
    assert [item.text for item in items if isinstance(item, TextDelta)] == ["One", " two."]
    assert [item.text for item in items if isinstance(item, ReasoningDelta)] == ["I", " count."]
    reply = items[-1]
    assert isinstance(reply, ModelReply)
    assert (reply.text, reply.thinking, reply.finish_reason) == ("One two.", "I count.", "stop")
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (100, 7, 50)
    assert usage.estimated_cost_usd is not None


@CLOUDS
async def test_tools_are_called_and_told_what_came_of_it(models: Models, server: ModelServer, cloud: str) -> None:
    model = ref(server, cloud)
    calls = (Called("call_1", "add", {"a": 1, "b": 2}), Called("call_2", "add", {"a": 3, "b": 4}))
    server.answer(Said("Adding.", thinking="I add.", signature="signed", calls=calls))
    first = await replied(models, asked(model, user("Add."), tools=(ADD,)))
    assert first.finish_reason == ("tool_call" if cloud == "bedrock" else "stop")
    assert first.tool_calls == (
        ToolCallPart("call_1", "add", {"a": 1, "b": 2}),
        ToolCallPart("call_2", "add", {"a": 3, "b": 4}),
    )
    history = (user("Add."), agent(first), result("call_2", error="No."), result("call_1", 3))
    await collect(models, asked(model, *history, tools=(ADD,)))
    body = json.dumps(server.requests[-1].body)
    assert "Be brief." in body
    assert body.index("call_1") < body.index("call_2") < body.index("No.")
    assert ("signed" if cloud == "bedrock" else b64encode(b"signed").decode()) in body


async def test_bedrock_is_asked_in_converses_words(models: Models, server: ModelServer) -> None:
    server.answer(Said(thinking="I add.", signature="signed", calls=(Called("call_1", "add", {"a": 1, "b": 2}),)))
    model, picture = ref(server, "bedrock"), ImagePart(base64=PIXEL, media_type="image/png")
    begun = user("Add.", "message_1", picture)
    first = await replied(models, asked(model, begun, tools=(ADD,)))
    history = (begun, agent(first), result("call_1", error="No."))
    await collect(models, asked(model, *history, reasoning_effort="high", speed="flex"))
    point = {"cachePoint": {"type": "default"}}
    body = server.requests[-1].body
    assert body.pop("messages") == [
        {"role": "user", "content": [{"text": "Add."}, {"image": {"format": "png", "source": {"bytes": PIXEL}}}]},
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "I add.", "signature": "signed"}}},
                {"toolUse": {"toolUseId": "call_1", "name": "add", "input": {"a": 1, "b": 2}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "call_1", "content": [{"text": "No."}], "status": "error"}},
                point,
            ],
        },
    ]
    tools = body.pop("toolConfig")["tools"]  # a conversation with calls is refused without any
    assert [tool.get("toolSpec", {}).get("name") for tool in tools] == ["unavailable", None]
    assert body == {
        "system": [{"text": "Be brief."}, point],
        "inferenceConfig": {"maxTokens": 64_000},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 16_384}},
        "serviceTier": {"type": "flex"},
    }


def signature(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return how a request would be signed that came with these headers and the access key of the tests."""
    scope, signed, _ = headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    _, _, region, service, _ = scope.split("/")
    names = signed.removeprefix("SignedHeaders=").split(";")
    request: Any = AWSRequest(method=method, url=url, data=body, headers={name: headers[name] for name in names})
    request.context["timestamp"] = headers["x-amz-date"]
    auth: Any = SigV4Auth(Credentials(*ACCESS_KEY.values()), service, region)
    signed_text = auth.string_to_sign(request, auth.canonical_request(request))
    return f"{scope}, {signed}, Signature={auth.signature(signed_text, request)}"


@pytest.mark.parametrize(("name", "is_claude"), [(CLAUDE, True), ("amazon.nova-pro-v1:0", False)])
@pytest.mark.filterwarnings("ignore")  # of boto3's and pydantic-ai's own
async def test_bedrock_is_asked_as_pydantic_ai_and_boto3_ask_it(
    models: Models,
    server: ModelServer,
    name: str,
    is_claude: bool,  # noqa: FBT001
) -> None:
    provider = BedrockProvider(
        aws_access_key_id=ACCESS_KEY["access_key_id"],
        aws_secret_access_key=ACCESS_KEY["secret_access_key"],
        base_url=server.base_url,
        region_name="eu-central-1",
    )
    theirs = BedrockConverseModel(name, provider=provider)
    parameters = ModelRequestParameters(
        function_tools=[
            ToolDefinition(name=ADD.name, description=ADD.description, parameters_json_schema=ADD.parameters)
        ],
        instruction_parts=[InstructionPart(content="Be brief.")],
    )
    wishes: Any = {"thinking": "high", "cache": is_claude}
    thinking = "I add." if is_claude else ""
    said = Said("Adding.", thinking=thinking, calls=(Called("call_1", "add", {"a": 1, "b": 2}),))
    server.answer(said, Said("Three."), said)
    told: list[ai.ModelMessage] = [ai.ModelRequest([ai.UserPromptPart("Add.")])]
    for _ in range(2):
        opened = model_request_stream(theirs, told, model_settings=wishes, model_request_parameters=parameters)
        async with opened as stream:
            async for _event in stream:
                pass
        told += [stream.get(), ai.ModelRequest([ai.ToolReturnPart("add", "3", tool_call_id="call_1")])]
    model = ref(server, "bedrock", name)
    first = await replied(models, asked(model, user("Add."), tools=(ADD,), reasoning_effort="high"))
    history = (user("Add."), agent(first), result("call_1", 3))
    await collect(models, asked(model, *history, tools=(ADD,), reasoning_effort="high"))
    wanted, made = server.requests[1], server.requests[3]
    assert made.target == wanted.target
    assert wanted.body["toolConfig"].pop("toolChoice", {"auto": {}}) == {"auto": {}}  # as if it were left out
    assert wanted.body["messages"][2]["content"][0]["toolResult"].pop("status") == "success"  # so is this
    assert {"inferenceConfig": {}, **made.body} == {"inferenceConfig": {}, **wanted.body}


async def test_bedrock_gets_requests_that_are_signed_to_the_letter(models: Models, server: ModelServer) -> None:
    await collect(models, asked(ref(server, "bedrock"), user("Hi.")))
    (got,) = server.requests
    assert got.target == f"/model/{CLAUDE.replace(':', '%3A')}/converse-stream"
    authorization = got.headers["authorization"]
    assert f"{ACCESS_KEY['access_key_id']}/" in authorization
    assert "/eu-central-1/bedrock/aws4_request" in authorization
    url = server.base_url + got.target
    assert authorization == "AWS4-HMAC-SHA256 " + signature("POST", url, got.headers, got.raw)
    assert authorization != "AWS4-HMAC-SHA256 " + signature("POST", url, got.headers, got.raw + b" ")
    assert ACCESS_KEY["secret_access_key"] not in str(server.requests)


async def test_bedrock_is_shown_an_api_key_where_there_is_no_access_key(models: Models, server: ModelServer) -> None:
    await collect(models, asked(ref(server, "bedrock", **REGION, api_key="bedrock-api-key"), user("Hi.")))
    assert server.requests[-1].headers["authorization"] == "Bearer bedrock-api-key"


async def test_vertex_is_shown_a_token_that_the_account_signed_for_itself(models: Models, server: ModelServer) -> None:
    for _ in range(2):
        await collect(models, asked(ref(server, "vertex"), user("Hi.")))
    first, second = server.requests
    assert first.path == (
        "/v1beta1/projects/perdure-test/locations/europe-west4/publishers/google/models/"
        "gemini-3.8-flash:streamGenerateContent"
    )
    bearer = first.headers["authorization"].removeprefix("Bearer ")
    public = RSAKey.import_key(private_key().public_key())
    token = jwt.decode(bearer, public, algorithms=["RS256"])
    email = "tester@perdure-test.iam.gserviceaccount.com"
    assert token.header["kid"] == "key-1"
    assert (token.claims["iss"], token.claims["sub"]) == (email, email)
    assert token.claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert token.claims["exp"] - token.claims["iat"] == 3600
    assert second.headers["authorization"] == first.headers["authorization"]
    assert "x-goog-api-key" not in first.headers
    server.answer(Refused(401))
    with pytest.raises(ModelRejectedError):
        await collect(models, asked(ref(server, "vertex"), user("Hi.")))
    assert google.token(key_of("vertex")) == ""  # it is not shown again


async def test_whoever_else_runs_goes_on_while_an_account_signs() -> None:
    key = key_of("vertex")
    google.forget(key)
    signing = asyncio.create_task(google.sign(key))
    await asyncio.sleep(0)
    assert google.token(key) == ""
    await signing
    assert google.token(key)


def test_a_key_of_many_bits_is_refused_unread() -> None:
    with pytest.raises(InvalidInputError, match="4096 bits"):
        google.account(service_account().replace("-----END", "A" * google.KEY_CHARS_MOST + "-----END"))


async def test_what_claude_signed_is_shown_to_claude_alone(models: Models, server: ModelServer) -> None:
    server.answer(Said("Yes.", thinking="I think.", signature="signed"))
    first = await replied(models, asked(ref(server, "bedrock"), user("Well?")))
    others = ("us.anthropic.claude-opus-5-5", True), ("openai.gpt-oss-120b-1:0", False), (CLAUDE, True)
    for name, is_shown in others:
        history = (user("Well?"), agent(first), user("And?", "message_3"))
        await collect(models, asked(ref(server, "bedrock", name), *history))
        assert ("signed" in str(server.requests[-1].body)) is is_shown


@CLOUDS
@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, "provider_rate_limited"),
        (403, "provider_misconfigured"),
        (424, "provider_unavailable"),
        (404, "model_unavailable"),
        (503, "provider_unavailable"),
    ],
)
async def test_what_is_refused_says_why(
    models: Models, server: ModelServer, cloud: str, status: int, failure: str
) -> None:
    server.answer(Refused(status, message="Not like this."))
    with pytest.raises((ModelRejectedError, ModelUnavailableError), match="Cloud") as caught:
        await collect(models, asked(ref(server, cloud), user("Hi.")))
    assert isinstance(caught.value, ModelRejectedError | ModelUnavailableError)
    assert (caught.value.failure, caught.value.status) == (failure, status)


@CLOUDS
@pytest.mark.parametrize("is_torn", [True, False])
async def test_half_an_answer_is_none(models: Models, server: ModelServer, cloud: str, is_torn: bool) -> None:  # noqa: FBT001
    server.answer(Broken(Said("One two three."), after_events=2, is_torn=is_torn))
    with pytest.raises(ModelUnavailableError, match="broke off"):
        await collect(models, asked(ref(server, cloud), user("Hi.")))


async def test_a_stream_that_is_none_of_amazons_is_no_answer(models: Models, server: ModelServer) -> None:
    server.answer(Garbage())
    with pytest.raises(ModelUnavailableError, match="broke off"):
        await collect(models, asked(ref(server, "bedrock"), user("Hi.")))
