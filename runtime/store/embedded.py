"""The Postgres that comes along when no DATABASE_URL is given: PostgreSQL 18 from a wheel, below DIR/postgres.

    data/     the cluster       socket/   the only way in
    log       what it says      lock      held by the process that owns the server

It listens on no port and asks nobody for a password, since only its owner may enter the folder. One process owns it,
as a direct child that dies with it (see program.py). Whatever a killed owner, or a killed server, left running is
ended before a new server starts, so no server is ever shared; one that dies under a living owner is started again.
"""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from runtime.core.errors import StoreUnavailableError
from runtime.process.lock import FolderLock
from runtime.process.log import get_logger
from runtime.process.processes import await_end, is_alive, kill
from runtime.process.short_path import link, short_name, unlink
from runtime.process.tasks import Tasks
from runtime.store.program import ENVIRONMENT, Programs

_USER: Final = "perdure"
_DATABASE: Final = "postgres"
_SOCKET_DIR: Final = "../socket"  # seen from the data folder: however long the path is, this name is short
_SOCKET_NAME: Final = "/.s.PGSQL.5432"
_SOCKET_PATH_BYTES: Final = 107 if sys.platform == "linux" else 103  # sun_path of unix(7), less its final zero
_START_TIMEOUT_S: Final = 120.0  # until it has begun; replaying its log after a crash may take any time
_NEWS_S: Final = 10.0
_STOP_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.01
_WATCH_S: Final = 0.1
_LOG_LIMIT_BYTES: Final = 10_000_000
_RETRY_CAP_S: Final = 5.0

_OPTIONS: Final = {
    "listen_addresses": "",
    "port": "5432",  # only names the socket; not what PGPORT or a config says
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",  # nobody replicates from here, and it writes less
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "autovacuum": "on",
    "io_method": "sync",  # no extra processes
    "jit": "off",  # our statements are short
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}  # and `max_connections`, and `cluster_name`, which is in the titles of all its processes
_CONNECTIONS: Final = 200  # of a server that nobody has told how many it is to serve

_log = get_logger(__name__)


