"""Gemini is asked and understood as pydantic-ai does it, whatever is said.

Where the two differ on purpose, `neutral`, `heard` and the laws say so.
"""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.core.failure import ANSWER_UNUSABLE
from runtime.core.message import ImagePart, Part, TextPart, ToolCallPart, Turned
from runtime.models import failures
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta, ToolSpec
from tests.gemini_answers import KNOWN, PLAIN, Json, Wire, answers, cut, errors, values, wires, words, written
from tests.laws import share
from tests.lean import Lean
from tests.model_servers.requests import agent, ref, result, user
from tests.model_servers.requests import asked as asked_of
from tests.truth import Truth

VENDOR: Final = BY_TYPE["gemini"]
OTHERS: Final = (
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-2.5-flash-image",
    "gemini-2.0-flash",
    "gemini-1.5-pro",
    "gemini-pro",
    "gemini-3-pro-preview",
    "gemini-3-flash-preview",
    "gemini-3.1-flash-image",
    "gemini-3.1-flash-lite-image",
    "gemini-3.7-flash",
    "gemini-flash-latest",
    "gemma-3-27b-it",
    "models/gemini-3.8-flash",
)
EFFORTS: Final = (None, "none", "minimal", "low", "medium", "high", "xhigh", "whatever")
SPEEDS: Final = (None, "auto", "default", "flex", "priority")
FRESH: Final = re.compile(r"(?:pyd_ai|call)_[0-9a-f]{32}(?:_\d+)?")

pytestmark = pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")


class Sides(NamedTuple):
    """The measure, and ours."""

    theirs: Truth
    ours: Lean
    runner: asyncio.Runner


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with asyncio.Runner() as runner:
        yield Sides(Truth(), Lean(), runner)


# ---------------------------------------------------------------- what is compared


def asked(*history: Turned, name: str = VENDOR.default_model, **wishes: Any) -> ModelRequest:
    return asked_of(ref("gemini", name), *history, **wishes)


def neutral(value: Any) -> Any:
    """Number the ids that were made for calls that came without one: each side makes its own."""
    seen: dict[str, str] = {}
    text = json.dumps(value, sort_keys=True)
    return json.loads(FRESH.sub(lambda found: seen.setdefault(found[0], f"fresh_{len(seen)}"), text))


def heard(items: list[StreamItem]) -> Json:
    """Return what came of a stream.

    A reason to stop that has no word is `stop` for us, None for them. A reply without any usage costs nothing for us
    and who knows what for them.
    """
    deltas, reply = items[:-1], whole(items)
    assert "".join(item.text for item in deltas if isinstance(item, TextDelta)) == reply.text
    assert "".join(item.text for item in deltas if isinstance(item, ReasoningDelta)) == (reply.thinking or "")
    assert len({call.id for call in reply.tool_calls}) == len(reply.tool_calls)
    told = msgspec.to_builtins(
        msgspec.structs.replace(reply, private=None, finish_reason=reply.finish_reason or "stop")
    )
    used = told["usage"]
    if not any(used.values()):
        used.pop("estimated_cost_usd", None)
    return neutral(told)  # type: ignore[no-any-return]


def failed(err: ModelUnavailableError | ModelRejectedError) -> Json:
    wait_s = err.retry_after_s if isinstance(err, ModelUnavailableError) else 0.0
    return {
        "is": type(err).__name__,
        "code": err.failure,
        "status": err.status,
        "wait_s": wait_s,
        "says": f"{err} {err.said}",
    }


def ask(
    side: Truth | Lean, sides: Sides, request: ModelRequest, pieces: Sequence[bytes], status: int = 200
) -> list[StreamItem] | Json:
    try:
        return sides.runner.run(side.items(request, pieces, status))
    except (ModelUnavailableError, ModelRejectedError) as err:
        return failed(err)


def whole(found: list[StreamItem] | Json) -> ModelReply:
    assert isinstance(found, list), found
    assert isinstance(found[-1], ModelReply)
    return found[-1]


def outcome(found: list[StreamItem] | Json) -> Json:
    return heard(found) if isinstance(found, list) else found


