"""Secrets of definitions, an agent's or a harness's, and those that a session uses: what is opened is not repeated."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from runtime.core.errors import InvalidInputError, NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.secrets import Kind
from runtime.ports.vault import Vault
from runtime.process.redaction import held
from runtime.store.pool import translate
from runtime.store.secrets import OwnedSecrets, place_of
from runtime.store.tenant import Tenant

FORGET: Final = """
DELETE FROM secrets WHERE org_id = current_org() AND kind = $1 AND owner_id = $2 AND name <> ALL($3::text[])
AND EXISTS (SELECT FROM unnest($4::text[]) AS scope WHERE starts_with(name, scope))
"""
# An equal fingerprint is an equal value, whichever definition it stands in; a session's own is for that session only.
REDEEM: Final = """
SELECT kind, owner_id, name, envelope FROM secrets
WHERE org_id = current_org() AND fingerprint = $1 AND (kind IN ('agent', 'harness') OR kind = 'layer' AND owner_id = $2)
LIMIT 1
"""


class DefinitionSecrets(OwnedSecrets):
    """The secrets of one definition (`runtime.ports.secrets.LayerSecrets`)."""

    async def fingerprint(self, value: str) -> str:
        """Return what is shown of a value."""
        return await self._vault.fingerprint(hex_of(self._tenant.org_id), value)

    async def check_kept(self, kept: Mapping[str, str]) -> None:
        """Pass if these secrets are there with these fingerprints, by name."""
        there = {info.name: info.fingerprint for info in await self.list()} if kept else {}
        for name, fingerprint in kept.items():
            if there.get(name) != fingerprint:
                message = f"No secret with that fingerprint is kept for {name}: give its value."
                raise InvalidInputError(message, "secret_not_kept")

    async def replace(self, given: Mapping[str, str], kept: Iterable[str], scopes: Sequence[str]) -> None:
        """Store what is given, and forget what is neither given nor kept of all names that begin with a scope."""
        with translate():
            await self._tenant.execute(FORGET, self._kind, self._owner, [*given, *kept], list(scopes))
        if given:
            await self.put(given)


class SecretsOfSession(OwnedSecrets):
    """The secrets that a session may use (`runtime.ports.secrets.SessionSecrets`). What is opened is not repeated."""

    def __init__(self, tenant: Tenant, vault: Vault, session_id: str) -> None:
        super().__init__(tenant, vault, Kind.SESSION, session_id)
        self._session_id = session_id

    async def redeem(self, handle: Mapping[str, Any]) -> str:
        """Return the secret of which a definition shows `{"set": true, "fingerprint": "…"}`."""
        fingerprint = str(handle.get("fingerprint"))
        with translate():
            row = await self._tenant.fetchrow(REDEEM, fingerprint, self._owner)
        if row is None:
            raise NotFoundError("secret", fingerprint)
        place = place_of(hex_of(self._tenant.org_id), row["kind"], row["owner_id"].hex, row["name"])
        value = await self._vault.open(place, row["envelope"])
        held.hold(self._session_id, [value])
        return value

    async def put(self, values: Mapping[str, str]) -> int:
        """Store values under names, and know them as secrets."""
        held.hold(self._session_id, values.values())
        return await super().put(values)

    async def reveal(self, name: str) -> str | None:
        """Return a value, for whoever uses it, and know it as a secret; None if there is none."""
        value = await super().reveal(name)
        held.hold(self._session_id, [] if value is None else [value])
        return value


class ConnectionsInSession(OwnedSecrets):
    """A user's accounts elsewhere, as a session uses them (`runtime.ports.secrets.Connections`)."""

    def __init__(self, tenant: Tenant, vault: Vault, session_id: str, user_id: str) -> None:
        super().__init__(tenant, vault, Kind.CONNECTION, user_id)
        self._session_id = session_id

    async def reveal(self, name: str) -> str | None:
        """Return a key, for whoever uses it, and know it as a secret; None if there is none."""
        value = await super().reveal(name)
        held.hold(self._session_id, [] if value is None else [value])
        return value
