"""Where `perdure` begins: a fifth of a short command would be looks for garbage in what it has just imported."""

from runtime.process import heap


def main() -> None:
    """Run the command line."""
    heap.grow()
    from api.terminal.cli import app  # noqa: PLC0415  what is imported by now is looked through

    heap.freeze(collect=False)
    app()
