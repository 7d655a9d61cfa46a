"""`perdure chat` while the server dies."""

import re

import httpx
import pytest

from tests.client import PATIENCE_S, script, text_of
from tests.person import CTRL_D, PROMPT, person
from tests.server import ServerProcess

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def test_the_conversation_goes_on_after_the_server_was_killed_in_mid_turn(stage: ServerProcess) -> None:
    """The user sees that it is away, then the whole answer once; the next message arrives once."""
    with httpx.Client(base_url=f"{stage.url}/api/v1", timeout=PATIENCE_S) as http:
        session_id = http.post("/sessions", json={}).raise_for_status().json()["id"]
        with person(stage.url, "--session", session_id) as me:
            me.sees(PROMPT)
            me.says(script({"say": "alpha " + "word " * 20 + "omega", "tokens_per_second": 10}))
            me.sees(r"```\n")
            me.sees("alpha word")
            stage.kill9()
            me.sees(r"reconnecting \.\.\.")
            stage.start()
            assert "reconnecting" not in me.sees("starts again")
            assert re.fullmatch(r"\)\nalpha (word ){20}omega\n\n> ", me.sees(PROMPT))
            me.says("are you there?")
            me.sees(r"\n\nare you there\?\n\n> $")
            messages = http.get(f"/sessions/{session_id}/messages").raise_for_status().json()["data"]
            assert [text_of(message) for message in messages].count("are you there?") == 1
            assert me.leaves(CTRL_D) == 0
