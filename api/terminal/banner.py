"""What `perdure serve` shows: a line for each long step, and where everything is once it is up."""

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

from api.server import Running
from api.terminal.program import program


def progress(console: Console) -> Callable[[str], None]:
    """Return a function that shows one step."""
    return lambda step: console.print(f"[dim]perdure[/] {step} ...")


def show(console: Console) -> Callable[[Running], None]:
    """Return a function that shows the banner."""
    return lambda running: console.print(_banner(running))


def _dashboard(running: Running) -> str:
    if running.dashboard_url is None:
        return "no dashboard"
    asks = f"  (asks for the token in {running.dashboard_token})" if running.dashboard_token else ""
    return running.dashboard_url + asks


def _banner(running: Running) -> str:
    url = running.url
    chat = f"{program()} chat" if url.endswith(":9000") else f"{program()} chat --url {url}"
    return "\n".join([
        f"[bold]Perdure is up[/] at [bold]{url}[/] after {running.started_in_s:.1f} s",
        "",
        f"  API        {url}/api-doc/",
        f"  Ray        {_dashboard(running)}",
        f"  Database   {running.database}",
        f"  Model      {running.default_model}",
        "",
        f"Talk to it with [bold]{chat}[/], or paste this:",
        "",
        escape(_paste(f"{url}/api/v1/sessions")),
        "",
        "Ctrl-C stops it; nothing is lost.",
    ])  # fmt: skip


def _paste(sessions: str) -> str:
    """Return shell lines that open a session, say hello and show the reply as it streams."""
    json = "-H 'Content-Type: application/json'"
    hello = '{"message": {"content": [{"type": "text", "text": "Hello!"}]}}'
    return (
        f"  S=$(curl -s {sessions} {json} -d '{{}}' | grep -o 'session_[0-9a-f]*' | head -1); \\\n"
        f"  curl -s {sessions}/$S/messages {json} -d '{hello}'; \\\n"
        f"  curl -sN {sessions}/$S/sse"
    )
