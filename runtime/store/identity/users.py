"""Users: who there is, how they log in, how they are forgotten. The audit log never holds what people are called."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from runtime.core.access.principal import ANONYMOUS_USER, DEFAULT_ORG
from runtime.core.access.roles import MemberRole
from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.identity import Initiator, NewUser, User
from runtime.process.mint import new_id
from runtime.store.identity.audit import changing, record, within
from runtime.store.identity.export import export
from runtime.store.identity.logins import end_logins
from runtime.store.identity.organizations import ADD, found_organization, keep_owners
from runtime.store.pool import Pool, translate
from runtime.store.rows import check_storable, public_id, rfc3339

_COLUMNS: Final = """
id, email, name, avatar_url, is_system_admin, status, home_org_id, password_hash IS NOT NULL AS has_password,
created_at, updated_at
"""
CREATE: Final = f"""
INSERT INTO users (id, email, name, avatar_url, password_hash, is_system_admin) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING {_COLUMNS}
"""
SET_HOME: Final = f"UPDATE users SET home_org_id = $2 WHERE id = $1 RETURNING {_COLUMNS}"
GET: Final = f"SELECT {_COLUMNS} FROM users WHERE id = $1 AND status <> 'erased'"
FIND: Final = f"SELECT {_COLUMNS}, password_hash FROM users WHERE lower(email) = lower($1)"
LIST: Final = f"SELECT {_COLUMNS} FROM users WHERE status <> 'erased' ORDER BY created_at, id"
IDENTIFY: Final = "INSERT INTO user_identities (issuer, subject, user_id) VALUES ($1, $2, $3)"
BY_IDENTITY: Final = f"""
SELECT {_COLUMNS} FROM users
WHERE id = (SELECT user_id FROM user_identities WHERE issuer = $1 AND subject = $2) AND status <> 'erased'
"""
# Two who are first at the same time come here one after the other.
QUEUE: Final = "SELECT FROM organizations WHERE id = $1 FOR UPDATE"
HAS_ADMINISTRATOR: Final = "SELECT EXISTS (SELECT FROM users WHERE is_system_admin AND id <> $1 AND status <> 'erased')"
CHANGE: Final = f"""
UPDATE users SET name = $2, avatar_url = $3, home_org_id = $4, is_system_admin = $5, status = $6, updated_at = now()
WHERE id = $1 RETURNING {_COLUMNS}
"""
SET_HASH: Final = """
UPDATE users SET password_hash = $2, updated_at = now() WHERE id = $1 AND status <> 'erased' RETURNING id
"""
ORGS: Final = "SELECT org_id FROM members WHERE user_id = $1"
ERASE: Final = (
    """
    UPDATE users SET email = NULL, name = '', avatar_url = NULL, password_hash = NULL, is_system_admin = false,
        status = 'erased', home_org_id = NULL, updated_at = now() WHERE id = $1
    """,
    "DELETE FROM tokens WHERE user_id = $1",
    "DELETE FROM logins WHERE user_id = $1",
    "DELETE FROM user_identities WHERE user_id = $1",
    "DELETE FROM members WHERE user_id = $1",
)
DESERT: Final = """
UPDATE organizations AS o SET deleted_at = now(), updated_at = now()
WHERE o.id = ANY($1::uuid[]) AND o.id <> $2 AND o.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM members WHERE org_id = o.id) RETURNING o.id
"""


class UserStore:
    """The users (`runtime.ports.identity.Users`). How one is exported is in `export.py`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, new: NewUser, by: Initiator) -> User:
        """Make a user, with what they belong to."""
        check_storable("name", new.name)
        check_storable("email", new.email)
        user_id = new_id("user")
        async with changing(self._pool) as connection:
            is_administrator = new.is_administrator or (new.is_administrator_if_first and await _is_first(connection))
            values = (new.email, new.name, new.avatar_url, new.password_hash, is_administrator)
            try:
                await connection.fetchrow(CREATE, hex_of(user_id), *values)
                if new.identity is not None:
                    await connection.execute(IDENTIFY, *new.identity, hex_of(user_id))
            except asyncpg.UniqueViolationError as err:
                raise _in_use() from err
            made = {"is_system_admin": is_administrator, "identity": new.identity and new.identity[0]}
            await record(connection, by, "user.created", user_id, (None, made))
            home = await _settle(connection, user_id, MemberRole.OWNER if is_administrator else new.role, by)
            return _user(await connection.fetchrow(SET_HOME, hex_of(user_id), hex_of(home)))

    async def get(self, user_id: str) -> User:
        """Return a user."""
        with translate():
            row = await self._pool.fetchrow(GET, hex_of(user_id))
        return _user(_found(row, user_id))

    async def find(self, email: str) -> tuple[User, str | None] | None:
        """Return the user with an address, and the hash of their password."""
        check_storable("email", email)
        with translate():
            row = await self._pool.fetchrow(FIND, email)
        return None if row is None else (_user(row), row["password_hash"])

    async def by_identity(self, issuer: str, subject: str) -> User | None:
        """Return the user whom an identity provider calls so."""
        with translate():
            row = await self._pool.fetchrow(BY_IDENTITY, issuer, subject)
        return None if row is None else _user(row)

    async def identify(self, user_id: str, issuer: str, subject: str, by: Initiator) -> None:
        """Note what an identity provider calls a user."""
        async with changing(self._pool) as connection:
            try:
                await connection.execute(IDENTIFY, issuer, subject, hex_of(user_id))
            except asyncpg.UniqueViolationError as err:
                raise _in_use() from err
            await record(connection, by, "user.identified", user_id, (None, {"identity": issuer}))

    async def list(self) -> Sequence[User]:
        """Return all users who were not erased."""
        with translate():
            return [_user(row) for row in await self._pool.fetch(LIST)]

    async def change(self, user_id: str, changes: Mapping[str, Any], by: Initiator) -> User:
        """Change what is given."""
        check_storable("name", changes.get("name"))
        async with changing(self._pool) as connection:
            before = _user(_found(await connection.fetchrow(f"{GET} FOR UPDATE", hex_of(user_id)), user_id))
            names = ("name", "avatar_url", "home_org_id", "is_system_admin", "status")
            after = {name: changes.get(name, getattr(before, name)) for name in names}
            home = after["home_org_id"]
            values = {**after, "home_org_id": home and hex_of(home)}.values()
            row = await connection.fetchrow(CHANGE, hex_of(user_id), *values)
            if after["status"] != "active":
                await keep_owners(connection, await _orgs(connection, user_id))
            await record(connection, by, "user.changed", user_id, _told(before, after))
        return _user(row)

    async def rehash(self, user_id: str, password_hash: str) -> None:
        """Keep the same password in a better form."""
        with translate():
            await self._pool.execute(SET_HASH, hex_of(user_id), password_hash)

    async def set_password(
        self, user_id: str, password_hash: str, by: Initiator, keep_login: str | None = None
    ) -> None:
        """Replace a user's password, which ends all their logins but one."""
        async with changing(self._pool) as connection:
            _found(await connection.fetchval(SET_HASH, hex_of(user_id), password_hash), user_id)
            await end_logins(connection, user_id, "password_changed", keep_login)
            await record(connection, by, "user.password_changed", user_id)

    async def export(self, user_id: str) -> Mapping[str, Any]:
        """Return all that is kept of a user, but what is secret."""
        await self.get(user_id)
        return await export(self._pool, user_id)

    async def erase(self, user_id: str, by: Initiator) -> None:
        """Forget a user, but for their id."""
        async with changing(self._pool) as connection:
            _found(await connection.fetchrow(f"{GET} FOR UPDATE", hex_of(user_id)), user_id)
            orgs = await _orgs(connection, user_id)
            for statement in ERASE:
                await connection.execute(statement, hex_of(user_id))
            await keep_owners(connection, orgs)
            deserted = await connection.fetch(DESERT, [hex_of(org) for org in orgs], hex_of(DEFAULT_ORG))
            for row in deserted:
                org_id = public_id("org", row["id"])
                await record(connection, within(by, org_id), "organization.deleted", org_id)
            await record(connection, by, "user.erased", user_id)