class EmbeddedPostgres:
    """Start and stop the server. Call `start` from a thread that lives as long as the server shall."""

    def __init__(self, data_dir: Path, *, max_connections: int = _CONNECTIONS) -> None:
        self._home = data_dir.resolve() / "postgres"
        self._data = self._home / "data"
        self._socket_dir = self._home / "socket"
        self._address = short_name(self._socket_dir, _SOCKET_PATH_BYTES - len(_SOCKET_NAME))
        self._mark = f"perdure-{hashlib.sha256(os.fsencode(self._data)).hexdigest()[:16]}"
        self._options = {**_OPTIONS, "max_connections": str(max_connections), "cluster_name": self._mark}
        self._programs = Programs(self._home)
        self._lock = FolderLock(self._home)
        self._server: subprocess.Popen[bytes] | None = None
        self._tasks = Tasks()

    @property
    def dsn(self) -> str:
        """The address for clients on this machine. The socket folder's name is the host, percent-encoded."""
        return f"postgresql://{_USER}@{quote(str(self._address), safe='')}/{_DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid if self._server is not None and self._server.poll() is None else None

    async def start(self) -> str:
        """Start the server and return its address.

        Raises:
            ConflictError: another process owns the server of this data dir.
            StoreUnavailableError: it does not start; DIR/postgres/log says why.
        """
        try:
            await asyncio.to_thread(self._prepare)
            await self._run()
        except BaseException:
            await self.stop()
            raise
        self._tasks = Tasks()
        self._tasks.owed(self._keep_running(), "postgres")
        return self.dsn

    async def stop(self) -> None:
        """Shut the server down, fast but cleanly, and leave nothing behind but the data and the log."""
        await self._tasks.close()
        await asyncio.to_thread(self._shut_down)

    # ------------------------------------------------------------ before it runs

    def _prepare(self) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._programs.keep(self._home)
        self._lock.take()
        self._make_socket_dir()
        if not self._data.exists():
            self._init_cluster()

    def _stop_leftover(self) -> None:
        """End what still runs there of a server that was killed, or whose owner was: it holds the shared memory."""
        found = self._leftover()
        if found:
            _log.info("leftover_postgres_found", pids=[process.pid for process in found])
        noted = self._status_lines()[:1]
        for leader in (process for process in found if [str(process.pid)] == noted):
            _ask_to_end(leader)
        if left := kill(found, _STOP_TIMEOUT_S):
            raise StoreUnavailableError(reason=f"what a former run left, pid {left[0].pid}, cannot be ended")
        # What it names is dead, though perhaps not yet reaped, or a stranger with that number; Postgres would mind.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _leftover(self) -> list[psutil.Process]:
        """Return the processes of this folder's server. All bear its mark, which anybody may read, as root or not."""
        every = psutil.process_iter(["name", "cmdline"])
        return [p for p in every if p.info["name"] == "postgres" and self._mark in " ".join(p.info["cmdline"] or ())]

    def _make_socket_dir(self) -> None:
        self._remove_socket_dir()
        self._socket_dir.mkdir(mode=0o700)
        self._programs.own(self._socket_dir)
        link(self._address, self._socket_dir)

    def _remove_socket_dir(self) -> None:
        unlink(self._address, self._socket_dir)
        if self._socket_dir.is_symlink():  # of a former version
            self._socket_dir.unlink()
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def _init_cluster(self) -> None:
        draft = self._home / "data.new"  # renamed when complete, so a kill here leaves no half cluster
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._programs.own(draft)
        arguments = ["-D", str(draft), "-U", _USER, "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        arguments += ["--auth-local=trust", "--auth-host=reject"]
        if sys.platform == "linux":
            arguments.append("--sync-method=syncfs")  # one call instead of a thousand
        command = self._programs.command("initdb", arguments)
        done = subprocess.run(  # noqa: S603  the command is our own
            command, env=ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise StoreUnavailableError(reason=f"initdb failed: {done.stderr.strip()[-500:]}")
        draft.rename(self._data)

    # ------------------------------------------------------------ while it runs

    async def _run(self) -> None:
        await asyncio.to_thread(self._stop_leftover)
        self._server = self._launch()
        await self._await_ready(self._server)

    async def _await_ready(self, server: subprocess.Popen[bytes]) -> None:
        """Wait until it takes connections, however long: ended in mid-recovery it would begin anew the next time."""
        began = told = time.monotonic()
        while not self._is_ready(server):
            await asyncio.sleep(_POLL_S)
            now = time.monotonic()
            if self._has_begun(server):
                if now - told > _NEWS_S:
                    told = now
                    why, log = "after a crash it replays its log", str(self._home / "log")
                    _log.warning("postgres_awaited", pid=server.pid, why=why, for_s=round(now - began), log=log)
            elif now - began > _START_TIMEOUT_S:
                raise StoreUnavailableError(reason=f"Postgres has not begun after {_START_TIMEOUT_S:.0f} s")

    def _launch(self) -> subprocess.Popen[bytes]:
        log = self._home / "log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.rename(log.with_suffix(".old"))
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        arguments = ["-D", str(self._data), "-k", _SOCKET_DIR, *options]
        with log.open("ab") as output:
            # Its own session: ctrl-C in a terminal reaches us only, and we drain before we stop the server.
            return subprocess.Popen(  # noqa: S603  the command is our own
                self._programs.command("postgres", arguments, is_bound=True),
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_ready(self, server: subprocess.Popen[bytes]) -> bool:
        if server.poll() is not None:
            raise StoreUnavailableError(reason=f"Postgres ended with {server.returncode}; see {self._home / 'log'}")
        lines = self._status_lines()
        return bool(lines) and lines[0] == str(server.pid) and lines[-1] == "ready"

    def _has_begun(self, server: subprocess.Popen[bytes]) -> bool:
        return self._status_lines()[:1] == [str(server.pid)]

    def _status_lines(self) -> list[str]:
        try:
            text = (self._data / "postmaster.pid").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines()]

    async def _keep_running(self) -> None:
        wait_s = _WATCH_S
        while True:
            await asyncio.sleep(wait_s)
            if self.pid is not None:
                wait_s = _WATCH_S
                continue
            try:
                await self._run()
            except StoreUnavailableError as err:
                wait_s = min(wait_s * 2, _RETRY_CAP_S)
                _log.warning("postgres_restart_failed", reason=err.reason, retry_in_s=wait_s)
            else:
                _log.warning("postgres_restarted", pid=self.pid)

    # ------------------------------------------------------------ after it ran

    def _shut_down(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            _end(server)
        if self._lock.is_held:
            self._remove_socket_dir()
            self._lock.free()


def _ask_to_end(leader: psutil.Process) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):  # fast, immediate
        if is_alive(leader):
            leader.send_signal(number)
            await_end([leader], _STOP_TIMEOUT_S)


def _end(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, by force
        server.send_signal(number)
        try:
            server.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _log.warning("postgres_stop_timed_out", signal=number.name)
        else:
            return
