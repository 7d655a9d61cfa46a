"""`perdure sessions`, `agents`, `actors` and `events`: what a server has, as tables for people or as JSON for scripts.

With `--json` each item is a line, just as the API shows it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from api.terminal import lists
from api.terminal.address import DEFAULT_URL, Token, Url
from api.terminal.lists import Column, Item
from api.terminal.output import err, out, run
from api.terminal.remote import Remote
from runtime.core.ids import parse_id

INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it
UNCUT: Final = 10_000  # columns of what is no terminal, where nothing is cut

AsJson = Annotated[bool, typer.Option("--json", help="Write each item as a line of JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")]
EventLimit = Annotated[int, typer.Option(min=1, max=1_000, help="How many at most of those that are there.")]

app = typer.Typer()


@app.command()
def sessions(
    *,
    agent: Annotated[str | None, typer.Option(help="Only those of an agent, by name or id.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """List sessions, newest first."""

    async def found(remote: Remote) -> list[Item]:
        params = {} if agent is None else {"agent_id": (await lists.agent(remote, agent))["id"]}
        return await lists.pages(remote, "/sessions", limit, **params)

    _show(lists.SESSIONS, run(_asked(url, token, found)), as_json=as_json)


@app.command()
def agents(*, limit: Limit = 20, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """List agents, newest first."""
    found = run(_asked(url, token, lambda remote: lists.pages(remote, "/agents", limit)))
    _show(lists.AGENTS, found, as_json=as_json)


@app.command()
def actors(*, limit: Limit = 1_000, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """List the processes of the cluster: the supervisor, front doors, then those of sessions. For administrators."""
    found = run(_asked(url, token, lambda remote: lists.pages(remote, "/durable/actors", limit)))
    _show(lists.ACTORS, found, as_json=as_json)


@app.command()
def events(
    session: Annotated[str, typer.Argument(help="The session's id.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what happens, until ctrl-C.")] = False,
    limit: EventLimit = 50,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Show the newest events of a session's log. With --json, --follow also tells what the log does not keep."""

    async def watch() -> None:
        session_id = parse_id("session", session)
        async with _remote(url, token) as remote, aclosing(_log(remote, session_id, limit, follow=follow)) as found:
            async for item in found:
                if as_json:
                    _write(item)
                elif item.get("sequence") is not None:
                    out.print(lists.event_line(item), markup=False)

    try:
        run(watch())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


async def _log(remote: Remote, session_id: str, limit: int, *, follow: bool) -> AsyncGenerator[Item, None]:
    """Yield the newest events, and then what happens."""
    known = await lists.events(remote, session_id, limit)
    for item in known:
        yield item
    if follow:
        after = known[-1]["sequence"] if known else 0
        async with aclosing(lists.following(remote, session_id, after)) as happening:
            async for item in happening:
                yield item


@asynccontextmanager
async def _remote(url: str, token: str | None) -> AsyncIterator[Remote]:
    remote = Remote(url, token, lambda: err.print("[dim]reconnecting ...[/]"))
    try:
        yield remote
    finally:
        await remote.close()


async def _asked(url: str, token: str | None, ask: Callable[[Remote], Awaitable[list[Item]]]) -> list[Item]:
    async with _remote(url, token) as remote:
        return await ask(remote)


def _show(columns: Sequence[Column], items: Sequence[Item], *, as_json: bool) -> None:
    if as_json:
        for item in items:
            _write(item)
    elif items:
        console = out if out.is_terminal else Console(width=UNCUT, highlight=False)
        console.print(lists.table(columns, items), soft_wrap=False)
    else:
        err.print("There are none.")


def _write(item: Item) -> None:
    typer.echo(msgspec.json.encode(item))
