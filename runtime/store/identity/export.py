"""All that is kept of a user, for them to read (`perdure users export`): no hash, nothing that is sealed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from runtime.core.ids import hex_of
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id, rfc3339

_KINDS: Final = {"session_id": "session"}  # whose ids these are; others are of organisations

# By section: the prefix of its own ids, and what is read.
SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "user": (
        "user",
        """SELECT id, email, name, avatar_url, is_system_admin, status, home_org_id, created_at, updated_at,
            password_hash IS NOT NULL AS has_password FROM users WHERE id = $1""",
    ),
    "identities": (
        "",
        "SELECT issuer, subject, created_at FROM user_identities WHERE user_id = $1 ORDER BY created_at",
    ),
    "memberships": (
        "",
        "SELECT org_id, role, created_at, updated_at FROM members WHERE user_id = $1 ORDER BY created_at",
    ),
    "tokens": (
        "token",
        """SELECT id, name, shown_prefix, scopes, created_at, expires_at, revoked_at, last_used_at
            FROM tokens WHERE user_id = $1 ORDER BY created_at""",
    ),
    "logins": (
        "login",
        """SELECT id, created_at, rotated_at, expires_at, revoked_at, revoked_for, address, user_agent
            FROM logins WHERE user_id = $1 ORDER BY created_at""",
    ),
    "connections": (
        "",
        """SELECT org_id, name, created_at, updated_at FROM secrets
            WHERE user_id = $1 AND kind = 'connection' ORDER BY created_at, name""",
    ),
    "pins": (
        "",
        "SELECT org_id, session_id FROM pins WHERE user_id = $1 ORDER BY session_id",
    ),
    "audit": (
        "audit",
        """SELECT id, org_id, at, credential_id, action, subject_kind, subject_id, reason, address, user_agent
            FROM audit WHERE user_id = $1 ORDER BY id""",
    ),
}


async def export(pool: Pool, user_id: str) -> Mapping[str, Any]:
    """Return it section by section, ready to be written as JSON. Raises StoreUnavailableError."""
    found: dict[str, Any] = {}
    with translate():
        for section, (prefix, statement) in SECTIONS.items():
            rows = await pool.fetch(statement, hex_of(user_id))
            found[section] = [{name: _shown(name, value, prefix) for name, value in row.items()} for row in rows]
    [found["user"]] = found["user"]
    return found


def _shown(name: str, value: Any, prefix: str) -> Any:
    if isinstance(value, UUID):
        return public_id(prefix if name == "id" else _KINDS.get(name, "org"), value)
    return rfc3339(value) if isinstance(value, datetime) else value
