"""Anthropic's protocol as pydantic-ai speaks it: the same requests, and the same made of whatever comes back."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_ai.messages import INVALID_JSON_KEY
from pydantic_ai.providers.anthropic import AnthropicJsonSchemaTransformer

from runtime.core.message import (
    ImageFilePart,
    ImagePart,
    Part,
    TextPart,
    Turned,
)
from runtime.models.dialects.anthropic.anthropic import EMPTY
from runtime.models.dialects.schemas.anthropic import sent_schema
from runtime.models.info import EFFORTS, known_names
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelRef, ModelReply, ModelRequest, ToolSpec
from tests.conversations import PIXEL, Outcome, Round, agent, outcome, pieces_of, rounds, told, user
from tests.laws import share
from tests.lean import Lean
from tests.truth import KEYS, Truth

# The SDK warns of models that go, pydantic-ai of names it does not know.
pytestmark = pytest.mark.filterwarnings("ignore")

Json = dict[str, Any]

VENDOR: Final = BY_TYPE["anthropic"]
KNOWN: Final = known_names(VENDOR)
OTHERS: Final = (
    *(
        "claude-3-5-haiku-latest",
        "claude-3-opus-20240229",
        "claude-4-opus-20250514",
        "claude-opus-4",
        "claude-sonnet-4",
    ),
    *("claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-20250514", "claude-opus-4@20250514", "claude-opus-4-5"),
    *("claude-opus-4-6", "claude-opus-4-7", "claude-opus-5", "claude-sonnet-4-0", "claude-sonnet-4@20250514"),
    *("claude-sonnet-4-5-20250929", "claude-sonnet-5", "claude-fable-5", "claude-fable-5-1", "claude-mythos-5"),
    *("claude-mythos-preview", "claude-opus-4-3", "claude-haiku-5", "claude-sonnet-50", "glm-5.2", "claude-instant-1"),
)
# What pydantic-ai tells this model of messages from the application among the user's, which we never send. Told of
# them, it would obey whoever imitates one.
ANNOUNCED: Final = "claude-sonnet-4-6"

truth = Truth()
lean = Lean()


# ---------------------------------------------------------------- answers, as the vendor sends them

words = st.text(st.sampled_from('aé☃😀 \n"\\{}<>/:,\u2028\t'), max_size=8)
numbers = st.integers(0, 3_000)
rarely = st.sampled_from([False, False, False, False, False, True])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 60) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(words, values, max_size=3)


@dataclass
class Block:
    """What an answer holds: how the vendor begins it, and what it adds."""

    start: Json
    deltas: list[Json] = field(default_factory=list)
    can_mix: bool = False  # with the one before


@st.composite
def texts(draw: st.DrawFn) -> Block:
    deltas = [{"type": "text_delta", "text": text} for text in draw(st.lists(words, max_size=4))]
    return Block({"type": "text", "text": draw(st.just("") | words)}, deltas)


@st.composite
def thoughts(draw: st.DrawFn) -> Block:
    deltas = [{"type": "thinking_delta", "thinking": text} for text in draw(st.lists(words, max_size=3))]
    signatures = draw(st.lists(st.sampled_from(["c2ln", "bmVk=="]), max_size=2))
    deltas += [{"type": "signature_delta", "signature": signature} for signature in signatures]
    start = {
        "type": "thinking",
        "thinking": draw(st.just("") | words),
        "signature": draw(st.sampled_from(["", "cw=="])),
    }
    return Block(start, deltas)


@st.composite
def secrets(draw: st.DrawFn) -> Block:
    return Block({"type": "redacted_thinking", "data": draw(st.sampled_from(["ZW5j", "cnlwdGVk"]))})


@st.composite
def calls(draw: st.DrawFn) -> Block:
    start = {"type": "tool_use", "id": draw(st.sampled_from(["toolu_1", "toolu_2", "t"])), "name": "add", "input": {}}
    arguments: Json = draw(objects)
    if draw(rarely):
        return Block({**start, "input": arguments})
    is_said = draw(st.booleans())  # that there are none
    written = json.dumps(arguments, ensure_ascii=draw(st.booleans())) if arguments or is_said else ""
    return Block(
        start, [{"type": "input_json_delta", "partial_json": p} for p in draw(pieces_of(written))], can_mix=True
    )


@st.composite
def searches(draw: st.DrawFn) -> Block:
    """A tool of the vendor's own, which nobody asked for."""
    start = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    return Block(start, [{"type": "input_json_delta", "partial_json": p} for p in draw(pieces_of('{"query": "x"}'))])


