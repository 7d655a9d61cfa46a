import asyncio
import json
import logging
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from starlette.types import Message

from api.http.sse import EventStream, Follower, Start, Streams, Timing
from runtime.core.access.principal import ANONYMOUS
from runtime.ports.events import Filter
from runtime.process.log import get_logger, redact, relay, set_up
from tests.fakes import SESSION_ID, FakeGateway, ListLog
from tests.unit.api.builders import stored


@pytest.fixture
def output() -> Iterator[StringIO]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    stream = StringIO()
    set_up("info", as_json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def last(stream: StringIO) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return entry


def test_entry_is_one_json_object_with_level_logger_and_utc_time(output: StringIO) -> None:
    get_logger("runtime.engine.session").info("turn_finished", tokens=812, duration_s=4.1)
    entry = last(output)
    assert entry.pop("at").endswith("Z")
    assert entry == {
        "event": "turn_finished",
        "tokens": 812,
        "duration_s": 4.1,
        "level": "info",
        "logger": "runtime.engine.session",
    }


def test_bound_context_is_in_every_entry(output: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(session_id="session_1"):
        get_logger("a").info("x")
    assert last(output)["session_id"] == "session_1"


def test_entry_below_the_level_is_dropped(output: StringIO) -> None:
    get_logger("a").debug("x")
    assert output.getvalue() == ""


def test_libraries_log_in_the_same_form(output: StringIO) -> None:
    logging.getLogger("uvicorn").warning("port %d is taken", 9000)
    assert (last(output)["event"], last(output)["level"]) == ("port 9000 is taken", "warning")


@pytest.mark.parametrize(("level", "is_told"), [("info", False), ("debug", True)])
def test_requests_of_http_clients_are_for_those_who_debug(level: str, is_told: bool) -> None:  # noqa: FBT001  pytest's
    output = StringIO()
    set_up(level, as_json=True, stream=output)
    logging.getLogger("httpx2").info("HTTP Request: POST …")
    assert ("HTTP Request" in output.getvalue()) == is_told


async def test_what_clients_are_sent_is_for_nobodys_log(output: StringIO) -> None:
    """Promised: no entry holds message content; the library that writes streams would tell all of it at debug."""
    sent = b""

    async def send(message: Message) -> None:
        nonlocal sent
        sent += message.get("body", b"")
        if stored(1).body in sent:
            streams.close()

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    set_up("debug", as_json=True, stream=output)
    streams = Streams(per_session=1, total=1)
    follower = Follower(ANONYMOUS, SESSION_ID, ListLog(stored(1)), FakeGateway(), Filter())
    stream = EventStream(SESSION_ID, follower, Start(after_sequence=0), streams, Timing(3600, 3600))
    await stream({"type": "http", "method": "GET"}, receive, send)
    assert b"disconnecting" in sent
    assert output.getvalue() == ""


def test_logger_made_before_set_up_obeys_it(output: StringIO) -> None:
    logger = get_logger("early")
    second = StringIO()
    set_up("error", as_json=True, stream=second)
    logger.warning("dropped")
    logger.error("kept")
    assert last(second)["event"] == "kept"
    assert output.getvalue() == ""


def test_exception_is_logged_in_full_but_not_its_secrets(output: StringIO) -> None:
    failure = RuntimeError("cannot reach postgresql://ada:pa55word@db/x")
    get_logger("a").error("store_failed", exc_info=failure)
    assert "RuntimeError: cannot reach" in last(output)["exception"]
    assert "pa55word" not in output.getvalue()


@pytest.mark.parametrize("name", ["password", "api_key", "openai_api_key", "Authorization", "access_token", "secret"])
def test_value_with_a_secret_name_is_hidden(name: str) -> None:
    assert redact(None, "info", {name: "x", "deep": [{name: "y"}]}) == {
        name: "[redacted]",
        "deep": [{name: "[redacted]"}],
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://ada:pa55word@db/x", "postgresql://ada:[redacted]@db/x"),
        ("key sk-abcdefghijklmnop1234 used", "key [redacted] used"),
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: [redacted]"),
        ("http://127.0.0.1:9000/health", "http://127.0.0.1:9000/health"),
    ],
)
def test_value_that_looks_secret_is_hidden_wherever_it_stands(value: str, shown: str) -> None:
    assert redact(None, "info", {"note": value})["note"] == shown


def test_counts_of_tokens_are_no_secret() -> None:
    entry = {"tokens": 812, "input_tokens": 3, "max_tokens": 4}
    assert redact(None, "info", entry) == entry


ENTRY = {
    "event": "tool_failed",
    "level": "error",
    "logger": "runtime.engine.act",
    "at": "2026-11-26T09:00:00Z",
    "session_id": "session_1",
    "tool": "roll",
    "exception": "Traceback …\nValueError: no dice",
}


def test_entry_of_another_process_is_logged_as_it_was(output: StringIO) -> None:
    relay(json.dumps(ENTRY))
    assert last(output) == ENTRY


def test_entry_of_another_process_is_text_for_people_with_its_traceback(output: StringIO) -> None:
    text = StringIO()
    set_up("info", as_json=False, stream=text)
    relay(json.dumps(ENTRY))
    first, *rest = text.getvalue().splitlines()
    assert [word for word in ("error", "tool_failed", "session_1", "roll") if word not in first] == []
    assert rest[-1] == "ValueError: no dice"


@pytest.mark.parametrize(
    "line", ["", "words of a library", "[1, 2]", "{}", '{"event": "x"}', json.dumps(ENTRY | {"level": "info"})]
)
def test_what_no_one_need_do_anything_about_is_not_relayed(output: StringIO, line: str) -> None:
    relay(line)
    assert output.getvalue() == ""


@pytest.mark.parametrize(("level", "is_told"), [("debug", True), ("info", False)])
def test_small_talk_of_another_process_is_for_those_who_debug(level: str, is_told: bool) -> None:  # noqa: FBT001  pytest's
    output = StringIO()
    set_up(level, as_json=True, stream=output)
    relay(json.dumps(ENTRY | {"level": "info"}))
    assert bool(output.getvalue()) == is_told


@pytest.mark.parametrize("word", ["a", "a1.+-", "x://a:", "sk-", "_token", "x://a:sk-abcdefghijklmnop/"])
def test_a_long_word_costs_no_more_than_its_length(word: str) -> None:
    """Ten times as long costs ten times as much, not a hundred times: the lease of an actor is short."""

    def best_s(length: int) -> float:
        text = word * (length // len(word))
        took = []
        for _ in range(3):
            began = time.thread_time()
            redact(None, "info", {"note": text})
            took.append(time.thread_time() - began)
        return min(took)

    assert best_s(30_000) < 40 * best_s(3_000) + 0.01


def test_text_beyond_measure_is_cut_where_no_secret_is_halved() -> None:
    text = "word " * 6_553 + "postgresql://ada:pa55word@db/x " + "z" * 9_000
    shown = redact(None, "info", {"note": text})["note"]
    assert shown == "word " * 6_552 + f"word … ({len(text)} characters)"


def test_an_entry_shows_the_first_of_many_items() -> None:
    assert len(redact(None, "info", {"ids": ["x"] * 5_000})["ids"]) == 1_000


def test_half_a_surrogate_pair_does_not_stop_an_entry(output: StringIO) -> None:
    get_logger("a").info("x", note="\ud800", deep={"\udfff": 1})
    assert (last(output)["note"], last(output)["deep"]) == ("?", {"?": 1})
