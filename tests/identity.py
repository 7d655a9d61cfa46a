"""People for tests: a whole identity on a database, with passwords that cost little."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
from argon2 import PasswordHasher

from runtime.identity.passwords import Passwords
from runtime.process.settings import Settings
from runtime.store.pool import Pool
from runtime.wiring.access import Access, open_access

FAST_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
Enter: TypeAlias = Callable[..., Awaitable[httpx.AsyncClient]]  # a client of its own, and what it shows
PASSWORD: Final = "correct horse battery"  # noqa: S105  of nobody real
ADMIN: Final = {"auth_admin_email": "ada@example.org", "auth_admin_password": PASSWORD}


async def access_to(pool: Pool, data_dir: Path, mode: str = "full", **more: Any) -> Access:
    """Return how a front door in a mode knows people."""
    given = {**(ADMIN if mode == "admin" else {}), **more}
    settings = Settings.load(data_dir=data_dir, auth_mode=mode, **given)
    return await open_access(pool, settings, Passwords(FAST_HASHER))


async def registered(enter: Enter, email: str, **headers: str) -> httpx.AsyncClient:
    """Return a client that shows the access token of a new user."""
    client = await enter(**headers)
    reply = await client.post("/auth/register", json={"email": email, "password": PASSWORD, "name": email[:3]})
    assert reply.status_code == httpx.codes.CREATED, reply.text
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
    return client


def told(reply: httpx.Response) -> tuple[int, str]:
    """Return what an error says to programs."""
    return reply.status_code, reply.json()["code"]
