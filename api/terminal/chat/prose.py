"""What an agent says, on a terminal: each word as it comes, and each block that is complete drawn anew as Markdown.

A block is drawn anew only while all of it is on the screen, and nothing else was written into it: one that is higher
than the terminal stays as it came.
"""

import re
from typing import Final

from api.terminal import words
from api.terminal.chat import markdown
from api.terminal.chat.pen import Pen

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")


class Prose:
    """One text, from its first word to its last. It begins at the beginning of a line."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._tail = ""  # what is on the screen as it came, since the last complete block
        self._rows = 0  # lines between its beginning and the cursor
        self._width = pen.console.width
        self._spoilt_at: int | None = None  # how many characters came before something else was written

    def add(self, text: str) -> None:
        """Show more of it."""
        for line in _LINES.findall(words.clean(text)):
            self._tail += line
            self._rows += self._pen.write(line)
            if line.endswith("\n") and (complete := markdown.complete_chars(self._tail)):
                self._settle(complete)

    def disturb(self) -> None:
        """Hear that something else is written at its end."""
        if self._tail:
            self._spoilt_at = len(self._tail)

    def end(self) -> bool:
        """Draw what is left; tell whether it was drawn, and so ended its line."""
        if complete := markdown.complete_chars(f"{self._tail}\n"):
            self._settle(complete)
        return self._settle(len(self._tail))

    def _settle(self, complete: int) -> bool:
        """Draw so much of the tail, if that can be done."""
        block, self._tail = self._tail[:complete], self._tail[complete:]
        lines = markdown.drawn(block, self._pen.console) if self._may_draw(block) else ()
        if lines:
            self._pen.take_back(self._rows)
            self._pen.draw([*lines, []] if self._tail else lines)
            self._rows = self._pen.write(self._tail)
        else:
            self._rows = self._pen.rows_of(self._tail)
        self._width = self._pen.console.width
        if self._spoilt_at is not None:
            self._spoilt_at = self._spoilt_at - complete if self._spoilt_at > complete else None
        return bool(lines)

    def _may_draw(self, block: str) -> bool:
        console = self._pen.console
        is_whole = self._rows < console.height and self._width == console.width and self._spoilt_at is None
        return is_whole and len(block) <= markdown.MOST_CHARS and not markdown.is_plain(block)
