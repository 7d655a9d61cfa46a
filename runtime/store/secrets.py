"""Secrets: envelopes in rows, of one owner at a time."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from runtime.core.errors import InvalidInputError
from runtime.core.ids import hex_of
from runtime.ports.secrets import KeyUse, Kind, SecretInfo
from runtime.ports.vault import Place, Vault
from runtime.store.pool import translate
from runtime.store.rows import check_storable, rfc3339
from runtime.store.tenant import Connection, Tenant

MAX_SECRETS: Final = 1000
MAX_NAME_BYTES: Final = 256
MAX_VALUE_BYTES: Final = 64 << 10
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

TABLE: Final = "secrets"
COLUMN: Final = "envelope"

_OURS: Final = "org_id = current_org() AND kind = $1 AND owner_id = $2"

PUT: Final = """
INSERT INTO secrets (org_id, kind, owner_id, name, envelope, fingerprint)
SELECT current_org(), $1, $2, * FROM unnest($3::text[], $4::jsonb[], $5::text[])
ON CONFLICT (org_id, kind, owner_id, name) DO UPDATE
SET envelope = excluded.envelope, fingerprint = excluded.fingerprint, updated_at = now()
"""
COUNT: Final = f"SELECT count(*) FROM secrets WHERE {_OURS}"
LIST: Final = f"SELECT name, fingerprint, created_at, updated_at FROM secrets WHERE {_OURS} ORDER BY name"
GET: Final = f"SELECT envelope FROM secrets WHERE {_OURS} AND name = $3"
DELETE: Final = f"DELETE FROM secrets WHERE {_OURS} AND name = $3 RETURNING true"


USES: Final = """
SELECT key_id, count(*) AS secrets FROM secrets WHERE org_id = current_org() GROUP BY key_id ORDER BY key_id
"""


def place_of(org_id: str, kind: str, owner: str, name: str) -> Place:
    """Return where a secret is stored, as its envelope is bound to it. Ids are given as bare hex digits."""
    return Place(org_id, TABLE, f"{kind}/{owner}/{name}", COLUMN)


class OwnedSecrets:
    """The secrets of one owner (`runtime.ports.secrets.Secrets`); cheap to make."""

    def __init__(self, tenant: Tenant, vault: Vault, kind: Kind, owner_id: str) -> None:
        self._tenant = tenant
        self._vault = vault
        self._kind = kind.value
        self._owner = hex_of(owner_id)

    def _place(self, name: str) -> Place:
        return place_of(hex_of(self._tenant.org_id), self._kind, self._owner, name)

    async def put(self, values: Mapping[str, str]) -> int:
        """Store values under names, all of them or none; return how many secrets there are now."""
        for name, value in values.items():
            check_secret(name, value)
        sealed = [await self._vault.seal(self._place(name), value) for name, value in values.items()]
        envelopes, fingerprints = [s.envelope for s in sealed], [s.fingerprint for s in sealed]
        with translate():
            async with self._tenant.transaction() as connection:
                if values:
                    await connection.execute(PUT, self._kind, self._owner, list(values), envelopes, fingerprints)
                return await self._counted(connection)

    async def _counted(self, connection: Connection) -> int:
        count: int = await connection.fetchval(COUNT, self._kind, self._owner)
        if count > MAX_SECRETS:
            message = f"At most {MAX_SECRETS} secrets may be kept here; delete some first."
            raise InvalidInputError(message, "too_many_secrets")
        return count

    async def list(self) -> Sequence[SecretInfo]:
        """Return what may be shown of each, by name."""
        with translate():
            rows = await self._tenant.fetch(LIST, self._kind, self._owner)
        return [
            SecretInfo(r["name"], r["fingerprint"], rfc3339(r["created_at"]), rfc3339(r["updated_at"])) for r in rows
        ]

    async def reveal(self, name: str) -> str | None:
        """Return a value, for whoever uses it; None if there is none."""
        _check_name(name)
        with translate():
            envelope = await self._tenant.fetchval(GET, self._kind, self._owner, name)
        return None if envelope is None else await self._vault.open(self._place(name), envelope)

    async def delete(self, name: str) -> bool:
        """Forget a secret; False if it was not there."""
        _check_name(name)
        with translate():
            return await self._tenant.fetchval(DELETE, self._kind, self._owner, name) is not None


class SecretKeys:
    """Which keys seal the secrets of an organisation (`runtime.ports.secrets.KeyUses`)."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def uses(self) -> Sequence[KeyUse]:
        """Return the keys with which something is sealed."""
        with translate():
            return [KeyUse(row["key_id"], row["secrets"]) for row in await self._tenant.fetch(USES)]


def check_secret(name: str, value: str) -> None:
    """Pass if a value can be kept under a name. Raises InvalidInputError, which does not hold the value."""
    _check_name(name)
    check_storable("secret", value)
    if not value or len(value.encode()) > MAX_VALUE_BYTES:
        message = f"The secret {name!r} must have 1 to {MAX_VALUE_BYTES} bytes."
        raise InvalidInputError(message, "invalid_secret")


def _check_name(name: str) -> None:
    check_storable("secret name", name)
    if not name or len(name.encode()) > MAX_NAME_BYTES or _CONTROL.search(name):
        message = f"The name of a secret has 1 to {MAX_NAME_BYTES} bytes, and no control characters."
        raise InvalidInputError(message, "invalid_secret_name")
