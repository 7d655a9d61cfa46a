"""What Gemini may say, drawn by Hypothesis: whole answers, broken ones, errors, and the bytes they come in."""

import json
from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from runtime.models.info import known_names
from runtime.models.vendors import BY_TYPE

Json = dict[str, Any]
KNOWN: Final = known_names(BY_TYPE["gemini"])

# No line ends but LF: the SDK takes U+2028 and the like in a JSON string for the end of the event.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u2028\u2029"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(words | st.just("$ref"), values, max_size=3)
signatures = st.sampled_from([b"signed", b"\xfb\xff", b"?>?~", b"\0" * 40]).map(lambda data: b64encode(data).decode())
maybe_signed = st.fixed_dictionaries({}, optional={"thoughtSignature": signatures | st.just("")})


def joined(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.tuples(*parts).map(lambda dicts: {key: value for some in dicts for key, value in some.items()})


said = joined(st.fixed_dictionaries({"text": words}), maybe_signed)
thought = said.map(lambda part: {**part, "thought": True})
called = joined(
    st.fixed_dictionaries(
        {
            "functionCall": st.fixed_dictionaries(
                {"name": st.sampled_from(["add", "look_up"])},
                optional={"id": st.sampled_from(["", "a", "b"]) | words, "args": objects | st.none()},
            )
        }
    ),
    maybe_signed,
)
drawn_picture = joined(
    st.fixed_dictionaries(
        {"inlineData": st.fixed_dictionaries({"mimeType": st.just("image/png"), "data": signatures})}
    ),
    maybe_signed,
)
passed_over = st.sampled_from([{"functionResponse": {"name": "add", "response": {}}}, {"thoughtSignature": "AAAA"}])
answer_parts = said | said | thought | called | drawn_picture | passed_over
REASONS: Final = (
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "FINISH_REASON_UNSPECIFIED",
    "IMAGE_SAFETY",
    "NO_IMAGE",
    "CONTINUATION",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MODEL_ARMOR",
)
reasons = st.just("STOP") | st.sampled_from(REASONS)
counts = st.integers(0, 300_000)
usages = st.fixed_dictionaries(
    {},
    optional={
        "promptTokenCount": counts,
        "candidatesTokenCount": counts,
        "thoughtsTokenCount": counts,
        "cachedContentTokenCount": counts,
        "toolUsePromptTokenCount": counts,
        "totalTokenCount": counts,
        "promptTokensDetails": st.just([{"modality": "TEXT", "tokenCount": 3}, {"modality": "IMAGE", "tokenCount": 2}]),
        "serviceTier": st.just("standard"),
    },
)
used = st.fixed_dictionaries({}, optional={"usageMetadata": usages})
STATUSES: Final = (
    (400, "INVALID_ARGUMENT"),
    (400, "FAILED_PRECONDITION"),
    (401, "UNAUTHENTICATED"),
    (403, "PERMISSION_DENIED"),
    (404, "NOT_FOUND"),
    (429, "RESOURCE_EXHAUSTED"),
    (499, "CANCELLED"),
    (500, "INTERNAL"),
    (503, "UNAVAILABLE"),
    (504, "DEADLINE_EXCEEDED"),
)
MESSAGES: Final = (
    "Resource has been exhausted.",
    "The input token count (9) exceeds the maximum number of tokens allowed (8).",
    "The model is overloaded.",
    "Please enable billing on your project.",
    "sk-gemini is not yours.",
)
BAD_TOOL: Final = "* GenerateContentRequest.tools[0].function_declarations[0].parameters: bad"
DETAILS: Final = (
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "soon"},
    {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDayPerProject"}]},
    {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerMinute"}]},
    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"},
    {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://ai.google.dev"}]},
)


@st.composite
def errors(draw: st.DrawFn) -> Json:
    code, status = draw(st.sampled_from(STATUSES))
    messages = MESSAGES if code != 400 else (*MESSAGES, BAD_TOOL)
    details = draw(st.lists(st.sampled_from(DETAILS), max_size=3))
    said = {"code": code, "status": status, "message": draw(st.sampled_from(messages))}
    return {**said, "details": details} if details else said


@st.composite
def answers(draw: st.DrawFn, *, is_whole: bool = False) -> list[Json]:
    """Draw the events of an answer; a whole one has an end that can be used."""
    events: list[Json] = [{"candidates": [{"content": {"role": "model", "parts": draw(group)}}]} for _ in range(3)]
    events = events[: draw(st.integers(0, 3))]
    last: Json = {"finishReason": "STOP" if is_whole else draw(reasons), "index": 0}
    if draw(st.booleans()):
        last["content"] = {"role": "model", "parts": draw(group)}
    events.append({"candidates": [last]})
    if not is_whole:
        for odd in draw(st.just([]) | st.lists(odd_events, max_size=2)):
            events.insert(draw(st.integers(0, len(events))), odd)
    head = {"responseId": draw(st.sampled_from(["r1", ""])), "modelVersion": draw(st.sampled_from([*KNOWN, "unheard"]))}
    return [{**event, **draw(st.sampled_from([{}, head])), **draw(used)} for event in events]


group = st.lists(answer_parts, max_size=3)
RATING: Final = {"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}
odd_events: st.SearchStrategy[Json] = st.one_of(
    st.sampled_from(
        [
            {},
            {"candidates": []},
            {"candidates": [{}]},
            {"candidates": [{"content": {}}]},
            {"candidates": [{"content": {"role": "model"}, "safetyRatings": [RATING]}]},
            {"candidates": [{"citationMetadata": {"citationSources": [{"uri": "u"}]}, "avgLogprobs": -0.1}]},
            {"promptFeedback": {"safetyRatings": []}},
            {"promptFeedback": {"blockReason": "SAFETY"}},
            {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "no"}, "candidates": []},
            {"somethingNew": {"a": [1]}, "createTime": "2026-01-01T00:00:00Z"},
            {"candidates": [{"content": {"parts": [{"text": 1}]}}]},
        ]
    ),
    errors().map(lambda error: {"error": error}),
)


class Wire(NamedTuple):
    """How events are written, and what stands between them that is none of the answer."""

    line_end: bytes
    is_ascii: bool
    noise: bytes


PLAIN: Final = Wire(b"\n", is_ascii=True, noise=b"")
wires = st.builds(
    Wire,
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.sampled_from([b"", b": ping\n\n", b"event: message\n", b"retry: 10\nid: 7\n", b"\n\n"]),
)


def written(events: Sequence[Json], wire: Wire) -> list[bytes]:
    ends = wire.line_end * 2
    return [b"data: " + json.dumps(event, ensure_ascii=wire.is_ascii).encode() + ends for event in events]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]
