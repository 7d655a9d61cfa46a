"""What all commands have in common: where they write, how they read settings, and how they end."""

from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.markup import escape

from runtime.core.errors import PerdureError
from runtime.process.settings import Settings

Result = TypeVar("Result")

out: Final = Console(highlight=False, soft_wrap=True)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> None:
    """Say what went wrong."""
    err.print(f"[bold red]perdure:[/] {escape(message)}")


def load_settings(**given: Any) -> Settings:
    """Read the settings; ends the command if they cannot be used."""
    try:
        return Settings.load(**given)
    except PerdureError as error:
        fail(str(error))
        raise typer.Exit(2) from error


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; an error raised on purpose is shown in its own words, without a traceback."""
    try:
        return uvloop.run(work)
    except PerdureError as error:
        fail(str(error))
        raise typer.Exit(1) from error
