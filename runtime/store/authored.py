"""What people author, in Postgres: names, lists and life cycle, once for things of every kind."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar

import asyncpg
import msgspec

from runtime.core.authored.lifecycle import check_change
from runtime.core.authored.names import taken
from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.ports.listed import Listed
from runtime.process.mint import new_id
from runtime.store.kind import Kind
from runtime.store.pool import translate
from runtime.store.rows import check_storable, key_or_name
from runtime.store.tenant import Tenant

T = TypeVar("T")
Values: TypeAlias = Mapping[str, Any]  # by column; ids of other things in their public form, a definition as `config`

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class AuthoredStore(Generic[T]):
    """The things of one kind (`runtime.ports.authored.Authored`)."""

    def __init__(self, tenant: Tenant, kind: Kind[T]) -> None:
        self._tenant = tenant
        self._kind = kind
        self._sql = kind.statements

    async def get(self, key: str) -> T:
        """Return a thing by id or name, an archived one too."""
        thing_key, name = key_or_name(self._kind.prefix, key)
        with translate():
            row = await self._tenant.fetchrow(self._sql.get, thing_key, name)
        return self._kind.read(self._found(row, key))

    async def several(self, thing_ids: Iterable[str]) -> Sequence[T]:
        """Return the things with these ids that there are, in any order."""
        keys = [hex_of(thing_id) for thing_id in thing_ids]
        with translate():
            rows = await self._tenant.fetch(self._sql.several, keys) if keys else []
        return [self._kind.read(row) for row in rows]

    async def _page(
        self, *, search: str = "", include_archived: bool = False, offset: int = 0, limit: int | None = None
    ) -> Listed[T]:
        """Return a page of things, newest first; `search` is a substring, in any case."""
        text = storable(search)
        with translate():
            rows = await self._tenant.fetch(self._sql.page, text, include_archived, offset, limit)
            ends_here = (limit is None or len(rows) < limit) and (rows or not offset)
            reached = offset + len(rows) if rows else 0
            counted = reached if ends_here else await self._tenant.fetchval(self._sql.count, text, include_archived)
        return Listed.counted([self._kind.read(row) for row in rows], offset, counted, reached)

    async def archive(self, thing_id: str) -> None:
        """Archive a thing; an archived one is deleted."""
        with translate():
            self._found(await self._tenant.fetchval(self._sql.archive, hex_of(thing_id)), thing_id)

    async def _create(self, name: str, values: Values) -> T:
        """Store a new thing.

        Raises:
            ConflictError: the name is another active one's.
            NotFoundError: what a column refers to is not there.
        """
        key = hex_of(new_id(self._kind.prefix))
        async with self._changing(name, values) as connection:
            await self._admit(connection, key, values)
            await self._make_way(connection, name, key)
            row = await connection.fetchrow(self._sql.create, key, name, *self._arguments(values))
        return self._kind.read(row)

    async def _upsert(self, name: str, values: Values, thing_id: str | None = None) -> tuple[T, bool]:
        """Create or replace a thing, by id if one is given, else by name; True if it was created.

        Raises:
            ConflictError: the name is another active one's, or the id is a deleted one's.
            NotFoundError: what a column refers to is not there.
        """
        key = hex_of(thing_id or new_id(self._kind.prefix))
        statement = self._sql.upsert_by_name if thing_id is None else self._sql.upsert_by_id
        async with self._changing(name, values) as connection:
            await self._admit(connection, key, values)
            if thing_id is not None:
                await self._make_way(connection, name, key)
            row = await connection.fetchrow(statement, key, name, *self._arguments(values))
            if row is None:
                message = f"{self._kind.name.capitalize()} {thing_id} was deleted; its id cannot be used again."
                raise ConflictError(message, f"{self._kind.name}_deleted")
        return self._kind.read(row), row["revision"] == 1

    async def _patch(
        self,
        thing_id: str,
        values: Values,
        changes: Mapping[str, Any] = NOTHING,
        *,
        name: str | None = None,
        status: str | None = None,
    ) -> T:
        """Replace the columns in `values`, the fields of the definition in `changes`, name or status.

        Raises:
            NotFoundError: there is no such thing, or what a column refers to is not there.
            ConflictError: it is archived and stays so, or the name is taken.
            InvalidInputError: a status that cannot be set, or a text that cannot be stored.
        """
        key = hex_of(thing_id)
        async with self._changing(name or "", values) as connection:
            await self._admit(connection, key, values)
            before = self._found(await connection.fetchrow(self._sql.lock, key), thing_id)
            check_change(self._kind.name, before["status"], status or before["status"])
            if name is not None:
                await self._make_way(connection, name, key)
            arguments = self._arguments({**values, **self._redefined(before, changes)}, before)
            row = await connection.fetchrow(
                self._sql.update, key, name or before["name"], status or before["status"], *arguments
            )
        return self._kind.read(row)

    async def _admit(self, connection: Any, key: str, values: Values) -> None:
        """Pass if a row may hold these values, in the transaction that writes them. For kinds with rules of their own.

        `key` is the row's, there already or not; of an upsert by name, what it is if the name is new.
        """

    @asynccontextmanager
    async def _changing(self, name: str, values: Values) -> AsyncIterator[Any]:
        """Open a transaction, and say in our words what the table's constraints refuse."""
        check_storable("name", name)
        with translate():
            try:
                async with self._tenant.transaction() as connection:
                    yield connection
            except asyncpg.UniqueViolationError as err:
                raise taken(self._kind.name, name) from err
            except asyncpg.ForeignKeyViolationError as err:
                column = self._kind.reference(err.constraint_name)
                if column is None:
                    raise
                raise NotFoundError(self._kind.references[column], values[column]) from err

    async def _make_way(self, connection: Any, name: str, key: str) -> None:
        """Rename an archived thing with that name, unless it is the one that wants it: it must not block the name."""
        if self._kind.makes_way:
            await connection.execute(self._sql.make_way, name, key)

    def _arguments(self, values: Values, before: Mapping[str, Any] = NOTHING) -> list[Any]:
        return [
            self._kind.write(column, values[column]) if column in values else before[column]
            for column in self._kind.own
        ]

    def _redefined(self, before: Mapping[str, Any], changes: Mapping[str, Any]) -> Values:
        if not changes:
            return {}
        return {"config": msgspec.structs.replace(self._kind.definition_of(before), **changes)}

    def _found(self, found: Any, key: str) -> Any:
        if found is None:
            raise NotFoundError(self._kind.name, key)
        return found