@st.composite
def usages(draw: st.DrawFn, *, is_last: bool) -> Json:
    optional = st.none() | numbers if is_last else numbers
    usage: Json = {"output_tokens": draw(numbers)}
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    for name in names if not is_last else draw(st.lists(st.sampled_from(names), unique=True)):
        usage[name] = draw(optional)
    if draw(st.booleans()) and not is_last:
        split = {"ephemeral_5m_input_tokens": usage["cache_creation_input_tokens"], "ephemeral_1h_input_tokens": 0}
        usage |= {"cache_creation": split, "service_tier": "standard", "server_tool_use": None}
    if draw(st.booleans()):
        usage["output_tokens_details"] = {"thinking_tokens": 1}
    return usage


REASONS: Final = ("end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal", "model_context_window_exceeded")
reasons = st.sampled_from([*REASONS, *REASONS, *REASONS, "pause_turn", "compaction", "tired"])
NOISE: Final = (
    b": keep alive\n\n",
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: some_day\ndata: {"type": "some_day", "index": 0, "delta": "x"}\n\n',
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 99, "delta": '
    b'{"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "x", "document_index": 0, '
    b'"document_title": null, "start_char_index": 0, "end_char_index": 1}}}\n\n',
    b"retry: 10\n\n",
)


@st.composite
def answers(draw: st.DrawFn, *, is_calm: bool = False) -> bytes:
    """Return the events of a whole answer; a calm one has nothing unusual about it."""
    kinds = texts() | thoughts() | secrets() | calls() | searches()
    message: Json = {
        "id": draw(st.sampled_from(["msg_1", "msg_2"])),
        "type": "message",
        "role": "assistant",
        "model": draw(st.sampled_from([VENDOR.default_model, "claude-haiku-4-5-20251001", "glm-5.2"])),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": draw(usages(is_last=False)),
    }
    stop: Json = {"stop_reason": draw(st.sampled_from(REASONS) if is_calm else reasons), "stop_sequence": None}
    if draw(rarely):
        stop["stop_details"] = {"type": "refusal", "category": "cyber", "explanation": "No."}
    early = frame({"type": "message_delta", "delta": {"stop_reason": None}, "usage": draw(usages(is_last=True))})
    events = [
        frame({"type": "message_start", "message": message}),
        *map(frame, draw(blocks(draw(st.lists(kinds, min_size=draw(st.integers(0, 3)), max_size=5))))),
        *([early] if draw(rarely) else []),
        frame({"type": "message_delta", "delta": stop, "usage": draw(usages(is_last=True))}),
        frame({"type": "message_stop"}),
    ]
    if not is_calm:
        for noise in draw(st.lists(st.sampled_from(NOISE), max_size=3)):
            events.insert(draw(st.integers(1, len(events))), noise)
    return b"".join(events)


def frame(event: Json, *, is_ascii: bool = False) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=is_ascii)}\n\n".encode()


@st.composite
def blocks(draw: st.DrawFn, given_blocks: Sequence[Block]) -> list[Json]:
    """Return blocks one after the other; neighbouring calls may grow at once."""
    events: list[Json] = []
    tails: list[list[Json]] = []
    for index, block in enumerate(given_blocks):
        begun = {"type": "content_block_start", "index": index, "content_block": block.start}
        grown = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in block.deltas]
        tail = [*grown, {"type": "content_block_stop", "index": index}]
        if not (block.can_mix and tails and draw(st.booleans())):
            events += mixed(draw, tails)
            tails = []
        events.append(begun)
        if block.can_mix:
            tails.append(tail)
        else:
            events += tail
    return events + mixed(draw, tails)


