"""OpenAI's Responses protocol as pydantic-ai speaks it: the same requests, and the same made of whatever comes back."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import INVALID_JSON_KEY
from pydantic_ai.profiles.openai import _REASONING_SUPPORT_BY_PREFIX

from runtime.core.errors import ModelUnavailableError
from runtime.core.message import ImageFilePart, ImagePart, Part, TextPart, Turned
from runtime.models import failures
from runtime.models.info import EFFORTS, known_names
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelRef, ModelRequest, ToolSpec
from tests.conversations import PIXEL, Outcome, Round, agent, outcome, pieces_of, rounds, told, user
from tests.laws import share
from tests.lean import Lean
from tests.truth import KEYS, Truth

# pydantic-ai warns of what an older model does not take, and of arguments that are not what was streamed.
pytestmark = pytest.mark.filterwarnings("ignore")

Json = dict[str, Any]

VENDOR: Final = BY_TYPE["openai"]
KNOWN: Final = known_names(VENDOR)
OTHERS: Final = (*_REASONING_SUPPORT_BY_PREFIX, "gpt-5.3-codex", "gpt-4.1", "gpt-4o-mini", "o4-mini", "gpt-5-nano")
MODELS: Final = tuple(dict.fromkeys((*KNOWN, *OTHERS)))

truth = Truth()
lean = Lean()


# ---------------------------------------------------------------- answers, as the vendor sends them

words = st.text(st.sampled_from('aé☃😀 \n"\\{}<>/:,\u2028\t\x7f\x01'), max_size=8)
numbers = st.integers(0, 3_000)
rarely = st.sampled_from([False] * 7 + [True])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 60) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(words, values, max_size=3)


@dataclass
class Item:
    """An item of an answer: how it begins, what is said of it meanwhile, how it ends."""

    first: Json
    events: list[Json] = field(default_factory=list)
    last: Json = field(default_factory=dict)
    can_mix: bool = False  # with the one before


@st.composite
def messages(draw: st.DrawFn, number: int) -> Item:
    phases: list[Json] = [{}, {}, {"phase": None}, {"phase": "commentary"}, {"phase": "final_answer"}]
    phase = draw(st.sampled_from(phases))
    item: Json = {"id": f"msg_{number}", "type": "message", "role": "assistant", **phase}
    made = Item({**item, "status": "in_progress", "content": []}, last={**item, "status": "completed", "content": []})
    for index in range(draw(st.sampled_from([1, 1, 2, 0]))):
        text = draw(words)
        is_refusal = draw(rarely)
        name = "refusal" if is_refusal else "output_text"
        part: Json = {"type": name, **({"refusal": ""} if is_refusal else {"text": "", "annotations": []})}
        at = {"item_id": f"msg_{number}", "content_index": index}
        deltas = draw(pieces_of(text)) if text or draw(st.booleans()) else []
        whole = {"refusal": text} if is_refusal else {"text": text, "logprobs": []}
        made.events += [
            {"type": "response.content_part.added", **at, "part": part},
            *({"type": f"response.{name}.delta", **at, "delta": delta, "logprobs": []} for delta in deltas),
            {"type": f"response.{name}.done", **at, **whole},
            {"type": "response.content_part.done", **at, "part": {**part, **whole}},
        ]
    return made


@st.composite
def thoughts(draw: st.DrawFn, number: int) -> Item:
    item_id = f"rs_{number}"
    item = {"id": item_id, "type": "reasoning", "summary": []}
    seals: list[Json] = [{}, {"encrypted_content": None}, *[{"encrypted_content": "c2lnbmVk"}] * 3]
    sealed = draw(st.sampled_from(seals))
    made = Item({**item, **sealed}, last={**item, **sealed})
    for index, text in enumerate(draw(st.lists(words, max_size=3))):
        at = {"item_id": item_id, "summary_index": index}
        first = draw(st.just("") | words)
        made.events += [
            {"type": "response.reasoning_summary_part.added", **at, "part": {"type": "summary_text", "text": first}},
            *(
                {"type": "response.reasoning_summary_text.delta", **at, "delta": delta}
                for delta in draw(pieces_of(text))
            ),
            {"type": "response.reasoning_summary_text.done", **at, "text": first + text},
            {"type": "response.reasoning_summary_part.done", **at, "part": {"type": "summary_text", "text": text}},
        ]
    if draw(rarely):  # open models tell all
        for index in draw(st.lists(st.integers(0, 2), max_size=3)):
            at = {"item_id": item_id, "content_index": index}
            made.events.append({"type": "response.reasoning_text.delta", **at, "delta": draw(words)})
        made.events.append({"type": "response.reasoning_text.done", "item_id": item_id, "content_index": 0, "text": ""})
    return made


@st.composite
def calls(draw: st.DrawFn, number: int) -> Item:
    arguments, is_ascii, is_written = draw(objects), draw(st.booleans()), draw(st.booleans())
    written = json.dumps(arguments, ensure_ascii=is_ascii) if arguments or is_written else ""
    call_id = draw(st.sampled_from(["call_1", "call_2", "call|x"]))
    item = {"id": f"fc_{number}", "type": "function_call", "call_id": call_id, "name": "add", "arguments": ""}
    at = {"item_id": item["id"]}
    end = {"type": "response.function_call_arguments.done", **at, "arguments": written, "name": "add"}
    deltas = [
        {"type": "response.function_call_arguments.delta", **at, "delta": delta} for delta in draw(pieces_of(written))
    ]
    whole = {**item, "arguments": written, "status": "completed"}
    match draw(st.sampled_from(range(8))):
        case 0:  # all at the end
            return Item(item, [end], whole, can_mix=True)
        case 1:
            return Item(item, [], whole)
        case 2:  # all at the beginning
            return Item(whole, [], whole)
        case 3:  # not all of it bit by bit
            return Item(item, [*deltas[:1], end], whole)
        case 4:  # differently each time, which nobody should
            return Item(item, [*deltas, {**end, "arguments": '{"other": 1}'}, *deltas], {**whole, "arguments": "{}"})
        case _:
            return Item(item, [*deltas, end], whole, can_mix=True)


@st.composite
def searches(draw: st.DrawFn, number: int) -> Item:
    """Draw an item of a kind that nobody knows."""
    item = {"id": f"new_{number}", "type": "some_day", "arguments": {"a": draw(words)}, "name": None, "error": "none"}
    return Item(item, [{"type": "response.some_day.delta", "item_id": f"new_{number}", "delta": {"x": 1}}], item)


@st.composite
def item_lists(draw: st.DrawFn) -> list[Item]:
    kinds = st.sampled_from([messages, messages, thoughts, thoughts, calls, calls, searches])
    return [draw(draw(kinds)(number)) for number in range(draw(st.sampled_from(range(6))))]


@st.composite
def events_of(draw: st.DrawFn, items: Sequence[Item]) -> list[Json]:
    """Return items one after the other; neighbouring calls may grow at once."""
    events: list[Json] = []
    tails: list[list[Json]] = []
    for index, item in enumerate(items):
        at = {"output_index": index}
        tail = [{**event, **at} for event in item.events]
        tail.append({"type": "response.output_item.done", "item": item.last, **at})
        if not (item.can_mix and tails and draw(st.booleans())):
            events += mixed(draw, tails)
            tails = []
        events.append({"type": "response.output_item.added", "item": item.first, **at})
        tails.append(tail)
    return events + mixed(draw, tails)


def mixed(draw: st.DrawFn, lists: Sequence[list[Json]]) -> list[Json]:
    lists = [list(events) for events in lists]
    made = []
    while lists := [events for events in lists if events]:
        made.append(draw(st.sampled_from(range(len(lists))).map(lambda n: lists[n])).pop(0))
    return made


@st.composite
def usages(draw: st.DrawFn) -> Json:
    read, written = draw(numbers), draw(st.sampled_from([0, 0, 7]))
    ways: list[Json] = [
        {"input_tokens_details": {"cached_tokens": read, "cache_write_tokens": written}},
        {"input_tokens_details": {"cached_tokens": read}},
        {"input_tokens_details": None},
        {},
    ]
    details = draw(st.sampled_from(ways))
    reasoning: list[Json] = [{}, {"output_tokens_details": {"reasoning_tokens": 3}}]
    tokens = {"input_tokens": read + written + draw(numbers), "output_tokens": draw(numbers), "total_tokens": 1}
    return tokens | details | draw(st.sampled_from(reasoning))


def response(**more: Any) -> Json:
    named = {"id": "resp_1", "object": "response", "created_at": 1_790_000_000, "model": KNOWN[0], "output": []}
    echoed = {"instructions": "Be brief.", "metadata": {}, "parallel_tool_calls": True, "tool_choice": "auto"}
    state = {"status": "in_progress", "error": None, "incomplete_details": None, "usage": None, "service_tier": "auto"}
    return named | echoed | {"tools": [], "temperature": 1.0, "top_p": 1.0} | state | more


REASONS: Final = ("max_output_tokens", "content_filter")
NEW_REASONS: Final = ("steered", "some_day")


heads = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["resp_1", "resp_2", "chatcmpl-1"]),
        "model": st.sampled_from([*KNOWN, *KNOWN, "gpt-6.1-terra-2026-09-09", "nobody-knows"]),
    }
)


@st.composite
def ends(draw: st.DrawFn, head: Json, *, is_calm: bool) -> list[Json]:
    """Return the event at the end, if there is one."""
    tier = draw(st.sampled_from([None, "default", "flex", "priority", "some_day"]))
    whole = response(**head, service_tier=tier, usage=draw(usages()), background=False, store=True)
    kinds = ["completed"] * 9 + ["incomplete", *([] if is_calm else ["incomplete", "failed", "nothing", "no reason"])]
    match draw(st.sampled_from(kinds)):
        case "completed":
            return [{"type": "response.completed", "response": {**whole, "status": "completed"}}]
        case "incomplete":
            reason = draw(st.sampled_from(REASONS if is_calm else [*REASONS, *NEW_REASONS]))
            end = {**whole, "status": "incomplete", "incomplete_details": {"reason": reason}}
            return [{"type": "response.incomplete", "response": end}]
        case "failed":
            code, message = draw(st.sampled_from(FAILURES))
            end = {**whole, "status": "failed", "error": {"code": code, "message": message}}
            return [{"type": "response.failed", "response": end}]
        case "no reason":
            return [{"type": "response.incomplete", "response": {**whole, "status": "incomplete"}}]
        case _:
            return []


KEY: Final = KEYS["OPENAI_API_KEY"]
FAILURES: Final = (  # in the middle of an answer: the code, the message
    ("server_error", "The server had an error while processing your request."),
    ("rate_limit_exceeded", "Rate limit reached for this model."),
    ("insufficient_quota", "You exceeded your current quota."),
    ("billing_hard_limit_reached", "Billing hard limit has been reached."),
    ("context_length_exceeded", "Your input exceeds the context window of this model."),
    ("server_is_overloaded", "Our servers are currently overloaded."),
    ("overloaded_error", "Overloaded"),
    ("invalid_prompt", "Invalid prompt: we've limited access to this content."),
    ("413", "Too large"),
    (None, "What nobody knows yet"),
)
NOISE: Final[tuple[Json, ...]] = (
    {"type": "keepalive"},
    {"type": "response.some_day", "delta": {"x": [1]}, "text": 3, "item_id": None, "response": []},
    {"type": "response.in_progress", "response": response()},
    {"type": "response.queued", "response": response(status="queued")},
)
COMMENT: Final = b": keep alive\n\n"


@st.composite
def answers(draw: st.DrawFn, *, is_calm: bool = False) -> list[bytes]:
    """Return the events of an answer, which begins as it should; a calm one has its end too and nothing unusual."""
    head = draw(heads)
    events = [
        {"type": "response.created", "response": response(**head)},
        {"type": "response.in_progress", "response": response(**head)},
        *draw(item_lists().flatmap(events_of)),
        *draw(ends(head, is_calm=is_calm)),
    ]
    if not is_calm:
        for noise in draw(st.lists(st.sampled_from(NOISE), max_size=3)):
            events.insert(draw(st.integers(1, len(events) - 1)), noise)
        if draw(rarely):
            code, message = draw(st.sampled_from(FAILURES))
            error = {"code": code, "message": message, "param": None}
            error = draw(st.sampled_from([error, {"error": {**error, "type": "some_error"}}]))
            events.insert(draw(st.integers(0, len(events))), {"type": "error", **error})
    framed = [frame({**event, "sequence_number": n}) for n, event in enumerate(events)]
    if not is_calm and draw(rarely):
        framed.insert(draw(st.integers(0, len(framed))), COMMENT)
        framed.append(b"data: [DONE]\n\n")
    return framed


def frame(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Return an answer as it arrives, which may end early, badly, or in an error."""
    whole = b"".join(draw(answers()))
    if draw(st.booleans()):
        whole = whole.replace(b"\n", b"\r\n")
    if draw(rarely):
        whole = whole[: draw(st.integers(0, len(whole)))].removesuffix(b"\r")  # half a line end is none here
    return [piece for piece in draw(pieces_of(whole)) if piece]


