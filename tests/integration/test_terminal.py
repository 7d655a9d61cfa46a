"""Slash commands at a terminal, and what a server has as tables and as JSON. One server serves all of these tests."""

import json
import re
import secrets
import subprocess
import time
from typing import Any

import httpx
import pytest

from tests.client import PATIENCE_S, script, text_of
from tests.person import CTRL_C, CTRL_D, PROMPT, person, person_before
from tests.server import COMMAND, ServerProcess

pytestmark = pytest.mark.timeout(240)

Json = dict[str, Any]


def api(server: ServerProcess, method: str, path: str, **options: Any) -> Json:
    reply = httpx.request(method, f"{server.url}/api/v1{path}", timeout=PATIENCE_S, **options).raise_for_status()
    answer: Json = reply.json()
    return answer


def perdure(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the command is our own
        [str(COMMAND), *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def items(*arguments: str) -> list[Json]:
    done = perdure(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]  # names may hold what else ends a line


@pytest.fixture
def agent(server: ServerProcess) -> Json:
    name = f"adder-{secrets.token_hex(4)}"
    return api(server, "POST", "/agents", json={"name": name, "system_prompt": "You add."})


@pytest.fixture
def session_id(server: ServerProcess, agent: Json) -> str:
    found: str = api(server, "POST", "/sessions", json={"agent_id": agent["id"], "title": "Sums"})["id"]
    return found


def test_commands_are_listed_completed_and_never_said_to_the_agent(server: ServerProcess, session_id: str) -> None:
    with person(server.url, "--session", session_id) as me:
        me.sees(PROMPT)
        me.types("/he\t\r")
        assert "/cancel" in me.sees(rf"/sessions \[ID\](.|\n)*{PROMPT}")
        me.types("/modle\r")
        me.sees(rf"There is no command /modle\. Did you mean /model\?(.|\n)*{PROMPT}")
        me.types("/cancel\r")
        me.sees(rf"No turn is running\.\n(.|\n)*{PROMPT}")
        me.types("//help is a word\r")
        me.sees(rf"\n/help is a word\n{PROMPT}")
        assert me.leaves(CTRL_D) == 0
    said = api(server, "GET", f"/sessions/{session_id}/messages")["data"]
    assert [text_of(message).splitlines()[-1] for message in said] == ["/help is a word"] * 2


def test_a_tab_in_a_message_is_a_tab(server: ServerProcess) -> None:
    with person(server.url) as me:
        me.sees(PROMPT)
        me.types("a\tb\r")
        me.sees(rf"\na\tb\n{PROMPT}")


def test_the_user_moves_from_session_to_session(server: ServerProcess, agent: Json, session_id: str) -> None:
    with person(server.url) as me:
        first = me.sees(rf"New session session_\w+(.|\n)*{PROMPT}").split()[2]
        me.types(f"/agent {agent['name'][:-2]}\t\r")  # completed to the whole name
        second = me.sees(rf"New session session_\w+(.|\n)*{PROMPT}").split("New session ")[1].split()[0]
        assert api(server, "GET", f"/sessions/{second}")["agent_id"] == agent["id"]
        me.says("hello there")
        me.sees(rf"\n\nhello there\n{PROMPT}")
        me.types("/new\r")
        third = me.sees(rf"New session session_\w+(.|\n)*{PROMPT}").split("New session ")[1].split()[0]
        assert api(server, "GET", f"/sessions/{third}")["agent_id"] == agent["id"]
        me.types("/sessions\r")
        listed = me.sees(rf"title(.|\n)*{PROMPT}")
        assert all(each in listed for each in (first, second, third, session_id))
        me.types(f"/sessions {second}\r")
        me.sees(rf"Session {second}\n> hello there\n(.|\n)*\nhello there\n{PROMPT}")
        me.types(f"/sessions session_{'0' * 32}\r")
        me.sees(rf"No session 'session_00(.|\n)*{PROMPT}")
        me.types("still here\r")
        me.sees(rf"\n\nstill here\n{PROMPT}")
        me.types(CTRL_D)
        me.sees(f"Come back: .* chat --session {second}")


def test_another_model_answers_until_the_session_s_own_is_wanted_again(server: ServerProcess) -> None:
    with person(server.url) as me:
        me.sees(PROMPT)
        me.types("/model\r")
        assert "sim-lorem" in me.sees(rf"provider(.|\n)*Your messages ask the model of the session\.\n(.|\n)*{PROMPT}")
        me.types("/model sim-l\t\r")
        me.sees(rf"Your messages ask sim-lorem\.\n(.|\n)*{PROMPT}")
        me.types("echo\r")
        assert "Lorem ipsum" in me.sees(rf"echo\n(.|\n)*{PROMPT}")
        me.types("/model no-such-model\r")
        me.sees(rf"No model 'no-such-model'(.|\n)*{PROMPT}")
        me.types("/model default\r")
        me.sees(rf"ask the model of the session\.\n(.|\n)*{PROMPT}")
        me.types("echo\r")
        me.sees(rf"\n\necho\n{PROMPT}")


def test_files_and_events_of_the_session_are_shown(server: ServerProcess, session_id: str) -> None:
    for path, content in (("notes/a b.txt", "first line\nsecond"), ("blob", "")):
        api(server, "POST", f"/sessions/{session_id}/fs/{path}", json={"content": content})
    with person(server.url, "--session", session_id) as me:
        me.sees(PROMPT)
        me.types("/files\r")
        assert "/notes/a b.txt" in me.sees(rf"path(.|\n)*{PROMPT}")
        me.types("/files /notes/a b.txt\r")
        me.sees(rf"\nfirst line\nsecond\n(.|\n)*{PROMPT}")
        me.types("/files nothing\r")
        me.sees(rf"nothing'(.|\n)*{PROMPT}")
        me.says("hello")
        me.sees(rf"\n\nhello\n{PROMPT}")
        me.types("/events 2\r")
        shown = me.sees(rf"/events 2\n(.|\n)*{PROMPT}")
        assert len(re.findall(r"\n +\d+  \d\d:\d\d:\d\d  [a-z_.]+  ", shown)) == 2
        assert "session.idled" in shown
        me.types("/events many\r")
        me.sees(rf"'many' is no count(.|\n)*{PROMPT}")


def test_a_turn_that_somebody_else_began_is_cancelled_and_shown(server: ServerProcess, session_id: str) -> None:
    with person(server.url, "--session", session_id) as me:
        me.sees(PROMPT)
        slow = script({"say": "word " * 500, "tokens_per_second": 10})
        content = [{"type": "text", "text": slow}]
        api(server, "POST", f"/sessions/{session_id}/messages", json={"message": {"content": content}})
        deadline = time.monotonic() + PATIENCE_S
        while api(server, "GET", f"/sessions/{session_id}")["status"] != "active":
            assert time.monotonic() < deadline, "the turn does not begin"
        me.types("/cancel\r")
        me.sees(rf"\(cancelled\)\n(.|\n)*{PROMPT}")


def test_markdown_is_drawn_as_its_blocks_are_complete(server: ServerProcess) -> None:
    with person(server.url) as me:
        me.sees(PROMPT)
        me.says(script({"say": "# Sea\n\nIt is **blue**.\n\n- deep\n- wide\n"}))
        shown = me.sees(rf" • wide\n{PROMPT}")
        assert "\nSea\n\nIt is **blue**.\n" in shown  # the heading is complete, and so is then the paragraph
        assert "\nIt is blue.\n\n- deep\n" in shown


def test_piped_lines_are_messages_whatever_they_begin_with(server: ServerProcess) -> None:
    done = subprocess.run(  # noqa: S603  the command is our own
        [str(COMMAND), "chat", "--url", server.url],
        input="/help\n**bold**\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0
    assert re.fullmatch(r"This is .*\n\n/help\nThis is .*\n\n\*\*bold\*\*\n", done.stdout)


def test_lists_are_tables_for_people_and_json_for_scripts(server: ServerProcess, agent: Json, session_id: str) -> None:
    at = ("--url", server.url)
    table = perdure("sessions", "--agent", agent["name"], *at).stdout.splitlines()
    assert table[0].split() == ["id", "status", "updated", "(UTC)", "title"]
    assert [line.split()[0] for line in table[1:]] == [session_id]
    [session] = items("sessions", "--agent", agent["id"], *at)
    assert session == api(server, "GET", f"/sessions/{session_id}")
    assert agent["name"] in perdure("agents", *at).stdout
    assert agent["id"] in [found["id"] for found in items("agents", "--limit", "100", *at)]
    assert len(items("agents", "--limit", "1", *at)) == 1
    assert items("actors", *at)[0]["role"] == "supervisor"
    assert re.search(r"^name +role +state ", perdure("actors", *at).stdout)


def test_what_cannot_be_listed_is_told_in_a_line(server: ServerProcess) -> None:
    for arguments, words in (
        (("sessions", "--agent", "nobody"), "No agent 'nobody'."),
        (("events", "session_1"), "is not a valid session id"),
        (("events", "session_" + "0" * 32), "No session"),
        (("agents", "--token", "two words"), "A token has visible"),
    ):
        done = perdure(*arguments, "--url", server.url)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_events_are_followed_until_ctrl_c(server: ServerProcess, session_id: str) -> None:
    content = [{"type": "text", "text": "hello"}]
    with person_before(str(COMMAND), "events", session_id, "--follow", "--url", server.url) as me:
        for _ in ("first", "second"):
            api(server, "POST", f"/sessions/{session_id}/messages", json={"message": {"content": content}})
            me.sees(r"\d+  [\d:]+  turn\.started +{(.|\n)*session\.idled")
        me.types(CTRL_C)
        assert me.ended() == 130
    logged = items("events", session_id, "--url", server.url)
    assert logged == api(server, "GET", f"/sessions/{session_id}/events?limit=50")["data"]
    assert len(items("events", session_id, "--limit", "3", "--url", server.url)) == 3