def mixed(draw: st.DrawFn, lists: Sequence[list[Json]]) -> list[Json]:
    lists = [list(events) for events in lists]
    made = []
    while lists := [events for events in lists if events]:
        made.append(draw(st.sampled_from(range(len(lists))).map(lambda n: lists[n])).pop(0))
    return made


KEY: Final = KEYS["ANTHROPIC_API_KEY"]
COMPLAINTS: Final = (  # as the vendor words them: the status, the type, the message
    (400, "invalid_request_error", "max_tokens: Field required"),
    (400, "invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum"),
    (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    (400, "invalid_request_error", "tools.0.custom.input_schema: JSON schema is invalid"),
    (400, "invalid_request_error", f"No {KEY} in here, please: {'x' * 400}"),
    (401, "authentication_error", f"invalid x-api-key {KEY}"),
    (402, "billing_error", "There is an issue with your billing."),
    (403, "permission_error", "Your API key may not use this model."),
    (404, "not_found_error", "model: nobody"),
    (413, "request_too_large", "Request exceeds the maximum size"),
    (429, "rate_limit_error", "This request would exceed your rate limit of 50 requests per minute."),
    (500, "api_error", "Internal server error"),
    (503, "api_error", "Overloaded"),
    (504, "timeout_error", "The request took too long"),
    (529, "overloaded_error", "Overloaded"),
    (418, "news_error", "What nobody knows yet"),
)


COMPLAINT_IDS: Final = [f"{status}-{number}" for number, (status, _, _) in enumerate(COMPLAINTS)]


def complaint(kind: str, words: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_1"}


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Return an answer as it arrives, which may end early, badly, or in an error."""
    whole = draw(answers())
    if draw(rarely):
        events = whole.split(b"\n\n")
        events.insert(
            draw(st.integers(1, len(events) - 1)),
            frame(complaint(*draw(st.sampled_from(COMPLAINTS))[1:])).removesuffix(b"\n\n"),
        )
        whole = b"\n\n".join(events)
    if draw(st.booleans()):
        whole = whole.replace(b"\n", b"\r\n")
    if draw(rarely):
        whole = whole[: draw(st.integers(0, len(whole)))].removesuffix(b"\r")  # half a line end is none here
    return [piece for piece in draw(pieces_of(whole)) if piece]


# ---------------------------------------------------------------- what comes of them


def public(found: Outcome) -> object:
    """Return all that is shown of an outcome. A reason that nobody knows is none in pydantic-ai; ours is a stop."""
    if found.reply is None:
        return found.failure
    reply = msgspec.structs.replace(found.reply, private=None, finish_reason=found.reply.finish_reason or "stop")
    return found.text, found.reasoning, reply


async def hear(theirs: Sequence[Turned], ours: Sequence[Turned], answer: list[bytes]) -> tuple[Outcome, Outcome]:
    """Have both hear an answer, of which they make the same."""
    first, second = await outcome(truth, asked(theirs), answer), await outcome(lean, asked(ours), answer)
    assert public(second) == public(first)
    return first, second


def asked(history: Sequence[Turned], **more: Any) -> ModelRequest:
    name = more.pop("model", VENDOR.default_model)
    model = ModelRef(f"model_{name}", VENDOR.type, name, "provider_1")
    return ModelRequest(model=model, history=tuple(history), **{"system": "", **more})


def normal(model: str, body: Json) -> Json:
    """Return pydantic-ai's body without what it announces to one model, and without blank text, which is refused."""
    if model.startswith(ANNOUNCED) and "system" in body:
        announcement, *system = body["system"]
        assert announcement["text"].startswith("Mid-conversation system messages from the application")
        body = {**body, "system": system}
    for block in body.get("system", ()):
        block["text"] = block["text"] if block["text"].strip() else EMPTY
    for message in body["messages"]:
        message["content"] = [block for block in map(_filled, message["content"]) if not _is_blank(block)]
    return {**body, "messages": [message for message in body["messages"] if message["content"]]}


def _filled(block: Json) -> Json:
    """Return what came of a call, with a word for nothing."""
    if block["type"] != "tool_result":
        return block
    content = [{**each, "text": EMPTY} if _is_blank(each) else each for each in block["content"]]
    return {**block, "content": content}


def _is_blank(block: Json) -> bool:
    return block["type"] == "text" and not block["text"].strip()


async def both(history: tuple[Sequence[Turned], Sequence[Turned]], **more: Any) -> tuple[Json, Json]:
    """Return the bodies that pydantic-ai and we send, each with the history as itself had it."""
    truth.sent.clear()
    theirs, ours = asked(history[0], **more), asked(history[1], **more)
    return normal(theirs.model.name, await truth.body(theirs)), await lean.body(ours)


# ---------------------------------------------------------------- conversations

said = st.one_of(
    words.map(TextPart),
    st.sampled_from(["image/png", "image/svg+xml", "application/pdf"]).map(lambda kind: ImagePart(None, PIXEL, kind)),
    st.sampled_from(["aGk=", "w6k="]).map(lambda data: ImagePart(base64=data, media_type="text/plain")),
    st.sampled_from(
        [
            ImagePart(url="https://example.com/a.png"),
            ImagePart(url=f"data:image/jpeg;base64,{PIXEL}"),
            ImagePart(base64=PIXEL),
            ImagePart(base64="no"),
            ImagePart(),
            ImageFilePart("file_1"),
        ]
    ),
)


conversations = st.lists(rounds(said, answers(is_calm=True).map(lambda answer: [answer]), values), max_size=3)
schemas = st.sampled_from(
    [
        {"type": "object", "properties": {"a": {"type": "integer", "title": "A"}}, "required": ["a"]},
        {"type": "object", "title": "None", "properties": {}, "additionalProperties": False},
        {"type": "object", "properties": {"title": {"anyOf": [{"$ref": "#/$defs/X"}]}}, "$defs": {"X": {"title": "X"}}},
    ]
)
tools = st.builds(ToolSpec, st.sampled_from(["add", "b", "c"]), words, schemas)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from([*KNOWN, *OTHERS]),
        "system": st.just(" ") | words,
        "tools": st.lists(tools, max_size=3).map(tuple),
        "reasoning_effort": st.sampled_from([*EFFORTS, "max", "very"]),
        "speed": st.sampled_from(["flex", "default", "priority", "auto"]),
        "verbosity": st.sampled_from(["low", "high"]),
        "parallel_tool_calls": st.booleans(),
    },
)


