"""Slash commands: how they are told from messages, and what they are called. What they do is in `commands`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from runtime.core.errors import InvalidInputError

_GIVEN: Final = re.compile(r"/([A-Za-z_-]*)(?:[ \t]+(\S.*?))?[ \t]*")
_LEAST_ALIKE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command: its name, what may follow it, and what it does."""

    name: str
    takes: str
    does: str


@dataclass(frozen=True, slots=True)
class Given:
    """A slash command as somebody typed it; `words` are what followed it."""

    name: str
    words: str


COMMANDS: Final = (
    Command("new", "[AGENT]", "Begin a new session, with this agent or the one of now."),
    Command("sessions", "[ID]", "List sessions, or go on with one."),
    Command("agent", "[NAME]", "List agents, or begin a new session with one."),
    Command("model", "[NAME]", "List models, or have one answer your next messages; `default` goes back."),
    Command("files", "[PATH]", "List the files of the session, or show one."),
    Command("events", "[COUNT]", "Show the newest events of the session's log."),
    Command("cancel", "", "Stop the turn that runs, whoever started it."),
    Command("help", "", "Show this."),
)
_NAMES: Final = tuple(command.name for command in COMMANDS)


def parse(text: str) -> Given | str:
    """Return the command that a text is, else the message that it is: // at its beginning stands for /.

    A command is one line whose first word is a slash and letters, so a path or several lines are a message.

    Raises:
        InvalidInputError: there is no such command; the words name the nearest.
    """
    if text.startswith("//"):
        return text[1:]
    found = _GIVEN.fullmatch(text)
    if found is None:
        return text
    name = found[1].casefold()
    if name not in _NAMES:
        near = get_close_matches(name, _NAMES, n=1, cutoff=_LEAST_ALIKE)
        meant = f" Did you mean /{near[0]}?" if near else ""
        message = f"There is no command /{found[1]}.{meant} /help lists them; a message that begins with / begins //."
        raise InvalidInputError(message, "unknown_command")
    return Given(name, found[2] or "")


def matching(word: str) -> Sequence[str]:
    """Return the commands that begin so, each with its slash and, if something may follow, a blank."""
    return [
        f"/{command.name}{' ' if command.takes else ''}"
        for command in COMMANDS
        if f"/{command.name}".startswith(word.casefold())
    ]
