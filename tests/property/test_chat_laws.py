"""Chat Completions as pydantic-ai speaks it with each vendor: the same requests, and the same made of the answers."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import INVALID_JSON_KEY

from runtime.core.message import (
    NO_USAGE,
    ImageFilePart,
    ImagePart,
    Part,
    TextPart,
    Turned,
)
from runtime.models.dialects.chat.traits import traits
from runtime.models.dialects.schemas.inlined import gemini_schema, gpt_oss_schema, inlined_schema
from runtime.models.dialects.schemas.openai import compatible_schema, strict_schema
from runtime.models.info import EFFORTS, known_names
from runtime.models.loading import provider_class
from runtime.models.vendors import BY_TYPE, Api, Vendor
from runtime.ports.model import ModelRef, ModelRequest, ToolSpec
from tests.conversations import PIXEL, Failure, Outcome, Round, agent, outcome, pieces_of, rounds, told, user
from tests.laws import share
from tests.lean import Lean
from tests.truth import Truth

# The SDK warns of models that go, pydantic-ai of names it does not know.
pytestmark = pytest.mark.filterwarnings("ignore")

Json = dict[str, Any]

VENDORS: Final = [BY_TYPE[name] for name in ("openai_completions", "xai", "deepseek", "groq", "mistral", "fireworks")]
ROUTER: Final = BY_TYPE["openrouter"]
# Models of OpenRouter's that differ in what is sent or read.
ROUTED: Final = (
    *("anthropic/claude-fable-5.1", "anthropic/claude-sonnet-5.5", "anthropic/claude-haiku-4.5"),
    *("deepseek/deepseek-r1", "google/gemini-2.5-pro", "google/gemini-3.8-flash", "meta-llama/llama-4-scout"),
    *("moonshotai/kimi-k3", "openai/gpt-6.1-sol", "openai/gpt-oss-120b:free", "openai/gpt-4o", "qwen/qwen3.8-max"),
    *("x-ai/grok-4.7", "z-ai/glm-5.3", "~openai/gpt-sol-latest"),
)
MODELS: Final = [
    *((vendor, name) for vendor in VENDORS for name in known_names(vendor)),
    (BY_TYPE["deepseek"], "deepseek-reasoner"),
    (BY_TYPE["deepseek"], "deepseek-chat"),
    (BY_TYPE["groq"], "moonshotai/kimi-k2-instruct"),
    (BY_TYPE["groq"], "llama-3.3-70b-versatile"),
    (BY_TYPE["fireworks"], "accounts/fireworks/models/deepseek-r1"),
    (BY_TYPE["fireworks"], "accounts/fireworks/models/qwen3-235b"),
    *((ROUTER, name) for name in (*known_names(ROUTER), *ROUTED)),
]


@dataclass(frozen=True)
class Peer:
    """One vendor's model, and the ways to ask it."""

    vendor: Vendor
    model: str

    def request(self, history: Sequence[Turned], **more: Any) -> ModelRequest:
        ref = ModelRef(f"model_{self.model}", self.vendor.type, self.model, "provider_1")
        return ModelRequest(model=ref, history=tuple(history), **{"system": "", **more})


truth = Truth()
lean = Lean()
PEERS: Final = [Peer(vendor, model) for vendor, model in MODELS]
peers = st.sampled_from(PEERS)


# ---------------------------------------------------------------- answers, as vendors send them

