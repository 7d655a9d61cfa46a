"""People on a database of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.identity.identity import Identity
from runtime.ports.identity import Initiator
from runtime.store.pool import DatabaseRole, Pool, open_pool
from runtime.wiring.access import Access
from tests.identity import access_to


@pytest.fixture
async def acting(database: str) -> AsyncIterator[Pool]:
    """The connections of a front door, which may do no more than its role may."""
    pool = await open_pool(database, role=DatabaseRole.API)
    yield pool
    await pool.close()


@pytest.fixture
async def access(acting: Pool, tmp_path: Path) -> AsyncIterator[Access]:
    access = await access_to(acting, tmp_path)
    yield access
    await access.close()


@pytest.fixture
def identity(access: Access) -> Identity:
    return access.identity


@pytest.fixture
def by() -> Initiator:
    return Initiator(address="192.0.2.7", user_agent="test", request_id="r1", reason="because")