def bodies(sides: Sides, theirs: ModelRequest, ours: ModelRequest) -> tuple[Json, Json]:
    return (
        neutral(sides.runner.run(sides.theirs.body(theirs))),
        neutral(sides.runner.run(sides.ours.body(ours))),
    )


# ---------------------------------------------------------------- answers


@given(events=answers(), wire=wires, places=st.lists(st.integers(0, 1 << 16), max_size=4))
@share(1.5)
def test_an_answer_is_read_as_pydantic_ai_reads_it(
    sides: Sides, events: list[Json], wire: Wire, places: list[int]
) -> None:
    """Comments and names of events are for us only: the SDK stumbles over them."""
    request, pieces = asked(user("Hello.")), written(events, wire)
    theirs = ask(sides.theirs, sides, request, cut(b"".join(pieces), places))
    ours = ask(sides.ours, sides, request, cut(wire.noise + wire.noise.join(pieces), places))
    if outcome(ours).get("code") == ANSWER_UNUSABLE:  # for the SDK such an end is an answer that broke off
        assert outcome(theirs)["code"] == failures.UNAVAILABLE
        return
    assert outcome(ours) == outcome(theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        their_body, our_body = bodies(sides, *(asked(user("Hello."), agent(whole(found))) for found in (theirs, ours)))
        assert our_body == their_body


@given(events=answers(), wire=wires, size=st.integers(0, 1 << 16), places=st.lists(st.integers(0, 1 << 16), max_size=2))
@share(1.0)
def test_an_answer_that_is_cut_off_is_none(
    sides: Sides, events: list[Json], wire: Wire, size: int, places: list[int]
) -> None:
    """An event counts once an empty line has closed it: the SDK takes the last one without."""
    request, pieces = asked(user("Hello.")), written(events, wire)
    stream = b"".join(pieces)
    beginning = stream[: size % (len(stream) + 1)]
    closed = (
        beginning[: beginning.rfind(wire.line_end * 2) + len(wire.line_end * 2)]
        if wire.line_end * 2 in beginning
        else b""
    )
    ours = outcome(ask(sides.ours, sides, request, cut(beginning, places)))
    if ours.get("code") == ANSWER_UNUSABLE:
        return
    if ours.get("code") != failures.UNAVAILABLE or closed == beginning:
        assert ours == outcome(ask(sides.theirs, sides, request, [closed]))


def test_an_answer_with_something_of_another_shape_in_it_is_none(sides: Sides) -> None:
    """The SDK takes such an event now and then, so there is no measure."""
    events: list[Json] = [
        {"candidates": "none"},
        {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]},
    ]
    ours = outcome(ask(sides.ours, sides, asked(user("Hello.")), written(events, PLAIN)))
    assert ours.get("code") == failures.UNAVAILABLE


# ---------------------------------------------------------------- requests

tools = st.lists(
    st.builds(
        ToolSpec,
        st.sampled_from(["add", "look_up"]),
        words,
        st.sampled_from(
            [
                {},
                {"type": "object", "properties": {}},
                {"type": "object", "properties": {"a": {"type": "integer", "title": "A"}}, "required": ["a"]},
                {"type": "object", "properties": {"when": {"type": "string", "format": "date", "default": None}}},
            ]
        ),
    ),
    max_size=2,
    unique_by=lambda tool: tool.name,
)
PNG: Final = b64encode(b"\x89PNG\xff\xfe").decode()
pictures = st.sampled_from(
    [
        ImagePart(base64=PNG, media_type="image/png"),
        ImagePart(base64=PNG),
        ImagePart(base64="no base64"),
        ImagePart(url=f"data:image/webp;base64,{PNG}"),
        ImagePart(url="https://generativelanguage.googleapis.com/v1beta/files/abc", media_type="image/jpeg"),
        ImagePart(url="https://generativelanguage.googleapis.com/v1beta/files/abc.gif"),
    ]
)
spoken = st.lists(words.map(TextPart) | words.map(TextPart) | pictures, max_size=3)
results = st.lists(st.sampled_from(["missing", "error"]) | values | words, max_size=4)


@st.composite
def turns(draw: st.DrawFn) -> list[Any]:
    """Draw a conversation: what users say, what the agent answered as events or else as text, what came of calls."""
    made: list[Any] = []
    for _ in range(draw(st.integers(0, 4))):
        made.append(
            draw(
                spoken.map(lambda said: ("user", said)) | answers(is_whole=True).map(lambda events: ("answer", events))
            )
        )
        if made[-1][0] == "answer":
            made.append(("results", draw(results)))
    return made


