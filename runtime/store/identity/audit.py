"""The audit log: written in the transaction of what it tells of."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.ports.identity import AuditEntry, AuditQuery, Initiator
from runtime.process.mint import new_id
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id, rfc3339
from runtime.store.tenant import Tenant

RECORD: Final = """
INSERT INTO audit (id, org_id, user_id, credential_id, action, subject_kind, subject_id, before, after,
    reason, address, user_agent, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_PAGE: Final = """
SELECT id, at, org_id, user_id, credential_id, action, subject_kind, subject_id, before, after, reason, address,
    user_agent, request_id
FROM audit
WHERE {of} AND ($2::text IS NULL OR action = $2) AND ($3::uuid IS NULL OR user_id = $3)
    AND ($4::text IS NULL OR subject_id = $4) AND ($5::timestamptz IS NULL OR at >= $5)
    AND ($6::timestamptz IS NULL OR at < $6) AND ($7::uuid IS NULL OR id < $7)
ORDER BY id DESC LIMIT $8
"""
PAGE: Final = _PAGE.format(of="org_id = $1")
PAGE_OF_SERVER: Final = _PAGE.format(of="org_id IS NULL AND $1::uuid IS NULL")
# What ids of things begin with, where that is not the word for their kind.
_KINDS: Final = {"org": "organization", "wsp": "workspace"}


class AuditStore:
    """The audit log (`runtime.ports.identity.AuditLog`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(
        self, by: Initiator, action: str, subject_kind: str, subject_id: str | None, details: tuple[Any, Any]
    ) -> None:
        """Note an act that was done elsewhere."""
        with translate():
            await self._pool.execute(RECORD, *_row(by, action, (subject_kind, subject_id), details))

    async def page(self, query: AuditQuery, limit: int) -> Sequence[AuditEntry]:
        """Return entries, the newest first."""
        with translate():
            seen = self._pool if query.org_id is None else Tenant(self._pool, query.org_id)
            rows = await seen.fetch(
                PAGE_OF_SERVER if query.org_id is None else PAGE,
                query.org_id and hex_of(query.org_id),
                query.action and storable(query.action),
                query.user_id and hex_of(query.user_id),
                query.subject_id and storable(query.subject_id),
                query.since,
                query.until,
                query.before_id and hex_of(query.before_id),
                limit,
            )
        return [_entry(row) for row in rows]


@asynccontextmanager
async def changing(pool: Pool) -> AsyncIterator[Any]:
    """Open a transaction, for a change and its entry in the audit log."""
    with translate():
        async with pool.acquire() as connection, connection.transaction():
            yield connection


async def record(
    connection: Any, by: Initiator, action: str, subject_id: str, details: tuple[Any, Any] = (None, None)
) -> None:
    """Note an act in the transaction that does it. The subject's kind is what its id begins with."""
    prefix = subject_id.partition("_")[0]
    await connection.execute(RECORD, *_row(by, action, (_KINDS.get(prefix, prefix), subject_id), details))


def within(by: Initiator, org_id: str) -> Initiator:
    """Return who does something, for the log of the organisation in which it is done."""
    return msgspec.structs.replace(by, org_id=org_id)


def _row(by: Initiator, action: str, subject: tuple[str, str | None], details: tuple[Any, Any]) -> list[Any]:
    before, after = (None if detail is None else msgspec.json.encode(detail).decode() for detail in details)
    return [
        hex_of(new_id("audit")),
        by.org_id and hex_of(by.org_id),
        by.user_id and hex_of(by.user_id),
        by.credential_id,
        action,
        *subject,
        before,
        after,
        by.reason,
        by.address,
        by.user_agent and storable(by.user_agent),
        by.request_id,
    ]


def _entry(row: Any) -> AuditEntry:
    texts = ("credential_id", "action", "subject_kind", "subject_id", "reason", "address", "user_agent", "request_id")
    return AuditEntry(
        id=public_id("audit", row["id"]),
        at=rfc3339(row["at"]),
        org_id=row["org_id"] and public_id("org", row["org_id"]),
        user_id=row["user_id"] and public_id("user", row["user_id"]),
        before=row["before"] and msgspec.json.decode(row["before"]),
        after=row["after"] and msgspec.json.decode(row["after"]),
        **{name: row[name] for name in texts},
    )
