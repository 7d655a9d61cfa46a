"""`perdure tokens`: personal access tokens, for programs."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.terminal import words
from api.terminal.office import BY, DataDir, office
from api.terminal.output import out, run
from runtime.core.access.roles import parse_scopes
from runtime.core.ids import parse_id
from runtime.ports.identity import Token
from runtime.process.mint import now

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke personal access tokens.")

User = Annotated[str, typer.Option("--user", help="E-mail address of the user whose token it is.")]


@app.command()
def create(
    user: User,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it is good for, repeated; else for everything.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days after which it ends; else never.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token, and write it alone to standard output. It is not shown again."""
    typer.echo(run(_create(data_dir, user, name, scope, days)))


async def _create(data_dir: Path | None, email: str, name: str, scopes: list[str] | None, days: int | None) -> str:
    wanted = parse_scopes(scopes) if scopes else None
    ends_at = None if days is None else now() + timedelta(days=days)
    async with office(data_dir) as opened:
        user = await opened.find(email)
        _, key = await opened.minting.issue(user.id, name, BY, scopes=wanted, ends_at=ends_at)
        return key


@app.command("list")
def list_tokens(user: User, data_dir: DataDir = None) -> None:
    """List a user's tokens, each on a line: id, what it begins with, end, last use, scopes, name."""
    for token in run(_list(data_dir, user)):
        scopes = "all" if token.scopes is None else ",".join(token.scopes)
        times = (token.expires_at or "never ends", token.last_used_at or "never used")
        typer.echo(words.fields(token.id, token.shown_prefix, *times, scopes, token.name))


async def _list(data_dir: Path | None, email: str) -> list[Token]:
    async with office(data_dir) as opened:
        return list(await opened.minting.list((await opened.find(email)).id))


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="The token's id.")], user: User, data_dir: DataDir = None) -> None:
    """End a token: what it has open ends within a second."""
    run(_revoke(data_dir, user, token))
    out.print(f"{token} is revoked.", markup=False)


async def _revoke(data_dir: Path | None, email: str, token: str) -> None:
    token_id = parse_id("token", token)
    async with office(data_dir) as opened:
        await opened.minting.revoke((await opened.find(email)).id, token_id, BY)
