"""Organisations, for tests that open stores by themselves."""

from runtime.core.access.principal import ANONYMOUS_USER, DEFAULT_ORG
from runtime.core.ids import hex_of
from runtime.ports.secrets import Kind
from runtime.process.mint import new_id
from runtime.store.harnesses import HarnessStore
from runtime.store.pool import Pool
from runtime.store.secrets import OwnedSecrets
from runtime.store.sessions import SessionStore
from runtime.store.tenant import Tenant
from runtime.vault.keyring import Key, Keyring
from runtime.vault.local import LocalVault

RING = Keyring(Key("test-1", bytes(range(32))))
VAULT = LocalVault(RING)


def ours(pool: Pool, org_id: str = DEFAULT_ORG) -> Tenant:
    """Return an organisation's view of a database, by default that of the one which is always there."""
    return Tenant(pool, org_id)


def sessions_in(pool: Pool, org_id: str = DEFAULT_ORG, user_id: str = ANONYMOUS_USER) -> SessionStore:
    """Return the sessions of an organisation, as a user sees them."""
    return SessionStore(ours(pool, org_id), user_id)


async def found_org(pool: Pool, name: str = "Other") -> str:
    """Make an organisation with the built-in harnesses, and return its id."""
    org_id = new_id("org")
    await pool.execute("INSERT INTO organizations (id, name) VALUES ($1, $2)", hex_of(org_id), name)
    await HarnessStore(ours(pool, org_id)).provision()
    return org_id


def secrets_in(pool: Pool, kind: Kind, owner_id: str, org_id: str = DEFAULT_ORG) -> OwnedSecrets:
    """Return the secrets of an owner, sealed with the key of the tests."""
    return OwnedSecrets(ours(pool, org_id), VAULT, kind, owner_id)
