"""The conversation: the user's turn at the keyboard, the agent's turn on the screen, one after the other.

Nothing runs while the user types: what happened meanwhile is in the log, and the next stream begins there.
So the keyboard may block, and a server that restarts meanwhile is not even noticed.
"""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from rich.console import Console

from api.terminal.address import DEFAULT_URL
from api.terminal.chat import slash
from api.terminal.chat.asking import Asker
from api.terminal.chat.client import Client, Listed, OpenedSession
from api.terminal.chat.commands import Commands, Next, Seat
from api.terminal.chat.keyboard import Keyboard, Terminal, keyboard, read_message
from api.terminal.chat.progress import Progress, is_note
from api.terminal.chat.screen import BAD, Screen
from api.terminal.program import program
from api.terminal.remote import Remote
from runtime.core.errors import CallerError, ConflictError, InvalidInputError, PerdureError
from runtime.core.ids import parse_id
from runtime.core.message import Role

FAILED: Final = 1
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it
RECENT: Final = 6  # messages shown of a session that is resumed
CANCEL_RETRY_S: Final = 0.2
CANCEL_GRACE_S: Final = 2.0
SUGGEST_WITHIN_S: Final = 1.0
WELCOME: Final = (
    "Ctrl-C stops the agent, or leaves at the prompt. A \\ at the end continues the line. /help lists commands.\n"
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    url: str = DEFAULT_URL
    token: str | None = None
    agent: str | None = None
    session: str | None = None


class _End(Enum):
    SETTLED = auto()
    LEFT = auto()  # ctrl-C twice: the turn goes on without us
    UNSENT = auto()  # ctrl-C while the message could not be delivered


def chat(options: Options, out: Console, err: Console) -> int:
    """Talk until the user leaves; return the exit code.

    Raises:
        InvalidInputError: no server, no such session or agent; the words say which.
    """
    if options.session is not None:
        if options.agent is not None:
            message = "A session has its agent already: give --session or --agent, not both."
            raise InvalidInputError(message)
        parse_id("session", options.session)
    screen = Screen(out, err)
    remote = Remote(options.url, options.token, lambda: screen.note("reconnecting ..."))
    with asyncio.Runner() as runner:
        try:
            return Conversation(remote, screen, keyboard(), runner).run(options)
        except BrokenPipeError:  # of `perdure chat | head`; the turn goes on without us
            return FAILED
        finally:
            runner.run(remote.close())


class Conversation:
    """One user, and one session at a time."""

    def __init__(self, remote: Remote, screen: Screen, keys: Keyboard, runner: asyncio.Runner) -> None:
        self._client = Client(remote)
        self._commands = Commands(remote, self._client, screen)
        self._screen = screen
        self._keys = keys
        self._asker = Asker(keys, screen)
        self._runner = runner
        self._seat = Seat(OpenedSession(""))
        self._progress = Progress()
        self._is_delivered = True
        self._is_interrupted = False

    def run(self, options: Options) -> int:
        """Open the session and talk. Raises InvalidInputError."""
        self._open(options)
        try:
            with contextlib.suppress(EOFError):
                self._talk(is_new=options.session is None)
        except KeyboardInterrupt:
            self._is_interrupted = True
        self._make_room()
        self._screen.note(f"Come back: {self._how_to_return(options)}")
        if self._keys.is_terminal:
            return 0
        return INTERRUPTED if self._is_interrupted else FAILED if self._progress.has_failed else 0

    def _talk(self, *, is_new: bool) -> None:
        if not is_new:
            self._settle(self._resume())
            self._progress.has_failed = False
        while not (self._is_interrupted and not self._keys.is_terminal):
            text = read_message(self._keys)
            try:
                self._take(text)
            except CallerError as err:
                self._progress.expected = None
                self._progress.has_failed = True
                self._screen.note(str(err), BAD)
                self._make_room()

    def _take(self, text: str) -> None:
        """Do what a person commands, or say it to the agent. Lines of a pipe are messages, whatever they begin with."""
        said = slash.parse(text) if self._keys.is_terminal else text
        if isinstance(said, str):
            self._settle(self._say(said))
            return
        try:
            following = self._runner.run(self._commands.obey(said, self._seat))
        except KeyboardInterrupt:
            self._screen.note("(stopped)")
            return
        match following:
            case Next.LISTEN:
                self._make_room()
            case Next.BEGIN:
                self._enter("New session")
                self._make_room()
            case Next.RESUME:
                self._enter("Session")
                self._settle(self._resume())
            case Next.FOLLOW:
                self._settle(self._catch_up())

    def _suggest(self, before: str, word: str) -> Sequence[str] | None:
        """Return what a word of a command may become; None if it is not one of a command."""
        command, blank, more = before.partition(" ")
        if not before:
            return slash.matching(word) if word.startswith("/") else None
        if not command.startswith("/"):
            return None
        if not blank or more.strip():
            return []
        try:
            names = self._runner.run(asyncio.wait_for(self._commands.names(command[1:]), SUGGEST_WITHIN_S))
        except (PerdureError, TimeoutError):  # nobody waits for a suggestion
            return []
        return [name for name in names if name.startswith(word)]

    def _settle(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work, then whatever it takes until it is the user's turn to speak."""
        self._watch(work)
        while self._progress.is_asking:
            try:
                answer = self._asked()
            except KeyboardInterrupt:
                self._screen.gap()
                answer = self._give_up()
            except EOFError:
                self._progress.has_failed = True
                raise
            self._watch(answer)

    def _asked(self) -> Coroutine[Any, Any, None]:
        """Ask the user the next question; return what hands in the answer. Raises EOFError and KeyboardInterrupt."""
        if (question := next(iter(self._progress.questions.values()), None)) is not None:
            return self._decide(question.tool_call.id, self._asker.decision(question))
        return self._answer([self._asker.result(call) for call in self._progress.pending.values()])

    def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        end = self._runner.run(self._until_interrupted(work))
        if end is _End.LEFT:
            raise KeyboardInterrupt
        if end is _End.UNSENT:
            self._screen.note("The server did not answer, so it is not sure that your message arrived.")
        self._make_room()

    def _make_room(self) -> None:
        if self._keys.is_terminal:
            self._screen.gap()

    # ------------------------------------------------------------ the session

    def _open(self, options: Options) -> None:
        if options.session is None:
            session = self._runner.run(self._client.open_session(options.agent))
        else:
            session = self._runner.run(self._client.session(options.session))
        self._seat.session = session
        self._enter("New session" if options.session is None else "Session")
        if isinstance(self._keys, Terminal):
            self._keys.complete(self._suggest)
            self._screen.note(WELCOME)

    def _enter(self, kind: str) -> None:
        """Sit down in the session of the seat."""
        self._progress = Progress()
        self._screen.leave()
        self._screen.note(f"{kind} {self._seat.session.id}")

    def _how_to_return(self, options: Options) -> str:
        at = "" if options.url == DEFAULT_URL else f" --url {options.url}"
        return f"{program()} chat --session {self._seat.session.id}{at}"

    async def _resume(self) -> None:
        """Show the last messages before the newest turn, then that turn as its events tell it."""
        client, session_id = self._client, self._seat.session.id
        newest = await client.newest(session_id)
        turn = await client.newest(session_id, "turn.started")
        messages = await client.messages(session_id)
        start = _start_of_turn(messages, turn)
        earlier = [message for message in messages if message.sequence < start]
        if len(earlier) > RECENT:
            self._screen.note(f"(earlier messages: {len(earlier) - RECENT})")
        self._screen.history([message for message in earlier[-RECENT:] if not is_note(message)])
        if isinstance(self._keys, Terminal):
            said = (message.text for message in messages if message.role is Role.USER and not is_note(message))
            self._keys.remember(said)
        self._progress = Progress(max(0, start - 1))
        if newest > self._progress.sequence:
            await self._follow(newest)

    async def _catch_up(self) -> None:
        """Show what happened while the user typed, and the turn that it belongs to."""
        newest = await self._client.newest(self._seat.session.id)
        if newest > self._progress.sequence:
            await self._follow(newest)

    # ------------------------------------------------------------ the agent's turn

    async def _say(self, text: str) -> None:
        self._is_delivered = False
        message_id = await self._client.send(self._seat.session.id, text, self._seat.model)
        self._is_delivered = True
        self._screen.typed(message_id)
        self._progress.expected = message_id
        await self._follow()

    async def _answer(self, results: Sequence[dict[str, Any]]) -> None:
        if not await self._client.submit(self._seat.session.id, results):
            self._screen.note("These results are not waited for any more.")
        self._progress.pending.clear()
        await self._follow()

    async def _decide(self, tool_call_id: str, decision: dict[str, Any]) -> None:
        try:
            await self._client.decide(self._seat.session.id, tool_call_id, decision)
        except ConflictError as err:  # somebody else decided, or nobody may any more: the log says which
            self._screen.note(str(err))
        self._progress.questions.pop(tool_call_id, None)
        await self._follow()

    async def _give_up(self) -> None:
        await self._cancel()
        self._progress.forget_questions()
        await self._follow()

    async def _follow(self, until: int = 0) -> None:
        """Show what happens until it is the user's turn, and at least up to a sequence."""
        progress = self._progress
        async with aclosing(self._client.follow(self._seat.session.id, progress.sequence)) as events:
            async for event in events:
                progress.apply(event)
                self._screen.event(event)
                if progress.sequence >= until and progress.is_settled:
                    return

    async def _cancel(self) -> None:
        """Stop the turn; one that has been accepted and not yet begun takes more than one try."""
        while not await self._client.cancel(self._seat.session.id):
            if self._progress.is_settled:
                return
            await asyncio.sleep(CANCEL_RETRY_S)

    async def _until_interrupted(self, work: Coroutine[Any, Any, None]) -> _End:
        """Do some work; ctrl-C stops the turn, and once more leaves it alone."""
        loop = asyncio.get_running_loop()
        working = asyncio.ensure_future(work)
        cancelling: list[asyncio.Task[None]] = []

        def interrupt() -> None:
            self._is_interrupted = True
            if self._is_delivered and not cancelling:
                cancelling.append(loop.create_task(self._cancel()))
            else:
                working.cancel()

        loop.add_signal_handler(signal.SIGINT, interrupt)
        end = _End.SETTLED
        try:
            await working
        except asyncio.CancelledError:
            end = _End.LEFT if self._is_delivered else _End.UNSENT
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            self._is_delivered = True  # a message that was refused is not on its way any more
            # A cancel that is still on its way must not arrive in the next turn.
            await _finish(cancelling, CANCEL_GRACE_S if end is _End.SETTLED else 0.0)
        return end


async def _finish(tasks: Sequence["asyncio.Task[None]"], grace_s: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _start_of_turn(messages: Sequence[Listed], turn_sequence: int) -> int:
    """Return the sequence of the message that started a turn: the last user message before it; 1 if there is none."""
    inputs = (m.sequence for m in messages if m.role is Role.USER and m.sequence < turn_sequence and not is_note(m))
    return max(inputs, default=1)
