"""`perdure users`: who there is. Nobody needs a browser, or a first password, to make the first administrator."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.terminal import words
from api.terminal.office import BY, DataDir, office
from api.terminal.output import err, fail, out, run
from runtime.core.access.roles import MemberRole
from runtime.ports.identity import User

app = typer.Typer(no_args_is_help=True, help="Make, list, disable, export and erase users.")

Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def create(
    email: Annotated[str, typer.Option(help="E-mail address, by which the user logs in.")],
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Administrator of the server.")] = False,
    name: Annotated[str, typer.Option(help="What to call the user.")] = "",
    role: Annotated[MemberRole, typer.Option(help="Role in the default organisation.")] = MemberRole.MEMBER,
    password_stdin: FromStdin = False,
    data_dir: DataDir = None,
) -> None:
    """Make a user. Without a password they log in by tokens, or by an identity provider that knows the address."""
    if "@" not in email.strip("@") or any(char.isspace() for char in email):
        fail(f"{email!r} is no e-mail address.")
        raise typer.Exit(2)
    password = _read_password() if password_stdin else None
    user = run(_create(data_dir, email=email, name=name, password=password, role=None if admin else role))
    out.print(f"Made {'administrator' if admin else 'user'} {user.email} ({user.id}).", markup=False)


async def _create(
    data_dir: Path | None, *, email: str, name: str, password: str | None, role: MemberRole | None
) -> User:
    async with office(data_dir) as opened:
        if role is None:
            return await opened.accounts.create_administrator(email, name, password, BY)
        return await opened.accounts.create_member(email, name, password, role, BY)


@app.command("list")
def list_users(data_dir: DataDir = None) -> None:
    """List the users, each on a line: id, e-mail address, status, administrator or not, name."""
    for user in run(_list(data_dir)):
        kind = "administrator" if user.is_system_admin else "user"
        typer.echo(words.fields(user.id, user.email or "-", user.status, kind, user.name))


async def _list(data_dir: Path | None) -> list[User]:
    async with office(data_dir) as opened:
        return list(await opened.users.list())


@app.command()
def disable(email: Email, data_dir: DataDir = None) -> None:
    """Keep a user out: what they have open ends within a second."""
    run(_change(data_dir, email, {"status": "disabled"}))
    out.print(f"{email} is disabled.", markup=False)


@app.command()
def enable(email: Email, data_dir: DataDir = None) -> None:
    """Let a user in again."""
    run(_change(data_dir, email, {"status": "active"}))
    out.print(f"{email} is enabled.", markup=False)


async def _change(data_dir: Path | None, email: str, changes: dict[str, Any]) -> None:
    async with office(data_dir) as opened:
        await opened.users.change((await opened.find(email)).id, changes, BY)


@app.command()
def set_password(email: Email, *, password_stdin: FromStdin = False, data_dir: DataDir = None) -> None:
    """Give a user another password, which ends their logins."""
    password = _read_password() if password_stdin else typer.prompt("Password", hide_input=True, err=True)
    run(_set_password(data_dir, email, password))
    out.print(f"{email} has a new password.", markup=False)


async def _set_password(data_dir: Path | None, email: str, password: str) -> None:
    async with office(data_dir) as opened:
        await opened.accounts.set_password(await opened.find(email), password, BY)


@app.command()
def export(email: Email, data_dir: DataDir = None) -> None:
    """Write all that is kept of a user to standard output, as JSON."""
    typer.echo(json.dumps(run(_export(data_dir, email)), indent=2, ensure_ascii=False))


async def _export(data_dir: Path | None, email: str) -> Any:
    async with office(data_dir) as opened:
        return await opened.users.export((await opened.find(email)).id)


@app.command()
def erase(
    email: Email,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Forget a user: name, address, password, tokens, logins, identities and memberships."""
    if not yes:
        typer.confirm(f"Forget {email} for good?", abort=True, err=True)
    user_id = run(_erase(data_dir, email))
    out.print(f"{email} is forgotten.", markup=False)
    err.print(
        f"What stays: the id {user_id}, in the audit log and as owner of sessions that belong to an organisation. "
        "Organisations with nobody left were deleted.",
        markup=False,
    )


async def _erase(data_dir: Path | None, email: str) -> str:
    async with office(data_dir) as opened:
        user = await opened.find(email)
        await opened.accounts.erase(user.id, BY)
        return user.id


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")
