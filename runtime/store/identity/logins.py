"""Logins: the newest refresh token of each, by its digest."""

from collections.abc import Sequence
from typing import Any, Final

from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.ports.identity import Initiator, Login
from runtime.store.identity.audit import changing, record
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id, rfc3339

_GOOD: Final = "l.revoked_at IS NULL AND l.expires_at > now()"
CREATE: Final = """
INSERT INTO logins (id, user_id, digest, expires_at, address, user_agent)
VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6)
"""
_SELECT: Final = """
SELECT l.id, l.user_id, l.digest, l.rotations, l.created_at, l.rotated_at, l.expires_at, l.address, l.user_agent,
    extract(epoch FROM now() - l.rotated_at)::float8 AS rotated_s_ago
FROM logins AS l
"""
FIND: Final = f"{_SELECT} JOIN users AS u ON u.id = l.user_id WHERE l.id = $1 AND {_GOOD} AND u.status = 'active'"
LIST: Final = f"{_SELECT} WHERE l.user_id = $1 AND {_GOOD} ORDER BY l.created_at DESC, l.id DESC"
ROTATE: Final = f"""
UPDATE logins AS l SET digest = $3, rotations = rotations + 1, rotated_at = now(),
    expires_at = now() + make_interval(secs => $4)
WHERE l.id = $1 AND l.digest = $2 AND {_GOOD} RETURNING l.id
"""
END: Final = f"""
UPDATE logins AS l SET revoked_at = now(), revoked_for = $3
WHERE l.id = $1 AND l.user_id = $2 AND {_GOOD} RETURNING l.id
"""
END_ALL: Final = f"""
UPDATE logins AS l SET revoked_at = now(), revoked_for = $2
WHERE l.user_id = $1 AND {_GOOD} AND l.id IS DISTINCT FROM $3::uuid
"""


class LoginStore:
    """The logins (`runtime.ports.identity.Logins`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, login_id: str, user_id: str, digest: bytes, lifetime_s: float, by: Initiator) -> None:
        """Begin a login."""
        agent = by.user_agent and storable(by.user_agent)
        with translate():
            await self._pool.execute(CREATE, hex_of(login_id), hex_of(user_id), digest, lifetime_s, by.address, agent)

    async def find(self, login_id: str) -> Login | None:
        """Return a login that is good still."""
        with translate():
            row = await self._pool.fetchrow(FIND, hex_of(login_id))
        return None if row is None else _login(row)

    async def rotate(self, login_id: str, digest: bytes, following: bytes, lifetime_s: float) -> bool:
        """Replace the newest digest, unless it is not that one any more."""
        with translate():
            return await self._pool.fetchval(ROTATE, hex_of(login_id), digest, following, lifetime_s) is not None

    async def list(self, user_id: str) -> Sequence[Login]:
        """Return a user's logins that are good still."""
        with translate():
            return [_login(row) for row in await self._pool.fetch(LIST, hex_of(user_id))]

    async def end(self, user_id: str, login_id: str, why: str, by: Initiator) -> None:
        """End a login of a user."""
        async with changing(self._pool) as connection:
            if await connection.fetchval(END, hex_of(login_id), hex_of(user_id), why) is None:
                raise NotFoundError("login", login_id)
            await record(connection, by, f"login.{why}", login_id, ({"user_id": user_id}, None))


async def end_logins(connection: Any, user_id: str, why: str, keep: str | None = None) -> None:
    """End a user's logins but one, in the transaction that is the reason for it."""
    await connection.execute(END_ALL, hex_of(user_id), why, keep and hex_of(keep))


def _login(row: Any) -> Login:
    return Login(
        id=public_id("login", row["id"]),
        user_id=public_id("user", row["user_id"]),
        digest=row["digest"],
        rotations=row["rotations"],
        rotated_s_ago=row["rotated_s_ago"],
        created_at=rfc3339(row["created_at"]),
        last_used_at=rfc3339(row["rotated_at"]),
        expires_at=rfc3339(row["expires_at"]),
        address=row["address"],
        user_agent=row["user_agent"],
    )
