"""What every folder of tests may use: a real Postgres, and databases in it."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from hypothesis import settings
from xdist import is_xdist_worker
from xdist.scheduler import LoadFileScheduling

from runtime.process.settings import Settings
from runtime.store.embedded import EmbeddedPostgres
from runtime.store.migrate import migrate
from runtime.store.pool import Pool, connect, open_pool
from tests.installed import REPOSITORY, install
from tests.server import ONE_ACTOR, PASSWORD, ROOT, ServerProcess

settings.register_profile(
    "perdure", deadline=None, max_examples=40
)  # a busy machine is no failure; each test has its time limit
settings.register_profile("long", settings.get_profile("perdure"), max_examples=4_000)  # with a --timeout of its own
settings.load_profile("perdure")

# Files whose tests share a server, by the fixture that it is.
GROUPS: Final = {
    "server": (
        *(
            f"tests/browser/test_{name}.py"
            for name in ("craft", "first_run", "library", "operate", "pages", "settings")
        ),
        "tests/contract/",
        *(f"tests/integration/test_{name}.py" for name in ("chat", "load", "operations", "serve", "terminal")),
    ),
    "guarded": ("tests/browser/test_login.py", "tests/integration/test_access_server.py"),
    "stage": (
        "tests/browser/test_survival.py",
        *(
            f"tests/chaos/test_{name}.py"
            for name in (
                "broken_log",
                "chat",
                "connections",
                "drain",
                "effects",
                "kill_actor",
                "kill_ray",
                "kill_server",
            )
        ),
    ),
}
# Where the databases of single tests are kept, if there is such a place. What is promised of disks, whole servers show.
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
FIGURE: Final = "figure"  # the name of a property of a test's report
SERVERS: Final = pytest.StashKey[dict[str, ServerProcess]]()  # that run now, by their group


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let CI insist that nothing is left out, whatever its machine refuses."""
    parser.addoption("--no-skips", action="store_true", help="a test that is skipped has failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure, if that is wanted."""
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, where nothing may be: {report.longrepr}"
    return report


Figure: TypeAlias = Callable[[str], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Have something that was measured printed at the end of the run."""
    return lambda text: record_property(FIGURE, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured, whichever worker ran them."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = [text for report in reports for name, text in getattr(report, "user_properties", ()) if name == FIGURE]
    if told:
        terminalreporter.section("measured")
        for text in dict.fromkeys(told):
            terminalreporter.line(text)


class InGroups(LoadFileScheduling):  # type: ignore[misc]  # it carries no types
    """Gives a worker all files that need the same server, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> InGroups:
    """Share out the tests so."""
    return InGroups(config, log)


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Have workers begin with the files whose tests may take longest, so that none of those is left at the end."""
    if is_xdist_worker(session):
        longest: dict[Path, float] = {}
        for item in items:
            longest[item.path] = max(longest.get(item.path, 0.0), _limit_s(item))
        items.sort(key=lambda item: longest[item.path], reverse=True)
        for item in items:
            _check_group(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Have a worker stop a server that nobody needs any more: at rest, too, it takes a twentieth of a core."""
    yield
    group = _group(item.nodeid)
    if is_xdist_worker(item.session) and (nextitem is None or _group(nextitem.nodeid) != group):
        running = item.session.stash.get(SERVERS, {}).pop(group, None)
        if running is not None:
            running.stop()


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((group for group, files in GROUPS.items() if file.startswith(files)), file)


def _check_group(item: pytest.Item) -> None:
    definitions = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    for group in GROUPS:
        if group in definitions and definitions[group][-1].scope == "session" and _group(item.nodeid) != group:
            message = f"{item.nodeid} shares the fixture {group}: say so in GROUPS of tests/conftest.py"
            raise pytest.UsageError(message)


@contextmanager
def shared(session: pytest.Session, group: str, server: ServerProcess) -> Iterator[ServerProcess]:
    """Have a server run for the tests of a group (see GROUPS)."""
    session.stash.setdefault(SERVERS, {})[group] = server
    yield server.start()
    server.stop()


def _limit_s(item: pytest.Item) -> float:
    limit = item.get_closest_marker("timeout")
    return float(limit.args[0] if limit else item.config.getini("timeout"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of the given server (DATABASE_URL), or of a private one for this run."""
    given = Settings.load().database_url
    if given is not None:
        yield str(given.get_secret_value())
        return
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as home:
        server = EmbeddedPostgres(Path(home))
        yield asyncio.run(server.start())
        asyncio.run(server.stop())


@pytest.fixture
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """The address of a database of this test's own, with nothing in it."""
    async with _database(postgres) as address:
        yield address


@pytest.fixture
async def latin_database(postgres: str) -> AsyncIterator[str]:
    """The address of an empty database that cannot hold every text."""
    async with _database(postgres, "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0") as address:
        yield address


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a migrated database that tests copy and never touch."""
    name = f"template_{secrets.token_hex(6)}"
    asyncio.run(_run(postgres, f"CREATE DATABASE {name}"))
    asyncio.run(migrate(_address(postgres, name)))
    yield name
    asyncio.run(_run(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def database(postgres: str, template: str) -> AsyncIterator[str]:
    """The address of a migrated database of this test's own."""
    async with _database(postgres, f"TEMPLATE {template}") as address:
        yield address


@pytest.fixture
async def db(database: str) -> AsyncIterator[Pool]:
    """Connections to a migrated database of this test's own."""
    pool = await open_pool(database)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The running product, shared by every test that does it no harm."""
    # An actor that is drained waits for the turns of all tests.
    settings = {"PERDURE_RAY_DASHBOARD": "true", "PERDURE_ACTORS__DRAIN_TIMEOUT_S": "5"}
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data", settings)
    with shared(request.session, "server", process):
        yield process


@pytest.fixture(scope="session")
def server_url(server: ServerProcess) -> str:
    """Where the shared server listens, without a slash at the end."""
    return server.url


@pytest.fixture(scope="session")
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server where people log in, with its first administrator made before it has ever run, as README says."""
    everywhere = {"AUTH_MODE": "full", "PERDURE_HTTP__HOST": "0.0.0.0"}  # noqa: S104  what is tried
    server = ServerProcess(tmp_path_factory.mktemp("guarded") / "data", {**ONE_ACTOR, **everywhere})
    server.run("users", "create", "--admin", "--email", ROOT, "--password-stdin", typed=f"{PASSWORD}\n")
    with shared(request.session, "guarded", server):
        yield server


@pytest.fixture(scope="session")
def saboteur(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that makes the saboteur look installed."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, saboteur: Path
) -> Iterator[ServerProcess]:
    """The server on which things go wrong. Every test leaves it up, whatever it did to it."""
    settings = {"PERDURE_ACTORS__RESTART_INTENSITY": "2", "PERDURE_ACTORS__WARM_STANDBYS": "2"}
    server = ServerProcess(tmp_path_factory.mktemp("chaos") / "data", settings, [saboteur, REPOSITORY])
    with shared(request.session, "stage", server):
        yield server


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data dir."""
    return tmp_path / "data"


@asynccontextmanager
async def _database(postgres: str, options: str = "") -> AsyncIterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    await _run(postgres, f"CREATE DATABASE {name} {options}")
    yield _address(postgres, name)
    await _run(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _run(dsn: str, statement: str) -> None:
    connection = await connect(dsn)
    await connection.execute(statement)
    await connection.close()


def _address(postgres: str, database: str) -> str:
    return f"{postgres.rpartition('/')[0]}/{database}"
