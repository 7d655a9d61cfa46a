"""A Ray cluster of several nodes on this machine, as cluster.yaml sets it up, with a front door on each.

A node is a PID namespace, so all that runs on it dies at one blow; and Ray, which tells the nodes of one machine apart
by what runs beside a driver, has a front door join the Ray of its own node.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil
import yaml  # type: ignore[import-untyped]  # ours by Ray, and carries no types

from loadtests.ports import free_port
from tests.server import POLL_S, START_TIMEOUT_S, STOP_TIMEOUT_S, ServerProcess, command_of

REPOSITORY: Final = Path(__file__).resolve().parents[1]
RAY: Final = Path(sys.executable).with_name("ray")
STARTED: Final = "Ray runtime started"
FRUGAL: Final = [
    "--num-cpus=2", "--object-store-memory=80000000", "--min-worker-port=0", "--max-worker-port=0",
    "--include-log-monitor=false", "--no-monitor", "--dashboard-agent-listen-port=0", "--disable-usage-stats",
    "--block",
]  # fmt: skip
IS_ROOT: Final = os.geteuid() == 0
NAMESPACES: Final = ["--pid"] if IS_ROOT else ["--user", "--pid"]
UNSHARE: Final = ["unshare", *NAMESPACES, *([] if IS_ROOT else ["--map-root-user"]), "--mount-proc", "--fork"]
ENTER: Final = ["nsenter", *NAMESPACES, *([] if IS_ROOT else ["--preserve-credentials"]), "--mount"]


def can_make_nodes() -> bool:
    """Tell whether this machine lets us make namespaces."""
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0  # noqa: S603  ours
    except FileNotFoundError:
        return False


class Node:
    """One node: Ray's processes, and what else was put there."""

    def __init__(self, home: Path, name: str, environment: Mapping[str, str]) -> None:
        self._home = home
        self._log_path = home / f"{name}.log"
        self._temp_dir = home / name
        self.environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self, *arguments: str) -> None:
        """Start Ray on it, without waiting."""
        ray = [str(RAY), "start", *arguments, *FRUGAL, f"--temp-dir={self._temp_dir}"]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  the command is our own
                [*UNSHARE, "--kill-child", "--", *ray],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it has joined."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while STARTED not in self._log_path.read_text(errors="replace"):
            if not self.is_running or time.monotonic() > deadline:
                logs = [f"{path.name}:\n{path.read_text(errors='replace')}" for path in self._home.glob("*.log")]
                raise AssertionError("\n".join(["A node did not start.", *logs]))
            time.sleep(POLL_S)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed; a frozen one runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def root(self) -> psutil.Process:
        """The process that all of it dies with."""
        assert self._process is not None, "not launched"
        return psutil.Process(self._process.pid).children()[0]

    @property
    def entrance(self) -> list[str]:
        """The words that put a command on this node."""
        return [*ENTER, f"--target={self.root.pid}", "--"]

    @property
    def node_id(self) -> str:
        """What Ray calls it."""
        commands = [command_of(process) for process in self.root.children()]
        return next(found[1] for command in commands if (found := re.search(r"--node_id=(\w+)", command)))

    def kill(self, pid: int) -> None:
        """Kill one process, by the number that it has on the node."""
        subprocess.run([*self.entrance, "kill", "-9", str(pid)], check=True)  # noqa: S603  the command is our own

    def freeze(self) -> None:
        """Stop all of it. To the others it is silent, as if its plug were pulled: no connection is closed."""
        here = os.readlink(f"/proc/{self.root.pid}/ns/pid")
        for process in psutil.process_iter():
            with suppress(OSError, psutil.NoSuchProcess):
                if os.readlink(f"/proc/{process.pid}/ns/pid") == here:
                    process.suspend()

    def kill9(self) -> None:
        """Kill all of it at one blow."""
        if self._process is not None:
            with suppress(IndexError, psutil.NoSuchProcess):
                self.root.kill()
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)


