"""Somebody at a terminal: they see what a command shows, and type."""

import os
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.client import PATIENCE_S
from tests.server import COMMAND

CTRL_C, CTRL_D = "\x03", "\x04"
PROMPT: Final = r"\n> $"
_ESCAPES: Final = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()=>][0-9A-Za-z]?)|\r")
_TAKE_TERMINAL: Final = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell has what it runs in the background ignore it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Person:
    """Someone who looks at a terminal and types."""

    def __init__(self, *arguments: str) -> None:
        self._master, terminal = os.openpty()
        termios.tcsetwinsize(terminal, (50, 200))
        # It takes the terminal, so that ctrl-C is a signal.
        command = [sys.executable, "-c", _TAKE_TERMINAL, *arguments]
        self._process = subprocess.Popen(  # noqa: S603  the command is our own
            command,
            env={"TERM": "xterm", "LANG": "C.UTF-8"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self._unread = ""

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def says(self, text: str) -> None:
        """Paste a text, as terminals do it, and press enter."""
        self.types(f"\x1b[200~{text}\x1b[201~\r")

    def sees(self, pattern: str) -> str:
        """Wait for a pattern; return what was shown up to its end."""
        deadline = time.monotonic() + PATIENCE_S
        while (match := re.search(pattern, self._unread)) is None:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"waited for {pattern!r}, saw {self._unread!r}"
            if select.select([self._master], [], [], left_s)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # Linux: the other end is closed
                    data = b""
                assert data, f"the chat ended without {pattern!r}: {self._unread!r}"
                self._unread += _ESCAPES.sub("", data.decode())
        seen, self._unread = self._unread[: match.end()], self._unread[match.end() :]
        return seen

    def leaves(self, key: str) -> int:
        self.types(key)
        self.sees("perdure chat --session session_")
        return self.ended()

    def ended(self) -> int:
        """Wait until the command ends; return its exit code."""
        return self._process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)


def person(url: str, *options: str) -> AbstractContextManager[Person]:
    return person_before(str(COMMAND), "chat", "--url", url, *options)


@contextmanager
def person_before(*command: str) -> Iterator[Person]:
    someone = Person(*command)
    try:
        yield someone
    finally:
        someone.close()
