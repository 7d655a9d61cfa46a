"""The key-value store of a session."""

from collections.abc import Sequence
from typing import Any, Final

from runtime.core.errors import InvalidInputError
from runtime.core.ids import hex_of
from runtime.ports.keys import KeyValue
from runtime.ports.listed import Listed
from runtime.store.pool import translate
from runtime.store.rows import check_storable, rfc3339
from runtime.store.tenant import Tenant

MAX_KEYS: Final = 1000
MAX_KEY_BYTES: Final = 256
MAX_VALUE_BYTES: Final = 1 << 20

_OURS: Final = "org_id = current_org() AND session_id = $1"

# An existing key may always be set; a new one only below the limit. Two sets at once may pass it by one.
SET: Final = f"""
INSERT INTO key_values (org_id, session_id, key, value)
SELECT current_org(), $1, $2, $3
WHERE EXISTS (SELECT FROM key_values WHERE {_OURS} AND key = $2)
   OR (SELECT count(*) FROM key_values WHERE {_OURS}) < {MAX_KEYS}
ON CONFLICT (session_id, key) DO UPDATE SET value = excluded.value, updated_at = now()
RETURNING key
"""
GET: Final = f"SELECT value FROM key_values WHERE {_OURS} AND key = $2"
DELETE: Final = f"DELETE FROM key_values WHERE {_OURS} AND key = $2 RETURNING key"
LIST: Final = f"SELECT key, value, created_at, updated_at FROM key_values WHERE {_OURS} ORDER BY key"
COUNT: Final = f"SELECT count(*) FROM key_values WHERE {_OURS}"
PAGE: Final = f"{LIST} OFFSET $2 LIMIT $3"


class SessionKeys:
    """The pairs of one session; cheap to make."""

    def __init__(self, tenant: Tenant, session_id: str) -> None:
        self._tenant = tenant
        self._session = hex_of(session_id)

    async def set(self, key: str, value: str) -> None:
        """Store a value under a key.

        Raises:
            InvalidInputError: the key is empty, or one of them is too long or not storable text.
            InvalidInputError: there are too many keys.
        """
        _check("key", key, MAX_KEY_BYTES)
        _check("value", value, MAX_VALUE_BYTES)
        if not key:
            message = "A key must not be empty."
            raise InvalidInputError(message, "invalid_key")
        with translate():
            done = await self._tenant.fetchval(SET, self._session, key, value)
        if done is None:
            message = f"A session holds at most {MAX_KEYS} keys; delete some first."
            raise InvalidInputError(message, "too_many_keys")

    async def get(self, key: str) -> str | None:
        """Return the value, or None."""
        _check("key", key, MAX_KEY_BYTES)
        with translate():
            value: str | None = await self._tenant.fetchval(GET, self._session, key)
        return value

    async def delete(self, key: str) -> bool:
        """Forget a key; False if it was not there."""
        _check("key", key, MAX_KEY_BYTES)
        with translate():
            return await self._tenant.fetchval(DELETE, self._session, key) is not None

    async def list(self) -> Sequence[KeyValue]:
        """Return every pair, by key."""
        with translate():
            return _pairs(await self._tenant.fetch(LIST, self._session))

    async def page(self, offset: int, limit: int) -> Listed[KeyValue]:
        """Return a part of the pairs, by key (`runtime.ports.keys.ListedKeys`)."""
        with translate():
            total = await self._tenant.fetchval(COUNT, self._session)
            return Listed(_pairs(await self._tenant.fetch(PAGE, self._session, offset, limit)), offset, total)


def _pairs(rows: Sequence[Any]) -> list[KeyValue]:
    return [KeyValue(r["key"], r["value"], rfc3339(r["created_at"]), rfc3339(r["updated_at"])) for r in rows]


def _check(what: str, text: str, limit_bytes: int) -> None:
    check_storable(what, text)
    if len(text.encode()) > limit_bytes:
        message = f"A {what} has at most {limit_bytes} bytes."
        raise InvalidInputError(message, f"invalid_{what}")
