"""One server for all of chaos. Every test leaves it up, whatever it did to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.client import Client
from tests.conftest import shared
from tests.server import ServerProcess

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRY_POINTS = "[perdure.capabilities]\nsaboteur = tests.chaos.saboteur:Saboteur\n"
METADATA = "Metadata-Version: 2.1\nName: saboteur\nVersion: 0\n"


@pytest.fixture(scope="session")
def saboteur(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that makes the saboteur look installed."""
    folder = tmp_path_factory.mktemp("installed")
    about = folder / "saboteur-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture(scope="session")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, saboteur: Path
) -> Iterator[ServerProcess]:
    """The server on which things go wrong."""
    settings = {"PERDURE_ACTORS__RESTART_INTENSITY": "2", "PERDURE_ACTORS__WARM_STANDBYS": "2"}
    server = ServerProcess(tmp_path_factory.mktemp("chaos") / "data", settings, [saboteur, REPOSITORY])
    with shared(request.session, "stage", server):
        yield server


@pytest.fixture
async def client(stage: ServerProcess) -> AsyncIterator[Client]:
    async with Client(stage.url) as client:
        yield client
