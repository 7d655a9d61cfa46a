"""A cancel that is repeated, because its answer was lost, stops what it was meant for and nothing that came later."""

from runtime.ports.model import TextDelta
from runtime.process.mint import new_id
from runtime.wire.protocol import Cancel
from tests.integration.conftest import Deployment
from tests.laws import check_log
from tests.stage import Conversation, Gate, ScriptedModel, say


async def ends(deployment: Deployment, chat: Conversation) -> list[str]:
    """Return how each turn ended, once the open one has."""
    log = await deployment.log(chat.session_id)
    check_log(log)
    return [e.type for e in log if e.type in ("turn.completed", "turn.cancelled")]


async def running(deployment: Deployment, chat: Conversation, model: ScriptedModel, text: str) -> Gate:
    """Send a message, and return where its turn is held."""
    gate = Gate()
    model.scripts = ((TextDelta("half "), gate, *say("whole")),)
    await chat.send(text)
    await gate.reached()
    return gate


async def test_the_next_turn_goes_on_though_the_cancel_of_the_last_is_repeated(deployment: Deployment) -> None:
    model = ScriptedModel()
    chat = await deployment.converse(deployment.process(model))
    await running(deployment, chat, model, "first")
    note_id = new_id("message")
    assert await chat.ask(Cancel(note_id)) is True
    gate = await running(deployment, chat, model, "second")
    assert await chat.ask(Cancel(note_id, is_repeated=True)) is True
    gate.open()
    await chat.turns_ended(2)
    assert await ends(deployment, chat) == ["turn.cancelled", "turn.completed"]


async def test_another_owner_knows_from_the_journal_that_the_cancel_was_done(deployment: Deployment) -> None:
    model = ScriptedModel()
    old = await deployment.converse(deployment.process(model))
    await running(deployment, old, model, "first")
    note_id = new_id("message")
    await old.ask(Cancel(note_id))
    await old.process.kill()
    new = await deployment.converse(deployment.process(model), old.session_id)
    before = await deployment.log(old.session_id)
    assert await new.ask(Cancel(note_id, is_repeated=True)) is True
    assert await deployment.log(old.session_id) == before


async def test_a_cancel_that_never_arrived_does_not_reach_a_turn_that_was_asked_for_later(
    deployment: Deployment,
) -> None:
    model = ScriptedModel()
    chat = await deployment.converse(deployment.process(model))
    first = await running(deployment, chat, model, "first")
    note_id = new_id("message")
    first.open()
    await chat.turns_ended()
    second = await running(deployment, chat, model, "second")
    assert await chat.ask(Cancel(note_id, is_repeated=True)) is False
    second.open()
    await chat.turns_ended(2)
    assert await ends(deployment, chat) == ["turn.completed", "turn.completed"]


async def test_a_cancel_that_never_arrived_still_stops_the_turn_that_it_was_meant_for(deployment: Deployment) -> None:
    model = ScriptedModel()
    old = await deployment.converse(deployment.process(model))
    await running(deployment, old, model, "first")
    note_id = new_id("message")
    await old.process.kill()
    new = await deployment.converse(deployment.process(model), old.session_id)
    assert await new.ask(Cancel(note_id, is_repeated=True)) is True
    log = await deployment.log(old.session_id)
    assert note_id in [e.data.message.id for e in log if e.type == "input.message"]
    assert await ends(deployment, new) == ["turn.cancelled"]
