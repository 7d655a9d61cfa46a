"""Harnesses: base environments that agents share. Each may have a parent; the built-in ones cannot be changed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from runtime.agents.built_in import BUILT_IN, DEFAULT_NAME, built_in_id
from runtime.core.authored.definition import Harness, HarnessDefinition
from runtime.core.authored.lineage import MAX_DEPTH, check_parent
from runtime.core.authored.names import DEFAULT, check_free
from runtime.core.errors import ForbiddenError, NotFoundError
from runtime.core.ids import hex_of
from runtime.store.authored import AuthoredStore, Values
from runtime.store.kind import Kind
from runtime.store.pool import connect, translate
from runtime.store.rows import to_config
from runtime.store.tenant import Tenant

HARNESSES: Final = Kind(
    name="harness",
    table="harnesses",
    thing=Harness,
    prefix="harness",
    definition=HarnessDefinition,
    references={"parent_id": "harness"},
    columns=("is_built_in",),
    listed_first="is_built_in",
)

# Two changes of parents at once could close a circle that neither sees, and two servers that start at once on an empty
# table may meet at either of two unique indexes. Readers and sessions do not wait for this.
LOCK_ALL: Final = "LOCK TABLE harnesses IN SHARE ROW EXCLUSIVE MODE"

LINE: Final = f"""
WITH RECURSIVE line (id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM harnesses WHERE org_id = current_org() AND id = $1 AND status = 'active'
    UNION ALL
    SELECT h.id, h.parent_id, l.depth + 1 FROM harnesses h JOIN line l ON h.id = l.parent_id
    WHERE h.org_id = current_org() AND l.depth < {MAX_DEPTH}
)
SELECT id FROM line
"""

BELOW: Final = f"""
WITH RECURSIVE below (id, depth) AS (
    SELECT $1::uuid, 0
    UNION ALL
    SELECT h.id, b.depth + 1 FROM harnesses h JOIN below b ON h.parent_id = b.id
    WHERE h.org_id = current_org() AND b.depth < {MAX_DEPTH}
)
SELECT max(depth) FROM below
"""

# Of the organisation that is named, else of all. Several servers may start at once, each with this statement.
RECONCILE: Final = """
INSERT INTO harnesses AS h (org_id, id, name, is_built_in, config)
SELECT o.id, b.id, b.name, true, b.config
FROM organizations o CROSS JOIN unnest($1::uuid[], $2::text[], $3::json[]) AS b (id, name, config)
WHERE o.deleted_at IS NULL AND o.id = coalesce(current_org(), o.id)
ON CONFLICT (org_id, id) DO UPDATE SET config = excluded.config, revision = h.revision + 1, updated_at = now()
WHERE h.config::text <> excluded.config::text
"""


async def reconcile(dsn: str) -> None:
    """Bring the built-in harnesses of every organisation to what this version says of them, as every start must.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    connection = await connect(dsn)
    try:
        with translate():
            async with connection.transaction():
                await provide_built_in(connection)
    finally:
        await connection.close()


async def provide_built_in(connection: Any) -> None:
    """Do so in a transaction: for the organisation that it names (`perdure.org`), or for all."""
    await connection.execute(LOCK_ALL)
    keys = [hex_of(built_in_id(name)) for name in BUILT_IN]
    await connection.execute(
        RECONCILE, keys, list(BUILT_IN), [to_config(definition) for definition in BUILT_IN.values()]
    )


class HarnessStore(AuthoredStore[Harness]):
    """The harnesses of an organisation (`runtime.ports.authored.Harnesses`)."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant, HARNESSES)

    async def provision(self) -> None:
        """Give an organisation the built-in harnesses, as part of making it."""
        with translate():
            async with self._tenant.transaction() as connection:
                await provide_built_in(connection)

    async def create(self, name: str, definition: HarnessDefinition, *, parent_id: str | None = None) -> Harness:
        """Store a new harness."""
        check_free("harness", name)
        return await self._create(name, {"parent_id": parent_id, "is_built_in": False, "config": definition})

    async def get(self, key: str) -> Harness:
        """Return a harness by id, name or as `default`, archived ones too. Raises NotFoundError("harness")."""
        return await super().get(DEFAULT_NAME if key == DEFAULT else key)

    async def list(self, *, search: str = "", include_archived: bool = False) -> Sequence[Harness]:
        """Return the harnesses, built-in ones first, then the newest; `search` looks at name and description."""
        return (await self._page(search=search, include_archived=include_archived)).items

    async def patch(
        self,
        harness_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        parent_id: str | None = None,
        status: str | None = None,
    ) -> Harness:
        """Replace some fields of a definition, name, parent or status."""
        check_free("harness", name)
        await self._check_ours(harness_id)
        values = {} if parent_id is None else {"parent_id": parent_id}
        return await self._patch(harness_id, values, changes, name=name, status=status)

    async def archive(self, harness_id: str) -> None:
        """Archive a harness; an archived one is deleted."""
        await self._check_ours(harness_id)
        await super().archive(harness_id)

    async def _check_ours(self, harness_id: str) -> None:
        if (await self.get(harness_id)).is_built_in:  # which never changes, so it may be read beforehand
            message = "A built-in harness cannot be changed; copy it and edit the copy."
            raise ForbiddenError(message, "harness_built_in")

    async def _admit(self, connection: Any, key: str, values: Values) -> None:
        parent_id = values.get("parent_id")
        if parent_id is None:
            return
        await connection.execute(LOCK_ALL)
        line: Iterable[Any] = await connection.fetch(LINE, hex_of(parent_id))
        ancestors = [row["id"].hex for row in line]
        if not ancestors:
            raise NotFoundError("harness", parent_id)
        check_parent(key, ancestors, await connection.fetchval(BELOW, hex_of(key)))
