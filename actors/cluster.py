"""Ray itself: one on this machine that lives and dies with the process, or a cluster that is there already.

A local Ray is reachable from this machine only, and only with the token in DIR/ray/auth_token. Call `start`
from a thread that lives as long as Ray shall: the kernel ends Ray's processes with the thread that made them.
"""

import asyncio
import logging
import os
import secrets
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import psutil
import ray
from ray._private import ray_constants, worker
from ray._private.worker import BaseContext, RayContext
from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # not in Ray's stub
from ray.job_config import JobConfig

from actors.head import lean_head
from actors.reaper import Guard, named, processes_of, strays_of
from runtime.core.errors import ConflictError, InvalidInputError, OverloadedError
from runtime.process.lock import FolderLock
from runtime.process.processes import is_alive, kill
from runtime.process.scrubbing import scrubbed
from runtime.process.short_path import link, short_name, unlink

NAMESPACE: Final = "perdure"
_OBJECT_STORE_BYTES: Final = 200_000_000  # our messages are small: actors answer inline, not through the store
_TEMP_PATH_BYTES: Final = (
    30  # below it Ray makes sockets with names of up to 72 bytes; unix(7) ends at 107, macOS at 103
)
_VITAL: Final = ("gcs_server", "raylet")
_VITAL_CHECK_S: Final = 0.25
_END_TIMEOUT_S: Final = 5.0
_PROBE_TIMEOUT_S: Final = 5.0
_LOGGERS: Final = (
    "ray._private.authentication.authentication_token_setup",  # warns that the token is on
    "ray._private.worker",  # warns that it leaves signals alone
)


Hear = Callable[[str], None]


def _ignore(_line: str) -> None:
    pass