class FrontDoor(ServerProcess):
    """`perdure serve` on a node, joined to the Ray there."""

    @property
    def process(self) -> psutil.Process:
        """The process of the command itself, or what is left of the way there."""
        entrance = super().process
        return next(iter(entrance.children()), entrance)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill9(self) -> None:
        """Kill it at one blow, on a frozen node too, where the way there has stopped with it."""
        if self._process is None:
            return
        with suppress(psutil.NoSuchProcess):
            entrance = super().process
            entrance.send_signal(signal.SIGCONT)
            for process in entrance.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait(STOP_TIMEOUT_S)


class RayCluster:
    """Nodes, of which the first is the head, and a front door on each. `settings` are those of the front doors."""

    def __init__(self, home: Path, names: list[str], settings: Mapping[str, str]) -> None:
        outer = os.environ.items()  # noqa: TID251  for other processes
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        environment = {name: value for name, value in outer if not name.startswith("RAY_")} | variables_of_ray() | token
        self._home = home
        self._settings = token | {"RAY_ADDRESS": "auto"} | dict(settings)
        self._port = free_port()
        self.nodes = {name: Node(home, name, environment) for name in names}
        self.doors: dict[str, FrontDoor] = {}
        self._code: dict[str, Path] = {}

    def upgrade(self, name: str, code: Path) -> None:
        """Have a node and its front door run other code, of that folder, when they are started again."""
        self._code[name] = code
        self.nodes[name].environment["PYTHONPATH"] = str(code)

    def up(self, *names: str) -> None:
        """Start what does not run: nodes, then their front doors. If nodes are named, those alone, the head first."""
        wanted = names or tuple(self.nodes)
        try:
            self._start_nodes(wanted)
        except AssertionError:  # Ray gives a node 30 s to start, whatever else the machine does
            self.down()
            self._start_nodes(wanted)
        closed = [name for name in wanted if name not in self.doors or not self.doors[name].is_running]
        with ThreadPoolExecutor() as threads:
            self.doors |= dict(zip(closed, threads.map(self._open, closed), strict=True))

    def _start_nodes(self, names: Sequence[str]) -> None:
        head, *others = (self.nodes[name] for name in names)
        if not head.is_running:
            ports = [f"--port={self._port}", f"--ray-client-server-port={free_port()}"]
            head.launch("--head", "--include-dashboard=false", *ports)
            head.wait()
        missing = [node for node in others if not node.is_running]
        for node in missing:
            node.launch(f"--address=127.0.0.1:{self._port}")
        for node in missing:
            node.wait()

    def _open(self, name: str) -> FrontDoor:
        code = [self._code[name]] if name in self._code else []
        door = FrontDoor(self._home / f"door-{name}", self._settings, code, self.nodes[name].entrance)
        door.start()
        return door

    def name_of(self, node_id: str | None) -> str | None:
        """Return the name of a node that runs, if it is one; an actor that starts, or died, may have no such node."""
        running = (name for name, node in self.nodes.items() if node.is_running and node.node_id == node_id)
        return next(running, None)

    def kill9(self, name: str) -> None:
        """Kill a node and its front door with it."""
        self.nodes[name].kill9()
        self.doors[name].kill9()

    def down(self) -> None:
        """Kill all of it."""
        for door in self.doors.values():
            door.kill9()
        for node in self.nodes.values():
            node.kill9()


def variables_of_ray() -> dict[str, str]:
    """Return what cluster.yaml has in the environment of Ray on the head, such as how it finds a dead node."""
    (command,) = [c for c in cluster_yaml()["head_start_ray_commands"] if "ray start" in c]
    return dict(word.split("=", 1) for word in command.split() if word.startswith("RAY_"))


def cluster_yaml(*, is_owned: bool = False) -> dict[str, Any]:
    """Return cluster.yaml as it is, for a cloud, or changed as it says for machines that one owns."""
    parts = (REPOSITORY / "cluster.yaml").read_text().split("# ---- ")
    begin, cloud, owned, *rest = [part.partition("\n")[2] if index else part for index, part in enumerate(parts)]
    where = re.sub("^# ?", "", owned, flags=re.MULTILINE) if is_owned else cloud
    config: dict[str, Any] = yaml.safe_load("\n".join([begin, where, *rest]))
    return config
