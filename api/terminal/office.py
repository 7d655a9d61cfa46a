"""What `perdure users`, `tokens` and `keys` work with: the database itself, whether a server runs or not.

Whoever may read the data dir or knows DATABASE_URL is an administrator already, so nobody has to log in here.
"""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from api.terminal.output import load_settings
from runtime.core.errors import NotFoundError, StoreUnavailableError
from runtime.identity.accounts import Accounts
from runtime.identity.minting import Minting
from runtime.identity.passwords import Passwords
from runtime.identity.ways import Ways
from runtime.ports.identity import Initiator, User
from runtime.process.settings import Settings
from runtime.store.embedded import EmbeddedPostgres
from runtime.store.identity.tokens import TokenStore
from runtime.store.identity.users import UserStore
from runtime.store.migrate import migrate, migrate_if_new
from runtime.store.pool import Pool, open_pool

DataDir = Annotated[Path | None, typer.Option(help="Folder of everything that the server keeps.")]
BY: Final = Initiator(reason=f"command line, system user {getpass.getuser()}")


class Office:
    """The use cases that the commands need."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.users = UserStore(pool)
        self.accounts = Accounts(self.users, Passwords(), Ways(mode=settings.auth_mode))
        self.minting = Minting(TokenStore(pool))

    async def find(self, email: str) -> User:
        """Return the user with an address. Raises NotFoundError."""
        found = await self.users.find(email)
        if found is None:
            raise NotFoundError("user", email)
        return found[0]


@asynccontextmanager
async def office(data_dir: Path | None) -> AsyncIterator[Office]:
    """Open the database of the settings.

    Raises:
        StoreUnavailableError, SchemaMismatchError: see `database`.
    """
    settings = load_settings(**({} if data_dir is None else {"data_dir": data_dir}))
    async with database(settings) as pool:
        yield Office(pool, settings)


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Pool]:
    """Connect to the database of the settings, which has the schema that this code needs.

    Our own is brought up to date. With another, servers of an older version may be at work: they could not start again.

    Raises:
        StoreUnavailableError: it cannot be reached.
        SchemaMismatchError: it has an older schema, or none of ours.
    """
    async with _database(settings) as dsn:
        await (migrate(dsn) if settings.database_url is None else migrate_if_new(dsn))
        pool = await open_pool(dsn)
        try:
            yield pool
        finally:
            await pool.close()


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[str]:
    if settings.database_url is not None:
        yield str(settings.database_url.get_secret_value())
        return
    postgres = EmbeddedPostgres(settings.data_dir)
    if await _answers(postgres.dsn):  # a server runs on this data dir
        yield postgres.dsn
        return
    try:
        yield await postgres.start()
    finally:
        await postgres.stop()


async def _answers(dsn: str) -> bool:
    try:
        pool = await open_pool(dsn, max_size=1)
    except StoreUnavailableError:
        return False
    await pool.close()
    return True
