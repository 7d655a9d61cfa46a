"""The kinds of things that people author: what is particular to their tables, and the SQL that they have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

import msgspec

from runtime.core.authored.definition import Layer
from runtime.core.authored.lifecycle import ARCHIVING
from runtime.core.authored.names import MAX_CHARS, SUFFIX_CHARS
from runtime.core.ids import hex_of
from runtime.ports.listed import COUNTED_MOST
from runtime.store.rows import check_storable, public_id, rfc3339, rfc3339_or_none, to_config

T = TypeVar("T")

_OURS: Final = "org_id = current_org()"
_COMMON: Final = ("id", "name", "status", "revision", "created_at", "updated_at", "archived_at")


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[T]):
    """What is particular to the things of one kind and to their table, which is named after them.

    All tables have the columns of `_COMMON`, `org_id` and `deleted_at`. The strings here become SQL, so they are
    constants of ours and never input.
    """

    name: str
    table: str
    thing: Callable[..., T]  # takes each column that is not `config`, and `definition` where there is one
    prefix: str  # of its ids
    definition: type[Layer] | None = None  # what the column `config` holds
    references: Mapping[str, str] = field(default_factory=dict)  # columns with ids of others, each with their kind
    columns: Sequence[str] = ()  # others of its own
    searched: Sequence[str] = ("name", "config->>'display_name'", "config->>'description'")  # expressions
    listed_first: str | None = None  # a column: those for which it is true come before the newest
    makes_way: bool = True  # an archived one: whoever wants its name gets it, and it is renamed

    @property
    def own(self) -> tuple[str, ...]:
        """The columns that only things of this kind have."""
        return (*self.references, *self.columns, *(("config",) if self.definition else ()))

    @cached_property
    def statements(self) -> "Statements":
        """The SQL for things of this kind."""
        return Statements(self)

    def reference(self, constraint: str | None) -> str | None:
        """Return the column whose foreign key has that name, which is the one that Postgres gives it."""
        return next((column for column in self.references if constraint == f"{self.table}_{column}_fkey"), None)

    def definition_of(self, row: Any) -> Layer:
        """Return the definition in a row. Raises TypeError for a kind that has none: a bug of the caller."""
        if self.definition is None:
            message = f"a {self.name} has no definition"
            raise TypeError(message)
        return msgspec.json.decode(row["config"], type=self.definition)

    def read(self, row: Any) -> T:
        """Return the thing that a row describes; one without a name is called by its id."""
        key = public_id(self.prefix, row["id"])
        own = {column: row[column] for column in self.columns}
        own |= {column: row[column] and public_id(kind, row[column]) for column, kind in self.references.items()}
        if self.definition is not None:
            own["definition"] = self.definition_of(row)
        return self.thing(
            id=key,
            name=row["name"] or key,
            status=row["status"],
            revision=row["revision"],
            created_at=rfc3339(row["created_at"]),
            updated_at=rfc3339(row["updated_at"]),
            archived_at=rfc3339_or_none(row["archived_at"]),
            **own,
        )

    def write(self, column: str, value: Any) -> Any:
        """Return what to put into a column for a value. Raises InvalidInputError for a text that cannot be stored."""
        if column == "config":
            return to_config(value)
        if column in self.references:
            return value and hex_of(value)
        if isinstance(value, str):
            check_storable(column, value)
        return value


class Statements:
    """The SQL for one kind, within an organisation. `own` columns come last among the arguments, in their order."""

    def __init__(self, kind: Kind[Any]) -> None:
        table, own = kind.table, kind.own
        columns = ", ".join((*_COMMON, *own))
        changed = "".join(f"{column} = ${number}, " for number, column in enumerate(own, 4))
        replaced = "".join(f"{column} = excluded.{column}, " for column in own)
        revived = f"""{replaced} status = 'active', archived_at = NULL, revision = {table}.revision + 1,
            updated_at = now()"""
        matching = f"""
            FROM {table}
            WHERE {_OURS} AND name IS NOT NULL AND (status = 'active' OR status = 'archived' AND $2::boolean)
            AND ($1 = '' OR {" OR ".join(f"strpos(lower({text}), lower($1)) > 0" for text in kind.searched)})"""
        first = f"{kind.listed_first} DESC, " if kind.listed_first else ""
        archiving = "".join(f" WHEN '{before}' THEN '{after}'" for before, after in ARCHIVING.items())
        insert = f"""
            INSERT INTO {table} (org_id, id, name, {", ".join(own)})
            VALUES (current_org(), $1, $2, {_numbered(own, 3)})"""

        self.create = f"{insert} RETURNING {columns}"
        # Without an id the name decides: its holder is updated, and comes back if it was archived.
        self.upsert_by_name = f"""{insert}
            ON CONFLICT (org_id, name) WHERE status <> 'deleted' DO UPDATE SET {revived} RETURNING {columns}"""
        self.upsert_by_id = f"""{insert}
            ON CONFLICT (org_id, id) DO UPDATE SET name = excluded.name, {revived}
            WHERE {table}.status <> 'deleted' RETURNING {columns}"""
        aside = f"left(name, {MAX_CHARS - 1 - SUFFIX_CHARS}) || '-' || right(id::text, {SUFFIX_CHARS})"
        self.make_way = f"""
            UPDATE {table} SET name = {aside}, revision = revision + 1, updated_at = now()
            WHERE {_OURS} AND name = $1 AND status = 'archived' AND id <> $2"""
        live = f"FROM {table} WHERE {_OURS} AND status <> 'deleted'"
        self.get = f"SELECT {columns} {live} AND (id = $1::uuid OR name = $2::text)"
        self.several = f"SELECT {columns} {live} AND id = ANY($1::uuid[])"
        self.page = f"SELECT {columns} {matching} ORDER BY {first}created_at DESC, id DESC OFFSET $3 LIMIT $4"
        self.count = f"SELECT count(*) FROM (SELECT {matching} LIMIT {COUNTED_MOST + 1}) AS counted"
        self.lock = f"SELECT {columns} {live} AND id = $1 FOR NO KEY UPDATE"
        self.update = f"""
            UPDATE {table} SET name = $2, status = $3::text, {changed} revision = revision + 1, updated_at = now(),
                archived_at = CASE WHEN $3 = 'active' THEN NULL ELSE coalesce(archived_at, now()) END
            WHERE {_OURS} AND id = $1 RETURNING {columns}"""
        self.archive = f"""
            UPDATE {table} SET status = CASE status{archiving} END, revision = revision + 1, updated_at = now(),
                archived_at = coalesce(archived_at, now()),
                deleted_at = CASE status WHEN 'archived' THEN now() END
            WHERE {_OURS} AND id = $1 AND status <> 'deleted' RETURNING id"""


def _numbered(columns: Iterable[str], first: int) -> str:
    return ", ".join(f"${number}" for number, _ in enumerate(columns, first))
