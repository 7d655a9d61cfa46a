"""The front door of a server where people log in, on a database of the test's own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.http.deps import House
from runtime.store.harnesses import reconcile
from runtime.store.pool import DatabaseRole, Pool, open_pool
from runtime.wiring.access import Access
from tests.identity import Enter, access_to


@pytest.fixture
async def acting(database: str) -> AsyncIterator[Pool]:
    await reconcile(database)
    pool = await open_pool(database, role=DatabaseRole.API)
    yield pool
    await pool.close()


@pytest.fixture
def mode() -> dict[str, Any]:
    """What the settings say of access; tests say otherwise by parameters."""
    return {"mode": "full"}


@pytest.fixture
async def access(acting: Pool, tmp_path: Path, mode: dict[str, Any]) -> AsyncIterator[Access]:
    access = await access_to(acting, tmp_path, **mode)
    yield access
    await access.close()


@pytest.fixture
def house(house: House, access: Access) -> House:
    return replace(house, authenticator=access.authenticator, identity=access.identity)


@pytest.fixture
def app(house: House) -> FastAPI:
    return create_app(house)


@pytest.fixture
async def enter(app: FastAPI) -> AsyncIterator[Enter]:
    """Return a client of its own; `token` is what it shows, and headers may be more."""
    async with AsyncExitStack() as stack:

        async def make(token: str | None = None, **headers: str) -> httpx.AsyncClient:
            shown = headers if token is None else {**headers, "Authorization": token}
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1", headers=shown)
            )

        yield make
