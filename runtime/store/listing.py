"""Which of an organisation's sessions a list shows: the newest first, all or an agent's, by a part of their title.

There may be millions, so nothing here takes as long as they are many. They are counted up to a limit. A text is looked
for in the newest titles first, where most are that somebody looks for, and some of any that are frequent; if it is not
there often enough, it is rare, and looked up in an index of all.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from runtime.core.errors import InvalidInputError
from runtime.ports.listed import COUNTED_MOST, Listed
from runtime.store.tenant import Tenant

SEARCH_TIMEOUT_S: Final = 2.0  # for a text that no new title has, and very many old ones
RARE_MOST: Final = 20  # of `COUNTED_MOST` titles with a text, if all that have it can be fetched

_ORDER: Final = "ORDER BY created_at DESC, id DESC"
_LIVE: Final = "org_id = current_org() AND deleted_at IS NULL"
_MATCHES: Final = "strpos(lower(title), lower($3)) > 0"
_PAGE: Final = f"SELECT id FROM {{}} {_ORDER} OFFSET $1 LIMIT $2"


class Choice(NamedTuple):
    """Of all sessions those of an agent, and those that come after one in the list, where they are given."""

    agent: str | None = None
    after: tuple[datetime, UUID] | None = None

    @property
    def arguments(self) -> list[Any]:
        """What the conditions compare with."""
        return [*([] if self.agent is None else [self.agent]), *(self.after or ())]

    def conditions(self, first: int) -> str:
        """Return them, each behind AND; `first` is the number of the first argument.

        What is not asked for is not in them: a plan for all cases would suit none.
        """
        agent = "" if self.agent is None else f" AND agent_id = ${first}"
        then = first + bool(agent)
        return agent if self.after is None else f"{agent} AND (created_at, id) < (${then}, ${then + 1})"


def newest(choice: Choice) -> str:
    """Return the statement for the ids of a page: offset, limit, and what a choice compares with."""
    return _PAGE.format(f"sessions WHERE {_LIVE}{choice.conditions(3)}")


def count(choice: Choice) -> str:
    """Return the statement that counts them, one further than is told."""
    live = f"SELECT FROM sessions WHERE {_LIVE}{choice.conditions(1)} {_ORDER} LIMIT {COUNTED_MOST + 1}"
    return f"SELECT count(*) FROM ({live}) AS counted"


def among_newest(choice: Choice) -> str:
    """Return the statement that looks into the titles of the newest: offset, limit, text, and what a choice does."""
    return f"""
    SELECT count(*) AS seen, count(*) FILTER (WHERE is_found) AS total,
        coalesce((array_agg(id {_ORDER}) FILTER (WHERE is_found))[$1 + 1 : $1 + $2], '{{}}') AS page
    FROM (
        SELECT id, created_at, {_MATCHES} AS is_found FROM session_titles
        WHERE org_id = current_org(){choice.conditions(4)} {_ORDER} LIMIT {COUNTED_MOST + 1}
    ) AS newest
    """


def among_all(choice: Choice) -> str:
    """Return the statement that looks a text up in the index of titles; its arguments are the same."""
    return f"""
    WITH found AS MATERIALIZED (
        SELECT id, created_at FROM titles_with($3) WHERE true{choice.conditions(4)}
    )
    SELECT (SELECT count(*) FROM found) AS total, ARRAY({_PAGE.format("found")}) AS page
    """


async def find(tenant: Tenant, choice: Choice, search: str | None, offset: int, limit: int) -> Listed[UUID]:
    """Return a page of a list, as ids.

    Raises:
        InvalidInputError: `search_too_broad`: too many old titles have that text, and no new one.
    """
    if search is not None:
        return await _search(tenant, choice, search, offset, limit)
    page = [row["id"] for row in await tenant.fetch(newest(choice), offset, limit + 1, *choice.arguments)]
    reached = offset + len(page) if page else 0
    if len(page) <= limit and (page or not offset):
        return Listed(page, offset, reached)
    counted = await tenant.fetchval(count(choice), *choice.arguments)
    return Listed.counted(page[:limit], offset, counted, reached)


async def _search(tenant: Tenant, choice: Choice, search: str, offset: int, limit: int) -> Listed[UUID]:
    arguments = (offset, limit + 1, search, *choice.arguments)
    async with tenant.transaction() as connection:
        if choice.agent is None or not await _is_rare(connection, search):
            [found] = await connection.fetch(among_newest(choice), *arguments)
            saw_all = found["seen"] <= COUNTED_MOST
            if saw_all or len(found["page"]) > limit:
                return Listed(found["page"][:limit], offset, found["total"], saw_all)
        try:
            [found] = await connection.fetch(among_all(choice), *arguments, timeout=SEARCH_TIMEOUT_S)
        except TimeoutError:
            message = "Too many old titles hold this text, and too few new ones: search for more of it."
            raise InvalidInputError(message, "search_too_broad") from None
    return Listed(found["page"][:limit], offset, found["total"])


async def _is_rare(connection: Any, search: str) -> bool:
    """Whether few titles have a text, by the newest of all: an agent's own lie far apart, and take ten times as long.

    Where there are not many titles at all, it does not matter.
    """
    [found] = await connection.fetch(among_newest(Choice()), 0, 1, search)
    return bool(found["seen"] > COUNTED_MOST and found["total"] <= RARE_MOST)
