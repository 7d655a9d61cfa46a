import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import ray
from ray._private.ray_constants import DEFAULT_DASHBOARD_AGENT_LISTEN_PORT

from actors.cluster import NAMESPACE, Cluster, LocalRay
from actors.reaper import processes_of
from runtime.core.errors import ConflictError
from runtime.process.processes import is_alive
from tests.client import PATIENCE_S
from tests.shared_memory import mapped, segments_there

OWNER = """
import sys, time
from pathlib import Path
import psutil
from actors.cluster import LocalRay

LocalRay(Path(sys.argv[1]), num_cpus=1).start()
print(*(process.pid for process in psutil.Process().children(recursive=True)), flush=True)
time.sleep(60)
"""


@ray.remote
class Greeter:
    def pid(self) -> int:
        return os.getpid()


@pytest.fixture
def another_ray() -> Iterator[None]:
    """Have the one port taken that Ray's own programs expect to be free."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # another Ray has it indeed
            stack.enter_context(socket.create_server(("127.0.0.1", DEFAULT_DASHBOARD_AGENT_LISTEN_PORT)))
        yield


@pytest.fixture
def outer_handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


def ray_variables() -> dict[str, str]:
    every = os.environ.items()  # noqa: TID251  to compare
    return {name: value for name, value in every if name.startswith("RAY_") and name != "RAY_CLIENT_MODE"}  # Ray's own


def listeners(processes: list[psutil.Process]) -> set[str]:
    pids = {process.pid for process in processes}
    found = (one for one in psutil.net_connections("tcp") if one.pid in pids and one.status == psutil.CONN_LISTEN)
    return {str(one.laddr[0]) for one in found if one.laddr}


def look_around(cluster: Cluster) -> tuple[psutil.Process, httpx.Response]:
    greeter = Greeter.options(name="greeter").remote()  # type: ignore[attr-defined]  # made by the decorator
    assert ray.get_actor("greeter", namespace=NAMESPACE) == greeter
    assert cluster.dashboard_url is not None
    assert httpx.get(cluster.dashboard_url, timeout=PATIENCE_S).status_code == 200
    uninvited = httpx.get(f"{cluster.dashboard_url}/api/jobs/", timeout=PATIENCE_S)
    return psutil.Process(ray.get(greeter.pid.remote())), uninvited


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("outer_handlers", "another_ray")
def test_local_ray_keeps_to_this_machine_and_leaves_nothing_behind(data_dir: Path) -> None:
    environment = ray_variables()
    (data_dir / "ray" / "session_of_a_former_run").mkdir(parents=True)
    children = set(psutil.Process().children())
    local = LocalRay(data_dir, num_cpus=1)
    (local._temp_dir / "session_of_a_worker_that_outlived_it" / "logs").mkdir(parents=True)
    cluster = local.start()
    try:
        actor, uninvited = look_around(cluster)
        family = [*processes_of(local._temp_dir), actor]
        files, segments = mapped(family)
        assert listeners(family) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
        assert uninvited.status_code == 401
        agent = (data_dir / "ray" / "session_latest" / "logs" / "dashboard_agent.log").read_text()
        assert "agent http address" in agent, "it has a port, and need not wait for one"
        assert "Failed to bind" not in agent
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        assert not (data_dir / "ray" / "session_of_a_former_run").exists()
        assert (data_dir / "ray" / "auth_token").stat().st_mode & 0o077 == 0
        with pytest.raises(ConflictError, match="Another Perdure"):
            LocalRay(data_dir).start()
    finally:
        local.stop()
    assert [process for process in family if is_alive(process)] == []
    assert set(psutil.Process().children()) <= children
    assert [path for path in files if path.exists()] == []
    assert segments & segments_there() == set()
    assert not local._temp_dir.is_symlink()
    assert ray_variables() == environment


@pytest.mark.timeout(300)
def test_ray_ends_soon_after_its_owner_is_killed(data_dir: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], stdout=subprocess.PIPE, text=True)  # noqa: S603  ours
    assert owner.stdout is not None
    family = []
    for pid in owner.stdout.readline().split():
        with contextlib.suppress(psutil.NoSuchProcess):  # some end while Ray starts
            family.append(psutil.Process(int(pid)))
    assert len(family) > 5
    home = (data_dir / "ray").resolve()
    link = next(one for one in Path("/tmp").iterdir() if one.is_symlink() and one.resolve() == home)  # noqa: S108  looked at
    owner.kill()
    owner.communicate()
    _gone, left = psutil.wait_procs(family, timeout=30)  # without us they would go on for 60 s
    assert left == []
    assert link not in set(Path("/tmp").iterdir())  # noqa: S108  looked at


def test_taken_dashboard_port_is_refused_before_anything_starts(data_dir: Path) -> None:
    children = set(psutil.Process().children())
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConflictError, match="cannot serve Ray's dashboard: Address already in use"),
    ):
        LocalRay(data_dir, dashboard_port=taken.getsockname()[1]).start()
    assert set(psutil.Process().children()) <= children