TOKENS: Final = ("<|im_start|>", "<\uff5cUser\uff5c>", "[INST]", "]~b]~b]", "<turn|>")
ZERO: Final = "\u200b\u200c\u200d\u2060\ufeff"
letters = st.text(st.sampled_from('aé☃😀 \n"\\{}<>|/:,[]\u2028\t\u200d'), min_size=1, max_size=6)
hidden = st.builds(lambda token, zero: token[0] + zero + token[1:], st.sampled_from(TOKENS), st.sampled_from(ZERO))
words = letters | letters | letters | st.sampled_from(TOKENS) | hidden
texts = words | st.sampled_from([" ", "\n\n", "<think>", "</think>", "<thinking>", "</thinking>", ""])
numbers = st.integers(0, 3_000)
rarely = st.sampled_from([False] * 6 + [True])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 60) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(words, values, max_size=3)
details = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("reasoning.text"), "text": texts},
        optional={
            "index": st.integers(0, 1),
            "format": st.sampled_from(["anthropic-claude-v1", None]),
            "id": st.just("r1"),
            "signature": st.sampled_from(["c2ln", None]),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("reasoning.summary"), "summary": texts}, optional={"index": st.just(0), "id": st.none()}
    ),
    st.fixed_dictionaries(
        {"type": st.just("reasoning.encrypted"), "data": st.sampled_from(["ZW5j", "Zm9v"])},
        optional={"index": st.integers(0, 2), "format": st.just("openai-responses-v1"), "id": st.just("rs_1")},
    ),
)


@st.composite
def calls(draw: st.DrawFn, index: int) -> list[list[Json]]:
    """Return what chunks add to a call: first its name, then its arguments."""
    arguments, is_ascii, is_empty = draw(st.tuples(objects, st.booleans(), st.booleans()))
    written = "" if is_empty and not arguments else json.dumps(arguments, ensure_ascii=is_ascii)
    head: Json = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "add"}}
    if draw(rarely):
        head["extra_content"] = {"google": {"thought_signature": "c2ln"}}
    if draw(rarely):
        head["function"]["arguments"] = written
        return [[head]]
    tail = [[{"index": index, "function": {"arguments": piece}}] for piece in draw(pieces_of(written))]
    if draw(rarely):  # the name comes later
        unnamed = {**head, "function": draw(st.sampled_from([{}, None]))}
        return [[unnamed, {"index": index, "function": {"name": "add"}}], *tail]
    return [[head], *tail]


def words_or_blank(kind: str) -> st.SearchStrategy[Json]:
    """Draw what a chunk adds, other than to a call."""
    match kind:
        case "blank":
            return st.sampled_from([{}, {"content": None}, {"content": "", "tool_calls": None}])
        case "parts":
            part = st.builds(lambda text: {"type": "text", "text": text}, texts)
            parts = st.lists(part | texts | st.just({"type": "reference", "ids": [1]}), max_size=3)
            return st.builds(lambda content: {"content": content}, parts)
        case "details":
            return st.builds(lambda some: {"reasoning_details": some}, st.lists(details, min_size=1, max_size=2))
        case _:
            return st.builds(lambda text: {kind: text}, texts)


@st.composite
def deltas(draw: st.DrawFn, *, is_routed: bool) -> list[Json]:
    """Return what an answer's chunks add, in an order in which it may come."""
    kinds = [*(["content"] * 3), "reasoning_content", "reasoning", "call", "blank"]
    kinds += ["details"] * 3 if is_routed else ["parts"]
    made: list[Json] = [{"role": "assistant", "content": ""}]
    begun: list[list[list[Json]]] = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=8)):
        if kind == "call":
            begun.append(draw(calls(len(begun))))
            made.append({"tool_calls": begun[-1].pop(0)})
        else:
            made.append(draw(words_or_blank(kind)))
        for rest in begun[draw(st.integers(0, 5)) :][:1]:  # one that has begun may go on
            made += [{"tool_calls": grown} for grown in rest[:1]]
            del rest[:1]
    made += [{"tool_calls": grown} for rest in begun for grown in rest]
    unusual = [two_at_once] if is_routed else [two_at_once, without_ids, without_indices]
    return draw(st.sampled_from([plainly] * 6 + unusual))(made)


def plainly(made: list[Json]) -> list[Json]:
    return made


def two_at_once(made: list[Json]) -> list[Json]:
    """Return what is added with the first two in one chunk, and the last two."""
    return [both_of(made[:2]), *made[2:-2], both_of(made[2:][-2:])]


def both_of(added: Sequence[Json]) -> Json:
    grown = [delta for each in added for delta in each.get("tool_calls") or ()]
    together: Json = {name: value for each in added for name, value in each.items()}
    return {**together, "tool_calls": grown} if grown else together


