"""Turns on a real database: which events, in which order (docs/wire.md, "The order of a turn")."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec
import pytest

from runtime.core.errors import ConflictError, InvalidInputError, ModelRejectedError, ModelUnavailableError
from runtime.core.message import MessagePhase, Role
from runtime.core.session import draft as write
from runtime.ports.gateway import ClientResult
from runtime.ports.model import ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta
from runtime.process.behalf import ON_BEHALF_OF
from runtime.store.harnesses import HarnessStore
from runtime.wire.protocol import Cancel, Submit
from tests.integration.conftest import Deployment
from tests.laws import check_log
from tests.stage import FAST, Conversation, Gate, ScriptedModel, call, say
from tests.tenancy import ours

OPENING = ["session.started", "input.message", "session.activated", "turn.started", "reason.started"]
THINKING = (ReasoningDelta("let me "), ReasoningDelta("see"))
BOTH = (call("c1", "add", a=1, b=2), call("c2", "multiply", a=3, b=4))
ASK = call("c3", "ask_human")


def durable(conversation: Conversation) -> list[str]:
    return [frame.type for frame in conversation.process.frames if frame.sequence]


async def test_a_turn_that_thinks_calls_waits_and_answers_has_exactly_these_events(deployment: Deployment) -> None:
    chat = await deployment.begin((*THINKING, *say("Wait.", *BOTH)), say("", ASK), say("All done."))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    assert await deployment.status(chat.session_id) == "waitingfortoolresults"
    assert await chat.ask(Submit((ClientResult("c3", {"answer": 42}),))) == "active"
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    types = [event.type for event in log]
    tools = types.index("tool.started")
    assert types[:tools] == [
        *OPENING,
        "reason.thinking.started", "reason.thinking.completed", "output.message.started",
        "llm.generation", "output.message.completed", "reason.completed", "act.started",
    ]  # fmt: skip
    assert types[tools : tools + 4] == ["tool.started", "tool.started", "tool.completed", "tool.completed"]
    assert types[tools + 4 :] == [
        "act.completed",
        "reason.started", "output.message.started", "llm.generation", "output.message.completed", "reason.completed",
        "tool.call_requested", "tool.completed",
        "reason.started", "output.message.started", "llm.generation", "output.message.completed", "reason.completed",
        "turn.completed", "session.idled",
    ]  # fmt: skip
    check_log(log)
    by_type = {event.type: event.data for event in log}
    assert by_type["reason.thinking.completed"].thinking == "let me see"
    assert by_type["turn.completed"].iterations == 3
    assert by_type["turn.completed"].tool_call_count == 3
    assert by_type["turn.completed"].final_answer_preview == "All done."
    results = {e.data.tool_call_id: e.data.result for e in log if e.type == "tool.completed"}
    assert [msgspec.json.decode(results[i][0].text) for i in ("c1", "c2", "c3")] == [
        {"result": 3}, {"result": 12}, {"answer": 42},
    ]  # fmt: skip
    assert await deployment.status(chat.session_id) == "idle"


async def test_what_clients_see_is_what_was_stored_and_each_delta_follows_its_start(deployment: Deployment) -> None:
    chat = await deployment.begin((*THINKING, *say("one two three")))
    await chat.send("go")
    await chat.turns_ended()
    frames = chat.process.frames
    stored = await deployment.log(chat.session_id)
    assert [(f.sequence, f.type) for f in frames if f.sequence] == [(e.sequence, e.type) for e in stored]
    types = chat.process.types()
    started, completed = types.index("output.message.started"), types.index("output.message.completed")
    deltas = [i for i, type_ in enumerate(types) if type_ == "output.message.delta"]
    assert deltas
    assert started < deltas[0] <= deltas[-1] < completed
    texts = [msgspec.json.decode(frames[i].body)["data"] for i in deltas]
    assert "".join(t["delta"] for t in texts) == texts[-1]["accumulated"] == "one two three"


async def test_phases_tell_commentary_from_the_final_answer(deployment: Deployment) -> None:
    chat = await deployment.begin(say("Wait.", BOTH[0]), say("Three."))
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    phases = [e.data.message.phase for e in log if e.type == "output.message.completed"]
    assert phases == [MessagePhase.COMMENTARY, MessagePhase.FINAL_ANSWER]


async def test_a_batch_of_server_and_client_tools_ends_its_act_after_the_clients_results(
    deployment: Deployment,
) -> None:
    chat = await deployment.begin(say("", BOTH[0], ASK), say("done"))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    await chat.ask(Submit((ClientResult("c3", error="no human here"),)))
    await chat.turns_ended()
    types = durable(chat)
    start = types.index("act.started")
    assert types[start : start + 7] == [
        "act.started", "tool.started", "tool.completed", "tool.call_requested", "tool.completed", "act.completed",
        "reason.started",
    ]  # fmt: skip
    log = await deployment.log(chat.session_id)
    check_log(log)
    [outcome] = [e.data for e in log if e.type == "tool.completed" and e.data.tool_call_id == "c3"]
    assert (outcome.success, outcome.status, outcome.error) == (False, "error", "no human here")


async def test_results_must_be_exactly_those_that_are_awaited(deployment: Deployment) -> None:
    chat = await deployment.begin(say("", ASK), say("done"))
    with pytest.raises(ConflictError, match="not waiting for tool results"):
        await chat.ask(Submit((ClientResult("c3", 1),)))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    for wrong in ((), (ClientResult("c4", 1),), (ClientResult("c3", 1), ClientResult("c3", 2))):
        with pytest.raises(InvalidInputError):
            await chat.ask(Submit(wrong))
    await chat.ask(Submit((ClientResult("c3", 1),)))
    with pytest.raises(ConflictError, match="not waiting for tool results"):
        await chat.ask(Submit((ClientResult("c3", 1),)))
    await chat.turns_ended()
    check_log(await deployment.log(chat.session_id))


async def test_a_client_that_never_answers_is_timed_out(deployment: Deployment) -> None:
    tunables = replace(FAST, client_tool_timeout_s=0.01)
    chat = await deployment.begin(say("", ASK), say("too late"), tunables=tunables)
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    [outcome] = [e.data for e in log if e.type == "tool.completed"]
    assert outcome.status == "timeout"
    assert "timed out" in outcome.error
    assert log[-2].type == "turn.completed"


async def test_a_message_to_a_waiting_session_drops_the_wait_and_starts_a_fresh_turn(deployment: Deployment) -> None:
    chat = await deployment.begin(say("", ASK), say("fresh"))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    await chat.send("never mind")
    await chat.process.seen("tool.call_requested", 2)
    types = durable(chat)
    start = types.index("tool.call_requested")
    assert types[start : start + 6] == [
        "tool.call_requested", "tool.completed", "turn.cancelled", "session.idled",
        "input.message", "session.activated",
    ]  # fmt: skip
    await chat.ask(Cancel())
    check_log(await deployment.log(chat.session_id))


async def test_a_message_after_the_results_steers_the_turn_and_does_not_end_it(deployment: Deployment) -> None:
    chat = await deployment.begin(say("", ASK), say("done"))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    submitted = chat.process.start(chat.session_id, chat.epoch, Submit((ClientResult("c3", 1),)))
    sent = asyncio.create_task(chat.send("and this"))
    await submitted
    await sent
    await chat.turns_ended()
    types = durable(chat)
    assert "turn.cancelled" not in types
    check_log(await deployment.log(chat.session_id))


async def test_a_message_during_a_model_call_is_heard_by_the_next_one_of_the_same_turn(deployment: Deployment) -> None:
    gate = Gate()
    model = ScriptedModel((TextDelta("one"), gate, ModelReply(text="one")), say("two"))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("first")
    await gate.reached()
    await chat.send("second")
    gate.open()
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.type for e in log].count("turn.started") == 1
    assert [t.message.text for t in model.requests[1].history] == ["first", "one", "second"]


async def test_a_message_during_a_tool_call_is_heard_after_it(deployment: Deployment) -> None:
    deployment.probe.gate = gate = Gate()
    model = ScriptedModel(say("", call("c1", "look")), say("two"))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("first")
    await gate.reached()
    await chat.send("second")
    gate.open()
    await chat.turns_ended()
    assert [t.message.role for t in model.requests[1].history] == [
        Role.USER, Role.AGENT, Role.USER, Role.TOOL_RESULT,
    ]  # fmt: skip
    assert durable(chat).count("turn.started") == 1
    check_log(await deployment.log(chat.session_id))


# ---------------------------------------------------------------- cancel


async def test_cancel_keeps_what_was_seen_of_the_message(deployment: Deployment) -> None:
    gate = Gate()
    chat = await deployment.begin((TextDelta("half of "), TextDelta("it"), gate, ModelReply(text="half of it all")))
    await chat.send("go")
    await gate.reached()
    assert await chat.ask(Cancel()) is True
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    assert [e.type for e in log[6:]] == [
        "turn.cancelled", "input.message", "output.message.completed", "reason.completed", "session.idled",
    ]  # fmt: skip
    [kept] = [e.data.message for e in log if e.type == "output.message.completed"]
    [started] = [e.data for e in log if e.type == "output.message.started"]
    assert (kept.id, kept.text) == (started.message_id, "half of it")
    assert kept.metadata == {"interrupted": True, "reason": "cancelled"}
    check_log(log)
    assert await deployment.status(chat.session_id) == "idle"


async def test_cancel_before_the_first_token_says_so(deployment: Deployment) -> None:
    gate = Gate()
    chat = await deployment.begin((gate, *say("never")))
    await chat.send("go")
    await gate.reached()
    assert await chat.ask(Cancel()) is True
    log = await deployment.log(chat.session_id)
    check_log(log)
    [kept] = [e.data.message for e in log if e.type == "output.message.completed"]
    assert kept.text == write.CANCELLED_TEXT


async def test_cancel_while_thinking_keeps_the_thoughts(deployment: Deployment) -> None:
    gate = Gate()
    chat = await deployment.begin((*THINKING, gate, *say("never")))
    await chat.send("go")
    await gate.reached()
    await chat.ask(Cancel())
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.data.thinking for e in log if e.type == "reason.thinking.completed"] == ["let me see"]


async def test_cancel_during_a_tool_stops_it_and_settles_its_call(deployment: Deployment) -> None:
    deployment.probe.gate = gate = Gate()
    chat = await deployment.begin(say("", call("c1", "look"), call("c2", "add", a=1, b=1)), say("never"))
    await chat.send("go")
    await gate.reached()
    await chat.process.seen("tool.completed")
    await chat.ask(Cancel())
    log = await deployment.log(chat.session_id)
    check_log(log)
    outcomes = {e.data.tool_call_id: e.data.status for e in log if e.type == "tool.completed"}
    assert outcomes == {"c1": "cancelled", "c2": "success"}
    [act] = [e.data for e in log if e.type == "act.completed"]
    assert (act.completed, act.success_count, act.error_count) == (False, 1, 1)
    assert "turn.completed" not in [e.type for e in log]


async def test_cancel_while_waiting_for_the_client_settles_its_calls(deployment: Deployment) -> None:
    chat = await deployment.begin(say("", ASK))
    await chat.send("go")
    await chat.process.seen("tool.call_requested")
    assert await chat.ask(Cancel()) is True
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.data.status for e in log if e.type == "tool.completed"] == ["cancelled"]
    with pytest.raises(ConflictError, match="not waiting for tool results"):
        await chat.ask(Submit((ClientResult("c3", 1),)))


async def test_cancel_of_a_message_whose_turn_has_not_begun_ends_that_turn(deployment: Deployment) -> None:
    chat = await deployment.begin(say("never"))
    sent = asyncio.create_task(chat.send("go"))
    await asyncio.sleep(0)
    assert await chat.ask(Cancel()) is True
    await sent
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.type for e in log][2:5] == ["session.activated", "turn.started", "turn.cancelled"]


async def test_cancel_of_an_idle_session_does_nothing(deployment: Deployment) -> None:
    chat = await deployment.begin()
    assert await chat.ask(Cancel()) is False
    assert await deployment.log(chat.session_id) == []
    await chat.send("go")
    await chat.turns_ended()
    before = await deployment.log(chat.session_id)
    assert await chat.ask(Cancel()) is False
    assert await deployment.log(chat.session_id) == before


async def test_the_session_goes_on_after_a_cancel(deployment: Deployment) -> None:
    gate = Gate()
    model = ScriptedModel((TextDelta("half"), gate))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("one")
    await gate.reached()
    await chat.ask(Cancel())
    model.scripts = (say("whole"),)
    await chat.send("two")
    await chat.turns_ended(2)
    assert [t.message.text for t in model.requests[-1].history] == ["one", write.CANCEL_NOTE, "half", "two"]
    check_log(await deployment.log(chat.session_id))


# ---------------------------------------------------------------- failure


async def test_a_rejected_model_call_fails_the_turn_in_this_order(deployment: Deployment) -> None:
    chat = await deployment.begin((ModelRejectedError("no credit", "provider_quota_exhausted", "acme"),))
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    assert [e.type for e in log] == [
        *OPENING, "output.message.started", "llm.generation", "output.message.completed", "reason.completed",
        "turn.failed", "session.idled",
    ]  # fmt: skip
    check_log(log)
    by_type = {e.type: e.data for e in log}
    assert by_type["llm.generation"].metadata.success is False
    assert by_type["output.message.completed"].error_code == "provider_quota_exhausted"
    assert by_type["output.message.completed"].error_fields == {"provider": "acme"}
    assert (by_type["reason.completed"].success, by_type["reason.completed"].error) == (False, "no credit")
    assert by_type["turn.failed"].error_code == "provider_quota_exhausted"
    await chat.send("again")
    await chat.turns_ended(2)


async def test_a_failure_in_mid_thought_keeps_the_thoughts(deployment: Deployment) -> None:
    chat = await deployment.begin((*THINKING, ModelRejectedError("refused")))
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.data.thinking for e in log if e.type == "reason.thinking.completed"] == ["let me see"]


async def test_a_failure_that_passes_is_retried_within_the_step(deployment: Deployment) -> None:
    class Flaky(ScriptedModel):
        async def stream(self, request):  # type: ignore[no-untyped-def]
            yield TextDelta("fal")
            if request.attempt < 2:
                raise ModelUnavailableError(0.0, "busy", "provider_rate_limited")
            yield TextDelta("ters")
            yield ModelReply(text="falters")

    chat = await deployment.converse(deployment.process(Flaky()))
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    types = [e.type for e in log]
    assert (types.count("reason.started"), types.count("reason.recovered")) == (1, 2)
    [generation] = [e.data for e in log if e.type == "llm.generation"]
    assert generation.metadata.retry.attempts == 2
    assert types[-2] == "turn.completed"


async def test_a_model_that_stays_away_fails_the_turn_after_the_last_attempt(deployment: Deployment) -> None:
    model = ScriptedModel((ModelUnavailableError(0.0, "busy", "provider_rate_limited"),))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("go")
    await chat.turns_ended()
    assert len(model.requests) == FAST.model_attempts
    log = await deployment.log(chat.session_id)
    assert log[-2].data.error_code == "provider_rate_limited"


async def test_a_message_that_came_while_the_last_attempt_failed_has_a_turn_of_its_own(deployment: Deployment) -> None:
    """Promised: what was accepted is answered."""
    gate = Gate()
    model = ScriptedModel((TextDelta("one"), gate, ModelRejectedError("refused")))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("first")
    await gate.reached()
    second = await chat.send("second")
    model.scripts = (say("two"),)
    gate.open()
    await chat.turns_ended(2)
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.type for e in log if e.type.startswith("turn.")] == [
        "turn.started", "turn.failed", "turn.started", "turn.completed"
    ]  # fmt: skip
    assert [e.data.input_message_id for e in log if e.type == "turn.started"][1] == second.id
    assert await deployment.status(chat.session_id) == "idle"


async def test_tools_that_fail_are_results_and_the_turn_goes_on(deployment: Deployment) -> None:
    chat = await deployment.begin(
        say(
            "",
            call("c1", "divide", a=1, b=0), call("c2", "add", a="x"), call("c3", "no_such_tool"), call("c4", "share"),
        ),
        say("oh"),
    )  # fmt: skip
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    errors = {e.data.tool_call_id: e.data.error for e in log if e.type == "tool.completed"}
    assert errors["c1"] == "Division by zero."
    assert errors["c2"].startswith("Invalid arguments.")
    assert errors["c3"].startswith("There is no tool 'no_such_tool'.")
    assert errors["c4"] == "The tool failed."
    assert log[-2].type == "turn.completed"


async def test_the_last_iteration_ends_the_turn_without_calling_tools(deployment: Deployment) -> None:
    process = deployment.process(ScriptedModel(say("", BOTH[0]), say("more?", BOTH[1])))
    chat = await deployment.converse(process, await deployment.new_session(max_iterations=2))
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.data.tool_call.id for e in log if e.type == "tool.started"] == ["c1"]
    assert log[-2].type == "turn.completed"


class Attributed(ScriptedModel):
    """Notes for whom it is called."""

    callers: tuple[str, ...] = ()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        self.callers += (ON_BEHALF_OF.get(),)
        async for item in super().stream(request):
            yield item


async def test_it_is_known_for_which_organisation_a_turn_works(deployment: Deployment) -> None:
    model = Attributed()
    chat = await deployment.converse(deployment.process(model))
    await chat.send("go")
    await chat.turns_ended()
    assert model.callers == (model.requests[0].org_id,)


async def test_an_agent_that_cannot_run_fails_the_turn_with_words_that_help(deployment: Deployment) -> None:
    chat = await deployment.begin(say("never"))
    await HarnessStore(ours(deployment.pool)).archive(deployment.harness_id)
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert log[-1].type == "session.idled"
    [failed] = [e.data for e in log if e.type == "turn.failed"]
    assert failed.error_code == "configuration_error"
    assert "archived" in failed.error


# ---------------------------------------------------------------- idempotency


async def test_the_same_key_and_body_give_the_first_message_again(deployment: Deployment) -> None:
    chat = await deployment.begin()
    first = await chat.send("hello", key="k")
    again = await chat.send("hello", key="k")
    await chat.turns_ended()
    assert again == first
    assert durable(chat).count("input.message") == 1


async def test_a_key_of_many_messages_ago_is_known_to_the_next_owner_too(deployment: Deployment) -> None:
    """Promised: for 24 hours, not for so many messages."""
    gate = Gate()
    old = await deployment.begin((gate,))
    first = await old.send("hello", key="k")
    await gate.reached()
    await asyncio.gather(*(old.send(f"more {number}", key=f"k{number}") for number in range(300)))
    await old.process.kill()
    new = await deployment.converse(deployment.process(ScriptedModel()), old.session_id)
    assert await new.send("hello", key="k") == first
    assert [e.data.message.text for e in await deployment.log(old.session_id) if e.type == "input.message"].count(
        "hello"
    ) == 1


async def test_the_same_key_with_another_body_is_refused(deployment: Deployment) -> None:
    chat = await deployment.begin()
    await chat.send("hello", key="k")
    with pytest.raises(ConflictError) as refusal:
        await chat.send("other", key="k")
    assert refusal.value.reason == "idempotency_key_reused"
    await chat.turns_ended()
    assert durable(chat).count("input.message") == 1
