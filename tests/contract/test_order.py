"""Which events a turn makes, and in which order: docs/wire.md, "Events" and "The order of a turn"."""

from typing import Any

import pytest

from tests.client import Client, Frame, Stream, check, script, text_of

ASK = {
    "type": "client_side",
    "name": "ask_human",
    "description": "Asks.",
    "parameters": {"type": "object", "properties": {"question": {"type": "string"}}},
}
OPENING = ["session.started", "input.message", "session.activated", "turn.started"]
THINKING = ["reason.thinking.started", "reason.thinking.completed"]
ANSWER = ["llm.generation", "output.message.completed", "reason.completed"]
CLOSING = ["turn.completed", "session.idled"]


def called(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def types(stream: Stream) -> list[str]:
    """Return the types of the durable events."""
    return [frame.type for frame in stream.durable]


def spans(frame: Frame) -> tuple[str | None, str | None]:
    """Return the span of an event and the one around it."""
    context = frame.body["context"]
    return context.get("span_id"), context.get("parent_span_id")


async def answered(client: Client, stream: Stream, session_id: str) -> Frame:
    """Answer what the client's tools are asked, once."""
    asked = await stream.wait_for("tool.call_requested")
    session = (await client.http.get(f"/sessions/{session_id}")).json()
    assert session["status"] == "waitingfortoolresults"
    assert "cancel" in [action["rel"] for action in session["allowed_actions"]]
    reply = await client.submit(session_id, **{call["id"]: {"answer": "yes"} for call in asked.data["tool_calls"]})
    assert reply == {"accepted": len(asked.data["tool_calls"]), "status": "active"}
    return asked


async def test_plain_reply(client: Client) -> None:
    """Promised: docs/wire.md, "The order of a turn"."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": "Hello."}))
        await stream.wait_for_end()
        await client.send(session_id, script({"think": "Again?", "say": "Hello again."}))
        await stream.wait_for_end(2)
        check(stream, await client.events(session_id))
    first = [*OPENING, "reason.started", "output.message.started", *ANSWER, *CLOSING]
    second = [*OPENING[1:], "reason.started", *THINKING, "output.message.started", *ANSWER, *CLOSING]
    assert types(stream) == [*first, *second]
    said = stream.of_type("output.message.completed")[0].data["message"]
    assert (said["role"], said["phase"]) == ("agent", "final_answer")
    done = stream.of_type("turn.completed")[0].data
    assert (done["iterations"], done["final_message_id"]) == (1, said["id"])
    total = stream.of_type("session.idled")[1].data["usage"]["input_tokens"]
    assert total == sum(frame.data["usage"]["input_tokens"] for frame in stream.of_type("turn.completed"))


@pytest.fixture
async def long_turn(client: Client) -> tuple[Stream, list[dict[str, Any]]]:
    """A turn that thinks, says, calls two tools side by side and one of the client, and says."""
    session_id = await client.open(capabilities=[{"ref": "test_math"}], tools=[ASK])
    calls = [called("add", a=1, b=2), called("ask_human", question="Sure?"), called("multiply", a=2, b=3)]
    lines = script({"think": "Let me see.", "say": "First I count.", "call": calls}, {"say": "Done."})
    async with client.listen(session_id) as stream:
        await client.send(session_id, lines)
        await answered(client, stream, session_id)
        await stream.wait_for_end()
        check(stream, await client.events(session_id))
    return stream, await client.messages(session_id)


async def test_turn_that_thinks_says_calls_tools_of_both_sides_and_says(
    long_turn: tuple[Stream, list[dict[str, Any]]],
) -> None:
    """Promised: docs/wire.md, "The order of a turn"."""
    stream, messages = long_turn
    assert types(stream) == [
        *OPENING, "reason.started", *THINKING, "output.message.started", *ANSWER,
        "act.started", "tool.started", "tool.started", "tool.completed", "tool.completed",
        "tool.call_requested", "tool.completed", "act.completed",
        "reason.started", "output.message.started", *ANSWER, *CLOSING,
    ]  # fmt: skip
    said = [frame.data["message"] for frame in stream.of_type("output.message.completed")]
    assert [(text_of(m), m["phase"]) for m in said] == [("First I count.", "commentary"), ("Done.", "final_answer")]
    assert [part["type"] for part in said[0]["content"]] == ["text", "tool_call", "tool_call", "tool_call"]
    started = stream.of_type("output.message.started")
    assert [frame.data["message_id"] for frame in started] == [message["id"] for message in said]
    assert [frame.data["iteration"] for frame in started] == [1, 2]
    reasons = [frame.data for frame in stream.of_type("reason.completed")]
    assert [(r["has_tool_calls"], r["tool_call_count"]) for r in reasons] == [(True, 3), (False, 0)]
    [act] = [frame.data for frame in stream.of_type("act.completed")]
    assert (act["completed"], act["success_count"], act["error_count"]) == (True, 3, 0)
    [done] = [frame.data for frame in stream.of_type("turn.completed")]
    assert (done["iterations"], done["tool_call_count"], done["llm_call_count"]) == (2, 3, 2)
    assert done["final_message_id"] == said[1]["id"]
    assert [m["role"] for m in messages] == ["user", "agent", "tool_result", "tool_result", "tool_result", "agent"]
    results = {frame.data["tool_name"]: frame.data["result"][0]["text"] for frame in stream.of_type("tool.completed")}
    assert results == {"add": '{"result":3}', "multiply": '{"result":6}', "ask_human": '{"answer":"yes"}'}


async def test_summaries_and_requests_name_each_side_s_calls(long_turn: tuple[Stream, list[dict[str, Any]]]) -> None:
    """Promised: an act lists the server's calls, a request the client's, and each call completes once."""
    stream, _ = long_turn
    [act], [asked] = stream.of_type("act.started"), stream.of_type("tool.call_requested")
    assert [call["name"] for call in act.data["tool_calls"]] == ["add", "multiply"]
    assert [(call["name"], call["arguments"]) for call in asked.data["tool_calls"]] == [
        ("ask_human", {"question": "Sure?"})
    ]
    begun = {frame.data["tool_call"]["id"] for frame in stream.of_type("tool.started")}
    ended = [frame.data["tool_call_id"] for frame in stream.of_type("tool.completed")]
    assert begun == {call["id"] for call in act.data["tool_calls"]}
    assert sorted(ended) == sorted([*begun, asked.data["tool_calls"][0]["id"]])


async def test_spans_nest(long_turn: tuple[Stream, list[dict[str, Any]]]) -> None:
    """Promised: spans nest."""
    stream, _ = long_turn
    turn_id = stream.of_type("turn.started")[0].data["turn_id"]
    within = [f for f in stream.frames if f.type not in ("connected", "session.started", "input.message")]
    assert (
        {f.body["context"]["turn_id"] for f in within} == {f.body["context"]["trace_id"] for f in within} == {turn_id}
    )
    for frame in [f for f in within if f.type.startswith(("turn.", "session."))]:
        assert spans(frame) == (turn_id, None)
    steps: list[str | None] = []
    for kind in ("reason", "act"):
        begun, ended = stream.of_type(f"{kind}.started"), stream.of_type(f"{kind}.completed")
        assert [spans(f) for f in begun] == [spans(f) for f in ended]
        for frame in begun:
            assert spans(frame) == (frame.body["context"]["exec_id"], turn_id)
            steps.append(spans(frame)[0])
    assert len(steps) == len(set(steps)) == 3
    for frame, reason in zip(stream.of_type("llm.generation"), steps, strict=False):
        assert spans(frame)[1] == reason != spans(frame)[0]
    tools = [f for f in stream.frames if f.type.startswith("tool.")]
    assert {spans(f)[1] for f in tools} == {steps[2]}
    by_call: dict[str, set[str | None]] = {}
    for frame in tools:
        for call in frame.data.get("tool_calls") or [frame.data.get("tool_call") or {"id": frame.data["tool_call_id"]}]:
            by_call.setdefault(call["id"], set()).add(spans(frame)[0])
    assert [len(found) for found in by_call.values()] == [1, 1, 1]
    assert len(set.union(*by_call.values()) - {None, *steps}) == 3


async def test_envelopes_and_frames(long_turn: tuple[Stream, list[dict[str, Any]]]) -> None:
    """Promised: dense sequences and SSE ids for durable events only, ids that sort."""
    stream, _ = long_turn
    events = [frame for frame in stream.frames if frame.type != "connected"]
    for frame in events:
        assert {"id", "type", "ts", "session_id", "context", "data"} <= frame.body.keys()
        assert frame.body["type"] == frame.type
        is_delta = frame.type.endswith(".delta")
        assert (frame.sequence is None) == is_delta
        assert (frame.id == frame.body["id"]) != is_delta  # a frame without an id keeps the one before it
    assert {f.type for f in events if f.sequence is None} == {"output.message.delta", "reason.thinking.delta"}
    ids = [frame.body["id"] for frame in events]
    assert ids == sorted(set(ids))


async def test_call_of_the_client_alone_opens_no_act(client: Client) -> None:
    """Promised: calls of the client alone open no act."""
    session_id = await client.open(tools=[ASK])
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"call": [called("ask_human", question="?")]}, {"say": "Done."}))
        asked = await answered(client, stream, session_id)
        await stream.wait_for_end()
        check(stream, await client.events(session_id))
    assert types(stream) == [
        *OPENING, "reason.started", "output.message.started", *ANSWER, "tool.call_requested", "tool.completed",
        "reason.started", "output.message.started", *ANSWER, *CLOSING,
    ]  # fmt: skip
    assert spans(stream.of_type("tool.completed")[0]) == spans(asked)
    assert spans(asked)[1] == spans(stream.of_type("reason.started")[0])[0]


async def test_new_message_drops_the_wait_and_starts_a_fresh_turn(client: Client) -> None:
    """Promised: docs/wire.md, "Messages"."""
    session_id = await client.open(tools=[ASK])
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"call": [called("ask_human", question="?")]}, {"say": "Never."}))
        asked = await stream.wait_for("tool.call_requested")
        await client.send(session_id, script({"say": "Something else."}))
        await stream.wait_for_end(2)
        check(stream, await client.events(session_id))
    [settled] = stream.of_type("tool.completed")
    assert (settled.data["tool_call_id"], settled.data["success"]) == (asked.data["tool_calls"][0]["id"], False)
    assert settled.data["error"]
    assert [frame.type for frame in stream.frames if frame.type.startswith("turn.")][1:] == [
        "turn.cancelled", "turn.started", "turn.completed",
    ]  # fmt: skip
    late = await client.http.post(
        f"/sessions/{session_id}/tool-results",
        json={"tool_results": [{"tool_call_id": settled.data["tool_call_id"], "result": 1}]},
    )
    assert late.status_code == 409


async def test_results_must_be_those_that_were_asked_for(client: Client) -> None:
    """Promised: 400 when ids do not match the pending set; the wait goes on."""
    session_id = await client.open(tools=[ASK])
    url = f"/sessions/{session_id}/tool-results"
    async with client.listen(session_id) as stream:
        calls = [called("ask_human", question="a"), called("ask_human", question="b")]
        await client.send(session_id, script({"call": calls}, {"say": "Done."}))
        asked = (await stream.wait_for("tool.call_requested")).data["tool_calls"]
        first, second = ({"tool_call_id": call["id"], "result": 1} for call in asked)
        for wrong in ([first], [first, first], [first, second, {"tool_call_id": "call_else", "result": 1}]):
            refused = await client.http.post(url, json={"tool_results": wrong})
            assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
        failed = {"tool_call_id": second["tool_call_id"], "error": "Nobody is there."}
        assert (await client.http.post(url, json={"tool_results": [first, failed]})).json()["accepted"] == 2
        await stream.wait_for_end()
        check(stream, await client.events(session_id))
    outcomes = [(f.data["success"], f.data["status"], f.data.get("error")) for f in stream.of_type("tool.completed")]
    assert outcomes == [(True, "success", None), (False, "error", "Nobody is there.")]


async def test_cancelled_turn(client: Client) -> None:
    """Promised: a cancel is announced first, then what was open is closed."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"say": "word " * 500, "tokens_per_second": 2}))
        await stream.wait_for("output.message.delta")
        reply = await client.http.post(f"/sessions/{session_id}/cancel")
        assert reply.json()["status"] == "cancelled"
        assert await stream.wait_for_end() == stream.of_type("turn.cancelled")[0]
        check(stream, await client.events(session_id))
    assert types(stream) == [
        *OPENING, "reason.started", "output.message.started",
        "turn.cancelled", "input.message", "output.message.completed", "reason.completed", "session.idled",
    ]  # fmt: skip
    count = len(await client.events(session_id))
    assert (await client.http.post(f"/sessions/{session_id}/cancel")).json()["status"] == "no_op"
    assert len(await client.events(session_id)) == count


async def test_failed_turn(client: Client) -> None:
    """Promised: friendly words with a code, and the session stays usable."""
    session_id = await client.open()
    async with client.listen(session_id) as stream:
        await client.send(session_id, script({"fail": {"status": 401, "times": 9}}))
        await stream.wait_for_end()
        await client.send(session_id, script({"say": "Better."}))
        await stream.wait_for_end(2)
        check(stream, await client.events(session_id))
    assert types(stream)[: len(OPENING) + 7] == [
        *OPENING, "reason.started", "output.message.started", *ANSWER, "turn.failed", "session.idled",
    ]  # fmt: skip
    assert stream.of_type("llm.generation")[0].data["metadata"]["success"] is False
    assert stream.of_type("reason.completed")[0].data["success"] is False
    said, failed = stream.of_type("output.message.completed")[0].data, stream.of_type("turn.failed")[0].data
    assert said["error_code"] == failed["error_code"] == "provider_misconfigured"
    assert said["message"]["metadata"]["error_code"] == said["error_code"]
    assert said["message"]["metadata"].get("error_fields") == said.get("error_fields")
    assert stream.of_type("turn.completed")


async def test_iterations_that_run_out_are_no_failure(client: Client) -> None:
    """Promised: the cap ends the turn with turn.completed."""
    session_id = await client.open(capabilities=[{"ref": "test_math"}], max_iterations=2)
    async with client.listen(session_id) as stream:
        step = {"call": [called("add", a=1, b=2)]}
        await client.send(session_id, script(step, step, step))
        await stream.wait_for_end()
        check(stream, await client.events(session_id))
    assert stream.of_type("turn.completed")[0].data["iterations"] == 2
