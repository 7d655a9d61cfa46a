"""Which server the commands that are its clients talk to, and with whose token."""

from typing import Annotated, Final

import typer

DEFAULT_PORT: Final = 9000
DEFAULT_URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"

Url = Annotated[str, typer.Option(help="Address of the server.")]
Token = Annotated[
    str | None,
    typer.Option(envvar="PERDURE_TOKEN", help="Personal access token. Other users of this machine see what is typed."),
]
