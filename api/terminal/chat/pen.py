"""Writing on a console. Whatever is written raises BrokenPipeError when nobody reads it any more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments

from api.terminal import words
from api.terminal.chat.wrap import Wrap


class Pen:
    """Knows where in the line it stands."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._wrap = Wrap(console)

    def write(self, text: str, style: str = "") -> int:
        """Write a text as it is, without what could steer the terminal; return how many lines further it ends.

        Rich's own Text would make blanks of a tab, counted from where this piece begins.
        """
        folded = self._wrap.fold(words.clean(text))
        line = folded.removesuffix("\n")
        self._print(
            Segment(line, self.console.get_style(style) if style else None),
            Segment(folded[len(line) :]),
        )
        return folded.count("\n")

    def draw(self, lines: Sequence[Sequence[Segment]]) -> None:
        """Write lines that are laid out already, from the beginning of a line on."""
        self._print(*(segment for line in lines for segment in (*line, Segment.line())))
        self._wrap.start_line()

    def show(self, layout: RenderableType) -> None:
        """Write what lays itself out for the width of the console, from the beginning of a line on."""
        with _readers_may_leave():
            self.console.print(layout, soft_wrap=False)
        self._wrap.start_line()

    def take_back(self, rows: int) -> None:
        """Erase the line in which it stands, and so many above it."""
        self._print(Segment(f"\r\x1b[{rows}A\x1b[J" if rows else "\r\x1b[J"))
        self._wrap.start_line()

    def rows_of(self, text: str) -> int:
        """Return how many lines further a text ends that begins at the beginning of one."""
        return Wrap(self.console).fold(words.clean(text)).count("\n")

    def _print(self, *segments: Segment) -> None:
        with _readers_may_leave():
            self.console.print(Segments(segments), soft_wrap=True)


@contextmanager
def _readers_may_leave() -> Iterator[None]:
    """Raise BrokenPipeError for the SystemExit that Rich makes of it, and an event loop would not let through."""
    try:
        yield
    except SystemExit as err:
        raise BrokenPipeError from err