def told(sides: Sides, plan: Sequence[tuple[str, Any]]) -> tuple[list[Turned], list[Turned]]:
    """Return the history as each side has made it."""
    theirs: list[Turned] = []
    ours: list[Turned] = []
    made: tuple[tuple[Truth | Lean, list[Turned]], ...] = ((sides.theirs, theirs), (sides.ours, ours))
    for number, (kind, content) in enumerate(plan):
        for side, history in made:
            match kind:
                case "user":
                    history.append(user("", f"message_{number}", *content))
                case "answer":
                    found = ask(side, sides, asked(*history), written(content, PLAIN))
                    history.append(agent(whole(found), f"message_{number}"))
                case "results":
                    history.extend(returned(history[-1].message.tool_calls, content))
    return theirs, ours


def returned(calls: Sequence[ToolCallPart], ends: Sequence[Any]) -> Iterator[Turned]:
    for call, end in zip(calls, ends, strict=False):
        if end == "error":
            yield result(call.id, error="It did not work.")
        elif end != "missing":
            yield result(call.id, end)


def without_tools_for_pictures(wishes: Json) -> Json:
    return {**wishes, "tools": ()} if "image" in wishes["name"] else wishes


wishes: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "name": st.sampled_from(KNOWN) | st.sampled_from(OTHERS),
        "system": st.sampled_from(["", " ", "Be brief.", "Be \u00fc\u2028ber."]),
        "tools": tools.map(tuple),
        "reasoning_effort": st.sampled_from(EFFORTS),
        "speed": st.sampled_from(SPEEDS),
        "verbosity": st.sampled_from([None, "low"]),
        "parallel_tool_calls": st.sampled_from([None, True, False]),
    }
).map(without_tools_for_pictures)


@given(plan=turns(), last=spoken, wishes=wishes)
@share(1.0)
def test_a_request_is_the_one_that_pydantic_ai_sends(
    sides: Sides, plan: list[tuple[str, Any]], last: list[Part], wishes: Json
) -> None:
    """Image models take no tools: pydantic-ai does not even ask, so nothing is compared."""
    end = user("", "message_last", *last)
    theirs, ours = (asked(*history, end, **wishes) for history in told(sides, plan))
    their_body, our_body = bodies(sides, theirs, ours)
    assert our_body == their_body


@pytest.mark.parametrize("name", [*KNOWN, *OTHERS])
def test_a_model_is_asked_to_think_as_it_can(sides: Sides, name: str) -> None:
    for effort in EFFORTS:
        request = asked(user("Hello."), name=name, reasoning_effort=effort)
        their_body, our_body = bodies(sides, request, request)
        assert our_body == their_body
        sent = sides.theirs.sent[-1]
        url, headers, _ = sides.ours.sent[-1]
        assert str(sent.url) == url
        assert dict(sent.headers).items() >= headers.items()


# ---------------------------------------------------------------- refusals


forms = st.sampled_from([lambda error: {"error": error}, lambda error: [{"error": error}]])


@given(error=errors(), form=forms)
@share(1.0)
def test_a_refusal_is_understood_as_pydantic_ai_understands_it(
    sides: Sides, error: Json, form: Callable[[Json], Any]
) -> None:
    theirs, ours = refusals(sides, json.dumps(form(error)).encode(), error["code"])
    assert ours == theirs


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'{"error":"no"}', b'{"error":{"details":{}}}'])
@pytest.mark.parametrize("status", [400, 404, 429, 503])
def test_a_refusal_in_another_form_is_understood_by_its_status(sides: Sides, body: bytes, status: int) -> None:
    """What is no JSON of Google's is shown to nobody."""
    theirs, ours = refusals(sides, body, status)
    assert {**ours, "says": ""} == {**theirs, "says": ""}


def refusals(sides: Sides, body: bytes, status: int) -> tuple[Json, Json]:
    request = asked(user("Hello."))
    theirs, ours = (outcome(ask(side, sides, request, [body], status)) for side in (sides.theirs, sides.ours))
    return theirs, ours
