"""Line breaks between words, for text that comes in pieces: a terminal itself breaks wherever its edge is."""

import re
import sys
from typing import Final

from rich.cells import cell_len, get_character_cell_size
from rich.console import Console

_TAB_CELLS: Final = 8
_WIDE: Final = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\U00020000-\U0003fffd"
# A line may be broken beside each of the wide characters of East Asia, of which there are whole lines without a blank.
_PIECES: Final = re.compile(rf"[\n\t ]|[{_WIDE}]|[^\n\t {_WIDE}]+")
_IS_WIDE: Final = re.compile(f"[{_WIDE}]")


class Wrap:
    """Knows where the cursor of a console is. Only of a terminal are the lines broken."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._limit = sys.maxsize
        self._column = 0  # in cells
        self._word = ""  # what is shown of the word that may still grow

    def fold(self, text: str) -> str:
        """Return what to write in order to show a text from where the last one ended.

        A word that began in the line and turns out to be too long is erased there, and begun again in the next one.
        """
        if self._console.is_terminal:
            self._limit = self._console.width - 1  # in the last column a terminal holds its cursor back
        return "".join(map(self._piece, _PIECES.findall(text)))

    def start_line(self) -> None:
        """Hear that the cursor is at the beginning of a line."""
        self._column, self._word = 0, ""

    def _piece(self, piece: str) -> str:
        match piece:
            case "\n":
                return self._break()
            case "\t":
                return self._blank("\t", _TAB_CELLS - self._column % _TAB_CELLS)
            case " ":
                return self._blank(" ", 1)
            case _:
                return self._grow(piece)

    def _break(self) -> str:
        self.start_line()
        return "\n"

    def _blank(self, blank: str, cells: int) -> str:
        self._word = ""
        if self._column + cells > self._limit:
            self._column = self._limit  # the line is full: what follows goes to the next one
            return ""
        self._column += cells
        return blank

    def _grow(self, piece: str) -> str:
        start = ""
        cells, shown = cell_len(piece), cell_len(self._word)
        if self._column + cells > self._limit and self._column > shown:
            word = self._word
            start = "\b" * shown + ("\x1b[K" if shown else "") + self._break() + word
            self._column, self._word = shown, word
        if self._column + cells > self._limit:
            return start + self._cut(piece)
        self._column += cells
        self._word = "" if _IS_WIDE.match(piece) else self._word + piece
        return start + piece

    def _cut(self, piece: str) -> str:
        """Show a word that is longer than a line."""
        shown = ""
        for character in piece:
            cells = get_character_cell_size(character)
            if self._column + cells > self._limit:
                shown += self._break()
            shown += character
            self._column += cells
            self._word += character
        return shown
