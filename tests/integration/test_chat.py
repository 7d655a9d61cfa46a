"""`perdure chat` as a person and as a script have it: a real server, a real terminal."""

import re
import secrets
import signal
import socket
import subprocess
import sys
from typing import Any, Final

import httpx
import pytest

from tests.client import PATIENCE_S, script, text_of
from tests.person import CTRL_C, CTRL_D, PROMPT, person, person_before
from tests.server import COMMAND, ServerProcess

pytestmark = pytest.mark.timeout(240)

WEATHER: Final = {"type": "client_side", "name": "weather", "description": "Tells.", "parameters": {"type": "object"}}


def post(server: ServerProcess, path: str, **body: Any) -> dict[str, Any]:
    reply = httpx.post(f"{server.url}/api/v1{path}", json=body, timeout=PATIENCE_S).raise_for_status()
    answer: dict[str, Any] = reply.json()
    return answer


def texts(server: ServerProcess, session_id: str) -> list[str]:
    reply = httpx.get(f"{server.url}/api/v1/sessions/{session_id}/messages").raise_for_status().json()
    return [text_of(message) for message in reply["data"]]


def piped(url: str, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "chat", "--url", url, *options]
    return subprocess.run(  # noqa: S603  the command is our own
        command, input=text, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def typed(text: str) -> str:
    """Return a text as the lines of one message."""
    return text.replace("\n", "\\\n") + "\n"


def test_a_reply_is_streamed_to_the_terminal(server: ServerProcess) -> None:
    with person(server.url) as me:
        me.sees(PROMPT)
        me.says(script({"think": "Let me see.", "say": "one two three four five", "tokens_per_second": 2}))
        me.sees(r"```\n")
        me.sees("Let me see.\none")
        assert "five" not in me._unread
        assert me.sees(PROMPT) == " two three four five\n\n> "
        assert me.leaves(CTRL_D) == 0


def test_ctrl_c_stops_the_turn_and_then_leaves(server: ServerProcess) -> None:
    slow = script({"say": "word " * 500, "tokens_per_second": 10})
    with person(server.url) as me:
        session_id = me.sees(rf"New session session_\w+(.|\n)*{PROMPT}").split()[2]
        me.says(slow)
        me.sees(r"```\n")
        me.sees("word word")
        me.types(CTRL_C)
        me.sees(r"\(cancelled\)")
        me.sees(PROMPT)
        me.says("still there?")
        me.sees(r"still there\?\n")
        me.sees(r"still there\?\n")
        me.sees(PROMPT)
        httpx.delete(f"{server.url}/api/v1/sessions/{session_id}").raise_for_status()
        me.says("refused")
        me.sees(rf"No session(.|\n)*{PROMPT}")
        another = post(server, "/sessions")["id"]
        post(server, f"/sessions/{another}/messages", message={"content": [{"type": "text", "text": slow}]})
        me.types(f"/sessions {another}\r")
        me.sees(r"```sim(.|\n)*```\n")
        me.sees("word word")
        me.types(CTRL_C)
        me.sees(r"\(cancelled\)")
        me.sees(PROMPT)
        assert me.leaves(CTRL_C) == 0


def test_ctrl_c_drops_a_line_that_was_begun(server: ServerProcess) -> None:
    with person(server.url) as me:
        me.sees(PROMPT)
        me.types("not this")
        me.sees("not this")
        me.types(CTRL_C)
        me.sees(PROMPT)
        me.types("but this\r")
        me.sees(r"but this\n(.|\n)*\nbut this\n")
        me.sees(PROMPT)
        assert me.leaves(CTRL_C) == 0


def test_ctrl_c_is_heard_between_the_prompt_and_the_first_wait_for_a_key() -> None:
    """There readline itself would not notice it before the next key. Its hook, in C, is at that very moment."""
    program = """
import ctypes, functools, readline
from api.terminal.chat.keyboard import Terminal, read_message
terminal = Terminal()
readline.set_startup_hook(functools.partial(ctypes.CDLL(None)["raise"], 2))
try:
    read_message(terminal)
except KeyboardInterrupt:
    print("heard")
"""
    with person_before(sys.executable, "-c", program) as me:
        me.sees("heard")


def test_an_unbracketed_paste_is_one_message(server: ServerProcess) -> None:
    with person(server.url) as me:
        me.sees(PROMPT)
        me.types("first\nsecond\nthird\r")
        me.sees(r"\n\nfirst\nsecond\nthird\n\n> $")


def test_a_tool_of_the_client_waits_for_the_user(server: ServerProcess) -> None:
    session_id = post(server, "/sessions", tools=[WEATHER])["id"]
    with person(server.url, "--session", session_id) as me:
        me.sees(PROMPT)
        calls = [{"name": "weather", "arguments": {"city": "Oslo"}}, {"name": "weather"}]
        me.says(script({"call": calls}, {"say": "It is cold."}))
        me.sees(r'weather\(city="Oslo"\) waits for your result')
        me.sees("weather: ")
        me.types('{"degrees": -5}\r')
        me.sees("weather: ")
        me.types("!no such city\r")
        shown = me.sees("It is cold.")
        assert 'weather(city="Oslo") ✓ {"degrees":-5}' in shown
        assert "weather() ✗ no such city" in shown


def test_ctrl_c_at_a_question_cancels_the_turn(server: ServerProcess) -> None:
    session_id = post(server, "/sessions", tools=[WEATHER])["id"]
    with person(server.url, "--session", session_id) as me:
        me.sees(PROMPT)
        me.says(script({"call": [{"name": "weather"}]}))
        me.sees("weather: $")
        me.types("it ra")
        me.sees("it ra")
        me.types(CTRL_C)
        assert me.sees(r"\(cancelled\)").startswith("\n→ weather() ✗ ")
        me.sees(PROMPT)
        assert me.leaves(CTRL_D) == 0


def test_a_question_that_was_left_open_is_asked_again(server: ServerProcess) -> None:
    session_id = post(server, "/sessions", tools=[WEATHER])["id"]
    with person(server.url, "--session", session_id) as me:
        me.sees(PROMPT)
        me.says(script({"call": [{"name": "weather"}]}, {"say": "It is cold."}))
        me.sees("weather: $")
        assert me.leaves(CTRL_D) == 0
    with person(server.url, "--session", session_id) as me:
        me.sees("weather: $")
        me.types("5\r")
        me.sees(r"weather\(\) ✓ 5 \(.+\)\nIt is cold\.\n\n> $")


def test_a_session_is_resumed_in_the_middle_of_a_turn(server: ServerProcess) -> None:
    session_id = post(server, "/sessions")["id"]
    assert piped(server.url, "before\n", "--session", session_id).returncode == 0
    slow = script({"say": "one two three four five six seven eight", "tokens_per_second": 4})
    post(server, f"/sessions/{session_id}/messages", message={"content": [{"type": "text", "text": slow}]})
    with person(server.url, "--session", session_id) as me:
        me.sees("> before\n")
        shown = me.sees("\none(.|\n)*eight\n\n> $")
        assert shown.count("seven") == 2  # in the script and in the answer
        assert "perdure chat" not in shown


def test_each_piped_line_is_a_message(server: ServerProcess) -> None:
    ended = piped(server.url, "apple\n\nbanana\n")
    assert ended.returncode == 0
    assert re.fullmatch(r"This is (.|\n)*\n\napple\nThis is (.|\n)*\n\nbanana\n", ended.stdout)
    assert "perdure chat --session session_" in ended.stderr


def test_an_agent_is_found_by_its_name(server: ServerProcess) -> None:
    name = f"adder-{secrets.token_hex(4)}"
    post(server, "/agents", name=name, system_prompt="You add.", capabilities=[{"ref": "test_math"}])
    call = {"name": "add", "arguments": {"a": 1, "b": 2}}
    ended = piped(server.url, typed(script({"call": [call]}, {"say": "Three."})), "--agent", name)
    assert ended.returncode == 0
    assert re.search(r'→ add\(a=1, b=2\) ✓ \{"result":3\} \(.+\)\nThree\.\n$', ended.stdout)


def test_a_reader_that_has_enough_ends_it_quietly(server: ServerProcess) -> None:
    command = [str(COMMAND), "chat", "--url", server.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as chat:  # noqa: S603  the command is our own
        assert chat.stdin is not None
        assert chat.stdout is not None
        assert chat.stderr is not None
        chat.stdout.close()
        chat.stdin.write(b"hello\n")
        chat.stdin.close()
        assert re.fullmatch(rb"New session session_\w+\n", chat.stderr.read())
        assert chat.wait(timeout=PATIENCE_S) == 1


def test_an_encoding_that_lacks_letters_is_no_failure(server: ServerProcess) -> None:
    ended = subprocess.run(  # noqa: S603  the command is our own
        [str(COMMAND), "chat", "--url", server.url],
        input="grüße\n".encode(),
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(b"\ngr??e\n")
    assert b"Traceback" not in ended.stderr


def test_a_failed_turn_is_told_and_counts(server: ServerProcess) -> None:
    """The script goes on after it, and its exit code tells."""
    ended = piped(server.url, typed(script({"fail": {"status": 401, "times": 9}})) + "after\n")
    assert ended.returncode == 1
    assert "provider_misconfigured: " in ended.stderr
    assert ended.stdout.endswith("after\n")


def test_piped_input_that_owes_a_tool_result_fails(server: ServerProcess) -> None:
    session_id = post(server, "/sessions", tools=[WEATHER])["id"]
    ended = piped(server.url, typed(script({"call": [{"name": "weather"}]})), "--session", session_id)
    assert ended.returncode == 1
    assert "Nobody answers weather" in ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--agent", "nobody"], "No agent 'nobody'."),
        (["--session", "session_1"], "'session_1' is not a valid session id"),
        (["--session", "session_" + "0" * 32], "No session 'session_00"),
        (["--session", "session_" + "0" * 32, "--agent", "x"], "not both"),
        (["--url", "gopher://here"], "is not the address of a server"),
    ],
)
def test_what_cannot_be_opened_is_told(server: ServerProcess, options: list[str], words: str) -> None:
    ended = piped(server.url, "hello\n", *options)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_server_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        ended = piped(f"http://127.0.0.1:{port}", "")
    assert ended.returncode == 1
    assert f"No server at http://127.0.0.1:{port}. Start one: {COMMAND} serve --port {port}" in ended.stderr


def test_sigint_ends_a_script(server: ServerProcess) -> None:
    """It stops the turn, sends nothing more, and the exit code says what ended it."""
    command = [str(COMMAND), "chat", "--url", server.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as chat:  # noqa: S603  the command is our own
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdin.write((typed(script({"say": "word " * 500, "tokens_per_second": 10})) + "not this\n").encode())
        chat.stdin.flush()
        assert chat.stdout.read(4) == b"word"
        chat.send_signal(signal.SIGINT)
        assert b"not this" not in chat.stdout.read()
        assert chat.wait(timeout=PATIENCE_S) == 130