# ---------------------------------------------------------------- the laws


@given(streams())
@share(2.5)
def test_an_answer_is_read_as_pydantic_ai_reads_it(pieces: list[bytes]) -> None:
    async def check() -> None:
        history = [user(0, TextPart("Add."))]
        theirs = await outcome(truth, asked(history), pieces)
        ours = await outcome(lean, asked(history), pieces)
        if theirs.reply is not None and any(INVALID_JSON_KEY in call.arguments for call in theirs.reply.tool_calls):
            assert ours.failure  # half the arguments of a call are no call
            return
        assert public(ours) == public(theirs)
        if theirs.reply is not None and ours.reply is not None:
            first, second = await both(([*history, agent(0, theirs.reply)], [*history, agent(0, ours.reply)]))
            assert second == first

    asyncio.run(check())


@given(conversations, st.lists(said, max_size=2), wishes)
@share(2.5)
def test_a_request_is_what_pydantic_ai_sends(conversation: list[Round], last: list[Part], wishes: Json) -> None:
    async def check() -> None:
        theirs, ours = await told(conversation, hear)
        now = user(9, *last)
        first, second = await both(([*theirs, now], [*ours, now]), **wishes)
        assert second == first

    asyncio.run(check())


@pytest.mark.parametrize("words", ["", "Hm."])
def test_a_silent_answer_is_left_out_as_by_pydantic_ai(words: str) -> None:
    silent = agent(1, ModelReply(text=words))
    last = [agent(3, ModelReply(text="Hi.")), user(4, TextPart("And?"))]
    history = [user(0, TextPart("Hi.")), silent, user(2, TextPart("Hello?")), *last]
    first, second = asyncio.run(both((history, history)))
    assert second == first


