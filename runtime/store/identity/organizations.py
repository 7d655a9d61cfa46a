"""Organisations and their members. One that has members has an active owner among them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from runtime.core.access.roles import MemberRole
from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.identity import Initiator, Member, Organization, OrgSettings
from runtime.process.mint import new_id
from runtime.store.harnesses import provide_built_in
from runtime.store.identity.audit import changing, record, within
from runtime.store.pool import Pool, translate
from runtime.store.rows import check_storable, public_id, rfc3339

_COLUMNS: Final = "o.id, o.name, o.settings, o.retention_days, o.deletion_grace_days, o.created_at, o.updated_at"
CREATE: Final = f"INSERT INTO organizations AS o (id, name) VALUES ($1, $2) RETURNING {_COLUMNS}"
ACT_IN: Final = "SELECT set_config('perdure.org', $1, true)"
GET: Final = f"SELECT {_COLUMNS} FROM organizations AS o WHERE o.id = $1 AND o.deleted_at IS NULL"
# Whoever changes members holds it, so that two of them cannot each take the other's last owner.
LOCK: Final = f"{GET} FOR NO KEY UPDATE"
OF_USER: Final = f"""
SELECT {_COLUMNS} FROM organizations AS o JOIN members AS m ON m.org_id = o.id
WHERE m.user_id = $1 AND o.deleted_at IS NULL ORDER BY m.created_at, o.id
"""
CHANGE: Final = f"""
UPDATE organizations AS o
SET name = $2, settings = $3, retention_days = $4, deletion_grace_days = $5, updated_at = now()
WHERE o.id = $1 RETURNING {_COLUMNS}
"""
_MEMBER: Final = """
SELECT m.org_id, m.user_id, u.email, u.name, m.role, m.created_at, m.updated_at
FROM members AS m JOIN users AS u ON u.id = m.user_id WHERE m.org_id = $1
"""
MEMBERS: Final = f"{_MEMBER} ORDER BY m.created_at, m.user_id"
MEMBER: Final = f"{_MEMBER} AND m.user_id = $2"
ADD: Final = "INSERT INTO members (org_id, user_id, role) VALUES ($1, $2, $3)"
APPOINT: Final = "UPDATE members SET role = $3, updated_at = now() WHERE org_id = $1 AND user_id = $2"
REMOVE: Final = "DELETE FROM members WHERE org_id = $1 AND user_id = $2"
LEAVE_HOME: Final = "UPDATE users SET home_org_id = NULL WHERE id = $2 AND home_org_id = $1"
# Where no owner can log in; with $2, only those that have members.
HEADLESS: Final = """
SELECT o.id FROM organizations AS o
WHERE o.id = ANY($1::uuid[]) AND o.deleted_at IS NULL
    AND (NOT $2::boolean OR EXISTS (SELECT FROM members WHERE org_id = o.id))
    AND NOT EXISTS (
        SELECT FROM members AS m JOIN users AS u ON u.id = m.user_id
        WHERE m.org_id = o.id AND m.role = 'owner' AND u.status = 'active')
