"""What tests of chaos have beside the server on which things go wrong (`stage`), which they leave up."""

from collections.abc import AsyncIterator

import pytest

from tests.client import Client
from tests.server import ServerProcess


@pytest.fixture
async def client(stage: ServerProcess) -> AsyncIterator[Client]:
    async with Client(stage.url) as client:
        yield client
