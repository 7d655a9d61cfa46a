"""The load suite: it passes a server that keeps its promises, and fails one that breaks them."""

import json
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loadtests import sse
from loadtests.levels import LEVELS
from loadtests.ports import free_port
from loadtests.shapes import SHAPES

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
PATIENT = [f"--{level.option}=200000" for level in LEVELS if level.unit == "ms"]  # a busy machine is no failure
NAMES = [
    "first token p50",
    "first token p95",
    "turn end p95",
    "gap between deltas p99",
    "error share",
    "429/503 share",
    "stream truncations",
    "sequence gaps",
    "sequence repeats",
]
VERDICT = re.compile(r"│ (?P<name>[^│]+?) +│ <= [^│]+│ (?P<measured>[^│]+?) +│ (?P<mark>\S+) +│")


class Run(NamedTuple):
    """What a run of Locust ended with: its exit code, its verdicts by level and all that it wrote."""

    code: int
    verdicts: dict[str, str]
    output: str


def load(url: str, *arguments: str, seconds: int) -> Run:
    """Run Locust headless."""
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "-f", "loadtests/locustfile.py"]
    command += ["--host", url, "--spawn-rate", "8", "--run-time", f"{seconds}s", *PATIENT, *arguments]
    done = subprocess.run(  # noqa: S603  the command is our own
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False
    )
    return Run(done.returncode, {found["name"]: found["mark"] for found in VERDICT.finditer(done.stdout)}, done.stdout)


def side_by_side(runs: Mapping[str, Callable[[], Run]]) -> dict[str, Run]:
    """Do several runs at once, for each mostly waits."""
    with ThreadPoolExecutor(len(runs)) as threads:
        return dict(zip(runs, threads.map(lambda run: run(), runs.values()), strict=True))


# ---------------------------------------------------------------- against the product


@pytest.fixture(scope="module")
def at_the_product(server_url: str) -> dict[str, Run]:
    port = str(free_port())
    meeting = ("--master-bind-port", port, "--master-port", port)
    return side_by_side(
        {
            "every kind": lambda: long_enough(
                lambda run: "-" not in run.verdicts.values(), 10, server_url, "--users", "13", "--think-s", "0.2"
            ),
            "too strict": lambda: long_enough(
                has_asked, 6, server_url, "--users", "1", "--max-error-share=-1", "ApiManager"
            ),
            "two processes": lambda: long_enough(
                has_asked, 6, server_url, "--users", "2", "--processes", "2", *meeting, "--shape", "soak", "Chatter"
            ),
        }
    )


def long_enough(is_so: Callable[[Run], bool], seconds: int, url: str, *arguments: str) -> Run:
    """Run for as long as it takes, on a busy machine longer, until what the test looks at was measured."""
    for factor in (1, 3, 9):
        run = load(url, *arguments, seconds=factor * seconds)
        if is_so(run):
            break
    return run


def has_asked(run: Run) -> bool:
    return run.verdicts.get("error share", "-") != "-"


def test_every_kind_of_user_finds_all_levels_kept(at_the_product: Mapping[str, Run]) -> None:
    """A server that keeps its promises passes, and the report says so of every level."""
    code, verdicts, output = at_the_product["every kind"]

    assert verdicts == dict.fromkeys(NAMES, "pass"), output
    assert code == 0, output


def test_level_that_cannot_be_met_fails_the_run(at_the_product: Mapping[str, Run]) -> None:
    code, verdicts, output = at_the_product["too strict"]

    assert code == 1, output
    assert [name for name, mark in verdicts.items() if mark == "FAIL"] == ["error share"], output


def test_workers_hand_their_figures_to_the_master(at_the_product: Mapping[str, Run]) -> None:
    """What users measure in other processes counts; so does a shape, which only the master knows."""
    code, verdicts, output = at_the_product["two processes"]

    assert code == 0, output
    assert list(verdicts) == NAMES, output
    assert verdicts["error share"] == "pass", output


# ---------------------------------------------------------------- against servers that break promises

HONEST = [1, 2, None, 3, 4]
TURN = ["input.message", "turn.started", "output.message.delta", "turn.completed", "session.idled"]
CUT = len(TURN) // 2 + 1  # right after the delta


class Cheat(ThreadingHTTPServer):
    """A server that knows one session and one turn, whose events have the sequences that it was given."""

    def __init__(self, sequences: Sequence[int | None], *, is_cut: bool = False, status: int = 201) -> None:
        super().__init__(("127.0.0.1", 0), CheatHandler)
        self.events = [event(kind, sequence) for kind, sequence in zip(TURN, sequences, strict=True)]
        self.is_cut = is_cut
        self.status = status
        self.heard: list[str] = []
        self.turns: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.url = f"http://127.0.0.1:{self.server_port}"


class CheatHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cheat

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._write(b'event: connected\ndata: {"status":"connected"}\n\n')
        if "after_sequence=2" in self.path:  # back from the cut
            self._write(b"".join(self.server.events[CUT:]))
        else:
            self.server.turns.get()
            self._write(b"".join(self.server.events[: CUT if self.server.is_cut else None]))
        if not self.server.is_cut or "after_sequence=2" in self.path:
            self._write(b'event: disconnecting\ndata: {"reason":"connection_cycle","retry_ms":100}\n\n')
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.endswith("/messages"):
            self._answer(201)
            return
        self.server.heard.append(body["message"]["content"][0]["text"])
        self._answer(self.server.status)
        if self.server.status == 201:
            self.server.turns.put(None)

    def do_DELETE(self) -> None:
        self._answer(200)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the library's
        """Say nothing."""

    def _answer(self, status: int) -> None:
        body = b'{"id": "session_1"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def event(kind: str, sequence: int | None) -> bytes:
    """Return the frame of an event."""
    body = {"id": f"event_{sequence}", "type": kind, "data": {}} | ({"sequence": sequence} if sequence else {})
    line = f"id: {body['id']}\n" if sequence else ""
    return f"event: {kind}\n{line}data: {json.dumps(body)}\n\n".encode()


@contextmanager
def serving(cheat: Cheat) -> Iterator[Cheat]:
    thread = threading.Thread(target=cheat.serve_forever)
    thread.start()
    try:
        yield cheat
    finally:
        for _ in range(100):  # let go of whoever waits for a turn
            cheat.turns.put(None)
        cheat.shutdown()
        cheat.server_close()
        thread.join()


BROKEN = {
    "sequence gaps": lambda: Cheat([1, 3, None, 4, 5]),
    "sequence repeats": lambda: Cheat([1, 2, None, 2, 3]),
    "stream truncations": lambda: Cheat(HONEST, is_cut=True),
    "429/503 share": lambda: Cheat(HONEST, status=503),
}
PLAINLY = "without scripts"


@pytest.fixture(scope="module")
def honest() -> Iterator[Cheat]:
    with serving(Cheat(HONEST)) as server:
        yield server


@pytest.fixture(scope="module")
def at_cheats(honest: Cheat) -> dict[str, Run]:
    """Runs against servers that each break one promise, by the level that tells, and against one that keeps all."""

    def run(cheat: Cheat, is_so: Callable[[Run], bool], *arguments: str) -> Run:
        return long_enough(is_so, 4, cheat.url, "--users", "1", "--think-s", "100", *arguments, "Chatter")

    def run_broken(name: str) -> Run:
        with serving(BROKEN[name]()) as server:
            return run(server, lambda found: found.code != 0)

    runs = {name: partial(run_broken, name) for name in BROKEN}
    plainly = partial(run, honest, lambda _: bool(honest.heard), "--no-model-script")
    return side_by_side({**runs, PLAINLY: plainly})


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_promise_fails_the_run(at_cheats: Mapping[str, Run], broken: str) -> None:
    """Of a server that breaks one promise exactly that is said."""
    code, verdicts, output = at_cheats[broken]

    assert [name for name, mark in verdicts.items() if mark == "FAIL"] == [broken], output
    assert code == 1, output


def test_real_models_get_plain_text(at_cheats: Mapping[str, Run], honest: Cheat) -> None:
    """A deployment with real models never sees a script."""
    code, _, output = at_cheats[PLAINLY]

    assert code == 0, output
    assert honest.heard
    assert not any("sim" in text for text in honest.heard)


# ---------------------------------------------------------------- without a server


def test_planted_gap_and_repeat_are_found() -> None:
    assert sse.faults([1, 2, 3, 4], last=0) == []
    assert sse.faults([1, 2, 4, 5], last=0) == [sse.Fault.GAP]
    assert sse.faults([2, 3], last=0) == [sse.Fault.GAP]
    assert sse.faults([1, 2, 2, 3], last=0) == [sse.Fault.REPEAT]
    assert sse.faults([1, 2, 3, 2, 3, 4], last=0) == [sse.Fault.REPEAT, sse.Fault.REPEAT]
    assert sse.faults([7, 8, 9]) == []


def test_sequence_that_a_user_writes_is_not_taken_for_one() -> None:
    body = {"id": "event_1", "type": "output.message.delta", "data": {"delta": '"sequence":7'}}
    frame = sse.parse(f"event: output.message.delta\nretry: 100\ndata: {json.dumps(body)}".encode())

    found = frame.event()

    assert found is not None
    assert found.sequence is None
    assert sse.parse(b": heartbeat").event() is None


def test_shapes_stay_between_one_user_and_all() -> None:
    for shape in SHAPES.values():
        users = [shape.users_at(second, 100, 40) for second in range(100)]
        assert min(users) >= 1
        assert max(users) == 40
    ramp = [SHAPES["ramp"].users_at(second, 100, 40) for second in range(100)]
    assert ramp == sorted(ramp)
    spike = [SHAPES["spike"].users_at(second, 90, 40) for second in (10, 45, 80)]
    assert spike == [8, 40, 8]