# ---------------------------------------------------------------- what comes of them


def public(found: Outcome) -> object:
    """Return all that is shown of an outcome."""
    if found.reply is None:
        return found.failure and found.failure[:2]  # what fails in the middle has no status
    return found.text, found.reasoning, msgspec.structs.replace(found.reply, private=None)


async def hear(theirs: Sequence[Turned], ours: Sequence[Turned], answer: list[bytes]) -> tuple[Outcome, Outcome]:
    """Have both hear an answer."""
    return await outcome(truth, asked(theirs), answer), await outcome(lean, asked(ours), answer)


def is_no_answer(found: Outcome) -> bool:
    """Tell whether we do not take what pydantic-ai takes: half the arguments of a call, or an end that is none."""
    reply = found.reply
    return reply is not None and (
        reply.finish_reason is None or any(INVALID_JSON_KEY in call.arguments for call in reply.tool_calls)
    )


def asked(history: Sequence[Turned], **more: Any) -> ModelRequest:
    name = more.pop("model", VENDOR.default_model)
    model = ModelRef(f"model_{name}", VENDOR.type, name, "provider_1")
    return ModelRequest(model=model, history=tuple(history), **{"system": "", **more})


def normal(body: Json) -> Json:
    """Return pydantic-ai's body with the numbers in arguments as msgspec writes them: 1e61 for 1e+61."""
    for item in body["input"]:
        if "arguments" in item:
            item["arguments"] = msgspec.json.encode(json.loads(item["arguments"])).decode()
    return body


