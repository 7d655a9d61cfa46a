"""Personal access tokens: their digests, and what they are good for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from runtime.core.access.roles import Scope, parse_scopes
from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.ports.identity import Initiator, NewToken, Token
from runtime.process.mint import new_id
from runtime.store.identity.audit import changing, record
from runtime.store.pool import Pool, translate
from runtime.store.rows import check_storable, public_id, rfc3339, rfc3339_or_none

_COLUMNS: Final = "id, user_id, name, shown_prefix, scopes, created_at, expires_at, last_used_at"
CREATE: Final = f"""
INSERT INTO tokens (id, user_id, name, digest, shown_prefix, scopes, expires_at, is_anonymous)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}
"""
LIST: Final = f"""
SELECT {_COLUMNS} FROM tokens WHERE user_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC
"""
LIMITS: Final = "SELECT scopes, expires_at FROM tokens WHERE id = $1 AND revoked_at IS NULL"
REVOKE: Final = """
UPDATE tokens SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id
"""
REVOKE_ANONYMOUS: Final = "UPDATE tokens SET revoked_at = now() WHERE is_anonymous AND revoked_at IS NULL RETURNING id"


class TokenStore:
    """The personal access tokens (`runtime.ports.identity.Tokens`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, new: NewToken, by: Initiator) -> Token:
        """Keep a new token."""
        check_storable("name", new.name)
        scopes = None if new.scopes is None else sorted(new.scopes)
        values = (new.name, new.digest, new.shown_prefix, scopes, new.expires_at, new.is_anonymous)
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(CREATE, hex_of(new_id("token")), hex_of(new.user_id), *values)
            token = _token(row)
            await record(connection, by, "token.created", token.id, (None, {"user_id": new.user_id, "scopes": scopes}))
        return token

    async def list(self, user_id: str) -> Sequence[Token]:
        """Return a user's tokens."""
        with translate():
            return [_token(row) for row in await self._pool.fetch(LIST, hex_of(user_id))]

    async def limits(self, token_id: str) -> tuple[frozenset[Scope] | None, datetime | None]:
        """Return the scopes and the end of a token."""
        with translate():
            row = await self._pool.fetchrow(LIMITS, hex_of(token_id))
        if row is None:
            raise NotFoundError("token", token_id)
        return None if row["scopes"] is None else parse_scopes(row["scopes"]), row["expires_at"]

    async def revoke(self, user_id: str, token_id: str, by: Initiator) -> None:
        """End a token of a user."""
        async with changing(self._pool) as connection:
            if await connection.fetchval(REVOKE, hex_of(token_id), hex_of(user_id)) is None:
                raise NotFoundError("token", token_id)
            await record(connection, by, "token.revoked", token_id, ({"user_id": user_id}, None))

    async def revoke_anonymous(self) -> int:
        """End the tokens that were made while nobody had to log in."""
        async with changing(self._pool) as connection:
            ended = [public_id("token", row["id"]) for row in await connection.fetch(REVOKE_ANONYMOUS)]
            for token_id in ended:
                await record(connection, Initiator(reason="made without authentication"), "token.revoked", token_id)
        return len(ended)


def _token(row: Any) -> Token:
    return Token(
        id=public_id("token", row["id"]),
        user_id=public_id("user", row["user_id"]),
        name=row["name"],
        shown_prefix=row["shown_prefix"],
        scopes=None if row["scopes"] is None else tuple(Scope(scope) for scope in row["scopes"]),
        created_at=rfc3339(row["created_at"]),
        expires_at=rfc3339_or_none(row["expires_at"]),
        last_used_at=rfc3339_or_none(row["last_used_at"]),
    )
