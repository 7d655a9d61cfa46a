"""Lists of a server: how they are asked for, and which columns of them a person sees.

Items are JSON as the API shows it, for a script gets them whole.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
from rich.table import Table
from rich.text import Text

from api.terminal import words
from api.terminal.remote import Remote

Item = dict[str, Any]
PAGE_MOST: Final = 100  # what the API gives at once
_MIB: Final = 1 << 20
_DATE: Final = len("2026-12-01T")
_MINUTES: Final = len("2026-12-01T07:58")
_SECONDS: Final = len("2026-12-01T07:58:30")


class Items(msgspec.Struct, frozen=True):
    """A page of any list."""

    data: list[Item]
    next_url: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and what stands below it. What must be copied whole `is_key`, and is never cut."""

    heading: str
    show: Callable[[Item], str]
    is_key: bool = False


def field(name: str) -> Callable[[Item], str]:
    """Return what shows a field, or a dash where there is none."""
    return lambda item: "-" if item.get(name) in (None, "") else str(item[name])


def moment(text: str | None) -> str:
    """Return a time of the API to the minute, in UTC as it is."""
    return (text or "-")[:_MINUTES].replace("T", " ")


SESSIONS: Final = (
    Column("id", field("id"), is_key=True),
    Column("status", field("status")),
    Column("updated (UTC)", lambda item: moment(item["updated_at"])),
    Column("title", lambda item: item.get("title") or item.get("preview") or "-"),
)
AGENTS: Final = (
    Column("name", field("name"), is_key=True),
    Column("id", field("id"), is_key=True),
    Column("model", field("default_model_id")),
    Column("description", lambda item: item.get("description") or item.get("display_name") or "-"),
)
MODELS: Final = (
    Column("model", field("model_id"), is_key=True),
    Column("provider", field("provider_name")),
    Column("name", field("display_name")),
    Column("state", lambda item: "disabled" if not item["enabled"] else "ready" if item["healthy"] else "failing"),
)
ACTORS: Final = (
    Column("name", field("name"), is_key=True),
    Column("role", field("role")),
    Column("state", field("state")),
    Column("sessions", field("sessions")),
    Column("waiting", field("waiting")),
    Column("MiB", lambda item: str(item["rss_bytes"] // _MIB)),
    Column("pid", field("pid")),
    Column("node", field("node_id")),
    Column("started (UTC)", lambda item: moment(item["started_at"])),
)
FILES: Final = (
    Column("path", lambda item: item["path"] + ("/" if item["is_directory"] else ""), is_key=True),
    Column("bytes", lambda item: "-" if item["is_directory"] else str(item["size_bytes"])),
    Column("updated (UTC)", lambda item: moment(item["updated_at"])),
)


async def pages(remote: Remote, path: str, limit: int, **params: str) -> list[Item]:
    """Return the first `limit` items of a list, newest first as the API has them.

    Raises:
        InvalidInputError: the server refuses; the words say why.
    """
    found: list[Item] = []
    asked = dict(params)
    while len(found) < limit:
        most = min(PAGE_MOST, limit - len(found))
        page = await remote.call("GET", path, Items, params=asked | {"limit": str(most)})
        found += page.data
        if len(page.data) < most:
            break
        # Where the server says how to go on, a list may be longer than an offset leads.
        asked = dict(httpx.URL(page.next_url).params) if page.next_url else params | {"offset": str(len(found))}
    return found


async def events(remote: Remote, session_id: str, limit: int) -> list[Item]:
    """Return the newest events of a log, oldest first. Raises InvalidInputError."""
    path = f"/sessions/{session_id}/events"
    return (await remote.call("GET", path, Items, params={"limit": str(limit)})).data


async def following(remote: Remote, session_id: str, after: int) -> AsyncGenerator[Item, None]:
    """Yield the events after a sequence and then what happens. Raises InvalidInputError."""
    async with aclosing(remote.follow(session_id, after, {})) as frames:
        async for frame in frames:
            yield msgspec.json.decode(frame.data, type=Item)


async def agent(remote: Remote, key: str) -> Item:
    """Return an agent by name or id. Raises InvalidInputError."""
    return await remote.call("GET", f"/agents/{quote(key, safe='')}", Item)


async def models(remote: Remote) -> list[Item]:
    """Return all models that the server lists. Raises InvalidInputError."""
    return (await remote.call("GET", "/models", Items)).data


async def files(remote: Remote, session_id: str) -> list[Item]:
    """Return all files and directories of a session, in the order of their paths. Raises InvalidInputError."""
    path = f"/sessions/{session_id}/fs"
    return (await remote.call("GET", path, Items, params={"recursive": "true"})).data


def table(columns: Sequence[Column], items: Sequence[Item]) -> Table:
    """Return items as a table. What does not fit is cut, but for keys."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    rows = [[_cell(column, item) for column in columns] for item in items]
    for number, column in enumerate(columns):
        if column.is_key:
            longest = max((row[number].cell_len for row in rows), default=0)
            made.add_column(column.heading, overflow="fold", no_wrap=True, min_width=longest)
        else:
            made.add_column(column.heading)
    for row in rows:
        made.add_row(*row)
    return made


def _cell(column: Column, item: Item) -> Text:
    shown = column.show(item)
    if column.is_key:
        return Text(words.clean(shown).replace("\n", " "))
    return Text(words.brief(shown), no_wrap=True, overflow="ellipsis")  # a column of such gives way to one of keys


def event_line(item: Item) -> str:
    """Return an event on one line: its sequence, time (UTC), type, and the beginning of what it says."""
    said = words.brief(msgspec.json.encode(item["data"]).decode())
    return f"{item['sequence']:>6}  {item['ts'][_DATE:_SECONDS]}  {item['type']:<26}  {said}"