async def both(history: tuple[Sequence[Turned], Sequence[Turned]], **more: Any) -> tuple[Json, Json]:
    """Return the bodies that pydantic-ai and we send, each with the history as itself had it."""
    truth.sent.clear()
    return normal(await truth.body(asked(history[0], **more))), await lean.body(asked(history[1], **more))


# ---------------------------------------------------------------- conversations

said = st.one_of(
    words.map(TextPart),
    st.sampled_from(
        ["image/png", "image/svg+xml", "application/pdf", "text/csv", "application/zip", "application/epub+zip"]
    ).map(lambda kind: ImagePart(None, PIXEL, kind)),
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


conversations = st.lists(rounds(said, answers(is_calm=True), values), max_size=3)
schemas = st.sampled_from(
    [
        {"type": "object", "properties": {"a": {"type": "integer", "title": "A"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}, "additionalProperties": True},
        {"type": "object", "title": "None", "properties": {}, "additionalProperties": False},
    ]
)
tools = st.lists(st.builds(ToolSpec, st.sampled_from(["add", "b", "c"]), words, schemas), max_size=3).map(
    lambda specs: tuple({spec.name: spec for spec in specs}.values())
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(MODELS),
        "system": st.just(" ") | words,
        "tools": tools,
        "reasoning_effort": st.sampled_from([*EFFORTS, "max", "very"]),
        "speed": st.sampled_from(["flex", "default", "priority", "auto"]),
        "verbosity": st.sampled_from(["low", "high"]),
        "parallel_tool_calls": st.booleans(),
    },
)


# ---------------------------------------------------------------- the laws


@given(streams())
@share(1.7)
def test_an_answer_is_read_as_pydantic_ai_reads_it(pieces: list[bytes]) -> None:
    async def check() -> None:
        history = [user(0, TextPart("Add."))]
        theirs = await outcome(truth, asked(history), pieces)
        ours = await outcome(lean, asked(history), pieces)
        if is_no_answer(theirs):
            assert public(ours) == (ModelUnavailableError, failures.UNAVAILABLE)
            return
        assert public(ours) == public(theirs)
        if theirs.reply is not None and ours.reply is not None:
            first, second = await both(([*history, agent(0, theirs.reply)], [*history, agent(0, ours.reply)]))
            assert second == first

    asyncio.run(check())


@given(conversations, st.lists(said, max_size=2), wishes)
@share(0.8)
def test_a_request_is_what_pydantic_ai_sends(conversation: list[Round], last: list[Part], wishes: Json) -> None:
    async def check() -> None:
        theirs, ours = await told(conversation, hear)
        now = user(9, *last)
        first, second = await both(([*theirs, now], [*ours, now]), **wishes)
        assert second == first

    asyncio.run(check())


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_asked_as_pydantic_ai_asks_it(model: str) -> None:
    async def check() -> None:
        history = [user(0, TextPart("Hi."))]
        for effort in (None, *EFFORTS, "max"):
            first, second = await both((history, history), model=model, reasoning_effort=effort, system="Be brief.")
            assert second == first, effort

    asyncio.run(check())


COMPLAINTS: Final = (  # as the vendor words them: the status, the type, the code, the message
    (400, "invalid_request_error", None, "Invalid value: 'x'."),
    (400, "invalid_request_error", "context_length_exceeded", "Your input exceeds the context window of this model."),
    (400, "invalid_request_error", None, "This model's maximum context length is 10 tokens."),
    (400, "invalid_request_error", "invalid_function_parameters", "Invalid schema for function 'add': no"),
    (400, "invalid_request_error", "invalid_type", "Invalid type for 'tools[0].parameters': expected an object."),
    (400, "invalid_request_error", "unsupported_value", "Your organization must be verified to generate summaries."),
    (400, "invalid_request_error", None, f"No {KEY} in here, please: {'x' * 400}"),
    (401, "invalid_request_error", "invalid_api_key", f"Incorrect API key provided: {KEY}."),
    (403, "invalid_request_error", "unsupported_country_region_territory", "Country not supported."),
    (404, "invalid_request_error", "model_not_found", "The model `x` does not exist or you do not have access to it."),
    (413, "invalid_request_error", None, "Request too large."),
    (422, "invalid_request_error", None, "Unprocessable."),
    (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    (500, "server_error", None, "The server had an error."),
    (502, None, None, "Bad gateway"),
    (503, "server_error", "server_is_overloaded", "That model is currently overloaded."),
    (418, "news", None, "What nobody knows yet"),
)


@pytest.mark.parametrize(
    ("status", "kind", "code", "words"), COMPLAINTS, ids=[f"{c[0]}-{i}" for i, c in enumerate(COMPLAINTS)]
)
@pytest.mark.parametrize("headers", [{}, {"retry-after": "7"}], ids=["", "later"])
def test_a_refusal_means_what_pydantic_ai_takes_it_for(
    status: int, kind: str | None, code: str | None, words: str, headers: Mapping[str, str]
) -> None:
    async def check() -> None:
        request = asked([user(0, TextPart("Hi."))])
        error = {"error": {"message": words, "type": kind, "param": None, "code": code}}
        body = [json.dumps(error).encode()]
        theirs = await outcome(truth, request, body, status, headers)
        ours = await outcome(lean, request, body, status, headers)
        assert ours.failure == theirs.failure

    asyncio.run(check())


def test_the_headers_that_matter_are_those_of_pydantic_ai() -> None:
    asyncio.run(truth.body(asked([user(0, TextPart("Hi."))])))
    sent = truth.sent[-1]
    asyncio.run(lean.body(asked([user(0, TextPart("Hi."))])))
    url, ours, _ = lean.sent[-1]
    assert {name: sent.headers[name] for name in ours} == ours
    assert str(sent.url) == url