"""


class OrganizationStore:
    """The organisations (`runtime.ports.identity.Organizations`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, name: str, owner_id: str, by: Initiator) -> Organization:
        """Make an organisation with its first owner."""
        async with changing(self._pool) as connection:
            return await found_organization(connection, name, owner_id, by)

    async def get(self, org_id: str) -> Organization:
        """Return an organisation."""
        with translate():
            row = await self._pool.fetchrow(GET, hex_of(org_id))
        return _organization(_found(row, "organization", org_id))

    async def of_user(self, user_id: str) -> Sequence[Organization]:
        """Return those that a user is a member of."""
        with translate():
            return [_organization(row) for row in await self._pool.fetch(OF_USER, hex_of(user_id))]

    async def change(self, org_id: str, name: str | None, settings: Mapping[str, Any], by: Initiator) -> Organization:
        """Change the name, and what is given of the settings."""
        check_storable("name", name)
        async with changing(self._pool) as connection:
            before = await _locked(connection, org_id)
            after = msgspec.structs.replace(
                before, name=name or before.name, settings=msgspec.structs.replace(before.settings, **settings)
            )
            row = await connection.fetchrow(CHANGE, hex_of(org_id), after.name, *_columns(after.settings))
            details = (_settled(before), _settled(after))
            await record(connection, within(by, org_id), "organization.changed", org_id, details)
        return _organization(row)

    async def members(self, org_id: str) -> Sequence[Member]:
        """Return the members."""
        with translate():
            return [_member(row) for row in await self._pool.fetch(MEMBERS, hex_of(org_id))]

    async def member(self, org_id: str, user_id: str) -> Member:
        """Return a member."""
        with translate():
            row = await self._pool.fetchrow(MEMBER, hex_of(org_id), hex_of(user_id))
        return _member(_found(row, "member", user_id))

    async def add(self, org_id: str, user_id: str, role: MemberRole, by: Initiator) -> Member:
        """Make a user a member."""
        async with changing(self._pool) as connection:
            await _locked(connection, org_id)
            try:
                await connection.execute(ADD, hex_of(org_id), hex_of(user_id), role)
            except asyncpg.UniqueViolationError as err:
                message = "They are a member already."
                raise ConflictError(message, "member_exists") from err
            await record(connection, within(by, org_id), "member.added", user_id, (None, {"role": role}))
            return _member(await connection.fetchrow(MEMBER, hex_of(org_id), hex_of(user_id)))

    async def appoint(self, org_id: str, user_id: str, role: MemberRole, by: Initiator) -> Member:
        """Give a member another role."""
        async with self._with_member(org_id, user_id) as (connection, before):
            await connection.execute(APPOINT, hex_of(org_id), hex_of(user_id), role)
            await keep_owners(connection, [org_id])
            details = ({"role": before.role}, {"role": role})
            await record(connection, within(by, org_id), "member.appointed", user_id, details)
            return _member(await connection.fetchrow(MEMBER, hex_of(org_id), hex_of(user_id)))

    async def remove(self, org_id: str, user_id: str, by: Initiator) -> None:
        """Take a member out. The last one is its last owner, and stays too."""
        async with self._with_member(org_id, user_id) as (connection, before):
            await connection.execute(REMOVE, hex_of(org_id), hex_of(user_id))
            await connection.execute(LEAVE_HOME, hex_of(org_id), hex_of(user_id))
            await keep_owners(connection, [org_id], or_nobody=False)
            await record(connection, within(by, org_id), "member.removed", user_id, ({"role": before.role}, None))

    @asynccontextmanager
    async def _with_member(self, org_id: str, user_id: str) -> AsyncIterator[tuple[Any, Member]]:
        async with changing(self._pool) as connection:
            await _locked(connection, org_id)
            row = await connection.fetchrow(MEMBER, hex_of(org_id), hex_of(user_id))
            yield connection, _member(_found(row, "member", user_id))


async def found_organization(connection: Any, name: str, owner_id: str, by: Initiator) -> Organization:
    """Make an organisation with its first owner and the built-in harnesses, in a transaction."""
    check_storable("name", name)
    org_id = new_id("org")
    row = await connection.fetchrow(CREATE, hex_of(org_id), name)
    await connection.execute(ACT_IN, str(UUID(hex_of(org_id))))
    await provide_built_in(connection)
    await connection.execute(ADD, hex_of(org_id), hex_of(owner_id), MemberRole.OWNER)
    await record(connection, within(by, org_id), "organization.created", org_id, (None, {"owner_id": owner_id}))
    return _organization(row)


async def keep_owners(connection: Any, org_ids: Sequence[str], *, or_nobody: bool = True) -> None:
    """Pass if a change, made in this transaction, leaves each organisation an active owner, or nobody at all.

    Raises:
        ConflictError: `last_owner`.
    """
    keys = [hex_of(org_id) for org_id in org_ids]
    if await connection.fetchval(HEADLESS, keys, or_nobody) is not None:
        message = "An organisation would be left without an owner: appoint another one first."
        raise ConflictError(message, "last_owner")


async def _locked(connection: Any, org_id: str) -> Organization:
    return _organization(_found(await connection.fetchrow(LOCK, hex_of(org_id)), "organization", org_id))


def _found(row: Any, kind: str, key: str) -> Any:
    if row is None:
        raise NotFoundError(kind, key)
    return row


def _settled(organization: Organization) -> dict[str, Any]:
    return {"name": organization.name, **msgspec.to_builtins(organization.settings)}


def _columns(settings: OrgSettings) -> tuple[str, int | None, int | None]:
    """Return the settings as columns: those that only clients read are one, as JSON."""
    names = ("default_model_id", "default_model", "default_harness_id")
    shown = {name: getattr(settings, name) for name in names}
    if settings.fallback_models:
        shown["fallback_models"] = settings.fallback_models
    return msgspec.json.encode(shown).decode(), settings.retention_days, settings.deletion_grace_days


def _organization(row: Any) -> Organization:
    return Organization(
        id=public_id("org", row["id"]),
        name=row["name"],
        settings=msgspec.structs.replace(
            msgspec.json.decode(row["settings"], type=OrgSettings),
            retention_days=row["retention_days"],
            deletion_grace_days=row["deletion_grace_days"],
        ),
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
    )


def _member(row: Any) -> Member:
    return Member(
        org_id=public_id("org", row["org_id"]),
        user_id=public_id("user", row["user_id"]),
        email=row["email"],
        name=row["name"],
        role=MemberRole(row["role"]),
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
    )
