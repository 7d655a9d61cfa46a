"""What a session is called: one event for each other title, whoever gives it, and the row follows."""

import json
from typing import Any

from runtime.core.ids import hex_of
from runtime.ports.model import TextDelta
from runtime.wire.protocol import Rename
from tests.integration.conftest import Deployment
from tests.laws import check_log
from tests.stage import Conversation, Gate, ScriptedModel, call, say
from tests.tenancy import sessions_in

WRITE = call("c1", "write_session_title", title="by a tool")
LOOK = call("c2", "get_session_info")


async def titles(deployment: Deployment, session_id: str) -> list[tuple[str, str | None]]:
    """Return each title with the one before, as the journal has them."""
    log = await deployment.log(session_id)
    return [(e.data.title, e.data.previous_title) for e in log if e.type == "session.title.updated"]


async def row_title(deployment: Deployment, session_id: str) -> Any:
    return (await sessions_in(deployment.pool).get(session_id)).title


async def seen_by_a_tool(deployment: Deployment, chat: Conversation) -> dict[str, Any]:
    """Return what `get_session_info` has told the model last."""
    outcomes = [e.data for e in await deployment.log(chat.session_id) if e.type == "tool.completed"]
    told: dict[str, Any] = json.loads(outcomes[-1].result[0].text)
    return told


async def test_a_title_is_kept_by_later_appends_and_known_to_tools(deployment: Deployment) -> None:
    model = ScriptedModel(say("", WRITE), say("done"))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("go")
    await chat.turns_ended()
    await chat.ask(Rename("by hand"))
    model.scripts = (say("", LOOK), say("done"))
    await chat.send("what is this called?")
    await chat.turns_ended(2)
    assert await row_title(deployment, chat.session_id) == "by hand"
    assert (await seen_by_a_tool(deployment, chat))["title"] == "by hand"
    check_log(await deployment.log(chat.session_id))


async def test_the_same_title_again_sends_nothing(deployment: Deployment) -> None:
    chat = await deployment.begin()
    assert [await chat.ask(Rename(title)) for title in ("a", "a", "", "")] == [True, False, True, False]
    assert await titles(deployment, chat.session_id) == [("a", None), ("", "a")]
    assert await row_title(deployment, chat.session_id) == ""


async def test_a_session_that_never_ran_is_renamed_and_still_has_not(deployment: Deployment) -> None:
    chat = await deployment.begin(say("done"))
    await chat.ask(Rename("first"))
    assert await deployment.status(chat.session_id) == "started"
    await chat.process.seen("session.title.updated")
    await chat.send("go")
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    assert [e.type for e in log][:3] == ["session.started", "session.title.updated", "input.message"]
    check_log(log)


async def test_a_session_that_rests_elsewhere_by_now_knows_its_title(deployment: Deployment) -> None:
    first = await deployment.begin()
    await deployment.pool.execute("UPDATE sessions SET title = 'at birth' WHERE id = $1", hex_of(first.session_id))
    again = await deployment.converse(deployment.process(ScriptedModel()), first.session_id)
    assert await again.ask(Rename("at birth")) is False
    assert await again.ask(Rename("later")) is True
    last = await deployment.converse(deployment.process(ScriptedModel()), first.session_id)
    assert await last.ask(Rename("later")) is False
    assert await titles(deployment, first.session_id) == [("later", "at birth")]


async def test_a_turn_that_runs_is_not_disturbed_by_a_title(deployment: Deployment) -> None:
    gate = Gate()
    chat = await deployment.begin((TextDelta("half "), gate, *say("whole")))
    await chat.send("go")
    await gate.reached()
    await chat.ask(Rename("meanwhile"))
    gate.open()
    await chat.turns_ended()
    log = await deployment.log(chat.session_id)
    check_log(log)
    assert [e.type for e in log].count("reason.started") == 1


async def test_a_language_that_is_changed_is_spoken_from_the_next_turn_on(deployment: Deployment) -> None:
    model = ScriptedModel(say("", LOOK), say("done"))
    chat = await deployment.converse(deployment.process(model))
    await chat.send("go")
    await chat.turns_ended()
    assert (await seen_by_a_tool(deployment, chat))["locale"] is None
    await sessions_in(deployment.pool).patch(chat.session_id, {"locale": "uk-UA"})
    await chat.send("go on")
    await chat.turns_ended(2)
    assert (await seen_by_a_tool(deployment, chat))["locale"] == "uk-UA"
