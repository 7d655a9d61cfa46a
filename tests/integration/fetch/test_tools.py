"""A tool's way out is its session's: it ends where the agent's network access does, and before what is inside."""

from typing import Final

from runtime.core.authored.definition import NetworkAccess
from tests.integration.conftest import Deployment
from tests.stage import ScriptedModel, call, say

REFUSED: Final = {
    "http://blocked.example/": "This agent's network access does not allow http://blocked.example.",
    "http://127.0.0.1:1/": "127.0.0.1 leads to an address that is not public, and may not be asked.",
    "http://localhost:1/": "localhost leads to an address that is not public, and may not be asked.",
    "file:///etc/passwd": "A URL begins with http:// or https:// and the name of a host.",
}


async def test_what_a_tool_may_not_reach_the_model_reads_in_words(deployment: Deployment) -> None:
    session_id = await deployment.new_session(network_access=NetworkAccess(blocked=("blocked.example",)))
    calls = [call(f"c{number}", "visit", url=url) for number, url in enumerate(REFUSED)]
    chat = await deployment.converse(deployment.process(ScriptedModel(say("", *calls), say("I see."))), session_id)
    await chat.send("go")
    await chat.turns_ended()
    ended = {e.data.tool_call_id: e.data for e in await deployment.log(session_id) if e.type == "tool.completed"}
    assert [ended[f"c{number}"].error for number in range(len(REFUSED))] == list(REFUSED.values())
