"""`perdure keys`: with which keys secrets are sealed, and sealing them anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from api.terminal.office import DataDir, database
from api.terminal.output import fail, load_settings, out, run
from runtime.core.errors import InvalidInputError
from runtime.ports.secrets import KeyUse, standings
from runtime.process.settings import Settings
from runtime.store.rotation import Rotation
from runtime.vault.keyring import Keyring, find_keyring
from runtime.wiring.secrets import Outcome
from runtime.wiring.secrets import rotate as rotate_all

app = typer.Typer(no_args_is_help=True, help="See which keys seal the stored secrets, and seal them with a new one.")

_NO_KEY: Final = (
    "No key is here, so none can be told from a lost one: give this command what the server has, "
    "SECRETS_ENCRYPTION_KEY, …_FILE or …_COMMAND, or its --data-dir (docs/secrets.md)."
)


@app.command()
def status(data_dir: DataDir = None) -> None:
    """Show how many secrets are sealed with which key, each on a line: key, secrets, what the key is here."""
    settings = _settings(data_dir)
    keys = _keyring(settings)
    if keys is None:
        fail(_NO_KEY)
    _show(run(_uses(settings)), keys)


async def _uses(settings: Settings) -> Sequence[KeyUse]:
    async with database(settings) as pool:
        return await Rotation(pool).uses()


@app.command()
def rotate(data_dir: DataDir = None) -> None:
    """Seal every secret with the current key, while servers run. Broken off, it goes on where it was."""
    settings = _settings(data_dir)
    keys = _keyring(settings)
    if keys is None:
        fail(_NO_KEY)
        raise typer.Exit(1)
    outcome = run(_rotate(settings, keys))
    for words in outcome.unreadable:
        fail(words)
    _show(outcome.uses, keys)
    if any(use.key_id != keys.current.key_id for use in outcome.uses):
        fail("Not everything is sealed with the current key.")
        raise typer.Exit(1)


async def _rotate(settings: Settings, keys: Keyring) -> Outcome:
    async with database(settings) as pool:
        uses = await Rotation(pool).uses()
        total = sum(use.secrets for use in uses if use.key_id != keys.current.key_id)
        return await rotate_all(pool, keys, lambda done: typer.echo(f"rotated\t{done}\tof {max(done, total)}"))


@app.command()
def discard(
    key_id: Annotated[str, typer.Argument(help="Id of a key that is lost, as `perdure keys status` shows it.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete the secrets that are sealed with a key that is lost: nobody can open them any more."""
    settings = _settings(data_dir)
    _require_lost(key_id, settings)
    secrets = next((use.secrets for use in run(_uses(settings)) if use.key_id == key_id), 0)
    if secrets and not yes:
        question = f"Delete the {secrets} secrets, of all organisations, that the key {key_id!r} seals, for good?"
        typer.confirm(question, abort=True, err=True)
    out.print(f"{run(_discard(settings, key_id))} secrets are deleted.", markup=False)


def _require_lost(key_id: str, settings: Settings) -> None:
    keys = _keyring(settings)
    if keys is None and settings.database_url is not None:  # of others, who may well have the key
        fail(_NO_KEY)
        raise typer.Exit(1)
    if keys is not None and keys.find(key_id) is not None:
        fail(f"The key {key_id!r} is here: what it seals can be opened.")
        raise typer.Exit(1)


async def _discard(settings: Settings, key_id: str) -> int:
    async with database(settings) as pool:
        return await Rotation(pool).discard(key_id)


def _settings(data_dir: Path | None) -> Settings:
    return load_settings(**({} if data_dir is None else {"data_dir": data_dir}))


def _keyring(settings: Settings) -> Keyring | None:
    try:
        return find_keyring(settings)
    except InvalidInputError as error:
        fail(str(error))
        raise typer.Exit(2) from error


def _show(uses: Sequence[KeyUse], keys: Keyring | None) -> None:
    for key in standings(uses, () if keys is None else keys.ids):
        typer.echo(f"{key.key_id}\t{key.secrets}\t{key.state}")