def without_ids(made: list[Json]) -> list[Json]:
    return changed(made, id=None)


def without_indices(made: list[Json]) -> list[Json]:
    """Return what is added by a server that has one call, and says nothing of its place.

    Where its name comes later, pydantic-ai stumbles.
    """
    first = [each for each in made if each.get("tool_calls") and each["tool_calls"][0]["index"] == 0]
    if first and not first[0]["tool_calls"][0]["function"]:
        return made
    return [*(each for each in made if not each.get("tool_calls")), *changed(first, index=None)]


def changed(made: list[Json], **more: Any) -> list[Json]:
    return [
        {**each, "tool_calls": [{**delta, **more} for delta in each["tool_calls"]]} if each.get("tool_calls") else each
        for each in made
    ]


@st.composite
def usages(draw: st.DrawFn) -> Json:
    usage: Json = {"prompt_tokens": draw(numbers), "completion_tokens": draw(numbers), "total_tokens": 0}
    cached = st.fixed_dictionaries({}, optional={"cached_tokens": numbers, "cache_write_tokens": numbers})
    reasoned = st.fixed_dictionaries({}, optional={"reasoning_tokens": numbers})
    usage["prompt_tokens_details"] = draw(st.none() | cached)
    usage["completion_tokens_details"] = draw(st.none() | reasoned)
    return usage


reasons = st.sampled_from(["stop", "stop", "tool_calls", "length", "content_filter"])
odd_reasons = st.sampled_from(["function_call", "error", "tired", None])
NOISE: Final = (b": OPENROUTER PROCESSING\n\n", b": ping\n\n", b"\n")
HEAD: Final = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000}
COMPLAINTS: Final = (
    {"message": "slow down", "code": "rate_limit_exceeded"},
    {"message": "slow down", "type": "rate_limit_error", "code": None},
    {"message": "no money", "type": "insufficient_quota", "code": "insufficient_quota"},
    {"message": "no money", "code": "billing_hard_limit_reached"},
    {"message": "busy", "code": "server_is_overloaded"},
    {"message": "busy", "type": "overloaded_error"},
    {"message": "broken", "type": "server_error", "code": None},
    {"message": "This model's maximum context length is 5 tokens.", "code": "context_length_exceeded"},
    {"message": "bad gateway", "code": 502},
    {"message": "slow down", "code": 429},
    {"message": "no credits", "code": 402},
    {"message": "Invalid schema for function 'add'", "code": 400},
    {"message": "what", "type": "invalid_request_error", "code": None},
    {"message": "what"},
)


@st.composite
def answers(draw: st.DrawFn, peer: Peer, *, is_calm: bool = False) -> list[Json]:
    """Return the chunks of a whole answer; a calm one has nothing unusual about it."""
    is_routed = peer.vendor.api is Api.OPENROUTER
    head = {**HEAD, "model": draw(st.sampled_from([peer.model, peer.model, "any"]))}
    reason = draw(reasons if is_calm or is_routed else st.one_of(reasons, reasons, reasons, odd_reasons))
    added = draw(deltas(is_routed=is_routed))
    if not is_calm and draw(rarely):
        added.append({"refusal": "No."})
    chunks: list[Json] = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in added]
    if draw(rarely):
        chunks[-1]["choices"][0]["finish_reason"] = reason
    else:
        chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if not is_calm and draw(rarely):
        return chunks
    if draw(st.booleans()):
        chunks[-1]["usage"] = draw(usages())
    else:
        chunks.append({**head, "choices": [], "usage": draw(usages())})
    return chunks


def frames(chunks: Sequence[Json], *, is_ascii: bool = True) -> list[bytes]:
    return [f"data: {json.dumps(chunk, ensure_ascii=is_ascii)}\n\n".encode() for chunk in chunks]


