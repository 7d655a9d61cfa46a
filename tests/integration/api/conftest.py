"""The front door over real stores, with a gateway that a test plays."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from api.app import create_app, routed
from api.http.deps import Health, House
from api.http.openapi import document
from runtime.agents.capability import Capability, Registry
from runtime.agents.withholding import Handle
from runtime.models.catalogue import Catalogue
from runtime.models.desk import ProviderDesk
from runtime.process.mint import now
from runtime.process.settings import HttpSettings, ModelSettings
from runtime.store.harnesses import reconcile
from runtime.store.migrate import migrate
from runtime.store.pool import DatabaseRole, Pool, connect, open_pool
from runtime.wiring import FrontDoor
from tests.fakes import FakeGateway, FakeOperations
from tests.identity import access_to
from tests.tenancy import RING, VAULT


class Files(Capability):
    """Stands for one that has features."""

    id = "session_file_system"
    name = "Files"
    description = "Reads and writes files."
    features = ("file_system",)


class Clock(Capability):
    """Stands for one that has none."""

    id = "current_time"
    name = "Current time"
    description = "Tells the time."


class Hen(Capability):
    """Stands for one that cannot be resolved: it needs the egg, which needs it."""

    id = "hen"
    name = "Hen"
    description = "Lays eggs."
    dependencies = ("egg",)


class Egg(Capability):
    """The other half of the circle."""

    id = "egg"
    name = "Egg"
    description = "Becomes a hen."
    dependencies = ("hen",)


class SafeConfig(BaseModel):
    """What a safe is told: one secret, and one thing that is none."""

    token: Handle | None = None
    room: str = ""


class Safe(Capability):
    """Stands for one that is configured with a secret."""

    id = "safe"
    name = "Safe"
    description = "Holds a token."
    Config = SafeConfig


@pytest.fixture(scope="session")
def api_database(postgres: str) -> Iterator[str]:
    """The address of a database with our schema and the built-in harnesses, for all tests of the front door."""
    name = f"api_{secrets.token_hex(6)}"
    address = f"{postgres.rpartition('/')[0]}/{name}"

    async def create() -> None:
        admin = await connect(postgres)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        await migrate(address)
        await reconcile(address)

    async def drop() -> None:
        admin = await connect(postgres)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()

    asyncio.run(create())
    yield address
    asyncio.run(drop())


@pytest.fixture
async def pool(api_database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(api_database)
    yield pool
    await pool.close()


@pytest.fixture
async def acting(api_database: str) -> AsyncIterator[Pool]:
    """The connections of a front door, which policies hold back; `pool` is the owner's, whom none does."""
    acting = await open_pool(api_database, role=DatabaseRole.API)
    yield acting
    await acting.close()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def cluster() -> FakeOperations:
    return FakeOperations()


@pytest.fixture
def http_settings() -> HttpSettings:
    return HttpSettings()


async def ready() -> Health:
    return Health(is_ready=True)


@pytest.fixture
async def house(
    acting: Pool, gateway: FakeGateway, cluster: FakeOperations, http_settings: HttpSettings, tmp_path: Path
) -> AsyncIterator[House]:
    access = await access_to(acting, tmp_path, "none")
    desk = ProviderDesk(ModelSettings(), {}, (), now())
    yield House(
        stores=FrontDoor(acting, VAULT).stores,
        registry=Registry([Files(), Clock(), Hen(), Egg(), Safe()]),
        models=Catalogue(ModelSettings(), {}, now()),
        desk=desk,
        gateway=gateway,
        authenticator=access.authenticator,
        identity=access.identity,
        http=http_settings,
        health=ready,
        version="0.0.0",
        breakers=FrontDoor(acting, VAULT).breakers,
        operations=cluster,
        key_ids=RING.ids,
    )
    await desk.aclose()


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(house), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as client:
        yield client


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The API's document."""
    return document(routed("0.0.0"))
