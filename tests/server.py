"""`perdure serve` as a user runs it: a process of its own, on a data dir of its own, that tests may kill."""

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx
import psutil

from loadtests.ports import free_port
from runtime.store.embedded import EmbeddedPostgres
from tests.postgres import furnish

COMMAND: Final = Path(sys.executable).with_name("perdure")
UP: Final = re.compile(r"Perdure is up.* at .*?(https?://[^\s\x1b]+)")
START_TIMEOUT_S: Final = 150.0  # of a machine that does much else
STOP_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.05
BARE: Final = {"PERDURE_RAY_DASHBOARD": "false"}  # a third of a start's work, for a page at which no test looks
# For servers that start often: each further actor takes two seconds of a core.
ONE_ACTOR: Final = {"PERDURE_ACTORS__MAX_ACTORS": "1", "PERDURE_ACTORS__WARM_STANDBYS": "1"}
# The administrator of a server where people log in.
ROOT: Final = "root@example.org"
PASSWORD: Final = "correct horse battery"  # noqa: S105  of nobody real
_OURS: Final = re.compile(r"PERDURE_|RAY_|DATABASE_URL$|AUTH_|.*_(API_KEY|BASE_URL)$")


def command_of(process: psutil.Process) -> str:
    """Return a process's command line; nothing of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


class ServerProcess:
    """A server that can be killed, stopped and started again on the same port and data dir.

    `settings` are variables of its environment, which but for BARE has no others of Perdure's; modules in
    `python_path` can be imported by it and its actors. `entrance` are words before the command, which put it somewhere
    else. Over TLS its certificate is the one that it was given.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        python_path: Sequence[Path] = (),
        entrance: Sequence[str] = (),
    ) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir.with_name(f"{data_dir.name}.log")
        self.url = ""
        self._port = free_port()
        self._settings = {**BARE, **(settings or {})}
        self._python_path = python_path
        self._entrance = entrance
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def port(self) -> int:
        """Where it listens, or will."""
        return httpx.URL(self.url).port or self._port

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client over TLS needs."""
        return ssl.create_default_context(cafile=self._settings.get("PERDURE_HTTP__TLS_CERTIFICATE"))

    @property
    def process(self) -> psutil.Process:
        """The process of the command itself."""
        assert self._process is not None, "not started"
        return psutil.Process(self._process.pid)

    @property
    def database(self) -> str:
        """The address of its Postgres."""
        return EmbeddedPostgres(self.data_dir).dsn

    @property
    def log(self) -> str:
        """What it has written since it was last started."""
        return self.log_path.read_text(errors="replace")[self._log_start :]

    def launch(self, *arguments: str) -> None:
        """Start the command without waiting for anything."""
        self._log_start = len(self.log_path.read_text(errors="replace")) if self.log_path.exists() else 0
        options = ["--port", str(self.port), "--data-dir", str(self.data_dir), *arguments]
        command = [*self._entrance, str(COMMAND), "serve", *options]
        with self.log_path.open("ab") as log:
            # A process group of its own, as a shell gives it.
            self._process = subprocess.Popen(  # noqa: S603  the command is our own
                command,
                env=self.environment(),
                cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, *arguments: str) -> "ServerProcess":
        """Start it and wait until a message can be served."""
        if "DATABASE_URL" not in self._settings:
            furnish(self.data_dir)
        self.launch(*arguments)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_up():
            if self._code() is not None or time.monotonic() > deadline:
                self.kill9()
                message = f"The server did not start. Its log:\n{self.log}"
                raise AssertionError(message)
            time.sleep(POLL_S)
        return self

    def run(self, *words: str, typed: str = "", code: int = 0) -> str:
        """Run a command on its data dir, whether or not it runs; return what that wrote to standard output."""
        done = subprocess.run(  # noqa: S603  our own command
            [COMMAND, *words, "--data-dir", str(self.data_dir)],
            input=typed,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env=self.environment(),
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def children(self) -> list[psutil.Process]:
        """Return every process below the command."""
        return self.process.children(recursive=True)

    def terminate(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(STOP_TIMEOUT_S)

    def interrupt(self) -> int:
        """Press ctrl-C in its terminal, which reaches its children too, and return its exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait(STOP_TIMEOUT_S)

    def terminate_twice(self) -> int:
        """Ask it to stop, then to hurry, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.until_said("Stopping")
        return self.terminate()

    def until_said(self, words: str) -> None:
        """Wait until it has written some words."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while words not in self.log:
            assert time.monotonic() < deadline, self.log
            time.sleep(POLL_S)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end, and return its exit code."""
        assert self._process is not None, "not started"
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            message = f"The server does not end. Its log:\n{self.log}"
            raise AssertionError(message) from None

    def kill9(self) -> None:
        """Kill the command and all that it started, at one blow."""
        if self._process is None:
            return
        family = []
        if self._code() is None:
            self.process.suspend()  # to list the others takes a while, in which it would go on
            family = [self.process, *self.children()]
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        psutil.wait_procs(family, STOP_TIMEOUT_S)

    def stop(self) -> None:
        """End it one way or the other."""
        if self._process is None or self._code() is not None:
            return
        try:
            code = self.terminate()
        finally:
            self.kill9()
        assert code == 0, self.log

    def _code(self) -> int | None:
        return self._process.poll() if self._process is not None else None

    def _is_up(self) -> bool:
        found = UP.search(self.log)
        if found is None:
            return False
        self.url = found[1]
        try:
            return httpx.get(f"{self.url}/health", timeout=5, verify=self.trust).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def environment(self) -> dict[str, str]:
        outer = os.environ.items()  # noqa: TID251  for another process
        path = os.pathsep.join(map(str, self._python_path))
        kept = {name: value for name, value in outer if not _OURS.match(name)}
        return kept | ({"PYTHONPATH": path} if path else {}) | self._settings