@st.composite
def streams(draw: st.DrawFn) -> tuple[Peer, list[bytes]]:
    """Return an answer as it arrives, which may end early, badly, or in an error."""
    peer = draw(peers)
    events = frames(draw(answers(peer)), is_ascii=draw(st.booleans()))
    for noise in draw(st.lists(st.sampled_from(NOISE), max_size=2)):
        events.insert(draw(st.integers(0, len(events))), noise)
    if draw(rarely):
        events[draw(st.integers(1, len(events))) :] = frames([{"error": draw(st.sampled_from(COMPLAINTS))}])
    if draw(st.booleans()):
        events.append(b"data: [DONE]\n\n")
    whole = b"".join(events)
    if draw(rarely):
        whole = whole.replace(b"\n", b"\r\n")
    if draw(rarely):
        whole = whole[: draw(st.integers(0, len(whole)))].removesuffix(b"\r")  # half a line end is none here
    return peer, [piece for piece in draw(pieces_of(whole)) if piece]


# ---------------------------------------------------------------- what comes of them


ANNOUNCEMENT: Final = "Mid-conversation system messages from the application arrive inside user turns"
MADE: Final = re.compile("pyd_ai_.*|call_[0-9a-f]{32}")  # for a call that came without an id


def unstated(failure: Failure | None) -> Failure | None:
    """Return a failure without its status, which is made up for what fails in the middle of an answer."""
    return failure and failure._replace(status=None)


def public(found: Outcome) -> object:
    """Return all that is shown of an outcome. A reason that nobody knows is none in pydantic-ai; ours is a stop."""
    if found.reply is None:
        return unstated(found.failure)
    reply = msgspec.structs.replace(found.reply, private=None, finish_reason=found.reply.finish_reason or "stop")
    # No words add up to the paragraphs between thoughts that grow in turns.
    reasoning = found.reasoning.replace("\n", "")
    usage = reply.usage
    if usage == msgspec.structs.replace(
        NO_USAGE, estimated_cost_usd=0.0
    ):  # what was not told has no price in pydantic-ai; ours is nothing
        usage = msgspec.structs.replace(usage, estimated_cost_usd=None)
    calls = tuple(msgspec.structs.replace(call, id=MADE.sub("made", call.id)) for call in reply.tool_calls)
    return found.text, reasoning, msgspec.structs.replace(reply, usage=usage, tool_calls=calls)


def normal(body: Json) -> Json:
    """Return a body in which the arguments of calls are what they mean, not how they are spelt, and so are made ids."""
    for message in body["messages"]:
        if "tool_call_id" in message:
            message["tool_call_id"] = MADE.sub("made", message["tool_call_id"])
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
            call["id"] = MADE.sub("made", call["id"])
    return body


async def both(peer: Peer, theirs: Sequence[Turned], ours: Sequence[Turned], **more: Any) -> tuple[Json, Json]:
    """Return the bodies that pydantic-ai and we send, each with the history as itself had it."""
    truth.sent.clear()
    first = unannounced(await truth.body(peer.request(theirs, **more)))
    return normal(first), normal(await lean.body(peer.request(ours, **more)))


def unannounced(body: Json) -> Json:
    """Return pydantic-ai's body without what it tells some models of messages from the application among the user's.

    We never send such, and told of them, a model would obey whoever imitates one.
    """
    if body["messages"] and str(body["messages"][0]["content"]).startswith(ANNOUNCEMENT):
        del body["messages"][0]
    return body


# ---------------------------------------------------------------- conversations

said: st.SearchStrategy[Part] = st.one_of(
    words.map(TextPart),
    words.map(TextPart),
    st.sampled_from(
        [
            TextPart("["),
            TextPart("INST]"),
            ImagePart(url="https://example.com/a.png"),
            ImagePart(url=f"data:image/jpeg;base64,{PIXEL}"),
            ImagePart(base64=PIXEL),
            ImagePart(base64=PIXEL, media_type="image/webp"),
            ImagePart(base64=PIXEL, media_type="application/pdf"),
            ImagePart(base64="no"),
            ImagePart(),
            ImageFilePart("file_1"),
        ]
    ),
)


