"""Tools use the accounts elsewhere of the user whom a turn answers, and of nobody else."""

from typing import Final

import msgspec
import pytest

from runtime.core import event as ev
from runtime.core.access.principal import ANONYMOUS, Principal
from runtime.core.ids import hex_of
from runtime.core.message import TextPart
from runtime.ports.secrets import Kind
from runtime.process.mint import new_id
from runtime.store.placement import PlacementStore
from runtime.store.pool import DatabaseRole, open_pool
from runtime.wire.protocol import Send
from tests.integration.conftest import Deployment
from tests.stage import Conversation, Gate, ScriptedModel, call, given, say
from tests.tenancy import secrets_in

KEY: Final = "gho-key-of-somebody"
ACCOUNT: Final = say("", call("c1", "account"))


async def user(deployment: Deployment, *, has_account: bool = True) -> Principal:
    user_id = new_id("user")
    await deployment.pool.execute("INSERT INTO users (id) VALUES ($1)", hex_of(user_id))
    await deployment.pool.execute(
        "INSERT INTO members (org_id, user_id, role) VALUES ($1, $2, 'member')",
        hex_of(ANONYMOUS.org_id),
        hex_of(user_id),
    )
    if has_account:
        await secrets_in(deployment.pool, Kind.CONNECTION, user_id).put({"github": KEY})
    return msgspec.structs.replace(ANONYMOUS, user_id=user_id)


async def send(chat: Conversation, by: Principal) -> None:
    await chat.process.start(chat.session_id, chat.epoch, Send(given("go")), by)


async def outcomes(deployment: Deployment, chat: Conversation) -> list[ev.ToolCompleted]:
    return [event.data for event in await deployment.log(chat.session_id) if event.type == "tool.completed"]


async def test_a_tool_uses_the_account_of_whoever_asked_and_nobody_sees_it(deployment: Deployment) -> None:
    ada, bob = await user(deployment), await user(deployment, has_account=False)
    chat = await deployment.begin(ACCOUNT, say("done"))
    await send(chat, ada)
    await chat.turns_ended()
    await send(chat, bob)
    await chat.turns_ended(2)
    first, second = await outcomes(deployment, chat)
    [told] = first.result or ()
    assert isinstance(told, TextPart)
    assert msgspec.json.decode(told.text) == {"said": "[redacted]", "length": len(KEY)}
    assert (second.success, second.error) == (
        False,
        "The user has connected no account at github. They can: in the settings, or by "
        "POST /api/v1/user/connections/github.",
    )
    assert not any(KEY.encode() in frame.body for frame in chat.process.frames)


async def test_a_turn_that_several_users_steer_uses_nobodys_account(deployment: Deployment) -> None:
    ada, bob = await user(deployment), await user(deployment)
    gate = Gate()
    chat = await deployment.begin((gate, *say("", call("c0", "look"))), ACCOUNT, say("done"))
    await send(chat, ada)
    await gate.reached()
    await send(chat, bob)
    gate.open()
    await chat.turns_ended()
    outcome = (await outcomes(deployment, chat))[-1]
    assert outcome.error == "No account at github can be used: this turn does not answer one user alone."


async def test_a_revived_session_knows_whom_it_answers(deployment: Deployment) -> None:
    ada = await user(deployment)
    deployment.probe.gate = Gate()
    chat = await deployment.begin(say("", call("c0", "look")), ACCOUNT, say("done"))
    await send(chat, ada)
    await deployment.probe.gate.reached()
    await chat.process.kill()
    deployment.probe.gate.open()
    revived = await deployment.converse(deployment.process(ScriptedModel((), ACCOUNT, say("done"))), chat.session_id)
    revived.process.adopt(revived.session_id, revived.epoch)
    await revived.turns_ended()
    assert [outcome.success for outcome in await outcomes(deployment, revived)] == [True, True]


@pytest.mark.parametrize(
    "change", ["UPDATE users SET status = 'disabled' WHERE id = $1", "DELETE FROM members WHERE user_id = $1"]
)
async def test_who_has_left_does_not_speak_any_more(deployment: Deployment, shared_database: str, change: str) -> None:
    ada, bob = await user(deployment), await user(deployment)
    chat = await deployment.begin(say("done"))
    await send(chat, ada)
    await chat.turns_ended()
    engine = await open_pool(shared_database, role=DatabaseRole.ENGINE, max_size=1)
    placements = PlacementStore(engine)
    assert await placements.speaks(chat.session_id, hex_of(ada.user_id))
    assert not await placements.speaks(chat.session_id, hex_of(bob.user_id))
    await deployment.pool.execute(change, hex_of(ada.user_id))
    assert not await placements.speaks(chat.session_id, hex_of(ada.user_id))
    await engine.close()