def test_every_model_is_asked_to_think_as_pydantic_ai_asks_it() -> None:
    async def check() -> None:
        history = [user(0, TextPart("Hi."))]
        for model in (*KNOWN, *OTHERS):
            for effort in (None, *EFFORTS, "max"):
                first, second = await both((history, history), model=model, reasoning_effort=effort, system="Be brief.")
                assert second == first, (model, effort)

    asyncio.run(check())


@pytest.mark.parametrize(("status", "kind", "words"), COMPLAINTS, ids=COMPLAINT_IDS)
@pytest.mark.parametrize("headers", [{}, {"retry-after": "7"}], ids=["", "later"])
def test_a_refusal_means_what_pydantic_ai_takes_it_for(
    status: int, kind: str, words: str, headers: Mapping[str, str]
) -> None:
    async def check() -> None:
        request = asked([user(0, TextPart("Hi."))])
        body = [json.dumps(complaint(kind, words)).encode()]
        theirs = await outcome(truth, request, body, status, headers)
        ours = await outcome(lean, request, body, status, headers)
        assert ours.failure == theirs.failure

    asyncio.run(check())


@pytest.mark.parametrize(("kind", "words"), [c[1:] for c in COMPLAINTS], ids=COMPLAINT_IDS)
def test_an_error_in_an_answer_means_what_pydantic_ai_takes_it_for(kind: str, words: str) -> None:
    async def check() -> None:
        request = asked([user(0, TextPart("Hi."))])
        for start in ([], [frame({"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {}}})]):
            stream = [*start, frame(complaint(kind, words))]
            theirs, ours = await outcome(truth, request, stream), await outcome(lean, request, stream)
            assert ours.failure == theirs.failure
            assert ours.failure is not None

    asyncio.run(check())


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("body", [b"", b"<html>No</html>", b'"No"', b'{"error": "No"}', b'{"message": "No"}', b"[1]"])
def test_a_refusal_in_other_words_means_what_pydantic_ai_takes_it_for(status: int, body: bytes) -> None:
    async def check() -> None:
        request = asked([user(0, TextPart("Hi."))])
        theirs = await outcome(truth, request, [body], status)
        ours = await outcome(lean, request, [body], status)
        assert ours.failure is not None
        assert theirs.failure is not None
        assert ours.failure[:4] == theirs.failure[:4]  # we do not quote the page of some proxy

    asyncio.run(check())


def test_the_headers_that_matter_are_those_of_pydantic_ai() -> None:
    asyncio.run(truth.body(asked([user(0, TextPart("Hi."))])))
    sent = truth.sent[-1]
    asyncio.run(lean.body(asked([user(0, TextPart("Hi."))])))
    url, ours, _ = lean.sent[-1]
    assert {name: sent.headers[name] for name in ours} == ours
    assert not {name for name in sent.headers if name.startswith("anthropic-")} - {name.lower() for name in ours}
    assert str(sent.url) == url


STALE: Final = complaint(
    "invalid_request_error",
    "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.",
)


@pytest.mark.parametrize("model", [*KNOWN, "claude-fable-5", "claude-mythos-5-2", "claude-mythos-5-1"])
@pytest.mark.parametrize("effort", [None, "none", "high"])
@pytest.mark.parametrize("answer", [STALE, complaint("invalid_request_error", "No.")], ids=["stale", "bad"])
def test_what_is_refused_for_a_stale_thought_is_asked_again_as_pydantic_ai_asks(
    model: str, effort: str | None, answer: Json
) -> None:
    async def check() -> None:
        request = asked([user(0, TextPart("Hi."))], model=model, reasoning_effort=effort)
        body = json.dumps(answer).encode()
        truth.sent.clear()
        await outcome(truth, request, [body], 400)
        lean.sent.clear()
        await outcome(lean, request, [body], 400)
        theirs = [(each.headers["anthropic-beta"], json.loads(each.content)) for each in truth.sent[1:]]
        ours = [(each.headers["anthropic-beta"], json.loads(each.body)) for each in lean.sent[1:]]
        assert ours == theirs

    asyncio.run(check())


@pytest.mark.parametrize("model", [VENDOR.default_model, "claude-opus-4-8"])
@pytest.mark.parametrize("effort", [None, "none", "high"])
@pytest.mark.parametrize("reason", ["prefix_binding_mismatch", "too_long"])
def test_a_thought_left_out_once_stays_out_as_in_pydantic_ai(model: str, effort: str | None, reason: str) -> None:
    changes = [{"type": "thinking_dropped", "reason": reason, "content_index": 0, "message_index": 1}]
    thought = {"type": "thinking", "thinking": "So.", "signature": "c2ln"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    start = {"id": "msg_1", "model": model, "content": [], "usage": usage, "input_transformations": changes}
    stream = [
        frame({"type": "message_start", "message": start}),
        frame({"type": "content_block_start", "index": 0, "content_block": thought}),
        frame({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "Hi."}}),
        frame({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}),
    ]

    async def check() -> None:
        history = [user(0, TextPart("Hi."))]
        replies = [(await outcome(each, asked(history), stream)).reply for each in (truth, lean)]
        theirs, ours = [[*history, agent(1, reply)] for reply in replies if reply is not None]
        first, second = await both((theirs, ours), model=model, reasoning_effort=effort)
        assert second == first
        assert lean.sent[-1].headers.get("anthropic-beta") == truth.sent[-1].headers.get("anthropic-beta")

    asyncio.run(check())


# ---------------------------------------------------------------- schemas

TYPES: Final = ("object", "array", "string", "null", ["object", "null"], ["string"])
names = st.sampled_from(["a", "title", "$schema", "properties", "anyOf"])


def parts_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, max_size=2)
    named = st.dictionaries(names, inner, max_size=2)
    members = {
        "type": st.sampled_from(TYPES),
        "title": st.just("T"),
        "$schema": st.just("S"),
        "description": st.just("D"),
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "properties": named,
        "patternProperties": named,
        "additionalProperties": inner,
        "propertyNames": inner,
        "items": inner | several,
        "prefixItems": several,
        "contains": inner,
        "not": st.just({}) | inner,
        "$ref": st.just("#/$defs/a"),
        "$defs": named,
        "enum": st.just(["a", "b"]),
    }
    member = st.sampled_from([*members, "type", "type"]).flatmap(lambda name: st.tuples(st.just(name), members[name]))
    return st.lists(member, max_size=4).map(dict)


leaves: st.SearchStrategy[Any] = st.booleans() | st.just({}) | st.just({"type": "string", "title": "T"})
trees = st.recursive(leaves, parts_of, max_leaves=5)


@given(parts_of(trees))
@example({"anyOf": [{"not": {}}], "not": {"type": "string"}})
@share(2.5)
def test_a_schema_is_sent_as_pydantic_ai_transforms_it(schema: Json) -> None:
    told = msgspec.json.encode(schema)
    assert sent_schema(json.loads(told)) == AnthropicJsonSchemaTransformer(json.loads(told)).walk()