class _Job(JobConfig):
    """A job whose workers import what is installed where they run.

    Ray has them look first where the driver was started, and a `runtime` or an `api` that lies there is not ours.
    """

    def _serialize(self) -> str:
        self._py_driver_sys_path.clear()
        return super()._serialize()


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was started or joined. `dashboard_url` is None where the cluster has none.

    `token_path` is the file with the token that a Ray of our own asks for, its dashboard included.
    """

    address: str
    dashboard_url: str | None
    token_path: Path | None = None


def require_answer(address: str) -> None:
    """Pass if somebody takes connections at HOST:PORT; Ray itself would try for ever. Other forms of address pass.

    Raises:
        InvalidInputError: nobody does.
    """
    host, _, port = address.rpartition(":")
    if "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_TIMEOUT_S).close()
    except (OSError, OverflowError) as err:
        message = f"No Ray answers at {address} ({err}). Start it, correct RAY_ADDRESS, or leave that empty for a Ray "
        raise InvalidInputError(message + "of the server's own.", "ray_unreachable") from err


def connect(address: str) -> Cluster:
    """Join the cluster at `address`, with the token that Ray itself finds. Leave it by `disconnect`.

    Raises:
        InvalidInputError: it cannot be joined.
    """
    _quieten(_ignore)
    try:
        with _kept_signal_handlers():
            context = ray.init(
                address=address,
                namespace=NAMESPACE,
                job_config=_Job(),
                log_to_driver=False,
                configure_logging=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, ValueError) as err:
        message = f"The Ray at RAY_ADDRESS={address} cannot be joined: {err}"
        raise InvalidInputError(message, "ray_unreachable") from err
    return _cluster(context)


def disconnect() -> None:
    """Leave the cluster, which goes on."""
    ray.shutdown()


class LocalRay:
    """A Ray of our own below DIR/ray. `dashboard_port` None takes the first free one from 8265 on.

    `hear` is told each line that an actor writes to its standard error, in a thread of Ray's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        num_cpus: int | None = None,
        has_dashboard: bool = True,
        dashboard_port: int | None = None,
        hear: Hear = _ignore,
    ) -> None:
        self._hear = hear
        self._home = data_dir.resolve() / "ray"
        self._num_cpus = num_cpus
        self._has_dashboard = has_dashboard
        self._dashboard_port = dashboard_port
        self._lock = FolderLock(self._home)
        self._temp_dir = short_name(self._home, _TEMP_PATH_BYTES)
        self._outer_environment: dict[str, str | None] = {}
        self._processes: list[psutil.Process] = []
        self._vital: dict[psutil.Process, str] = {}
        self._guard: Guard | None = None

    def start(self) -> Cluster:
        """Start Ray; takes some seconds, during which the calling thread waits.

        Raises:
            ConflictError: another process runs Ray in this data dir, or the dashboard's port is taken.
        """
        if self._dashboard_port is not None:
            _require_free(self._dashboard_port)
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.take()
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End Ray and wait until all of its processes are gone."""
        if not self._lock.is_held:
            return
        processes = processes_of(self._temp_dir)
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None
        # They have nothing to save, and Ray would wait a second for each that does not hear it.
        ours = psutil.Process().children()
        kill([p for p, name in named(processes) if p in ours and name not in _VITAL], _END_TIMEOUT_S)
        ray.shutdown(wait_for_processes=True)
        # A worker that was just being started makes its folders as long as it runs, the temporary one too.
        sessions = [self._temp_dir / s.name for s in self._home.glob("session_*") if not s.is_symlink()]
        kill([*processes, *strays_of(sessions)], _END_TIMEOUT_S)
        self._restore_environment()
        for sockets in self._home.glob("session_*/sockets"):
            shutil.rmtree(sockets, ignore_errors=True)
        unlink(self._temp_dir, self._home)
        self._lock.free()

    async def until_lost(self) -> str:
        """Wait until a process dies that Ray cannot do without, and return its name."""
        while True:
            for process, name in self._vital.items():
                if not is_alive(process):
                    return name
            await asyncio.sleep(_VITAL_CHECK_S)

    def abandon(self) -> None:
        """Kill what is left of a Ray that lost a vital process: it would hang on for a minute, serving nobody."""
        if self._guard is not None:
            self._guard.dismiss()
        kill(self._processes, _END_TIMEOUT_S)
        self._restore_environment()

    def _start(self) -> Cluster:
        for session in self._home.glob("session_*"):
            if not session.is_symlink():
                shutil.rmtree(session, ignore_errors=True)
        if self._link is not None and self._link.is_dir() and not self._link.is_symlink():
            shutil.rmtree(self._link, ignore_errors=True)  # made by a worker that outlived a kill -9, and the link
        link(self._temp_dir, self._home)
        self._set_environment(
            {
                "RAY_AUTH_TOKEN_PATH": str(self._new_token()),
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_worker_niceness": "0",  # Ray's workers are batch jobs by default (15); ours answer people
                # Ray's own switch to bind every port to loopback, meant for laptops; see also below.
                ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",
            }
        )
        ray_constants.ENABLE_RAY_CLUSTER = False  # what this process made of that variable when it imported Ray
        AuthenticationTokenLoader.instance().reset_cache()
        _quieten(self._hear)
        with _kept_signal_handlers(), _own_words(), scrubbed(), lean_head():
            context = ray.init(
                address="local",
                namespace=NAMESPACE,
                job_config=_Job(),
                num_cpus=self._num_cpus,
                object_store_memory=_OBJECT_STORE_BYTES,
                include_dashboard=self._has_dashboard,
                dashboard_host="127.0.0.1",
                dashboard_port=self._dashboard_port,
                log_to_driver=True,
                configure_logging=False,
                logging_level=logging.ERROR,
                _temp_dir=str(self._temp_dir),
            )
        self._processes = processes_of(self._temp_dir)
        self._vital = {p: name for p, name in named(self._processes) if name in _VITAL}
        self._guard = Guard(self._processes, self._link)
        return replace(_cluster(context), token_path=self._home / "auth_token")

    @property
    def _link(self) -> Path | None:
        return self._temp_dir if self._temp_dir != self._home else None

    def _new_token(self) -> Path:
        path = self._home / "auth_token"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        return path

    def _set_environment(self, values: Mapping[str, str]) -> None:
        # Ray and the processes that it starts are configured by the environment only.
        environment = os.environ  # noqa: TID251  written for Ray, not read for us
        self._outer_environment = {name: environment.get(name) for name in (*values, "RAY_AUTH_MODE")}
        environment.update(values)

    def _restore_environment(self) -> None:
        for name, value in self._outer_environment.items():
            if value is None:
                os.environ.pop(name, None)  # noqa: TID251  see _set_environment
            else:
                os.environ[name] = value  # noqa: TID251  see _set_environment
        self._outer_environment = {}


def _cluster(context: BaseContext) -> Cluster:
    info = cast(RayContext, context)
    address = info.address_info["gcs_address"] or ""
    return Cluster(address, f"http://{info.dashboard_url}" if info.dashboard_url else None)


def _quieten(hear: Hear) -> None:
    """Keep Ray from writing to our terminal: what matters of its news the supervisor says in its own words."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)

    # To this Ray hands what its processes write, and its news of workers that died, past all loggers.
    def listen(data: Mapping[str, Any], ignore_prefix: bool) -> None:  # noqa: FBT001  Ray's signature
        if data.get("is_err"):
            for line in data.get("lines", ()):
                hear(line)

    worker.print_to_stdstream = listen


def _require_free(port: int) -> None:
    # Ray finds out too, but then leaves its first processes running.
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as err:
        message = f"Port {port} cannot serve Ray's dashboard: {err.strerror}."
        raise ConflictError(message, "dashboard_port_taken") from None


@contextmanager
def _own_words() -> Iterator[None]:
    """Turn the bare Exception that Ray raises when its processes are not up in 30 s into one that says what to do."""
    try:
        yield
    except Exception as err:
        if "timed out during startup" not in str(err):
            raise
        message = "Ray did not start within 30 s: this machine is too busy. Start again when it is calmer."
        raise OverloadedError(1.0, message) from err


@contextmanager
def _kept_signal_handlers() -> Iterator[None]:
    """Undo what `ray.init` does to the handlers of SIGTERM: whoever runs the process decides about its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
