"""Where what people author is kept (see `runtime.core.authored`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from runtime.core.authored.definition import Agent, AgentDefinition, Harness, HarnessDefinition, Workspace
from runtime.ports.listed import Listed

T_co = TypeVar("T_co", covariant=True)


class Authored(Protocol[T_co]):
    """The things of one kind. Keys are public ids or names."""

    async def get(self, key: str) -> T_co:
        """Return a thing by id or name, an archived one too.

        Raises:
            NotFoundError: there is none.
            InvalidInputError: the key begins like an id and is none.
        """
        ...

    async def several(self, thing_ids: Iterable[str]) -> Sequence[T_co]:
        """Return the things with these ids that there are, in any order; archived ones too."""
        ...

    async def archive(self, thing_id: str) -> None:
        """Archive a thing; an archived one is deleted.

        Raises:
            NotFoundError: there is none.
            ForbiddenError: it is built in.
        """
        ...


class Agents(Authored[Agent], Protocol):
    """The agents of this server. Keys are public ids (`agent_…`) or names."""

    async def upsert(
        self, name: str, harness_id: str, definition: AgentDefinition, *, agent_id: str | None = None
    ) -> tuple[Agent, bool]:
        """Create or update an agent, by id if one is given, else by name; True if it was created.

        Raises:
            ConflictError: the name is another active agent's (`agent_exists`), or the id is a deleted one's.
            NotFoundError: there is no such harness.
        """
        ...

    async def list(
        self, *, search: str = "", include_archived: bool = False, offset: int = 0, limit: int = 20
    ) -> Listed[Agent]:
        """Return a page of agents, newest first; `search` looks at name and description."""
        ...

    async def patch(
        self,
        agent_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        harness_id: str | None = None,
        status: str | None = None,
    ) -> Agent:
        """Replace some fields of a definition, name, harness or status.

        Raises:
            NotFoundError: no such agent, or no such harness.
            ConflictError: it is archived and stays so (`agent_archived`), or the name is taken (`agent_exists`).
            InvalidInputError: a status that cannot be set.
        """
        ...


class Harnesses(Authored[Harness], Protocol):
    """The harnesses of this server. Keys are public ids (`harness_…`), names, or `default`."""

    async def create(self, name: str, definition: HarnessDefinition, *, parent_id: str | None = None) -> Harness:
        """Store a new harness.

        Raises:
            ConflictError: the name is another active harness's (`harness_exists`).
            NotFoundError: no such parent.
            InvalidInputError: the line of parents is too long, or the name is `default`.
        """
        ...

    async def list(self, *, search: str = "", include_archived: bool = False) -> Sequence[Harness]:
        """Return the harnesses, built-in ones first, then the newest; `search` looks at name and description."""
        ...

    async def patch(
        self,
        harness_id: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        parent_id: str | None = None,
        status: str | None = None,
    ) -> Harness:
        """Replace some fields of a definition, name, parent or status.

        Raises:
            NotFoundError: no such harness, or no such parent.
            ForbiddenError: it is built in (`harness_built_in`).
            ConflictError: it is archived and stays so (`harness_archived`), or the name is taken (`harness_exists`).
            InvalidInputError: a status or name that cannot be set, or a line of parents that is a circle or too long.
        """
        ...


class Workspaces(Authored[Workspace], Protocol):
    """The workspaces of this server, without their files."""

    async def create(self, name: str, description: str | None = None) -> Workspace:
        """Store a new workspace. Raises ConflictError("workspace_exists") for a name that is used."""
        ...

    async def list(self, *, search: str = "", include_archived: bool = False) -> Sequence[Workspace]:
        """Return the shared workspaces, newest first; `search` looks at name and description."""
        ...

    async def patch(
        self,
        workspace_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> Workspace:
        """Change what is given; the files of an archived workspace can be read and not written.

        Raises:
            NotFoundError: no such workspace.
            ConflictError: it is archived and stays so, or the name is used.
            InvalidInputError: a status that cannot be set, or a text that cannot be stored.
        """
        ...
