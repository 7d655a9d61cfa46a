"""Re-encrypting what is stored, while it is used. Every step is a statement of its own, so what is done stays done."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from runtime.core.errors import SecretUnreadableError
from runtime.ports.secrets import KeyUse
from runtime.ports.vault import Place
from runtime.store.pool import Pool, translate
from runtime.store.secrets import place_of

BATCH: Final = 500

Unseal: TypeAlias = Callable[[Place, str], str]
Reseal: TypeAlias = Callable[[Place, str], str]
_Key: TypeAlias = tuple[UUID, str, UUID, str]

COUNTS: Final = "SELECT key_id, count(*) AS secrets FROM secrets GROUP BY key_id ORDER BY key_id"
# From key to key along the index: how many secrets each has sealed does not matter.
_SEALED: Final = """
WITH RECURSIVE sealed (key_id) AS (
    (SELECT key_id FROM secrets ORDER BY key_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.key_id FROM secrets AS s WHERE s.key_id > sealed.key_id ORDER BY s.key_id LIMIT 1)
    FROM sealed WHERE sealed.key_id IS NOT NULL
)
"""
KEYS: Final = f"{_SEALED} SELECT key_id FROM sealed WHERE key_id IS NOT NULL"
SAMPLE: Final = f"""
{_SEALED} SELECT one.* FROM sealed CROSS JOIN LATERAL (
    SELECT org_id, kind, owner_id, name, envelope FROM secrets AS s WHERE s.key_id = sealed.key_id
    ORDER BY org_id, kind, owner_id, name LIMIT 1
) AS one
"""
NEXT: Final = """
SELECT org_id, kind, owner_id, name, envelope FROM secrets
WHERE key_id = $1 AND (org_id, kind, owner_id, name) > ($2::uuid, $3::text, $4::uuid, $5::text)
ORDER BY org_id, kind, owner_id, name LIMIT $6
"""
START: Final[_Key] = (UUID(int=0), "", UUID(int=0), "")
# Only where it still is what was read: whoever wrote meanwhile has written with a key of today, or it comes up again.
SWAP: Final = """
UPDATE secrets s SET envelope = n.new
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::jsonb[], $6::jsonb[]) AS
    n (org_id, kind, owner_id, name, old, new)
WHERE s.org_id = n.org_id AND s.kind = n.kind AND s.owner_id = n.owner_id AND s.name = n.name AND s.envelope = n.old
"""
DISCARD: Final = "DELETE FROM secrets WHERE key_id = $1"


class Rotation:
    """What is sealed with which key, over all organisations; acts as the owner of the tables."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def uses(self) -> Sequence[KeyUse]:
        """Return the keys with which something is sealed."""
        with translate():
            return [KeyUse(row["key_id"], row["secrets"]) for row in await self._pool.fetch(COUNTS)]

    async def check(self, unseal: Unseal) -> None:
        """Pass if one secret of each key opens. Raises SecretUnreadableError."""
        with translate():
            rows = await self._pool.fetch(SAMPLE)
        for row in rows:
            unseal(_place(row), row["envelope"])

    async def rotate(self, key_id: str, reseal: Reseal, progress: Callable[[int], None]) -> Sequence[str]:
        """Seal everything with the key of that id, `reseal` doing it; tell after each batch how many were done.

        Goes round until nothing is left but what does not open, and returns the words about that.
        """
        done = 0
        while True:
            before, unreadable = done, list[str]()
            for old in await self._others(key_id):
                after = START
                while rows := await self._next(old, after):
                    after = (rows[-1]["org_id"], rows[-1]["kind"], rows[-1]["owner_id"], rows[-1]["name"])
                    done += await self._swap(rows, reseal, unreadable)
                    progress(done)
            if done == before:
                return unreadable

    async def discard(self, key_id: str) -> int:
        """Delete what is sealed with a key; return how many secrets that were."""
        with translate():
            done = await self._pool.execute(DISCARD, key_id)
        return int(done.rpartition(" ")[2])

    async def _others(self, key_id: str) -> Sequence[str]:
        with translate():
            return [row["key_id"] for row in await self._pool.fetch(KEYS) if row["key_id"] != key_id]

    async def _next(self, key_id: str, after: _Key) -> Sequence[Any]:
        """Return the next secrets that are sealed with that key."""
        with translate():
            rows: Sequence[Any] = await self._pool.fetch(NEXT, key_id, *after, BATCH)
        return rows

    async def _swap(self, rows: Sequence[Any], reseal: Reseal, unreadable: list[str]) -> int:
        swaps = []
        for row in rows:
            try:
                new = reseal(_place(row), row["envelope"])
            except SecretUnreadableError as err:
                unreadable.append(str(err))
                continue
            swaps.append((row["org_id"], row["kind"], row["owner_id"], row["name"], row["envelope"], new))
        if not swaps:
            return 0
        with translate():
            done = await self._pool.execute(SWAP, *(list(column) for column in zip(*swaps, strict=True)))
        return int(done.rpartition(" ")[2])


def _place(row: Any) -> Place:
    return place_of(row["org_id"].hex, row["kind"], row["owner_id"].hex, row["name"])