schemas = st.sampled_from(
    [
        {"type": "object", "properties": {"a": {"type": "integer", "title": "A"}}, "required": ["a"]},
        {"type": "object", "title": "None", "properties": {}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/$defs/X"}]}}, "$defs": {"X": {"title": "X"}}},
        {"type": "object", "properties": {"a": {"const": 1}, "b": {"type": "string", "minLength": 1}}, "required": []},
        {"type": "object", "properties": {"a": {"type": "array", "prefixItems": [{"type": "null"}], "maxItems": 1}}},
    ]
)
tools = st.builds(ToolSpec, st.sampled_from(["add", "b", "c"]), words, schemas)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "system": st.sampled_from([" ", "Be brief.", "<|im_start|>"]),
        "tools": st.lists(tools, max_size=3, unique_by=lambda tool: tool.name).map(tuple),
        "reasoning_effort": st.sampled_from([*EFFORTS, "max", "very"]),
        "speed": st.sampled_from(["flex", "default", "priority", "auto"]),
        "verbosity": st.sampled_from(["low", "high"]),
        "parallel_tool_calls": st.booleans(),
    },
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Peer, list[Round], list[Part], Json]:
    peer = draw(peers)
    conversation = rounds(said, answers(peer, is_calm=True).map(frames), values | words)
    return peer, draw(st.lists(conversation, max_size=3)), draw(st.lists(said, max_size=2)), draw(wishes)


# ---------------------------------------------------------------- the laws


@given(streams())
@share(2.5)
def test_an_answer_is_read_as_pydantic_ai_reads_it(stream: tuple[Peer, list[bytes]]) -> None:
    async def check() -> None:
        peer, pieces = stream
        history = [user(0, TextPart("Add."))]
        theirs = await outcome(truth, peer.request(history), pieces)
        ours = await outcome(lean, peer.request(history), pieces)
        if theirs.reply is not None and any(INVALID_JSON_KEY in call.arguments for call in theirs.reply.tool_calls):
            assert ours.failure  # half the arguments of a call are no call
            return
        assert public(ours) == public(theirs)
        if theirs.reply is not None and ours.reply is not None:
            first, second = await both(peer, [*history, agent(0, theirs.reply)], [*history, agent(0, ours.reply)])
            assert second == first

    asyncio.run(check())


@given(conversations())
@share(2)
def test_a_request_is_what_pydantic_ai_sends(conversation: tuple[Peer, list[Round], list[Part], Json]) -> None:
    async def check() -> None:
        peer, before, last, wishes = conversation

        async def hear(
            theirs: Sequence[Turned], ours: Sequence[Turned], answer: list[bytes]
        ) -> tuple[Outcome, Outcome]:
            first = await outcome(truth, peer.request(theirs), answer)
            second = await outcome(lean, peer.request(ours), answer)
            assert public(second) == public(first)
            return first, second

        theirs, ours = await told(before, hear)
        now = user(9, *last)
        first, second = await both(peer, [*theirs, now], [*ours, now], **wishes)
        assert second == first

    asyncio.run(check())


