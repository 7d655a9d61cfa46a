"""What slash commands do: lists are shown, and the seat at which the user sits is moved."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from urllib.parse import quote

import msgspec

from api.terminal import lists, words
from api.terminal.chat.client import Client, OpenedSession
from api.terminal.chat.screen import Screen
from api.terminal.chat.slash import COMMANDS, Given
from api.terminal.remote import Remote
from runtime.core.errors import InvalidInputError
from runtime.core.ids import parse_id

SHOWN: Final = 20  # items of a list
EVENTS_MOST: Final = 1_000  # what the API gives at once
DEFAULT: Final = "default"
_CHARS_MOST: Final = 20_000  # of a file


class _Named(msgspec.Struct, frozen=True):
    id: str


class _File(msgspec.Struct, frozen=True):
    content: str | None = None
    encoding: str | None = None
    data: list[lists.Item] | None = None  # of a directory


class Next(Enum):
    """What the conversation does after a command."""

    LISTEN = auto()  # to the user
    BEGIN = auto()  # the session of the seat, which is new
    RESUME = auto()  # the session of the seat, which has a history
    FOLLOW = auto()  # what happens in this one


@dataclass(slots=True)
class Seat:
    """Where the user sits: in which session, and which model they want, if not the session's own."""

    session: OpenedSession
    model: str | None = None


class Commands:
    """Does what one user commands."""

    def __init__(self, remote: Remote, client: Client, screen: Screen) -> None:
        self._remote = remote
        self._client = client
        self._screen = screen
        self._do: dict[str, Callable[[Seat, str], Awaitable[Next]]] = {
            "new": self._new,
            "sessions": self._sessions,
            "agent": self._agent,
            "model": self._model,
            "files": self._files,
            "events": self._events,
            "cancel": self._cancel,
            "help": self._help,
        }

    async def obey(self, given: Given, seat: Seat) -> Next:
        """Do what is commanded. Raises CallerError, with the words to show."""
        return await self._do[given.name](seat, given.words)

    async def names(self, command: str) -> Sequence[str]:
        """Return what may follow a command. Raises InvalidInputError."""
        match command:
            case "new" | "agent":
                return [item["name"] for item in await lists.pages(self._remote, "/agents", lists.PAGE_MOST)]
            case "model":
                return [DEFAULT, *(item["model_id"] for item in await lists.models(self._remote))]
            case "sessions":
                return [item["id"] for item in await lists.pages(self._remote, "/sessions", SHOWN)]
            case _:
                return []

    # ------------------------------------------------------------ one by one

    async def _new(self, seat: Seat, agent: str) -> Next:
        seat.session = await self._client.open_session(agent or seat.session.agent_id)
        return Next.BEGIN

    async def _sessions(self, seat: Seat, session_id: str) -> Next:
        if not session_id:
            return self._show(lists.SESSIONS, await lists.pages(self._remote, "/sessions", SHOWN))
        seat.session = await self._client.session(parse_id("session", session_id))
        return Next.RESUME

    async def _agent(self, seat: Seat, agent: str) -> Next:
        if agent:
            return await self._new(seat, agent)
        return self._show(lists.AGENTS, await lists.pages(self._remote, "/agents", SHOWN))

    async def _model(self, seat: Seat, model: str) -> Next:
        if not model:
            self._show(lists.MODELS, await lists.models(self._remote))
            self._screen.note(f"Your messages ask {seat.model or 'the model of the session'}.")
        elif model == DEFAULT:
            seat.model = None
            self._screen.note("Your messages ask the model of the session.")
        else:
            await self._remote.call("GET", f"/models/{quote(model, safe=':')}", _Named)
            seat.model = model
            self._screen.note(f"Your messages ask {model}.")
        return Next.LISTEN

    async def _files(self, seat: Seat, path: str) -> Next:
        if not path:
            return self._show(lists.FILES, await lists.files(self._remote, seat.session.id))
        address = f"/sessions/{seat.session.id}/fs/{quote(path.lstrip('/'))}"
        file = await self._remote.call("GET", address, _File)
        if file.data is not None:
            return self._show(lists.FILES, file.data)
        if file.encoding != "text" or file.content is None:
            self._screen.note("This file is no text.")
            return Next.LISTEN
        self._screen.note(file.content[:_CHARS_MOST], "")
        if len(file.content) > _CHARS_MOST:
            self._screen.note(f"(and {len(file.content) - _CHARS_MOST} characters more)")
        return Next.LISTEN

    async def _events(self, seat: Seat, count: str) -> Next:
        for item in await lists.events(self._remote, seat.session.id, _count(count)):
            self._screen.note(lists.event_line(item))
        return Next.LISTEN

    async def _cancel(self, seat: Seat, _words: str) -> Next:
        if await self._client.cancel(seat.session.id):
            return Next.FOLLOW
        self._screen.note("No turn is running.")
        return Next.LISTEN

    async def _help(self, _seat: Seat, _words: str) -> Next:
        for command in COMMANDS:
            self._screen.note(f"  {f'/{command.name} {command.takes}':<18}{command.does}", "")
        self._screen.note("A message that begins with / begins //. Ctrl-C stops the agent; ctrl-D leaves.")
        return Next.LISTEN

    def _show(self, columns: Sequence[lists.Column], items: Sequence[lists.Item]) -> Next:
        if items:
            self._screen.show(lists.table(columns, items))
        else:
            self._screen.note("There are none.")
        return Next.LISTEN


def _count(text: str) -> int:
    if not text:
        return SHOWN
    if not (text.isdecimal() and 1 <= int(text) <= EVENTS_MOST):
        message = f"{words.brief(text)!r} is no count: give one from 1 to {EVENTS_MOST}."
        raise InvalidInputError(message)
    return int(text)
