"""The deployment under test, all real processes in a folder that goes with them.

A server with a Ray of its own, a second front door on the same Ray, and a Postgres behind a wire that can be cut.
Two organisations share it, and everybody shows a token.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import psutil

from loadtests.chaos.diarist import VARIABLE
from loadtests.chaos.door import Door
from loadtests.chaos.mined import MINES
from loadtests.chaos.plan import RESTARTS, WINDOW_S
from loadtests.chaos.postgres import Postgres
from loadtests.chaos.vendor import Vendor
from loadtests.chaos.wire import Wire, to_port, to_socket
from loadtests.chaos.witness import now

REPOSITORY: Final = Path(__file__).resolve().parents[2]
CALM_ACTORS: Final = 4
PLUGINS: Final = {"chaos-diarist": "loadtests.chaos.diarist:Diarist", "chaos-mine": "loadtests.chaos.mine:Mine"}
# Packed on purpose, so that one death hits several sessions. Kills at random are no poison: what would be
# quarantined is only what dies every time.
SETTINGS: Final = {
    "AUTH_MODE": "full",
    "PERDURE_LIMITS__REQUESTS_PER_MINUTE": "0",
    "PERDURE_ACTORS__MAX_ACTORS": "6",
    "PERDURE_ACTORS__WARM_STANDBYS": "2",
    "PERDURE_ACTORS__IDLE_PASSIVATE_S": "30",
    "PERDURE_ACTORS__RESTART_INTENSITY": str(RESTARTS),
    "PERDURE_ACTORS__RESTART_WINDOW_S": str(WINDOW_S),
    "PERDURE_RAY_DASHBOARD": "false",  # nobody looks at it
    "PERDURE_MODEL__RETRY_BASE_S": "0.1",
    "PERDURE_MODEL__MAX_ATTEMPTS": "50",
    "PERDURE_MODEL__STALL_TIMEOUT_S": "5",
}
PEOPLE: Final = ("ada", "eve")  # each registers, and so has an organisation; the first is the server's administrator
PASSWORD: Final = "in the eye of the storm"  # noqa: S105  of nobody real
_OURS: Final = ("PERDURE_", "AUTH_", "RAY_", "DATABASE_URL", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_")


class World:
    """The deployment. Clients reach it through `addresses`: each front door directly, and the first by a wire.

    It is calm when so many session actors are up; a file in `fail_points` has a process stumble.
    """

    calm_actors = CALM_ACTORS

    def __init__(self, settings: Mapping[str, str] | None = None, plugins: Mapping[str, str] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
        self.home.chmod(0o711)
        self.diary = self.home / "diary"
        self.mines = self.home / "mines"
        self.fail_points = self.home / "fail_points"
        self.postgres = Postgres(self.home / "pg")
        self.database_wire = Wire(to_socket(self.postgres.socket))
        self.doors: tuple[Door, ...] = (Door(self.home, "a"), Door(self.home, "b"))
        self.client_wire = Wire(to_port(self.doors[0].port))
        self.vendor = Vendor()
        self.clients = tuple(_client() for _ in PEOPLE)
        self._settings = {**SETTINGS, **(settings or {})}
        self._plugins = {**PLUGINS, **(plugins or {})}
        self._stack = contextlib.AsyncExitStack()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The administrator's client."""
        return self.clients[0]

    @property
    def addresses(self) -> tuple[Any, ...]:
        """Ways in, as functions, because the wire's port is known only when it is up."""
        first, second = self.doors
        return lambda: first.url, lambda: second.url, lambda: f"http://127.0.0.1:{self.client_wire.port}"

    @property
    def dsn(self) -> str:
        """The direct way into the database."""
        return self.postgres.dsn

    async def __aenter__(self) -> Self:
        try:
            self._install_plugins()
            for folder in (self.mines, self.fail_points):
                folder.mkdir()
            await self._begin()
        except BaseException:
            await self.close()
            raise
        return self

    async def _begin(self) -> None:
        await self.postgres.create()
        await self.postgres.start()
        for part in (self.database_wire, self.client_wire, self.vendor):
            await self._stack.enter_async_context(part)
        await self.start_first_door()
        await self._register()
        await self.start_second_door()

    async def _register(self) -> None:
        """Give each client a token of a person of its own."""
        url = f"{self.doors[0].url}/api/v1/auth"
        for client, name in zip(self.clients, PEOPLE, strict=True):
            person = {"email": f"{name}@example.org", "password": PASSWORD, "name": name}
            async with client.post(f"{url}/register", json=person, raise_for_status=True) as response:
                client.headers["Authorization"] = (await response.json())["access_token"]
            tokens = f"{url}/personal-access-tokens"
            async with client.post(tokens, json={"name": "chaos"}, raise_for_status=True) as response:
                client.headers["Authorization"] = (await response.json())["key"]

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End everything that was started."""
        await self._stop()
        await self._stack.aclose()
        await asyncio.gather(*(client.close() for client in self.clients))
        await asyncio.to_thread(self.postgres.stop)

    def remove(self) -> None:
        """Remove the folder with all logs."""
        shutil.rmtree(self.home, ignore_errors=True)

    # ------------------------------------------------------------ starting

    async def start_first_door(self) -> None:
        """Start the front door that has Ray below it."""
        first = self.doors[0]
        await first.launch(self._environment())
        await first.healthy(self.http)

    async def start_second_door(self) -> None:
        """Start the front door that joins the other's Ray."""
        first, second = self.doors
        joined = {
            "RAY_ADDRESS": await self._ray_address(),
            "RAY_AUTH_MODE": "token",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else Ray takes 127.0.0.1 for the machine's outer address
            "RAY_AUTH_TOKEN_PATH": str(first.data_dir / "ray" / "auth_token"),
        }
        await second.launch(self._environment() | joined)
        await second.healthy(self.http)

    async def _ray_address(self) -> str:
        for process in self.doors[0].family():
            with contextlib.suppress(psutil.Error):
                for argument in process.cmdline():
                    if argument.startswith(("--gcs-address=", "--gcs_address=")):
                        return argument.partition("=")[2]
        message = "no Ray process says where its GCS is"
        raise RuntimeError(message)

    def _environment(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        own = {
            "DATABASE_URL": f"postgresql://chaos@127.0.0.1:{self.database_wire.port}/postgres",
            "PYTHONPATH": os.pathsep.join((str(self.home / "plugins"), str(REPOSITORY))),
            "PERDURE_FAIL_POINTS": str(self.fail_points),
            VARIABLE: str(self.diary),
            MINES: str(self.mines),
        }
        return outer | self._settings | self.vendor.environment() | own

    def _install_plugins(self) -> None:
        about = self.home / "plugins" / "chaos-0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos\nVersion: 0\n")
        lines = [f"{name} = {target}" for name, target in self._plugins.items()]
        (about / "entry_points.txt").write_text("\n".join(["[perdure.capabilities]", *lines, ""]))

    # ------------------------------------------------------------ asking and killing

    async def patiently(self, ask: Callable[[Callable[[], str]], Awaitable[str]]) -> str | None:
        """Ask one front door after the other until one answers; None if none does within a minute."""
        for number in range(600):
            try:
                return await asyncio.wait_for(ask(self.addresses[number % 2]), 30)
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(0.1)
        return None

    async def actors(self) -> list[dict[str, Any]]:
        """Return what the durable API says of all actors, from whichever front door answers."""
        for door in self.doors:
            try:
                async with self.http.get(
                    f"{door.url}/api/v1/durable/actors", timeout=aiohttp.ClientTimeout(5), raise_for_status=True
                ) as response:
                    actors: list[dict[str, Any]] = (await response.json())["data"]
                    return actors
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue
        return []

    def send(self, pid: int, number: signal.Signals) -> bool:
        """Send a signal to a process of the deployment; False if it is gone, or none of ours."""
        ours = {door.process.pid for door in self.doors if door.process is not None}
        try:
            process = psutil.Process(pid)
            if pid not in ours and not any(parent.pid in ours for parent in process.parents()):
                return False
            process.send_signal(number)
        except psutil.Error:
            return False
        return True

    def kill_ray(self) -> None:
        """Kill -9 of Ray's own processes, the control service first."""
        family = self.doors[0].family()
        for name in ("gcs_server", "raylet"):
            for process in family:
                with contextlib.suppress(psutil.Error):
                    if process.name() == name:
                        process.kill()

    async def kill_everything(self) -> None:
        """Kill -9 of every process of the deployment."""
        self.postgres.kill()
        await asyncio.gather(*(door.kill() for door in self.doors))

    async def start_everything(self) -> float:
        """Start it all again; return when the first front door could serve a message."""
        await self.postgres.start()
        await self.start_first_door()
        ready_at = now()
        await self.start_second_door()
        return ready_at

    async def _stop(self) -> None:
        for door in reversed(self.doors):
            await door.stop()


def _client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