async def _is_first(connection: Any) -> bool:
    await connection.execute(QUEUE, hex_of(DEFAULT_ORG))
    return not await connection.fetchval(HAS_ADMINISTRATOR, hex_of(ANONYMOUS_USER))


async def _settle(connection: Any, user_id: str, role: MemberRole | None, by: Initiator) -> str:
    """Give a new user an organisation: the default one, if they have a role there, or one of their own."""
    if role is None:
        return (await found_organization(connection, "Personal", user_id, by)).id
    await connection.execute(ADD, hex_of(DEFAULT_ORG), hex_of(user_id), role)
    await record(connection, within(by, DEFAULT_ORG), "member.added", user_id, (None, {"role": role}))
    return DEFAULT_ORG


async def _orgs(connection: Any, user_id: str) -> list[str]:
    return [public_id("org", row["org_id"]) for row in await connection.fetch(ORGS, hex_of(user_id))]


def _told(before: User, after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the audit log says of a change: of people's names and pictures only that they changed."""
    shown = ("home_org_id", "is_system_admin", "status")
    changed = [name for name in after if getattr(before, name) != after[name]]
    was = {name: getattr(before, name) for name in changed if name in shown}
    return was, {**{name: after[name] for name in changed if name in shown}, "changed": changed}


def _in_use() -> ConflictError:
    message = "Another user has this e-mail address or identity."
    return ConflictError(message, "email_in_use")


def _found(row: Any, user_id: str) -> Any:
    if row is None:
        raise NotFoundError("user", user_id)
    return row


def _user(row: Any) -> User:
    as_they_are = ("email", "name", "avatar_url", "is_system_admin", "status", "has_password")
    return User(
        id=public_id("user", row["id"]),
        home_org_id=row["home_org_id"] and public_id("org", row["home_org_id"]),
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
        **{name: row[name] for name in as_they_are},
    )
