"""Clients of the running product: the published one, and plain HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest
from everruns_sdk import Everruns

from tests.client import Client


@pytest.fixture
async def everruns(server_url: str) -> AsyncIterator[Everruns]:
    """The published client, pointed at our server."""
    async with Everruns(api_key="any-key", base_url=f"{server_url}/api") as client:
        yield client


@pytest.fixture
async def http(server_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP, for what the client hides."""
    async with httpx.AsyncClient(base_url=f"{server_url}/api", timeout=30) as client:
        yield client


@pytest.fixture
async def client(server_url: str) -> AsyncIterator[Client]:
    """Our own client, which records every frame of a stream."""
    async with Client(server_url) as client:
        yield client