REFUSALS: Final = (
    (400, {"message": "Invalid 'max_tokens'", "type": "invalid_request_error", "code": "invalid_value"}),
    (400, {"message": "This model's maximum context length is 5 tokens", "code": "context_length_exceeded"}),
    (400, {"message": "Invalid schema for function 'add': no", "code": "invalid_function_parameters"}),
    (400, {"message": f"No sk-openai_completions in here, please: {'x' * 400}"}),
    (401, {"message": "Incorrect API key provided", "code": "invalid_api_key"}),
    (402, {"message": "Insufficient credits", "code": 402}),
    (403, {"message": "Your organization must be verified to stream this model.", "type": "invalid_request_error"}),
    (403, {"message": "Not for you", "type": "invalid_request_error"}),
    (404, {"message": "The model does not exist", "code": "model_not_found"}),
    (413, {"message": "Request too large"}),
    (422, {"message": "tools[0].function.parameters: no schema"}),
    (429, {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}),
    (429, {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
    (500, {"message": "The server had an error", "type": "server_error"}),
    (503, {"message": "Overloaded", "type": "server_error", "code": "server_is_overloaded"}),
)


@pytest.mark.parametrize(("status", "error"), REFUSALS, ids=[f"{each[0]}-{i}" for i, each in enumerate(REFUSALS)])
@pytest.mark.parametrize("headers", [{}, {"retry-after": "7"}], ids=["", "later"])
@pytest.mark.parametrize("vendor", ["openai_completions", "deepseek", "openrouter"])
def test_a_refusal_means_what_pydantic_ai_takes_it_for(
    status: int, error: Json, headers: Mapping[str, str], vendor: str
) -> None:
    async def check() -> None:
        peer = next(peer for peer in PEERS if peer.vendor.type == vendor)
        request = peer.request([user(0, TextPart("Hi."))])
        body = [json.dumps({"error": error}).encode()]
        theirs = await outcome(truth, request, body, status, headers)
        ours = await outcome(lean, request, body, status, headers)
        assert unstated(ours.failure) == unstated(theirs.failure)

    asyncio.run(check())


def test_the_headers_and_the_address_are_those_of_pydantic_ai() -> None:
    for peer in PEERS:
        for each in (truth, lean):
            asyncio.run(each.body(peer.request([user(0, TextPart("Hi."))])))
        sent, ours = truth.sent[-1], lean.sent[-1]
        assert ours.headers.items() <= {name.title(): value for name, value in sent.headers.items()}.items()
        assert str(sent.url) == ours.url


# ---------------------------------------------------------------- models

WRITERS: Final = {
    "OpenAIJsonSchemaTransformer": compatible_schema,
    "_OpenAIJsonSchemaTransformer": strict_schema,
    "_GptOssJsonSchemaTransformer": gpt_oss_schema,
    "InlineDefsJsonSchemaTransformer": inlined_schema,
    "_OpenRouterGoogleJsonSchemaTransformer": gemini_schema,
}
# Gone since long: it wanted the system's words as a user's.
GONE: Final = ("o1-mini", "openai/o1-mini")
UNUSUAL: Final = ("accounts/fireworks/models/gemma-3-27b-it",)  # would have its tools written as for Gemini itself


def names_of(vendor: Vendor) -> list[str]:
    """Return the names of models that pydantic-ai or genai-prices knows."""
    provider = next(p for p in get_snapshot().providers if p.id == vendor.prices)
    priced = [model.id for model in provider.models]
    if vendor.type == "fireworks":
        priced += [f"accounts/fireworks/models/{name}" for name in priced]
        priced += ["accounts/fireworks/routers/glm-5p3-fast"]
    if vendor.api is Api.OPENROUTER:
        priced = [name for name in priced if "/" in name]
    return [name for name in dict.fromkeys([*known_names(vendor), *priced]) if name not in (*GONE, *UNUSUAL)]


@pytest.mark.parametrize("vendor", [*VENDORS, ROUTER], ids=lambda vendor: vendor.type)
def test_every_model_is_known_as_pydantic_ai_knows_it(vendor: Vendor) -> None:
    for name in names_of(vendor):
        profile = provider_class(vendor).model_profile(name)
        known = traits(vendor.type, name)
        _, is_strict = known.schema({"type": "object", "properties": {}, "required": []})
        assert is_strict == profile.get("openai_supports_strict_tool_definition", True), name
        assert not is_strict or known.schema is WRITERS[profile["json_schema_transformer"].__name__], name
        assert known.trims == profile.get("ignore_streamed_leading_whitespace", False), name
        assert known.may_tokenize == profile.get("may_tokenize_special_tokens_in_content", False), name
        assert known.tags == profile.get("thinking_tags", ("<think>", "</think>")), name
        assert profile.get("openai_system_prompt_role") is None, name


def test_every_model_is_asked_to_think_as_pydantic_ai_asks_it() -> None:
    async def check() -> None:
        history = [user(0, TextPart("Hi."))]
        for vendor in (*VENDORS, ROUTER):
            for name in known_names(vendor) if vendor is not ROUTER else names_of(vendor)[::20]:
                peer = Peer(vendor, name)
                for effort in (None, *EFFORTS, "max"):
                    first, second = await both(peer, history, history, reasoning_effort=effort)
                    assert second == first, (name, effort)

    asyncio.run(check())
