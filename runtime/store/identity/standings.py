"""What credentials are worth, for the front doors that remember it."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from runtime.core.access.roles import MemberRole, parse_scopes
from runtime.core.ids import hex_of
from runtime.ports.identity import Standing
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id

_OF_USER: Final = """
u.id AS user_id, u.is_system_admin, u.home_org_id, m.orgs, m.roles
"""
_MEMBERSHIPS: Final = """
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(member.org_id ORDER BY member.created_at, member.org_id), '{}') AS orgs,
        coalesce(array_agg(member.role ORDER BY member.created_at, member.org_id), '{}') AS roles
    FROM members AS member JOIN organizations AS org ON org.id = member.org_id
    WHERE member.user_id = u.id AND org.deleted_at IS NULL
) AS m
"""
_TOKENS: Final = f"""
SELECT t.id, t.scopes, t.expires_at, {_OF_USER}
FROM tokens AS t JOIN users AS u ON u.id = t.user_id {_MEMBERSHIPS}
WHERE t.revoked_at IS NULL AND u.status = 'active' AND (t.expires_at IS NULL OR t.expires_at > now())
"""
TOKEN: Final = f"{_TOKENS} AND t.digest = $1"
TOKENS: Final = f"{_TOKENS} AND t.id = ANY($1::uuid[])"
LOGINS: Final = f"""
SELECT l.id, NULL AS scopes, l.expires_at, {_OF_USER}
FROM logins AS l JOIN users AS u ON u.id = l.user_id {_MEMBERSHIPS}
WHERE l.revoked_at IS NULL AND u.status = 'active' AND l.expires_at > now() AND l.id = ANY($1::uuid[])
"""
USERS: Final = f"""
SELECT u.id, NULL AS scopes, NULL AS expires_at, {_OF_USER}
FROM users AS u {_MEMBERSHIPS}
WHERE u.status = 'active' AND u.id = ANY($1::uuid[])
"""
REVISION: Final = "SELECT revision FROM access_revision"
# Nobody waits for the disk: what is lost with a crash is a minute's news.
NOTE_USED: Final = """
UPDATE tokens SET last_used_at = now()
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quickly
WHERE id = ANY($1::uuid[])
"""
_KINDS: Final = {"token": TOKENS, "login": LOGINS, "user": USERS}


class StandingStore:
    """The worth of credentials (`runtime.ports.identity.Standings`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def revision(self) -> int:
        """Return how often it was changed who may do what."""
        with translate():
            return int(await self._pool.fetchval(REVISION))

    async def of_token(self, digest: bytes) -> Standing | None:
        """Return what a token is worth."""
        with translate():
            row = await self._pool.fetchrow(TOKEN, digest)
        return None if row is None else _standing("token", row)

    async def several(self, credential_ids: Collection[str]) -> Mapping[str, Standing]:
        """Return what credentials are worth."""
        found = []
        for kind, statement in _KINDS.items():
            keys = [hex_of(one) for one in credential_ids if one.startswith(f"{kind}_")]
            if keys:
                with translate():
                    found += [_standing(kind, row) for row in await self._pool.fetch(statement, keys)]
        return {standing.credential_id: standing for standing in found}

    async def note_used(self, token_ids: Collection[str]) -> None:
        """Note that tokens are in use."""
        with translate():
            await self._pool.execute(NOTE_USED, [hex_of(token_id) for token_id in token_ids])


def _standing(kind: str, row: Any) -> Standing:
    return Standing(
        credential_id=public_id(kind, row["id"]),
        user_id=public_id("user", row["user_id"]),
        is_system_admin=row["is_system_admin"],
        home_org_id=row["home_org_id"] and public_id("org", row["home_org_id"]),
        roles={public_id("org", org): MemberRole(role) for org, role in zip(row["orgs"], row["roles"], strict=True)},
        scopes=None if row["scopes"] is None else parse_scopes(row["scopes"]),
        expires_at=row["expires_at"],
    )
