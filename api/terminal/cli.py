"""The command line: `perdure serve` and `migrate`, clients of a server, and what works with its database itself."""

from collections.abc import Coroutine
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop

from api.ending import leave
from api.terminal import keys, listing, tokens, users
from api.terminal.address import DEFAULT_URL, Token, Url
from api.terminal.output import err, fail, load_settings, out, run
from runtime.core.errors import PerdureError
from runtime.process import heap
from runtime.process import log as logging
from runtime.process.settings import describe

SETTINGS_HELP: Final = "\n\n".join(
    ["Settings, from the environment:"]
    + [f"{s.name}: {s.description}" + (f" (default {s.default})" if s.default else "") for s in describe()]
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(listing.app)
app.add_typer(users.app, name="users")
app.add_typer(tokens.app, name="tokens")
app.add_typer(keys.app, name="keys")


def _show_version(wanted: bool | None) -> None:  # noqa: FBT001  typer's way
    if wanted:
        out.print(f"perdure {metadata.version('perdure')}")
        raise typer.Exit


@app.callback()
def perdure(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = None,
) -> None:
    """Durable AI agent sessions."""


@app.command(epilog=SETTINGS_HELP)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of everything that the server keeps.")] = None,
) -> None:
    """Serve the API, with a Postgres and a Ray of its own unless settings name others."""
    http = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    given: dict[str, Any] = {"data_dir": data_dir} if data_dir is not None else {}
    settings = load_settings(**given, **({"http": http} if http else {}))
    logging.set_up(settings.log_level, as_json=settings.log_json)
    heap.grow()
    from api.server import serve as work  # noqa: PLC0415  imports Ray: seconds that --help must not cost
    from api.terminal.banner import progress, show  # noqa: PLC0415

    uvloop.run(_to_the_end(work(settings, progress(err), show(out))))


@app.command()
def chat(
    agent: Annotated[str | None, typer.Option(help="Agent to talk to, by name or id.")] = None,
    session: Annotated[str | None, typer.Option(help="Session to go on with, by id.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Talk to an agent. Of input that is piped in, each line is a message; exit code 1 if a turn failed."""
    from api.terminal.chat.conversation import Options  # noqa: PLC0415
    from api.terminal.chat.conversation import chat as talk  # noqa: PLC0415

    try:
        code = talk(Options(url, token, agent, session), out, err)
    except PerdureError as error:
        fail(str(error))
        raise typer.Exit(1) from error
    raise typer.Exit(code)


@app.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL up to date; `serve` does the same by itself."""
    from runtime.store.migrate import migrate as apply  # noqa: PLC0415

    settings = load_settings()
    if settings.database_url is None:
        fail("DATABASE_URL is not set: there is nothing to migrate. A database of its own is migrated by `serve`.")
        raise typer.Exit(2)
    steps = run(apply(str(settings.database_url.get_secret_value())))
    out.print(f"Applied {len(steps)} migrations." if steps else "The schema is up to date.")


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run, and end the process with it: a thread that hangs in Ray must not keep it."""
    code = 0
    try:
        await work
    except PerdureError as error:
        fail(str(error))
        code = 1
    leave(code)
