"""Where the user's words come from: a terminal with line editing, or a pipe with a message on each line."""

import io
import select
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TextIO

PROMPT: Final = "> "
MORE: Final = "… "
CONTINUED: Final = "\\"
PASTE_GAP_S: Final = 0.03  # between two lines of one paste
NUDGE_S: Final = 0.1


class Keyboard(Protocol):
    """Reads lines. Both kinds raise EOFError where the user has no more to say."""

    is_terminal: bool

    def line(self, prompt: str) -> str:
        """Return the next line, without its end. Raises EOFError, and KeyboardInterrupt on ctrl-C."""
        ...

    def has_more(self) -> bool:
        """Tell whether another line of the same message is there already."""
        ...

    def has_draft(self) -> bool:
        """Tell whether ctrl-C threw away a line that was begun."""
        ...


class Terminal:
    """A person at a terminal, with the line editing and the history of readline.

    Here as in a pipe, bytes that are no text become replacement characters.
    """

    is_terminal = True

    def __init__(self) -> None:
        import readline  # noqa: PLC0415  # importing it changes how input() reads, so only where one is wanted

        self._readline = readline
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        # A ctrl-C just before readline begins to wait goes unseen until something wakes it: so something does.
        signal.signal(signal.SIGALRM, lambda _number, _frame: None)

    def remember(self, lines: Iterable[str]) -> None:
        """Put earlier messages into the history."""
        for line in lines:
            self._readline.add_history(line)

    def complete(self, find: Callable[[str, str], Sequence[str] | None]) -> None:
        """Have the tab key complete words by `find`: of the line before a word, and the word, all that it may become.

        Where it returns None, the key is a tab.
        """
        found: Sequence[str] = []

        def nth(word: str, number: int) -> str | None:
            nonlocal found
            if number == 0:
                suggested = find(self._readline.get_line_buffer()[: self._readline.get_begidx()], word)
                found = [f"{word}\t"] if suggested is None else suggested
            return found[number] if number < len(found) else None

        self._readline.set_completer_delims(" ")
        self._readline.set_completer(nth)
        is_libedit = "libedit" in (self._readline.__doc__ or "")
        self._readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")

    def line(self, prompt: str) -> str:
        """Return the next line; a bracketed paste is one line with newlines in it."""
        signal.setitimer(signal.ITIMER_REAL, NUDGE_S, NUDGE_S)
        try:
            return input(prompt)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def has_more(self) -> bool:
        """Tell whether a paste goes on, for terminals that do not bracket it."""
        return bool(select.select([sys.stdin], [], [], PASTE_GAP_S)[0])

    def has_draft(self) -> bool:
        """Tell whether ctrl-C threw away a line that was begun."""
        return bool(self._readline.get_line_buffer())


class Pipe:
    """A script, in UTF-8."""

    is_terminal = False

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
        self._stream = stream

    def line(self, prompt: str) -> str:
        """Return the next line."""
        line = self._stream.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def has_more(self) -> bool:
        """Tell that every line is a message of its own."""
        return False

    def has_draft(self) -> bool:
        """Tell that nothing was begun."""
        return False


def keyboard() -> Keyboard:
    """Return what standard input is."""
    return Terminal() if sys.stdin.isatty() else Pipe(sys.stdin)


def read_message(keys: Keyboard) -> str:
    """Return the next message that is not blank: a line, a pasted text, or lines that end in a backslash.

    Raises:
        EOFError: there is none.
        KeyboardInterrupt: ctrl-C with nothing typed; with something typed, that is dropped.
    """
    while True:
        lines: list[str] = []
        try:
            _read(keys, lines)
        except KeyboardInterrupt:
            if not lines and not keys.has_draft():
                raise
            sys.stdout.write("\n")
            continue
        text = "\n".join(lines)
        if text.strip():
            return text


def _read(keys: Keyboard, lines: list[str]) -> None:
    """Add the lines of one message."""
    is_continued = True
    while is_continued or keys.has_more():
        line = keys.line(MORE if lines else PROMPT)
        is_continued = line.endswith(CONTINUED)
        lines.append(line.removesuffix(CONTINUED))
